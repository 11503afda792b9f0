package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/operator"
)

const (
	rolePath = "../../config/rbac/role.yaml"
	// operatorUser is who the operator is when it acts in nobody's name.
	operatorUser  = "system:serviceaccount:" + operator.Namespace + ":soak-operator"
	accountPrefix = "system:serviceaccount:"
	// auditLine is how long a line of the audit log may be.
	auditLine = 1 << 20
)

// seldomUsed are the rights that a request of this test need not use, and why the operator has them.
var seldomUsed = map[string]string{
	"update soakexperiments/finalizers.soak.saltside.io": "asked for by OwnerReferencesPermissionEnforcement only, where a run is owned",
	"update soakruns/finalizers.soak.saltside.io":        "asked for by OwnerReferencesPermissionEnforcement only, where a cell is owned",
	"list soakexperiments.soak.saltside.io":              "a cache asks for it only where the server cannot stream what there is",
	"patch events.events.k8s.io":                         "counts an event that is told twice of the same version of an object, by chance",
}

// discoveryPaths are those that the API server tells of itself under, to whoever is authenticated.
var discoveryPaths = []string{"/api", "/apis", "/version", "/openapi"}

// auditEvent is what the audit log says of a request.
type auditEvent struct {
	Verb       string
	RequestURI string
	User       struct{ Username string }
	// ImpersonatedUser in whose name the request was made.
	ImpersonatedUser *struct{ Username string }
	ObjectRef        *struct{ APIGroup, Resource, Subresource, Namespace, Name string }
	Annotations      map[string]string
}

// right that a request needs, as "verb resource/subresource.group".
func (a auditEvent) right() string {
	return rightTo(a.Verb, a.ObjectRef.APIGroup, strings.TrimSuffix(a.ObjectRef.Resource+"/"+a.ObjectRef.Subresource, "/"))
}

func rightTo(verb, group, resource string) string {
	return strings.TrimSuffix(verb+" "+resource+"."+group, ".")
}

// What the operator does in its own name is what its roles list and nothing else, and it makes use of all that they list.
func TestSafetyOwnRights(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	if b.cluster.Name() == "" {
		t.Skip("the audit log of a cluster that was not started here cannot be read")
	}
	doAllThatNeedsRights(t, b)

	listed, used := listedRights(t), usedRights(t, b)
	for right, uri := range used {
		if !listed[right] {
			t.Errorf("the roles do not list %s, which %s needs", right, uri)
		}
	}
	for _, right := range slices.Sorted(maps.Keys(listed)) {
		if used[right] == "" && seldomUsed[right] == "" {
			t.Errorf("the roles list %s, and nothing needs it", right)
		}
	}
	for right := range seldomUsed {
		if !listed[right] {
			t.Errorf("the roles do not list %s any more", right)
		}
	}
}

// usedRights are those that the operator has made use of in its own name, each with a request that did.
func usedRights(t *testing.T, b *bench) map[string]string {
	t.Helper()
	used := map[string]string{}
	b.audit(t, func(event auditEvent) {
		switch {
		case event.User.Username != operatorUser:
		case event.ImpersonatedUser != nil:
			used["impersonate serviceaccounts"] = event.RequestURI
			if name := event.ImpersonatedUser.Username; !strings.HasPrefix(name, accountPrefix) || name == operatorUser {
				t.Errorf("in the name of %s: %s %s", name, event.Verb, event.RequestURI)
			}
		case event.ObjectRef == nil:
			if event.Verb != "get" || !isDiscovery(event.RequestURI) {
				t.Errorf("%s %s", event.Verb, event.RequestURI)
			}
		default:
			used[event.right()] = event.RequestURI
			event.check(t)
		}
	})
	return used
}

// check that the API server has allowed a request, and that leases are the operator's own.
func (a auditEvent) check(t *testing.T) {
	t.Helper()
	if a.Annotations["authorization.k8s.io/decision"] != "allow" {
		t.Errorf("not allowed: %s %s", a.Verb, a.RequestURI)
	}
	own := a.ObjectRef.Namespace == operator.Namespace && (a.Verb == "create" || a.ObjectRef.Name == "soak-operator")
	if a.ObjectRef.Resource == "leases" && !own {
		t.Errorf("a lease of somebody else: %s %s", a.Verb, a.RequestURI)
	}
}

// doAllThatNeedsRights makes the operator do all that it does in its own name: it counts, tells of the same again and again,
// starts a second run and forgets the first, answers who asks for metrics, and takes all away.
func doAllThatNeedsRights(t *testing.T, b *bench) {
	t.Helper()
	e := newExperiment(t, b)
	e.Spec.Values = values(t, "{test: {outcome: exit-1}}")
	e.Spec.Stop.MaxIterations = 3
	none := int32(0)
	e.Spec.RunHistoryLimit = &none
	e.apply()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Failed: 3})
	e.Spec.Run.ID = "again"
	e.apply()
	e.await("the second run has finished", func(object *soakv1alpha1.SoakExperiment) bool {
		return object.Status.Run.Number == 2 && finished(object)
	})
	b.kubectl(t, "create", "serviceaccount", "scraper", "-n", e.Namespace)
	b.scrape(t, strings.TrimSpace(b.kubectl(t, "create", "token", "scraper", "-n", e.Namespace)))
	e.deleteWhole()
}

func isDiscovery(uri string) bool {
	return slices.ContainsFunc(discoveryPaths, func(path string) bool {
		return uri == path || strings.HasPrefix(uri, path+"/") || strings.HasPrefix(uri, path+"?")
	})
}

// listedRights are those that the operator's roles list.
func listedRights(t *testing.T) map[string]bool {
	t.Helper()
	content, err := os.ReadFile(rolePath)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for document := range strings.SplitSeq(string(content), "\n---") {
		var role rbacv1.Role // A ClusterRole has the same fields.
		if err := yaml.Unmarshal([]byte(document), &role); err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						listed[rightTo(verb, group, resource)] = true
					}
				}
			}
		}
	}
	if len(listed) == 0 {
		t.Fatalf("no rules were found in %s", rolePath)
	}
	return listed
}

// audit passes each request that the API server has answered, of what it still has in its logs.
func (b *bench) audit(t *testing.T, see func(auditEvent)) {
	t.Helper()
	current := b.cluster.AuditLog()
	logs, err := filepath.Glob(strings.TrimSuffix(current, filepath.Ext(current)) + "*" + filepath.Ext(current))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no audit log: %v", err)
	}
	for _, path := range logs {
		if err := readAudit(path, see); err != nil {
			t.Fatal(err)
		}
	}
}

func readAudit(path string, see func(auditEvent)) error {
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, auditLine)
	for lines.Scan() {
		var event auditEvent
		// What is about nobody we look for need not be read; and the last line may be half written.
		if !strings.Contains(lines.Text(), operatorUser) || !strings.HasSuffix(lines.Text(), "}") {
			continue
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return fmt.Errorf("%s: %w: %s", path, err, lines.Text())
		}
		see(event)
	}
	return lines.Err()
}
