// Package operation runs the steps of attempts in goroutines of its own, so that no reconcile ever waits for one. It sees
// to it that an operation is started once, that there is one of a release at a time and only so many in all, that each
// has a deadline, and that one which panics ends nothing but itself. What came of an operation is kept until it is
// forgotten.
//
// It does not know what is in a step, writes nothing to the API server and remembers nothing over a restart: then it says
// that it knows no operation, and it is for package plan to decide what that means.
package operation
