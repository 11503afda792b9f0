package release_test

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
	"github.com/saltside/soak-operator/internal/release"
)

func TestBuildJudgesTheChart(t *testing.T) {
	f := newLoneFixture(t)
	for name, test := range map[string]struct {
		files   map[string]string
		with    values
		reason  string
		message string
		result  plan.Result
	}{
		"values break the schema": {
			with: values{"web": values{"replicas": "many"}}, reason: release.ReasonValuesInvalid, message: "got string, want integer",
		},
		"H18, schema refers to elsewhere": {
			files:  map[string]string{"values.schema.json": `{"$ref": "file:///etc/hostname"}`},
			reason: release.ReasonValuesInvalid, message: "may only refer to itself",
		},
		"template fails": {
			files:  map[string]string{"templates/broken.yaml": `{{ required "a market is required" .Values.market }}`},
			reason: release.ReasonRenderFailed, message: "a market is required",
		},
		"template is no template": {
			files:  map[string]string{"templates/broken.yaml": `{{ if }}`},
			reason: release.ReasonRenderFailed, message: "templates/broken.yaml",
		},
		"template renders no YAML": {
			files:  map[string]string{"templates/broken.yaml": "a: [b"},
			reason: release.ReasonChartInvalid, message: "templates/broken.yaml",
		},
		"lint finds an error": {
			files:  map[string]string{"templates/readme.md": "# {{ .Release.Name }}\n"},
			reason: release.ReasonChartInvalid, message: "file extension '.md' not valid",
		},
		"kind is unknown": {
			files:  map[string]string{"templates/x.yaml": "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: x}\n"},
			reason: release.ReasonKindUnknown, message: "Widget",
		},
		"dependency is missing": {
			files:  map[string]string{"Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies: [{name: db, version: 1.0.0}]\n"},
			reason: release.ReasonChartInvalid, message: "missing in charts/ directory: db",
		},
		"chart is a library": {
			files:  map[string]string{"Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\ntype: library\n"},
			reason: release.ReasonChartInvalid, message: "only applications can be installed",
		},
		"chart wants another Kubernetes": {
			files:  map[string]string{"Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\nkubeVersion: '<1.2.0'\n"},
			reason: release.ReasonChartInvalid, message: "wants Kubernetes <1.2.0",
		},
		"object is in another namespace": {
			files:  map[string]string{"templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: kube-system}\n"},
			reason: release.ReasonNotAllowed, message: "ConfigMap/x in namespace kube-system", result: plan.Errored,
		},
		"hook is in another namespace": {
			files: map[string]string{"templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: kube-system, " +
				"annotations: {helm.sh/hook: test}}\n"},
			reason: release.ReasonNotAllowed, message: "ConfigMap/x in namespace kube-system", result: plan.Errored,
		},
		"item of a list is in another namespace": {
			files: map[string]string{"templates/x.yaml": "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n" +
				"  metadata: {name: x, namespace: kube-system}\n"},
			reason: release.ReasonNotAllowed, message: "ConfigMap/x in namespace kube-system", result: plan.Errored,
		},
		"object is in no namespace": {
			files:  map[string]string{"templates/x.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n"},
			reason: release.ReasonNotAllowed, message: "must allow ClusterScoped", result: plan.Errored,
		},
		"service is a load balancer": {
			files:  map[string]string{"templates/x.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {type: LoadBalancer}\n"},
			reason: release.ReasonNotAllowed, message: "must allow LoadBalancers", result: plan.Errored,
		},
		"chart brings definitions": {
			files:  map[string]string{"crds/x.yaml": definition},
			reason: release.ReasonNotAllowed, message: "must allow CustomResourceDefinitions", result: plan.Errored,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			result := test.result
			if result == "" {
				result = plan.Failed
			}
			sealed, outcome := f.build(shop(t, test.files), test.with)
			f.want(outcome, result, test.reason, test.message)
			if sealed != nil {
				t.Error("there is a chart to install all the same")
			}
		})
	}
	f.t = t
	if left := f.ours(everything); left != "" {
		t.Errorf("build has created %s", left)
	}
}

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.release.example.com}
spec:
  group: release.example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

func TestBuildNamesAllThatTheChartCreates(t *testing.T) {
	f := newFixture(t)
	_, outcome := f.build(shop(t, nil), values{"store": values{"enabled": true}, "setup": values{"outcome": "exit-0"}})
	f.want(outcome, plan.Succeeded, "")
	var got []string
	for _, item := range outcome.Inventory {
		got = append(got, fmt.Sprintf("%s/%s/%s in %s", item.Group, item.Version, item.Kind, item.Namespace))
	}
	in := " in " + f.target.Namespace
	want := []string{
		"/v1/ConfigMap" + in, "/v1/Pod" + in, "/v1/Service" + in, "apps/v1/Deployment" + in, "apps/v1/StatefulSet" + in, "batch/v1/Job" + in,
	}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("inventory is %q, want %q", got, want)
	}
}

func TestH17TooLargeReleaseIsCalledThat(t *testing.T) {
	f := newFixture(t)
	noise := make([]byte, 450<<10) // three times as long when it has been encoded, compressed and encoded again
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	var files = map[string]string{}
	for i := range 2 {
		files[fmt.Sprintf("templates/big-%d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big-%d}\ndata: {noise: %q}\n",
			i, hex.EncodeToString(noise[i*200<<10:][:225<<10]))
	}
	if _, outcome := f.build(shop(t, map[string]string{"templates/big-0.yaml": files["templates/big-0.yaml"]}), nil); outcome.Result != plan.Succeeded {
		t.Fatalf("half of it does not fit: %+v", outcome)
	}
	files["templates/big-2.yaml"] = strings.ReplaceAll(files["templates/big-1.yaml"], "big-1", "big-2")
	noisier := make([]byte, 400<<10)
	if _, err := rand.Read(noisier); err != nil {
		t.Fatal(err)
	}
	files["templates/big-2.yaml"] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big-2}\ndata: {noise: %q}\n", hex.EncodeToString(noisier))
	_, outcome := f.build(shop(t, files), nil)
	f.want(outcome, plan.Failed, release.ReasonReleaseTooLarge, "which holds 1024 KiB")
}

func TestH19LookupReadsWhatTheServiceAccountMay(t *testing.T) {
	f := newFixture(t)
	lookup := map[string]string{"templates/x.yaml": `
apiVersion: v1
kind: ConfigMap
metadata: {name: found}
data: {found: {{ ((lookup "v1" "Secret" .Values.where "known").data | default dict).key | default "nothing" | quote }}}
`}
	f.in("create", "secret", "generic", "known", "--from-literal=key=value")
	f.installed(shop(t, lookup), values{"where": f.target.Namespace})
	if got := f.in("get", "configmap", "found", "--output=jsonpath={.data.found}"); got != "dmFsdWU=" {
		t.Errorf("lookup has found %q", got)
	}
	_, outcome := f.build(shop(t, lookup), values{"where": "kube-system"})
	f.want(outcome, plan.Errored, release.ReasonForbidden, "/runner may not get secrets in namespace kube-system")
}

func TestH24WhatWasCheckedIsWhatIsInstalled(t *testing.T) {
	f := newFixture(t)
	sealed := f.installed(shop(t, map[string]string{
		"templates/random.yaml": `
apiVersion: v1
kind: ConfigMap
metadata: {name: random}
data:
  random: {{ randAlphaNum 24 | quote }}
  braces: {{ "{{ .Values.x }} and {{- trimmed -}}" | squote }}
`,
		"templates/NOTES.txt":             "Thank you for installing {{ .Release.Name }}\n",
		"Chart.yaml":                      "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies: [{name: db, version: 1.0.0}]\n",
		"charts/db/Chart.yaml":            "apiVersion: v2\nname: db\nversion: 1.0.0\n",
		"charts/db/values.yaml":           "size: small\n",
		"charts/db/templates/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db}\ndata: {size: {{ .Values.size }}}\n",
	}), values{"db": values{"size": "large"}})
	var checked string
	for _, template := range sealed.Templates {
		if template.Name == "templates/random.yaml" {
			checked = string(template.Data)
		}
	}
	random := f.in("get", "configmap", "random", "--output=jsonpath={.data.random}")
	if len(random) != 24 || !strings.Contains(checked, random) {
		t.Errorf("%q was installed, and checked was %s", random, checked)
	}
	if got := f.in("get", "configmap", "random", "--output=jsonpath={.data.braces}"); got != "{{ .Values.x }} and {{- trimmed -}}" {
		t.Errorf("braces came out as %q", got)
	}
	if got := f.in("get", "configmap", "db", "--output=jsonpath={.data.size}"); got != "large" {
		t.Errorf("the dependency was given size %q", got)
	}
}

// With a chart that renders the same each time, all that is installed is what the helm command would install.
func TestH24InstallsWhatHelmWould(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), values{"store": values{"enabled": true}, "setup": values{"outcome": "exit-0"}})
	helm := func(args ...string) string {
		out, err := f.cluster.Helm(t.Context(), append(args, "--namespace", f.target.Namespace)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	got := helm("get", "manifest", "shop") + helm("get", "hooks", "shop")
	if _, err := f.cluster.Helm(t.Context(), "install", "theirs", "../../charts/shop", "--namespace", f.target.Namespace,
		"--set=store.enabled=true", "--set=setup.outcome=exit-0"); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(helm("get", "manifest", "theirs")+helm("get", "hooks", "theirs"), "theirs", "shop")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if status := helm("status", "shop"); !strings.Contains(status, "STATUS: deployed") {
		t.Errorf("helm status says %s", status)
	}
}

func TestH23DefinitionsAreNeitherLabelledNorDeleted(t *testing.T) {
	f := newFixture(t)
	f.mayDefine("widgets", "gadgets")
	source := shop(t, map[string]string{
		"crds/widget.yaml":       definition,
		"templates/widget.yaml":  "apiVersion: release.example.com/v1\nkind: Widget\nmetadata: {name: ours}\n",
		"templates/gadgets.yaml": strings.NewReplacer("widget", "gadget", "Widget", "Gadget").Replace(definition),
	})
	f.installed(source, nil)
	f.in("create", "--filename", f.file("apiVersion: release.example.com/v1\nkind: Widget\nmetadata: {name: theirs}\n"))
	f.want(f.clean(limit), plan.Succeeded, "")
	f.isClean()
	if got := f.in("get", "widgets", "--output=name"); got != "widget.release.example.com/theirs" {
		t.Errorf("widgets that are left are %q", got)
	}
	for _, name := range []string{"widgets", "gadgets"} {
		if labels := f.kubectl("get", "customresourcedefinition", name+".release.example.com", "--output=jsonpath={.metadata.labels}"); strings.Contains(labels, "soak") {
			t.Errorf("the definition of %s carries %s", name, labels)
		}
	}
	f.target.Attempt = 2
	f.installed(source, nil)
	f.want(f.clean(limit), plan.Succeeded, "")
}

func TestClusterScopedObjectsAreCleaned(t *testing.T) {
	f := newFixture(t)
	f.target.Allow = []soakv1alpha1.Allowance{soakv1alpha1.AllowClusterScoped}
	role := "cluster-" + f.target.Namespace
	f.kubectl("create", "clusterrole", role, "--verb=get,list,watch,create,delete", "--resource=priorityclasses.scheduling.k8s.io")
	f.atEnd("delete", "clusterrole,clusterrolebinding", role)
	f.kubectl("create", "clusterrolebinding", role, "--clusterrole="+role, "--serviceaccount="+f.target.Namespace+":runner")
	name := "priority-" + f.target.Namespace
	f.installed(shop(t, map[string]string{
		"templates/x.yaml": "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nvalue: 7\nmetadata: {name: " + name + "}\n",
	}), nil)
	f.kubectl("get", "priorityclass", name)
	f.want(f.clean(limit), plan.Succeeded, "")
	if left := f.kubectl("get", "priorityclass", name, "--ignore-not-found", "--output=name"); left != "" {
		t.Errorf("%s is left", left)
	}
}
