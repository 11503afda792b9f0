package release

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// offspring are the kinds of what the controllers of Kubernetes make of an object beside Pods, claims and Jobs. They give it
// the labels of the object or of its template, ours with them.
var offspring = map[schema.GroupKind]soakv1alpha1.InventoryItem{
	{Group: "apps", Kind: "Deployment"}:  {Group: "apps", Version: "v1", Kind: "ReplicaSet"},
	{Group: "apps", Kind: "StatefulSet"}: {Group: "apps", Version: "v1", Kind: "ControllerRevision"},
	{Group: "apps", Kind: "DaemonSet"}:   {Group: "apps", Version: "v1", Kind: "ControllerRevision"},
	{Kind: "Service"}:                    {Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"},
}

// withOffspring adds the kinds of what is made of objects of the kinds of an inventory.
func withOffspring(inventory []soakv1alpha1.InventoryItem) []soakv1alpha1.InventoryItem {
	all := slices.Clone(inventory)
	for _, item := range inventory {
		if made, found := offspring[kindOf(item).GroupKind()]; found {
			made.Namespace = item.Namespace
			all = append(all, made)
		}
	}
	return all
}

// propagation is how an object of a kind is deleted. The kinds of Kubernetes go first, and what was made of them after
// them, seen by its labels: that spares the API server half of the work. What others make of their kinds may not have
// our labels: there the object goes last, so that it is seen for as long as anything of it is left.
func propagation(kind schema.GroupKind) metav1.DeletionPropagation {
	if scheme.Scheme.IsGroupRegistered(kind.Group) {
		return metav1.DeletePropagationBackground
	}
	return metav1.DeletePropagationForeground
}
