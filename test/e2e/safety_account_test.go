package e2e

import (
	"strings"
	"testing"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/release"
)

// forbiddenWord is in a Secret that the account may not read.
const forbiddenWord = "do-not-tell-7f3a"

// An experiment does nothing that its account could not do itself: it reads no Secret by a template or as values, writes
// into no other namespace, and grants no rights. The audit log has all that it tried, as tried by the account, and refused.
func TestSafetyNoMoreThanTheAccount(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	if b.cluster.Name() == "" {
		t.Skip("the audit log of a cluster that was not started here cannot be read")
	}
	vault := newExperiment(t, b).Namespace // in which the account has no rights
	b.kubectl(t, "create", "secret", "generic", "payroll", "-n", vault, "--from-literal=key="+forbiddenWord)
	for name, try := range map[string]struct {
		template string
		narrow   bool // that is, all that the account may do is read the chart
		refused  bool // elsewhere than in the experiment's own namespace
		words    []string
	}{
		"lookup": {
			template: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: told}\ndata: {it: {{ (lookup \"v1\" \"Secret\" \"" + vault + "\" \"payroll\").data.key | quote }}}\n",
			words:    []string{account, "may not get secrets in namespace " + vault},
			refused:  true,
		},
		"grant": {
			template: `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: more}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: runner, namespace: NAMESPACE}]
`,
			words: []string{account, "may not grant rights that it does not have itself"},
		},
		"values": {narrow: true, words: []string{account, "may not get secrets"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, b)
			if try.template != "" {
				e.putParts(map[string]string{"try": try.template}, nil)
			}
			if try.narrow {
				e.putSecret("{secret: " + forbiddenWord + "}")
				e.Spec.ValuesFrom = []soakv1alpha1.ValuesReference{{Kind: soakv1alpha1.ValuesKindSecret, Name: "values"}}
				e.kubectl("delete", "rolebinding", account)
				e.kubectl("create", "role", account, "--verb=get", "--resource=configmaps")
				e.kubectl("create", "rolebinding", account, "--role="+account, "--serviceaccount="+e.Namespace+":"+account)
			}
			e.apply()
			e.awaitStalled(release.ReasonForbidden, try.words...)
			e.wantUntold(forbiddenWord)
			if refused := e.wantAsAccount(vault); (refused > 0) != try.refused {
				t.Errorf("%d requests were refused elsewhere", refused)
			}
		})
	}
}

// wantAsAccount checks by the audit log that whatever the operator did in the experiment's namespace, but to its own kinds,
// was done as the account of the experiment, and that none of its requests elsewhere was allowed. It returns how many of
// these were refused.
func (e *experiment) wantAsAccount(closed string) (refused int) {
	e.t.Helper()
	runner := accountPrefix + e.Namespace + ":" + account
	tried := 0
	e.bench.audit(e.t, func(event auditEvent) {
		if event.ObjectRef == nil || event.User.Username != operatorUser {
			return
		}
		as := ""
		if event.ImpersonatedUser != nil {
			as = event.ImpersonatedUser.Username
		}
		where, allowed := event.ObjectRef.Namespace, event.Annotations["authorization.k8s.io/decision"] == "allow"
		own := strings.HasSuffix(event.ObjectRef.APIGroup, "soak.saltside.io") || event.ObjectRef.Resource == "namespaces" || event.ObjectRef.APIGroup == "events.k8s.io"
		switch {
		case where == e.Namespace && !own && as != runner:
			e.t.Errorf("%s %s as %q", event.Verb, event.RequestURI, as)
		case where == e.Namespace && own && as != "":
			e.t.Errorf("%s %s as %s", event.Verb, event.RequestURI, as)
		case where == e.Namespace && as == runner:
			tried++
		case where == closed && (as == "" && !own || allowed && as != ""):
			e.t.Errorf("%s %s as %q, allowed: %t", event.Verb, event.RequestURI, as, allowed)
		case as == runner && where != "" && allowed:
			e.t.Errorf("%s %s as %s is allowed", event.Verb, event.RequestURI, as)
		case as == runner && where != "":
			refused++
		}
	})
	if tried == 0 {
		e.t.Error("the account was never used: the test has tested nothing")
	}
	return refused
}
