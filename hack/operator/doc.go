// Package operator runs the operator as a process of this machine against a cluster, with the rights of its own service
// account there and no others: for the demo, the tests and the benchmarks. It is built from the source at hand.
package operator
