package release

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

func TestOffspringIsWhereItsOwnerIs(t *testing.T) {
	t.Parallel()
	got := withOffspring([]soakv1alpha1.InventoryItem{
		{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "sandbox"},
		{Version: "v1", Kind: "Service", Namespace: "sandbox"},
		{Version: "v1", Kind: "ConfigMap", Namespace: "sandbox"},
	})
	for _, want := range []soakv1alpha1.InventoryItem{
		{Group: "apps", Version: "v1", Kind: "ReplicaSet", Namespace: "sandbox"},
		{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice", Namespace: "sandbox"},
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%v is missing in %v", want, got)
		}
	}
	if len(got) != 5 {
		t.Errorf("there are %d kinds, want 5: %v", len(got), got)
	}
}

func TestOnlyKindsOfOthersGoLast(t *testing.T) {
	t.Parallel()
	for kind, want := range map[schema.GroupKind]metav1.DeletionPropagation{
		{Kind: "Service"}:                                     metav1.DeletePropagationBackground,
		{Group: "apps", Kind: "Deployment"}:                   metav1.DeletePropagationBackground,
		{Group: "rbac.authorization.k8s.io", Kind: "Role"}:    metav1.DeletePropagationBackground,
		{Group: "gateway.networking.k8s.io", Kind: "Gateway"}: metav1.DeletePropagationForeground,
		{Group: "example.com", Kind: "Deployment"}:            metav1.DeletePropagationForeground,
		{Group: "postgresql.cnpg.io", Kind: "Cluster"}:        metav1.DeletePropagationForeground,
	} {
		if got := propagation(kind); got != want {
			t.Errorf("%s is deleted in the %s, want %s", kind, got, want)
		}
	}
}
