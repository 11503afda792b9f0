package simulation

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// operation is a step of an attempt, in the hands of a runner.
type operation struct {
	id      plan.OperationID
	cell    *soakv1alpha1.SoakCell // as it was when the operation was started
	state   plan.OperationState
	stop    bool
	fenced  bool // by what a later run has made
	outcome plan.Outcome
	until   time.Time // when it ends, in a transcript
}

func (o *operation) live() bool {
	return o.state == plan.OperationQueued || o.state == plan.OperationRunning
}

func (o *operation) String() string {
	return fmt.Sprintf("%s attempt %d %s", o.cell.Name, o.id.Attempt, o.id.Step)
}

// run that the operation belongs to, by its number.
func (o *operation) run() int32 {
	number, err := strconv.ParseInt(o.cell.Labels[soakv1alpha1.LabelRun], 10, 32)
	if err != nil {
		return 0
	}
	return int32(number)
}

// runner runs operations, in one process. It runs one of a release at a time, and what is started later for a cell stops
// what was started before.
type runner struct {
	operations []*operation
}

func (r *runner) find(id plan.OperationID) *operation {
	at := slices.IndexFunc(r.operations, func(operation *operation) bool { return operation.id == id })
	if at < 0 {
		return nil
	}
	return r.operations[at]
}

func (r *runner) snapshot(id plan.OperationID) plan.Operation {
	if found := r.find(id); found != nil {
		return plan.Operation{State: found.state, Outcome: found.outcome}
	}
	return plan.Operation{}
}

func (r *runner) start(id plan.OperationID, cell *soakv1alpha1.SoakCell) {
	if r.find(id) != nil {
		return
	}
	for _, earlier := range r.operations {
		if earlier.id.CellUID == id.CellUID {
			earlier.interrupt()
		}
	}
	r.operations = append(r.operations, &operation{id: id, cell: cell, state: plan.OperationQueued})
}

// stop an operation. It tells whether it has ended at once.
func (r *runner) stop(id plan.OperationID) bool {
	found := r.find(id)
	if found == nil {
		return false
	}
	found.interrupt()
	return found.state == plan.OperationEnded
}

func (o *operation) interrupt() {
	switch o.state {
	case plan.OperationQueued:
		o.end(plan.Outcome{Result: plan.Stopped})
	case plan.OperationRunning:
		o.stop = true
	case plan.OperationEnded, plan.OperationUnknown:
	}
}

func (o *operation) end(outcome plan.Outcome) {
	o.state, o.outcome = plan.OperationEnded, outcome
}

func (r *runner) forget(id plan.OperationID) {
	r.operations = slices.DeleteFunc(r.operations, func(operation *operation) bool {
		return operation.id == id && operation.state == plan.OperationEnded
	})
}

// mayRun tells whether an operation that is queued may begin.
func (r *runner) mayRun(queued *operation) bool {
	return queued.state == plan.OperationQueued && !slices.ContainsFunc(r.operations, func(other *operation) bool {
		return other.cell.Spec.Release == queued.cell.Spec.Release && other.state == plan.OperationRunning
	})
}

// live returns the operations that are queued or running, in a fixed order.
func (r *runner) live() []*operation {
	var live []*operation
	for _, operation := range r.operations {
		if operation.live() {
			live = append(live, operation)
		}
	}
	slices.SortFunc(live, func(a, b *operation) int {
		return cmp.Or(cmp.Compare(a.cell.Name, b.cell.Name), cmp.Compare(a.id.Attempt, b.id.Attempt))
	})
	return live
}
