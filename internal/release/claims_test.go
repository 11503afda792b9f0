package release

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestStatefulSetTakesTheClaimsOfItsPods(t *testing.T) {
	t.Parallel()
	document := document{"store.yaml", `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store}
spec:
  replicas: 2
  ordinals: {start: 3}
  volumeClaimTemplates:
  - metadata: {name: data}
  - metadata: {name: logs}
`}
	objects, err := document.objects()
	if err != nil {
		t.Fatal(err)
	}
	for claim, want := range map[string]bool{
		"data-store-3": true, "logs-store-4": true, "data-store-2": false, "data-store-5": false, "data-store": false,
		"data-store-x": false, "other-store-3": false, "data-store-2-3": false,
	} {
		if got := wouldTake(objects[0], claim); got != want {
			t.Errorf("claim %s: %t, want %t", claim, got, want)
		}
	}
	one := &unstructured.Unstructured{Object: map[string]any{"kind": "StatefulSet", "metadata": map[string]any{"name": "store"}, "spec": map[string]any{
		"volumeClaimTemplates": []any{map[string]any{"metadata": map[string]any{"name": "data"}}},
	}}}
	if !wouldTake(one, "data-store-0") || wouldTake(one, "data-store-1") {
		t.Error("a set that does not say how many has one pod")
	}
}
