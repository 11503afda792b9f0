package release

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// document is a piece of YAML that was rendered, and the template it is from.
type document struct{ path, content string }

// documentsOf are those of a release, its hooks included.
func documentsOf(hooks []*release.Hook, sorted []releaseutil.Manifest) []document {
	documents := make([]document, 0, len(hooks)+len(sorted))
	for _, manifest := range sorted {
		documents = append(documents, document{manifest.Name, manifest.Content})
	}
	for _, hook := range hooks {
		documents = append(documents, document{hook.Path, hook.Manifest})
	}
	return documents
}

// objects are those in the document, those of lists too.
func (d document) objects() ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(d.content)), 4096)
	for {
		content := map[string]any{}
		err := decoder.Decode(&content)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.path, err)
		}
		if len(content) == 0 {
			continue // nothing but comments
		}
		object := &unstructured.Unstructured{Object: content}
		if object.GetAPIVersion() == "" || object.GetKind() == "" {
			return nil, fmt.Errorf("%s: an object has no apiVersion or no kind", d.path)
		}
		if !object.IsList() {
			objects = append(objects, object)
			continue
		}
		err = object.EachListItem(func(item runtime.Object) error {
			inner, ok := item.(*unstructured.Unstructured)
			if !ok {
				return fmt.Errorf("an item is a %T", item)
			}
			objects = append(objects, inner)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.path, err)
		}
	}
}

// scope of a kind: Namespaced or Cluster.
type scope = string

// definitions are the kinds that the chart's crds folders bring with it, and their scopes: they are not served before
// they are installed.
func (o *operation) definitions(work *chart.Chart) (map[schema.GroupVersionKind]scope, error) {
	defined := map[schema.GroupVersionKind]scope{}
	for _, file := range work.CRDObjects() {
		objects, err := document{file.Filename, string(file.File.Data)}.objects()
		if err != nil {
			return nil, because(failed(ReasonRenderFailed, "%v", err))
		}
		for _, object := range objects {
			if kind := object.GroupVersionKind().GroupKind(); !isDefinition(kind) {
				return nil, because(failed(ReasonChartInvalid,
					"%s has %s: that folder is for CustomResourceDefinitions, which are never deleted; everything else belongs into templates",
					file.Filename, objectName(object.GetKind(), object.GetName())))
			}
			if outcome, ok := o.target.allowed(object, false); !ok {
				return nil, because(outcome)
			}
			group, _, _ := unstructured.NestedString(object.Object, "spec", "group")
			kind, _, _ := unstructured.NestedString(object.Object, "spec", "names", "kind")
			where, _, _ := unstructured.NestedString(object.Object, "spec", "scope")
			versions, _, _ := unstructured.NestedSlice(object.Object, "spec", "versions")
			for _, version := range versions {
				if version, ok := version.(map[string]any); ok {
					name, _ := version["name"].(string)
					defined[schema.GroupVersionKind{Group: group, Version: name, Kind: kind}] = where
				}
			}
		}
	}
	return defined, nil
}

// scopeOf tells whether objects of a kind are in namespaces.
func (o *operation) scopeOf(kind schema.GroupVersionKind, defined map[schema.GroupVersionKind]scope) (namespaced bool, err error) {
	if where, found := defined[kind]; found {
		return where == "Namespaced", nil
	}
	mapping, err := o.mapping(kind)
	if err != nil {
		return false, err
	}
	return isNamespaced(mapping), nil
}

// cloneChart copies what Helm changes in a chart while it validates it and works out the dependencies.
func cloneChart(source *chart.Chart) *chart.Chart {
	clone := &chart.Chart{
		Raw: source.Raw, Lock: source.Lock, Templates: source.Templates, Schema: source.Schema, Files: source.Files,
		Values: cloneValues(source.Values),
	}
	if source.Metadata != nil {
		metadata := *source.Metadata
		metadata.Dependencies = cloneEach(source.Metadata.Dependencies)
		for _, dependency := range metadata.Dependencies {
			if dependency != nil {
				dependency.Tags, dependency.ImportValues = slices.Clone(dependency.Tags), slices.Clone(dependency.ImportValues)
			}
		}
		metadata.Maintainers = cloneEach(source.Metadata.Maintainers)
		metadata.Sources, metadata.Keywords = slices.Clone(source.Metadata.Sources), slices.Clone(source.Metadata.Keywords)
		clone.Metadata = &metadata
	}
	for _, dependency := range source.Dependencies() {
		clone.AddDependency(cloneChart(dependency))
	}
	return clone
}

func cloneEach[T any](list []*T) []*T {
	var clones []*T
	for _, item := range list {
		if item == nil {
			clones = append(clones, nil) // for Helm to complain about
			continue
		}
		clone := *item
		clones = append(clones, &clone)
	}
	return clones
}

// cloneValues copies values deeply, and leaves every number the type that it has.
func cloneValues(values map[string]any) map[string]any {
	clone, ok := cloneValue(values).(map[string]any)
	if !ok || clone == nil {
		return map[string]any{}
	}
	return clone
}

func cloneValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		clone := make(map[string]any, len(value))
		for key, inner := range value {
			clone[key] = cloneValue(inner)
		}
		return clone
	case []any:
		clone := make([]any, len(value))
		for i, inner := range value {
			clone[i] = cloneValue(inner)
		}
		return clone
	}
	return value
}
