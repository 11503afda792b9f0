package release

import (
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// isDefinition tells a CustomResourceDefinition. These belong to everybody who has such resources: they are never
// labelled, never deleted.
func isDefinition(kind schema.GroupKind) bool {
	return kind.Group == "apiextensions.k8s.io" && kind.Kind == "CustomResourceDefinition"
}

// isClaim tells a PersistentVolumeClaim.
func isClaim(kind schema.GroupKind) bool {
	return kind.Group == "" && kind.Kind == "PersistentVolumeClaim"
}

// stamp puts the labels on an object and on all the templates in it from which a controller makes others, so that one
// selector finds whatever came of the release. Selectors are not touched: what they selected they still do.
func stamp(object *unstructured.Unstructured, labels map[string]string) {
	if isDefinition(object.GroupVersionKind().GroupKind()) {
		return
	}
	stampMetadata(object.Object, labels)
	stampTemplate(object.Object, labels, "template") // PodTemplate
	stampTemplate(object.Object, labels, "spec", "template")
	if job := child(object.Object, "spec", "jobTemplate"); job != nil { // CronJob
		stampMetadata(job, labels)
		stampTemplate(job, labels, "spec", "template")
	}
	if spec := child(object.Object, "spec"); spec != nil { // StatefulSet
		stampEach(spec["volumeClaimTemplates"], labels)
	}
	if object.GroupVersionKind().GroupKind() == (schema.GroupKind{Kind: "Pod"}) {
		stampVolumes(child(object.Object, "spec"), labels)
	}
}

// stampTemplate stamps a template of pods. Other kinds have templates too: one without containers is left alone.
func stampTemplate(object map[string]any, labels map[string]string, path ...string) {
	template := child(object, path...)
	spec := child(template, "spec")
	if _, found := spec["containers"]; !found {
		return
	}
	stampMetadata(template, labels)
	stampVolumes(spec, labels)
}

// stampVolumes stamps the claims that are made for a pod and live as long as it does.
func stampVolumes(spec map[string]any, labels map[string]string) {
	volumes, _ := spec["volumes"].([]any)
	for _, volume := range volumes {
		if volume, ok := volume.(map[string]any); ok {
			if claim := child(volume, "ephemeral", "volumeClaimTemplate"); claim != nil {
				stampMetadata(claim, labels)
			}
		}
	}
}

func stampEach(templates any, labels map[string]string) {
	list, _ := templates.([]any)
	for _, template := range list {
		if template, ok := template.(map[string]any); ok {
			stampMetadata(template, labels)
		}
	}
}

// stampMetadata sets the labels in the metadata. What is of the wrong type there is left for the API server to refuse.
func stampMetadata(object map[string]any, labels map[string]string) {
	metadata, found := object["metadata"].(map[string]any)
	if !found {
		if object["metadata"] != nil {
			return
		}
		metadata = map[string]any{}
	}
	set, found := metadata["labels"].(map[string]any)
	if !found {
		if metadata["labels"] != nil {
			return
		}
		set = map[string]any{}
	}
	set = maps.Clone(set) // a YAML anchor may have made one map of several
	for key, value := range labels {
		set[key] = value
	}
	metadata["labels"] = set
	object["metadata"] = metadata
}

// child returns the map at the path, or nil.
func child(object map[string]any, path ...string) map[string]any {
	for _, field := range path {
		next, ok := object[field].(map[string]any)
		if !ok {
			return nil
		}
		object = next
	}
	return object
}
