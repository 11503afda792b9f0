// Package e2e runs the operator as its users do: as a process with the rights of its own account, on a real API server,
// with real Helm releases. Pods are played by simulated nodes; where the machine can have real ones, they run there too.
package e2e
