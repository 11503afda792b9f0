package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion is the group and version of every kind in this package.
	GroupVersion = schema.GroupVersion{Group: "soak.saltside.io", Version: "v1alpha1"}

	// SchemeBuilder collects the functions by which the kinds of this package
	// are added to a scheme. It is apimachinery's, not controller-runtime's, to
	// keep this package light for those who import it.
	SchemeBuilder = runtime.NewSchemeBuilder(addKinds)

	// AddToScheme adds the kinds of this package to a scheme. It fails when one
	// of them is already there as another Go type.
	AddToScheme = SchemeBuilder.AddToScheme
)

// addKinds registers the kinds of this package, and with them what every group
// version needs to be listed, watched, created and patched through a client.
func addKinds(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&SoakExperiment{}, &SoakExperimentList{},
		&SoakRun{}, &SoakRunList{},
		&SoakCell{}, &SoakCellList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
