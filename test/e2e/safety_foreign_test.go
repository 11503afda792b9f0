package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// releaseName is that of the one release of newExperiment.
const releaseName = "shop-ikman-sandbox"

// foreign are objects of somebody else, as they were when they were last looked at.
type foreign struct {
	t         *testing.T
	bench     *bench
	namespace string
	names     []string
	was       map[string]string
}

// remember objects, each as kind/name, in order to tell later whether they are still the same.
func (b *bench) remember(t *testing.T, namespace string, names ...string) *foreign {
	t.Helper()
	f := &foreign{t: t, bench: b, namespace: namespace, names: names}
	var err error
	if f.was, err = f.look(); err != nil {
		t.Fatal(err)
	}
	return f
}

// wantSame checks that none of them was deleted, replaced or changed.
func (f *foreign) wantSame() {
	f.t.Helper()
	is, err := f.look()
	if err != nil {
		f.t.Errorf("what is somebody else's has gone: %v", err)
	}
	for name, was := range f.was {
		if is[name] != was {
			f.t.Errorf("%s is somebody else's and was\n%s\nand now it is\n%s", name, was, is[name])
		}
	}
}

func (f *foreign) look() (map[string]string, error) {
	arguments := append([]string{"get", "--namespace", f.namespace, "-o", "json", "--show-managed-fields", "--ignore-not-found=false"}, f.names...)
	output, err := f.bench.cluster.Kubectl(f.t.Context(), arguments...)
	looks := map[string]string{}
	var list unstructured.Unstructured
	if decodeErr := json.Unmarshal([]byte(output), &list.Object); decodeErr != nil {
		return looks, fmt.Errorf("%w; %w", err, decodeErr)
	}
	items, _, _ := unstructured.NestedSlice(list.Object, "items")
	if !list.IsList() {
		items = []any{list.Object}
	}
	for _, item := range items {
		fields, ok := item.(map[string]any)
		if !ok {
			return looks, fmt.Errorf("%v is no object", item)
		}
		object := unstructured.Unstructured{Object: fields}
		settle(object)
		text, err := json.Marshal(object.Object)
		if err != nil {
			return looks, err
		}
		looks[object.GetKind()+"/"+object.GetName()] = string(text)
	}
	return looks, err
}

// settle leaves out what Kubernetes itself goes on writing. All else is compared byte for byte, with the resource version.
func settle(object unstructured.Unstructured) {
	if !slices.Contains([]string{"Pod", "Job", "Deployment", "StatefulSet", "PersistentVolumeClaim", "CustomResourceDefinition"}, object.GetKind()) {
		return
	}
	delete(object.Object, "status")
	object.SetResourceVersion("")
	object.SetManagedFields(nil)
}

// create objects by hand, from YAML, and remember them.
func (e *experiment) createByHand(yaml string, names ...string) *foreign {
	e.t.Helper()
	yaml = strings.ReplaceAll(yaml, "NAMESPACE", e.Namespace)
	if err := e.bench.cluster.Apply(e.t.Context(), strings.NewReader(yaml)); err != nil {
		e.t.Fatal(err)
	}
	return e.bench.remember(e.t, e.Namespace, names...)
}

// helm runs the real one, as a person would; it must succeed.
func (e *experiment) helm(arguments ...string) {
	e.t.Helper()
	if _, err := e.bench.cluster.Helm(e.t.Context(), append(arguments, "--namespace", e.Namespace)...); err != nil {
		e.t.Fatal(err)
	}
}

// installByHand installs the very chart under the very name, and remembers all that came of it.
func (e *experiment) installByHand() *foreign {
	e.t.Helper()
	e.helm("install", releaseName, chartPath, "--wait", "--timeout", "60s", "--set", "web.replicas=1")
	names := []string{
		"secret/sh.helm.release.v1." + releaseName + ".v1", "service/" + releaseName + "-web", "deployment/" + releaseName + "-web",
		"statefulset/" + releaseName + "-store", "job/" + releaseName + "-setup", "pvc/data-" + releaseName + "-store-0",
	}
	return e.bench.remember(e.t, e.Namespace, append(names, e.pods()...)...)
}

// pods of the namespace, as kubectl names them.
func (e *experiment) pods() []string {
	e.t.Helper()
	return strings.Fields(e.bench.kubectl(e.t, "get", "pods", "-n", e.Namespace, "-o", "name"))
}

// otherChart is a folder with a chart of somebody else, of a ConfigMap named "precious".
func otherChart(t *testing.T) string {
	t.Helper()
	other := &chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: "other", Version: "1.0.0"}}
	withTemplate("precious.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: precious}\ndata: {of: somebody}\n")(other)
	packed, err := chartutil.Save(other, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// awaitStalled waits until the experiment says that the user must act, why, and in these words.
func (e *experiment) awaitStalled(reason string, words ...string) {
	e.t.Helper()
	object := e.await("stalled for "+reason, func(object *soakv1alpha1.SoakExperiment) bool {
		told := meta.FindStatusCondition(object.Status.Conditions, soakv1alpha1.ConditionStalled)
		return told != nil && told.Status == "True" && told.Reason == reason
	})
	message := meta.FindStatusCondition(object.Status.Conditions, soakv1alpha1.ConditionStalled).Message
	for _, word := range words {
		if !strings.Contains(message, word) {
			e.t.Errorf("the message does not say %q: %s", word, message)
		}
	}
}

// awaitAttempt waits until a cell has come to an attempt of such a number: those before it have ended.
func (e *experiment) awaitAttempt(number int32) {
	e.t.Helper()
	e.await(fmt.Sprintf("attempt %d", number), func(*soakv1alpha1.SoakExperiment) bool {
		return slices.ContainsFunc(slices.Collect(maps.Values(e.cells())), func(cell soakv1alpha1.SoakCell) bool {
			return cell.Status.LastAttempt >= number
		})
	})
}

// deleteWhole deletes the experiment, which must let go by itself.
func (e *experiment) deleteWhole() {
	e.t.Helper()
	e.bench.kubectl(e.t, "delete", "soak", e.Name, "-n", e.Namespace, "--timeout=90s")
	e.wantNothingLeft()
}

// pause keeps the next iteration from beginning, and returns what lets it begin. The interval must leave time for that.
func (e *experiment) pause() (resume func()) {
	e.t.Helper()
	suspend := true
	e.Spec.Suspend = &suspend
	e.apply()
	e.await("suspended between two iterations", func(object *soakv1alpha1.SoakExperiment) bool {
		return meta.IsStatusConditionTrue(object.Status.Conditions, soakv1alpha1.ConditionSuspended)
	})
	for _, cell := range e.cells() {
		if cell.Status.Attempt.Number != 0 {
			e.t.Fatal("the next iteration has begun: the test tests nothing")
		}
	}
	return func() {
		e.Spec.Suspend = nil
		e.apply()
	}
}
