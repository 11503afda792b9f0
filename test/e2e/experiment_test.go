package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

const (
	chartPath = "../../hack/cluster/testdata/everything"
	chartName = "chart"
	chartKey  = "everything.tgz"
	account   = "runner"
	// patience is how long anything may take that is expected to come about.
	patience = 2 * time.Minute
)

var experiments atomic.Int32

// experiment is one in a namespace of its own, into which it also installs.
type experiment struct {
	t     *testing.T
	bench *bench
	soakv1alpha1.SoakExperiment
}

// values for the chart, as YAML.
func values(t *testing.T, text string) *apiextensionsv1.JSON {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &apiextensionsv1.JSON{Raw: raw}
}

// newExperiment makes a namespace with an account that may do there what a namespace's administrator may, and the chart;
// and an experiment of one market in one environment, of short deadlines and a single iteration, that is not applied yet.
func newExperiment(t *testing.T, b *bench) *experiment {
	t.Helper()
	number := experiments.Add(1)
	namespace := fmt.Sprintf("e2e-%d-%d", os.Getpid(), number)
	e := &experiment{t: t, bench: b}
	e.ObjectMeta = metav1.ObjectMeta{Name: "shop", Namespace: namespace}
	e.Spec = soakv1alpha1.SoakExperimentSpec{
		Inputs: soakv1alpha1.Inputs{
			ServiceAccountName: account,
			Chart:              soakv1alpha1.ChartSource{ConfigMap: soakv1alpha1.ConfigMapChart{Name: chartName, Key: chartKey}},
			Markets:            []soakv1alpha1.Market{{Name: "ikman"}},
			Environments:       []soakv1alpha1.Environment{{Name: "sandbox"}},
			Timeouts:           soakv1alpha1.Timeouts{Clean: "20s", Build: "20s", Install: "20s", Test: "20s"},
			IterationInterval:  "0s",
		},
		Controls: soakv1alpha1.Controls{
			Stop:         soakv1alpha1.StopRules{MaxIterations: 1},
			CleanupDelay: "0s",
		},
	}
	b.kubectl(t, "create", "namespace", namespace)
	b.kubectl(t, "label", "namespace", namespace, soakv1alpha1.LabelAllowedFrom+"="+namespace)
	t.Cleanup(e.remove)
	b.kubectl(t, "create", "serviceaccount", account, "--namespace", namespace)
	b.kubectl(t, "create", "rolebinding", account, "--namespace", namespace, "--clusterrole=admin", "--serviceaccount="+namespace+":"+account)
	e.putChart(nil)
	return e
}

// remove takes all away. What went wrong must have been seen by then.
func (e *experiment) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if e.t.Failed() {
		e.t.Log(e.describe(ctx))
		e.bench.keepLog(e.t)
	}
	for _, arguments := range [][]string{
		{"annotate", "soak", "--all", soakv1alpha1.AnnotationAbandon + "=end of test"},
		{"delete", "soak", "--all", "--wait=false"},
		{"delete", "namespace", e.Namespace, "--wait=false", "--ignore-not-found"},
		{"delete", "pods", "--all", "--force", "--grace-period=0", "--wait=false"},
	} {
		if _, err := e.bench.cluster.Kubectl(ctx, append(arguments, "--namespace", e.Namespace)...); err != nil {
			e.t.Errorf("clean up: %v", err)
		}
	}
}

// describe tells all that there is to be seen.
func (e *experiment) describe(ctx context.Context) string {
	var text strings.Builder
	for _, arguments := range [][]string{
		{"get", "soak,soakruns,soakcells", "-o", "wide"},
		{"get", "soakcells", "-o", "yaml"},
		{"get", "pods,pvc,jobs,secrets", "--show-labels"},
		{"get", "events", "--sort-by=.lastTimestamp"},
	} {
		output, err := e.bench.cluster.Kubectl(ctx, append(arguments, "--namespace", e.Namespace)...)
		fmt.Fprintf(&text, "$ kubectl %s\n%s", strings.Join(arguments, " "), output)
		if err != nil {
			fmt.Fprintln(&text, err)
		}
	}
	return text.String()
}

// putChart puts the chart where the experiment takes it from, after a change to it.
func (e *experiment) putChart(change func(*chart.Chart)) {
	e.t.Helper()
	loaded, err := loader.Load(chartPath)
	if err != nil {
		e.t.Fatal(err)
	}
	if change != nil {
		change(loaded)
	}
	packed, err := chartutil.Save(loaded, e.t.TempDir())
	if err != nil {
		e.t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Clean(packed))
	if err != nil {
		e.t.Fatal(err)
	}
	object := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: chartName, Namespace: e.Namespace},
		BinaryData: map[string][]byte{chartKey: content},
	}
	err = e.bench.client.Create(e.t.Context(), object)
	if apierrors.IsAlreadyExists(err) {
		err = e.bench.client.Update(e.t.Context(), object)
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

// withTemplate adds a template to a chart.
func withTemplate(name, content string) func(*chart.Chart) {
	return func(c *chart.Chart) {
		c.Templates = append(c.Templates, &chart.File{Name: "templates/" + name, Data: []byte(content)})
	}
}

// apply the experiment as it is now, server-side, as GitOps tools do.
func (e *experiment) apply() {
	e.t.Helper()
	if err := e.applyOnce(); err != nil {
		e.t.Fatal(err)
	}
}

func (e *experiment) applyOnce() error {
	metadata := map[string]any{"name": e.Name, "namespace": e.Namespace}
	if e.Annotations != nil { // null would be written anew each time
		metadata["annotations"] = e.Annotations
	}
	manifest, err := json.Marshal(map[string]any{
		"apiVersion": soakv1alpha1.GroupVersion.String(), "kind": "SoakExperiment", "metadata": metadata, "spec": e.Spec,
	})
	if err != nil {
		return err
	}
	object := &soakv1alpha1.SoakExperiment{ObjectMeta: metav1.ObjectMeta{Name: e.Name, Namespace: e.Namespace}}
	return e.bench.client.Patch(e.t.Context(), object, client.RawPatch(types.ApplyPatchType, manifest), client.FieldOwner("git"), client.ForceOwnership)
}

// await waits until the experiment is so, and returns it as it is then.
func (e *experiment) await(what string, is func(*soakv1alpha1.SoakExperiment) bool) *soakv1alpha1.SoakExperiment {
	e.t.Helper()
	return e.awaitFor(patience, what, is)
}

func (e *experiment) awaitFor(limit time.Duration, what string, is func(*soakv1alpha1.SoakExperiment) bool) *soakv1alpha1.SoakExperiment {
	e.t.Helper()
	var found *soakv1alpha1.SoakExperiment
	e.follow(limit, &soakv1alpha1.SoakExperimentList{}, func(event watch.Event) bool {
		object, ok := event.Object.(*soakv1alpha1.SoakExperiment)
		found = object
		return ok && event.Type != watch.Deleted && object.Name == e.Name && is(object)
	}, what)
	return found
}

// awaitFinished waits until the current run has, and its releases are cleaned away.
func (e *experiment) awaitFinished() *soakv1alpha1.SoakExperiment {
	e.t.Helper()
	return e.await("finished", finished)
}

func finished(object *soakv1alpha1.SoakExperiment) bool {
	return meta.IsStatusConditionTrue(object.Status.Conditions, soakv1alpha1.ConditionFinished)
}

// follow watches the objects of a kind in the namespace, from those that are there, until one event is as wanted.
func (e *experiment) follow(limit time.Duration, list client.ObjectList, is func(watch.Event) bool, what string) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), limit)
	defer cancel()
	for ctx.Err() == nil {
		watcher, err := e.bench.client.Watch(ctx, list, client.InNamespace(e.Namespace))
		if err != nil {
			e.t.Fatal(err)
		}
		for event := range watcher.ResultChan() {
			if is(event) {
				watcher.Stop()
				return
			}
		}
	}
	e.t.Fatalf("after %s it is not so: %s", limit, what)
}

// cells of the experiment by market/environment, of all runs, the latest winning.
func (e *experiment) cells() map[string]soakv1alpha1.SoakCell {
	e.t.Helper()
	var list soakv1alpha1.SoakCellList
	if err := e.bench.client.List(e.t.Context(), &list, client.InNamespace(e.Namespace)); err != nil {
		e.t.Fatal(err)
	}
	cells := map[string]soakv1alpha1.SoakCell{}
	for _, cell := range list.Items {
		cells[cell.Spec.Market+"/"+cell.Spec.Environment] = cell
	}
	return cells
}

func (e *experiment) runs() []soakv1alpha1.SoakRun {
	e.t.Helper()
	var list soakv1alpha1.SoakRunList
	if err := e.bench.client.List(e.t.Context(), &list, client.InNamespace(e.Namespace)); err != nil {
		e.t.Fatal(err)
	}
	return list.Items
}

// wantTally checks the tally, and that the conditions and the history agree with it.
func (e *experiment) wantTally(object *soakv1alpha1.SoakExperiment, want soakv1alpha1.Tally) {
	e.t.Helper()
	if object.Status.Tally == nil || *object.Status.Tally != want {
		e.t.Errorf("tally %+v, want %+v", object.Status.Tally, want)
	}
}

// wantNothingLeft checks that no object of a cell is there any more.
func (e *experiment) wantNothingLeft() {
	e.t.Helper()
	for _, kind := range []string{"pods", "jobs", "persistentvolumeclaims", "secrets", "deployments", "statefulsets", "services", "configmaps"} {
		output := e.bench.kubectl(e.t, "get", kind, "--namespace", e.Namespace, "--selector", soakv1alpha1.LabelCell, "-o", "name")
		if output != "" {
			e.t.Errorf("there are still %s: %s", kind, output)
		}
	}
}

// awaitCleaned waits until each cell has cleaned its release away.
func (e *experiment) awaitCleaned() {
	e.t.Helper()
	var list soakv1alpha1.SoakCellList
	if err := e.bench.client.List(e.t.Context(), &list, client.InNamespace(e.Namespace)); err != nil {
		e.t.Fatal(err)
	}
	left := map[string]bool{}
	for i := range list.Items {
		left[list.Items[i].Name] = !cleaned(&list.Items[i])
	}
	e.follow(patience, &soakv1alpha1.SoakCellList{}, func(event watch.Event) bool {
		if cell, ok := event.Object.(*soakv1alpha1.SoakCell); ok {
			left[cell.Name] = event.Type != watch.Deleted && !cleaned(cell)
		}
		return !slices.Contains(slices.Collect(maps.Values(left)), true)
	}, "all cells are cleaned")
}

func cleaned(cell *soakv1alpha1.SoakCell) bool {
	return cell.Spec.Mode == soakv1alpha1.CellModeCleanUp && meta.IsStatusConditionTrue(cell.Status.Conditions, soakv1alpha1.ConditionCleaned)
}
