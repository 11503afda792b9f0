package release_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/cluster"
	"github.com/saltside/soak-operator/hack/cluster/clustertest"
	"github.com/saltside/soak-operator/internal/plan"
	"github.com/saltside/soak-operator/internal/release"
)

const nodes = "simulated:2"

var fixtures atomic.Int32

// fixture is one cell of an experiment, in a namespace of its own that is the experiment's too.
type fixture struct {
	t       *testing.T
	cluster *cluster.Cluster
	config  *rest.Config
	helm    *release.Helm
	target  release.Target
	// inventory that Build has found last.
	inventory []soakv1alpha1.InventoryItem
}

// newFixture makes a namespace with a service account that may do there what a namespace's administrator may. The test
// goes on side by side with others: it waits for most of its time.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	return newFixtureOn(t, clustertest.Shared(t, nodes))
}

// newLoneFixture does the same for a test that measures what others would disturb.
func newLoneFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureOn(t, clustertest.Shared(t, nodes))
}

func newFixtureOn(t *testing.T, c *cluster.Cluster) *fixture {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	namespace := fmt.Sprintf("release-%d-%d", os.Getpid(), fixtures.Add(1))
	f := &fixture{
		t: t, cluster: c, config: config,
		target: release.Target{
			ExperimentNamespace: namespace, Experiment: "shop", Cell: "cell-" + namespace, Run: 1, Iteration: 1, Attempt: 1,
			Market: "ikman", Environment: "sandbox", Namespace: namespace, Release: "shop", ServiceAccount: "runner",
		},
	}
	f.helm = release.New(config, release.Options{})
	f.kubectl("create", "namespace", namespace)
	f.atEnd("delete", "namespace", namespace, "--wait=false")
	f.atEnd("delete", "pods", "--all", "--namespace", namespace, "--force", "--grace-period=0", "--wait=false")
	f.kubectl("create", "serviceaccount", "runner", "--namespace", namespace)
	f.kubectl("create", "rolebinding", "runner", "--namespace", namespace, "--clusterrole=admin", "--serviceaccount="+namespace+":runner")
	return f
}

// kubectl runs kubectl, which must succeed, and returns its output.
func (f *fixture) kubectl(args ...string) string {
	f.t.Helper()
	out, err := f.cluster.Kubectl(f.t.Context(), args...)
	if err != nil {
		f.t.Error(err) // not Fatal: it may not be the test's own goroutine
	}
	return strings.TrimSpace(out)
}

// atEnd runs kubectl when the test is over.
func (f *fixture) atEnd(args ...string) {
	t := f.t
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := f.cluster.Kubectl(ctx, args...); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
}

// once does something as soon as there is a pod of that name, or of a name that begins so, that runs. The function that
// it returns waits until it is done.
func (f *fixture) once(pod string, do func()) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if f.eventually(func() bool { return f.runs(pod) }) {
			do()
		}
	}()
	return func() { <-done }
}

// runs tells whether there is a pod of that name, or of a name that begins so, that runs.
func (f *fixture) runs(pod string) bool {
	f.t.Helper()
	list := f.in("get", "pods", "--output=jsonpath={range .items[*]} {.metadata.name} {.status.phase}{end}")
	return regexp.MustCompile(`(^| )` + pod + `\S* Running`).MatchString(list)
}

// eventually waits until something is so.
func (f *fixture) eventually(is func() bool) bool {
	f.t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for end := time.After(limit); !is(); {
		select {
		case <-again.C:
		case <-end:
			f.t.Error("what should be so is not")
			return false
		}
	}
	return true
}

// in runs kubectl in the namespace of the target.
func (f *fixture) in(args ...string) string {
	f.t.Helper()
	return f.kubectl(append(args, "--namespace", f.target.Namespace)...)
}

// apply applies manifests in the namespace of the target.
func (f *fixture) apply(manifests string) {
	f.t.Helper()
	f.in("apply", "--filename", f.file(manifests))
}

// file writes manifests where kubectl can read them.
func (f *fixture) file(manifests string) string {
	f.t.Helper()
	name := filepath.Join(f.t.TempDir(), "manifests.yaml")
	if err := os.WriteFile(name, []byte(manifests), 0o600); err != nil {
		f.t.Error(err)
	}
	return name
}

// ours lists all objects of some kinds that carry the label of the cell.
func (f *fixture) ours(kinds string) string {
	f.t.Helper()
	return f.in("get", kinds, "--selector", soakv1alpha1.LabelCell+"="+f.target.Cell, "--output=name")
}

// everything is the kinds of objects that the test charts leave somewhere.
const everything = "deployments,replicasets,statefulsets,controllerrevisions,jobs,pods,services,endpointslices,configmaps,secrets,persistentvolumeclaims"

// shop loads the test chart with some files added or replaced.
func shop(t *testing.T, files map[string]string) *chart.Chart {
	t.Helper()
	return load(t, "shop", files)
}

func load(t *testing.T, name string, files map[string]string) *chart.Chart {
	t.Helper()
	folder := filepath.Join("..", "..", "charts", name)
	found := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(folder, path)
		found[filepath.ToSlash(inside)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(found, files)
	return loadFiles(t, found)
}

func loadFiles(t *testing.T, files map[string]string) *chart.Chart {
	t.Helper()
	var buffered []*loader.BufferedFile
	for _, name := range slices.Sorted(maps.Keys(files)) {
		buffered = append(buffered, &loader.BufferedFile{Name: name, Data: []byte(files[name])})
	}
	loaded, err := loader.LoadFiles(buffered)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

type values = map[string]any

// limit is how long a step may take that is meant to get through.
const limit = 40 * time.Second

func (f *fixture) within(length time.Duration) context.Context {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), length)
	f.t.Cleanup(cancel)
	return ctx
}

func (f *fixture) clean(length time.Duration) plan.Outcome {
	f.t.Helper()
	return f.helm.Clean(f.within(length), f.target, f.inventory)
}

func (f *fixture) build(source *chart.Chart, with values) (*chart.Chart, plan.Outcome) {
	f.t.Helper()
	sealed, outcome := f.helm.Build(f.within(limit), f.target, source, with)
	if outcome.Result == plan.Succeeded {
		f.inventory = outcome.Inventory
	}
	return sealed, outcome
}

// built builds, which must succeed.
func (f *fixture) built(source *chart.Chart, with values) *chart.Chart {
	f.t.Helper()
	sealed, outcome := f.build(source, with)
	f.want(outcome, plan.Succeeded, "")
	return sealed
}

func (f *fixture) install(sealed *chart.Chart, length time.Duration) plan.Outcome {
	f.t.Helper()
	return f.helm.Install(f.within(length), f.target, sealed)
}

// installed builds and installs, which must succeed.
func (f *fixture) installed(source *chart.Chart, with values) *chart.Chart {
	f.t.Helper()
	sealed := f.built(source, with)
	f.want(f.install(sealed, limit), plan.Succeeded, "")
	return sealed
}

func (f *fixture) test(sealed *chart.Chart, length time.Duration) plan.Outcome {
	f.t.Helper()
	return f.helm.Test(f.within(length), f.target, sealed)
}

// want checks an outcome, and that its message and culprit have the given parts.
func (f *fixture) want(got plan.Outcome, result plan.Result, reason string, parts ...string) {
	f.t.Helper()
	if got.Result != result || got.Reason != reason {
		f.t.Fatalf("outcome is %s %s, want %s %s: %+v", got.Result, got.Reason, result, reason, got)
	}
	for _, part := range parts {
		if !strings.Contains(got.Message, part) {
			f.t.Errorf("message %q does not say %q", got.Message, part)
		}
	}
}

// isClean checks with other eyes that nothing of the cell is there.
func (f *fixture) isClean() {
	f.t.Helper()
	if left := f.ours(everything); left != "" {
		f.t.Errorf("left after a clean that succeeded: %s", left)
	}
	if left := f.in("get", "secrets", "--selector", "owner=helm,name="+f.target.Release, "--output=name"); left != "" {
		f.t.Errorf("release records left after a clean that succeeded: %s", left)
	}
}

// mayDefine lets the account define those kinds of release.example.com, and the experiment allows it. They are gone at the end.
func (f *fixture) mayDefine(plurals ...string) {
	f.t.Helper()
	f.target.Allow = []soakv1alpha1.Allowance{soakv1alpha1.AllowCustomResourceDefinitions}
	role := plurals[0] + "-" + f.target.Namespace
	f.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: ` + role + `}
rules:
- {apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: ["*"]}
- {apiGroups: [release.example.com], resources: ["*"], verbs: ["*"]}
`)
	f.kubectl("create", "clusterrolebinding", role, "--clusterrole="+role, "--serviceaccount="+f.target.Namespace+":runner")
	f.atEnd("delete", "clusterrole,clusterrolebinding", role)
	for _, plural := range plurals {
		f.atEnd("delete", "customresourcedefinition", plural+".release.example.com", "--wait=false")
	}
}
