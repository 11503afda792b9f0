// Package v1alpha1 is the first version of the API group soak.saltside.io: soak
// tests of Helm charts as Kubernetes objects.
//
// It holds the types as they are stored and served, their validation and
// defaults as markers for the CRDs generated from them, and nothing that acts.
// It depends on apimachinery alone, so that a client can import it without
// taking on the operator's dependencies.
//
// Being alpha, it may change in incompatible ways from release to release.
//
// +kubebuilder:object:generate=true
// +groupName=soak.saltside.io
package v1alpha1
