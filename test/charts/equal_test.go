package charts

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/saltside/soak-operator/hack/cluster/clustertest"
)

// helmsOwn are the labels and annotations that say of an object how it was made, and no more.
var helmsOwn = []string{
	"app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by",
	"helm.sh/chart", "helm.sh/resource-policy",
}

// Whoever installs from config and whoever installs the chart get the same operator with the same rights.
func TestChartEqualsConfig(t *testing.T) {
	c := clustertest.Shared(t, "none")
	want := map[string]map[string]any{}
	for _, part := range []string{"default", "prometheus"} {
		built, err := c.Kubectl(t.Context(), "kustomize", filepath.Join(config, part))
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(want, objects(t, built))
	}
	rendered, err := c.Helm(t.Context(), "template", name, chart, "--namespace", name, "--no-hooks", "--kube-version", "1.36",
		"--set", "image.tag=dev,metrics.serviceMonitor.enabled=true")
	if err != nil {
		t.Fatal(err)
	}
	delete(want, "Namespace "+name) // Helm's user makes it.
	if len(want) == 0 {
		t.Fatal("config has nothing")
	}
	if diff := cmp.Diff(want, objects(t, rendered)); diff != "" {
		t.Errorf("in config (-), in the chart (+):\n%s", diff)
	}
}

// objects of a text, by kind and name, without what is Helm's own.
func objects(t *testing.T, text string) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		var object map[string]any
		if err == nil {
			err = yaml.Unmarshal(document, &object)
		}
		if err != nil {
			t.Fatal(err)
		}
		if object == nil { // nothing but comments
			continue
		}
		strip(object)
		key := unstructured.Unstructured{Object: object}
		all[key.GetKind()+" "+key.GetName()] = object
	}
}

// strip removes from all that there is in a value what is Helm's own.
func strip(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if slices.Contains(helmsOwn, key) {
				delete(value, key)
				continue
			}
			strip(inner)
		}
	case []any:
		for _, inner := range value {
			strip(inner)
		}
	}
}
