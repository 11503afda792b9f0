package v1alpha1_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// The group version is written by hand: it is what users have in their manifests.
func TestAddToScheme(t *testing.T) {
	want := schema.GroupVersion{Group: "soak.saltside.io", Version: "v1alpha1"}
	scheme := runtime.NewScheme()

	for _, pass := range []string{"once", "again"} {
		if err := soakv1alpha1.AddToScheme(scheme); err != nil {
			t.Fatalf("add to scheme %s: %v", pass, err)
		}
	}

	if !scheme.IsVersionRegistered(want) {
		t.Errorf("%s is not registered, only %v", want, scheme.PrioritizedVersionsAllGroups())
	}
	// A client encodes its options for the group version it talks to: without
	// these, a list or a watch fails although the kind itself is known.
	for _, options := range []runtime.Object{
		&metav1.ListOptions{}, &metav1.GetOptions{}, &metav1.CreateOptions{},
		&metav1.UpdateOptions{}, &metav1.PatchOptions{}, &metav1.DeleteOptions{},
	} {
		kinds, _, err := scheme.ObjectKinds(options)
		if err != nil {
			t.Errorf("%T: %v", options, err)
			continue
		}
		if !hasGroupVersion(kinds, want) {
			t.Errorf("%T is not registered for %s, only for %v", options, want, kinds)
		}
	}
}

func hasGroupVersion(kinds []schema.GroupVersionKind, want schema.GroupVersion) bool {
	for _, kind := range kinds {
		if kind.GroupVersion() == want {
			return true
		}
	}
	return false
}
