package release

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestStamp(t *testing.T) {
	for name, test := range map[string]struct{ given, want string }{
		"object without labels": {
			"{apiVersion: v1, kind: ConfigMap}",
			"{apiVersion: v1, kind: ConfigMap, metadata: {labels: {cell: x}}}",
		},
		"label of another cell is overwritten": {
			"{apiVersion: v1, kind: ConfigMap, metadata: {labels: {cell: y, app: web}}}",
			"{apiVersion: v1, kind: ConfigMap, metadata: {labels: {cell: x, app: web}}}",
		},
		"pod template, and not the selector": {
			"{apiVersion: apps/v1, kind: Deployment, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: []}}}}",
			"{apiVersion: apps/v1, kind: Deployment, metadata: {labels: {cell: x}}, spec: {selector: {matchLabels: {app: web}}, " +
				"template: {metadata: {labels: {app: web, cell: x}}, spec: {containers: []}}}}",
		},
		"CronJob": {
			"{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: {spec: {containers: []}}}}}}",
			"{apiVersion: batch/v1, kind: CronJob, metadata: {labels: {cell: x}}, spec: {jobTemplate: {metadata: {labels: {cell: x}}, " +
				"spec: {template: {metadata: {labels: {cell: x}}, spec: {containers: []}}}}}}",
		},
		"claim templates": {
			"{apiVersion: apps/v1, kind: StatefulSet, spec: {volumeClaimTemplates: [{metadata: {name: data}}], " +
				"template: {spec: {containers: [], volumes: [{name: a}, {ephemeral: {volumeClaimTemplate: {}}}]}}}}",
			"{apiVersion: apps/v1, kind: StatefulSet, metadata: {labels: {cell: x}}, spec: {volumeClaimTemplates: [{metadata: {name: data, labels: {cell: x}}}], " +
				"template: {metadata: {labels: {cell: x}}, spec: {containers: [], volumes: [{name: a}, {ephemeral: {volumeClaimTemplate: {metadata: {labels: {cell: x}}}}}]}}}}",
		},
		"template that is not of pods": {
			"{apiVersion: example.com/v1, kind: Certificate, spec: {template: {spec: {dnsNames: []}}}}",
			"{apiVersion: example.com/v1, kind: Certificate, metadata: {labels: {cell: x}}, spec: {template: {spec: {dnsNames: []}}}}",
		},
		"definition": {
			"{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: x}}",
			"{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: x}}",
		},
		"nonsense is left for the API server": {
			"{apiVersion: v1, kind: Pod, metadata: {labels: [a]}, spec: {volumes: x}}",
			"{apiVersion: v1, kind: Pod, metadata: {labels: [a]}, spec: {volumes: x}}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			object := &unstructured.Unstructured{Object: parse(t, test.given)}
			stamp(object, map[string]string{"cell": "x"})
			if diff := cmp.Diff(parse(t, test.want), object.Object); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var content map[string]any
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		t.Fatal(err)
	}
	return content
}
