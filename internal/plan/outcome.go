package plan

import (
	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// Result of an operation, as far as it could be judged.
type Result string

// The results.
const (
	// Succeeded says that the step did what it should.
	Succeeded Result = "Succeeded"
	// Failed says that it did not, by the doing of the chart or of the cluster.
	Failed Result = "Failed"
	// Errored says that it could not be judged: the API server or a registry did not answer, a right was missing, or
	// something happened that is not understood.
	Errored Result = "Errored"
	// Stopped says that it was stopped on request before it was judged.
	Stopped Result = "Stopped"
	// InputsChanged says that what the run's inputs refer to is no longer what it was when the run started.
	InputsChanged Result = "InputsChanged"
)

// NamespaceState is what has become of the namespace of a release.
type NamespaceState string

// The states of a namespace.
const (
	// NamespaceThere says that nothing else is known.
	NamespaceThere NamespaceState = ""
	// NamespaceGoing says that it is being deleted, with all that is in it.
	NamespaceGoing NamespaceState = "Going"
	// NamespaceGone says that there is none.
	NamespaceGone NamespaceState = "Gone"
)

// Outcome is what came of one operation: the step of an attempt.
type Outcome struct {
	Result Result
	// Reason in a word, such as PodsNotDeleted or Forbidden. Empty when it succeeded.
	Reason string
	// Message is one sentence for a person, without any secret.
	Message string
	// Object is the culprit as Kind/name, with the container and the node it is on, where there is one.
	Object, Container, Node string
	// UserMustAct says that trying again is of no use before somebody changes something, such as a missing right.
	UserMustAct bool
	// Namespace says what has become of the release's, when that is why it was not judged.
	Namespace NamespaceState
	// Inventory is what Build found that the chart will create.
	Inventory []soakv1alpha1.InventoryItem
}

// OperationID names an operation. No two operations ever have the same.
type OperationID struct {
	// CellUID is the UID of the SoakCell.
	CellUID string
	// Attempt is the number of the attempt in the life of the cell.
	Attempt int32
	Step    soakv1alpha1.Step
}

// OperationState says how far an operation is.
type OperationState string

// The states of an operation.
const (
	// OperationUnknown says that the runner has never heard of it, or has forgotten: a restart, another leader.
	OperationUnknown OperationState = ""
	// OperationQueued says that it waits for its turn. Its deadline has not begun.
	OperationQueued OperationState = "Queued"
	// OperationRunning says that it is at work.
	OperationRunning OperationState = "Running"
	// OperationEnded says that it is over; its outcome is kept until it is forgotten.
	OperationEnded OperationState = "Ended"
)

// Operation is what the runner knows of an operation.
type Operation struct {
	State OperationState
	// Outcome of an operation that has ended.
	Outcome Outcome
}
