// Package charts tests charts/soak-operator on a real API server: that it says the same as config, lives through an
// upgrade and an end, and that the operator works as it is installed by it. What single values do is tested beside the
// chart. The folders are charts that other tests install.
package charts
