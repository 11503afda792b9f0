package operation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// Causes with which the context of an operation ends that is stopped: see [context.Cause]. At its deadline, both the
// cause and the error of the context are [context.DeadlineExceeded].
var (
	// ErrStopped says that the operation was stopped on request.
	ErrStopped = errors.New("stopped on request")
	// ErrShutdown says that the operator goes down.
	ErrShutdown = errors.New("the operator goes down")
)

// ReasonPanic of an outcome says that the operation panicked: a mistake in the operator, or in a library.
const ReasonPanic = "Panic"

// Func is what an operation does. When its context ends, it is to come to an end soon, whatever the cause; it may take
// the time to look at what came of what it did. What it returns is the outcome of the operation.
type Func func(ctx context.Context) plan.Outcome

// Order says which operation is to be run.
type Order struct {
	ID plan.OperationID
	// Cell is the name of the SoakCell, for those who are woken when the operation has ended.
	Cell types.NamespacedName
	// Release that the operation is about. Those about the same release run one after the other, whosever they are.
	Release soakv1alpha1.ReleaseIdentity
	// Timeout is how long it may take, from when it begins to run.
	Timeout time.Duration
}

// String names an operation in errors.
func (o Order) String() string {
	return fmt.Sprintf("%s of %s, attempt %d", o.ID.Step, o.Cell, o.ID.Attempt)
}

// operation is one that was started.
type operation struct {
	Order
	// run is nil once it has ended: what it holds is not needed any more.
	run Func
	// now is how far it is. Its state is unknown once it was forgotten.
	now plan.Operation
	// cancel ends the context of a running one.
	cancel context.CancelCauseFunc
}

// keys tell in a log which operation it is about.
func (o *operation) keys(more ...any) []any {
	return append([]any{"cell", o.Cell.String(), "attempt", o.ID.Attempt, "step", string(o.ID.Step)}, more...)
}

// stopped is the outcome of an operation that was not judged because it was stopped.
func stopped(cause error, when string) plan.Outcome {
	return plan.Outcome{Result: plan.Stopped, Reason: string(plan.Stopped), Message: cause.Error() + " " + when}
}

// steps in the order in which attempts take them.
var steps = []soakv1alpha1.Step{soakv1alpha1.StepClean, soakv1alpha1.StepBuild, soakv1alpha1.StepInstall, soakv1alpha1.StepTest}

// after tells whether an operation of a cell comes later than another of the same.
func after(id, other plan.OperationID) bool {
	if id.Attempt != other.Attempt {
		return id.Attempt > other.Attempt
	}
	return slices.Index(steps, id.Step) > slices.Index(steps, other.Step)
}
