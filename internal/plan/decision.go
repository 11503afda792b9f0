package plan

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// FinalizerChange says what becomes of our finalizer on the object that a decision is about.
type FinalizerChange string

// The changes of a finalizer.
const (
	// FinalizerKept leaves it as it is.
	FinalizerKept FinalizerChange = ""
	// FinalizerAdded adds it.
	FinalizerAdded FinalizerChange = "Add"
	// FinalizerRemoved removes it: the object may go.
	FinalizerRemoved FinalizerChange = "Remove"
)

// The types of events, as Kubernetes has them.
const (
	EventNormal  = "Normal"
	EventWarning = "Warning"
)

// Event is something to be told about the object once what the decision writes has landed. It is never the record.
type Event struct {
	Type, Reason, Message string
}

// ActionKind says what the runner is asked for.
type ActionKind string

// The kinds of actions.
const (
	// Start an operation. It is only ever asked for by the decision that writes the intent.
	Start ActionKind = "Start"
	// Stop an operation. It ends as Stopped, unless it was just about to end by itself.
	Stop ActionKind = "Stop"
	// Forget an operation whose outcome has been written.
	Forget ActionKind = "Forget"
)

// Action is something for the runner to do, after the status of the decision has been written and only if it was.
//
// The runner starts no operation twice and runs one operation of a release at a time. When it is asked to start one of a
// later attempt of a cell, it first stops what an earlier one has left running.
type Action struct {
	Kind      ActionKind
	Operation OperationID
	// Timeout of an operation to be started, from when it begins to act.
	Timeout time.Duration
}

// pollInterval is when to look at an operation again although the runner tells when it has ended.
const pollInterval = 30 * time.Second

// sooner of two delays, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// reasonInvalid says that the definition makes no sense.
const reasonInvalid = "InvalidDefinition"

// hasFinalizer tells whether ours is on an object.
func hasFinalizer(object metav1.Object) bool {
	return slices.Contains(object.GetFinalizers(), soakv1alpha1.Finalizer)
}
