package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// mutant is a spec with one field that makes no sense, or hardly any.
type mutant struct {
	what string // the field, and what it is
	spec map[string]any
}

// mutants of a spec: every field that the schema of its kind knows, with every value that somebody might get in there.
func mutants(t *testing.T, plural string, spec map[string]any) []mutant {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", "soak.saltside.io_"+plural+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(content, &definition); err != nil {
		t.Fatal(err)
	}
	schema := definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	var all []mutant
	for _, path := range fields(&schema, nil) {
		for _, value := range absurd() {
			changed := runtime.DeepCopyJSON(spec)
			set(changed, path, value)
			all = append(all, mutant{fmt.Sprintf("%s=%.40v", strings.Join(path, "."), value), changed})
		}
	}
	return all
}

// absurd values, of all types: what is right for one field is wrong for the next.
func absurd() []any {
	deep := any("bottom")
	for range 50 {
		deep = map[string]any{"deeper": deep}
	}
	return []any{
		nil, true, int64(-1), int64(0), int64(1) << 31, 1.5, "", "0", "-5s", "999999h", "../../etc/passwd", "A b\n\x01", "💥",
		"{{ .Values }}", strings.Repeat("x", 5000), []any{}, []any{"one", "one"}, []any{nil}, map[string]any{}, deep,
	}
}

// fields are the paths of all fields of a schema; "0" stands for the first item of a list.
func fields(schema *apiextensionsv1.JSONSchemaProps, path []string) [][]string {
	var all [][]string
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		inner := schema.Properties[name]
		at := append(slices.Clone(path), name)
		all = append(append(all, at), fields(&inner, at)...)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		at := append(slices.Clone(path), "0")
		all = append(append(all, at), fields(schema.Items.Schema, at)...)
	}
	return all
}

// set puts a value where the path leads, and makes what is missing on the way.
func set(object map[string]any, path []string, value any) {
	name := path[0]
	switch {
	case len(path) == 1:
		object[name] = value
	case path[1] == "0":
		list, _ := object[name].([]any)
		if len(list) == 0 {
			list = []any{map[string]any{}}
		}
		if len(path) == 2 {
			list[0] = value
		} else if item, ok := list[0].(map[string]any); ok {
			set(item, path[2:], value)
		}
		object[name] = list
	default:
		inner, ok := object[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			object[name] = inner
		}
		set(inner, path[1:], value)
	}
}
