// A Kubernetes of our own for the demo, the tests and the benchmarks. It is a module apart, and each
// component that it builds is one of its own again, so that no version they need reaches the operator.
module github.com/saltside/soak-operator/hack/cluster

go 1.26.0

require golang.org/x/sys v0.47.0
