package e2e

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/release"
)

// What a chart must be allowed to bring. Names that belong to the whole cluster have that of the namespace in them.
const (
	aRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: NAMESPACE-role}
rules: []
`
	aWebhook = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: NAMESPACE-webhook}
webhooks:
- name: nothing.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {url: "https://127.0.0.1:1/"}
  namespaceSelector: {matchLabels: {matches: nothing}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
`
	aDefinition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: PLURAL.NAMESPACE.example.com}
spec:
  group: NAMESPACE.example.com
  scope: Namespaced
  names: {kind: KIND, plural: PLURAL}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`
	aResource = `
apiVersion: NAMESPACE.example.com/v1
kind: Gizmo
metadata: {name: ours}
`
	aBalancer = `
apiVersion: v1
kind: Service
metadata: {name: NAMESPACE-balancer}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, selector: {app: none}, ports: [{port: 80}]}
`
	inAnotherNamespace = `
apiVersion: v1
kind: ConfigMap
metadata: {name: NAMESPACE-stray, namespace: default}
`
	hookAnnotation = "metadata: {annotations: {helm.sh/hook: pre-install}, "
)

// definition of a kind whose plural is said.
func definition(plural, kind string) string {
	return strings.NewReplacer("PLURAL", plural, "KIND", kind).Replace(aDefinition)
}

// whenMarket makes a template be rendered for one market alone.
func whenMarket(market, template string) string {
	return `{{ if eq .Values.market "` + market + `" }}` + template + "{{ end }}"
}

// asList makes one object of another kind of some.
func asList(object string) string {
	return "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(object), "\n", "\n  ")
}

// putParts puts a chart of templates and of files in its folder crds, by their names.
func (e *experiment) putParts(templates, definitions map[string]string) {
	e.t.Helper()
	e.putChart(func(c *chart.Chart) {
		for _, name := range slices.Sorted(maps.Keys(templates)) {
			withTemplate(name+".yaml", strings.ReplaceAll(templates[name], "NAMESPACE", e.Namespace))(c)
		}
		for name, content := range definitions {
			content = strings.ReplaceAll(content, "NAMESPACE", e.Namespace)
			c.Files = append(c.Files, &chart.File{Name: "crds/" + name + ".yaml", Data: []byte(content)})
		}
	})
	e.t.Cleanup(func() {
		ns := e.Namespace
		if _, err := e.bench.cluster.Kubectl(context.Background(), "delete", "--ignore-not-found", "--wait=false",
			"clusterrole/"+ns+"-role", "clusterrole/"+ns+"-runner", "clusterrolebinding/"+ns+"-runner",
			"validatingwebhookconfiguration/"+ns+"-webhook",
			"crd/gizmos."+ns+".example.com", "crd/gadgets."+ns+".example.com"); err != nil {
			e.t.Error(err)
		}
	})
}

// bind the account to a ClusterRole in the whole cluster.
func (e *experiment) bind(role string) {
	e.t.Helper()
	e.bench.kubectl(e.t, "create", "clusterrolebinding", e.Namespace+"-runner", "--clusterrole="+role,
		"--serviceaccount="+e.Namespace+":"+account)
}

// What an experiment does not allow is not created, whatever the rights of its account are; and it says what to allow.
func TestSafetyNotAllowed(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.bind("cluster-admin")
	want := map[string][]string{ // by the market for which it is
		"role":       {aRole, "ClusterRole/" + e.Namespace + "-role", "ClusterScoped"},
		"hook":       {strings.Replace(aRole, "metadata: {", hookAnnotation, 1), "ClusterRole/" + e.Namespace + "-role", "ClusterScoped"},
		"list":       {asList(aRole), "ClusterRole/" + e.Namespace + "-role", "ClusterScoped"},
		"webhook":    {aWebhook, "ValidatingWebhookConfiguration/" + e.Namespace + "-webhook", "ClusterScoped"},
		"definition": {definition("gadgets", "Gadget"), "CustomResourceDefinition/gadgets." + e.Namespace + ".example.com", "CustomResourceDefinitions"},
		"balancer":   {aBalancer, "Service/" + e.Namespace + "-balancer", "LoadBalancers"},
		"stray":      {inAnotherNamespace, "ConfigMap/" + e.Namespace + "-stray", "namespace default"},
	}
	templates := map[string]string{}
	e.Spec.Markets = nil
	for _, market := range slices.Sorted(maps.Keys(want)) {
		e.Spec.Markets = append(e.Spec.Markets, soakv1alpha1.Market{Name: market, Values: values(t, "{market: "+market+"}")})
		templates[market] = whenMarket(market, want[market][0])
	}
	e.putParts(templates, nil)
	e.Spec.Parallelism = int32(len(want))
	e.apply()
	for market, message := range e.stalls(len(want), release.ReasonNotAllowed) {
		for _, word := range want[market][1:] {
			if !strings.Contains(message, word) {
				t.Errorf("market %s: the message does not say %q: %s", market, word, message)
			}
		}
	}
	e.wantNotCreated()
	e.wantNothingLeft()
	e.deleteWhole()
}

// The same for the folder crds, which Helm installs before anything else.
func TestSafetyDefinitionsNotAllowed(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.bind("cluster-admin")
	e.putParts(nil, map[string]string{"gizmos": definition("gizmos", "Gizmo")})
	e.Spec.Allow = []soakv1alpha1.Allowance{soakv1alpha1.AllowClusterScoped, soakv1alpha1.AllowLoadBalancers}
	e.apply()
	e.awaitStalled(release.ReasonNotAllowed, "CustomResourceDefinition/gizmos."+e.Namespace+".example.com", "CustomResourceDefinitions")
	e.wantNotCreated()
	e.deleteWhole()
}

// stalls are the messages of so many cells that are stalled for a reason, by market.
func (e *experiment) stalls(count int, reason string) map[string]string {
	e.t.Helper()
	stalls := map[string]string{}
	e.follow(patience, &soakv1alpha1.SoakCellList{}, func(event watch.Event) bool {
		if cell, ok := event.Object.(*soakv1alpha1.SoakCell); ok {
			told := meta.FindStatusCondition(cell.Status.Conditions, soakv1alpha1.ConditionStalled)
			if told != nil && told.Reason == reason {
				stalls[cell.Spec.Market] = told.Message
			}
		}
		return len(stalls) == count
	}, "cells are stalled for "+reason)
	return stalls
}

// wantNotCreated checks that nothing is there of what the charts of this file bring.
func (e *experiment) wantNotCreated() {
	e.t.Helper()
	ns := e.Namespace
	for place, names := range map[string][]string{
		ns: {
			"clusterrole/" + ns + "-role", "validatingwebhookconfiguration/" + ns + "-webhook", "service/" + ns + "-balancer",
		},
		"default": {"configmap/" + ns + "-stray"},
	} {
		found := e.bench.kubectl(e.t, append([]string{"get", "--ignore-not-found", "-o", "name", "-n", place}, names...)...)
		if found != "" {
			e.t.Errorf("there is %s", found)
		}
	}
	if found := e.bench.kubectl(e.t, "get", "crds", "-o", "name"); strings.Contains(found, ns) {
		e.t.Errorf("there is a definition of %s: %s", ns, found)
	}
}

// rights of an account that brings all of it: what the documentation says that it needs.
const runnerRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: NAMESPACE-runner}
rules:
- {apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [get, list, watch, create, delete]}
- {apiGroups: [admissionregistration.k8s.io], resources: [validatingwebhookconfigurations], verbs: [get, list, watch, create, delete]}
- {apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [get, list, watch, create]}
- {apiGroups: [NAMESPACE.example.com], resources: ["*"], verbs: [get, list, watch, create, delete]}
`

// What is allowed is created, and cleaned away, but for definitions: these stay, and what others have of their kinds.
func TestSafetyAllowed(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	ns := e.Namespace
	e.createByHand(runnerRole, "clusterrole/"+ns+"-runner")
	e.bind(ns + "-runner")
	e.putParts(map[string]string{
		"role": aRole, "webhook": aWebhook, "balancer": aBalancer, "gizmo": aResource, "gadgets": definition("gadgets", "Gadget"),
	}, map[string]string{"gizmos": definition("gizmos", "Gizmo")})
	e.Spec.Allow = []soakv1alpha1.Allowance{
		soakv1alpha1.AllowClusterScoped, soakv1alpha1.AllowCustomResourceDefinitions, soakv1alpha1.AllowLoadBalancers,
	}
	e.Spec.Stop.MaxIterations, e.Spec.IterationInterval = 2, intervalForHands
	e.balance()
	e.apply()
	passedIn(e, 1)
	resume := e.pause()
	theirs := e.createByHand(strings.ReplaceAll(aResource, "{name: ours}", "{name: theirs, namespace: NAMESPACE}"),
		"gizmos."+ns+".example.com/theirs", "crd/gizmos."+ns+".example.com", "crd/gadgets."+ns+".example.com")
	resume()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 2})
	e.awaitCleaned()
	e.deleteWhole()
	theirs.wantSame()
	found := e.bench.kubectl(t, "get", "--ignore-not-found", "-o", "name", "-n", ns, "clusterrole/"+ns+"-role",
		"validatingwebhookconfiguration/"+ns+"-webhook", "service/"+ns+"-balancer", "gizmos."+ns+".example.com/ours")
	if found != "" {
		t.Errorf("there is still %s", found)
	}
}

// balance gives each load balancer an address, as a cloud would.
func (e *experiment) balance() {
	e.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := &count{t: e.t, stop: stop}
	e.t.Cleanup(c.end)
	c.observe(ctx, e, &corev1.ServiceList{}, func(event watch.Event) {
		service, ok := event.Object.(*corev1.Service)
		if !ok || event.Type != watch.Added || service.Spec.Type != corev1.ServiceTypeLoadBalancer {
			return
		}
		service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
		if err := e.bench.client.Status().Update(ctx, service); err != nil {
			c.t.Error(err)
		}
	})
}

// An object outside of namespaces that is somebody else's stays, and so do definitions that were there first, in whatever
// form.
func TestSafetyClusterScopedOfSomebody(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	ns := e.Namespace
	e.bind("cluster-admin")
	e.putParts(map[string]string{"role": aRole, "gadgets": definition("gadgets", "Gadget")}, map[string]string{"gizmos": definition("gizmos", "Gizmo")})
	theirs := e.createByHand(strings.Replace(definition("gizmos", "Gizmo"), "metadata: {", "metadata: {labels: {of: somebody}, ", 1)+"---"+
		strings.Replace(definition("gadgets", "Gadget"), "metadata: {", "metadata: {labels: {of: somebody}, ", 1)+"---"+aRole,
		"crd/gizmos."+ns+".example.com", "crd/gadgets."+ns+".example.com", "clusterrole/"+ns+"-role")
	e.Spec.Allow = []soakv1alpha1.Allowance{soakv1alpha1.AllowClusterScoped, soakv1alpha1.AllowCustomResourceDefinitions}
	e.apply()
	e.awaitStalled(release.ReasonObjectConflict, "ClusterRole/"+ns+"-role is not of this cell", "Delete it")
	theirs.wantSame()
	e.bench.kubectl(t, "delete", "clusterrole", ns+"-role")
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 1, Retried: 1})
	e.deleteWhole()
	definitions := &foreign{t: t, bench: e.bench, namespace: ns, names: theirs.names[:2], was: maps.Clone(theirs.was)}
	delete(definitions.was, "ClusterRole/"+ns+"-role")
	definitions.wantSame()
}

// The folder crds may hold other things than definitions. Helm would install them too, and never take them away.
func TestSafetyOtherThingsAmongDefinitions(t *testing.T) {
	t.Parallel()
	for what, manifest := range map[string]string{"role": aRole, "object in another namespace": inAnotherNamespace} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, onSharedBench(t))
			e.bind("cluster-admin")
			e.putParts(nil, map[string]string{"other": manifest})
			e.Spec.Allow = []soakv1alpha1.Allowance{soakv1alpha1.AllowClusterScoped, soakv1alpha1.AllowCustomResourceDefinitions}
			e.apply()
			e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Failed: 1})
			e.wantFailure(soakv1alpha1.StepBuild, release.ReasonChartInvalid, "")
			e.wantNotCreated()
			e.deleteWhole()
		})
	}
}
