package operation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/saltside/soak-operator/internal/plan"
)

// Reasons why an operation is not started.
var (
	// ErrStartedBefore says that the operation, or a later one of the same cell, was started before. It is never started
	// again.
	ErrStartedBefore = errors.New("it was started before")
	// ErrCellBusy says that an earlier step of the same attempt has not ended.
	ErrCellBusy = errors.New("an earlier step of the attempt has not ended")
	// ErrClosed says that the runner takes nothing new, because the operator goes down.
	ErrClosed = errors.New("the runner was shut down")
)

// Options of a runner.
type Options struct {
	// Limit is how many operations run at a time, at least 1.
	Limit int
	// Grace is how long an operation may go on after its context has ended until the log tells of it.
	Grace time.Duration
	// Wake is called with a cell after each end of an operation of it. It must not block, and may be called from within
	// any method that ends one.
	Wake func(cell types.NamespacedName)
	// Log gets the stacks of panics, and what does not return.
	Log logr.Logger
}

// Runner runs operations. Make one with [New]; its methods can be used at once from many goroutines, and none but
// Shutdown waits.
type Runner struct {
	options Options

	lock sync.Mutex
	// latest is the last operation that was started of each cell, by the UID of the cell. Attempts and steps only go up,
	// so that this is enough to know all that were. One of a cell that is live but not its latest was told to stop.
	latest map[string]*operation
	// queue of those that have not begun, in the order in which they came.
	queue []*operation
	// running are those that have begun, until each has woken who waits for it.
	running []*operation
	// ended while the lock was held, and nobody was woken for it yet.
	ended  []*operation
	closed bool
	// drained is closed when the runner is, and nothing is running any more.
	drained chan struct{}
}

// New returns a runner that has nothing to do. It has no goroutine while that is so.
func New(options Options) *Runner {
	return &Runner{options: options, latest: map[string]*operation{}, drained: make(chan struct{})}
}

// unlock wakes, without the lock, for each operation that has ended while it was held.
func (r *Runner) unlock() {
	ended := r.ended
	r.ended = nil
	r.lock.Unlock()
	for _, o := range ended {
		r.options.Wake(o.Cell)
	}
}

// Start queues an operation. It begins to run when it is its turn and nothing else is about its release. What an earlier
// attempt of the same cell has left running is stopped first. What came of earlier operations of the cell is forgotten:
// who starts a later one has written that they are over.
//
// An error says why it is not started: ErrStartedBefore, ErrCellBusy or ErrClosed.
func (r *Runner) Start(order Order, run Func) error {
	r.lock.Lock()
	defer r.unlock()
	earlier := r.latest[order.ID.CellUID]
	if err := r.refuse(order.ID, earlier); err != nil {
		return fmt.Errorf("start %s: %w", order, err)
	}
	if earlier != nil {
		r.stop(earlier, ErrStopped)
	}
	o := &operation{Order: order, run: run, now: plan.Operation{State: plan.OperationQueued}}
	r.latest[order.ID.CellUID] = o
	r.queue = append(r.queue, o)
	r.dispatch()
	return nil
}

// refuse returns why an operation must not be started after an earlier one of its cell, which may be nil.
func (r *Runner) refuse(id plan.OperationID, earlier *operation) error {
	switch {
	case r.closed:
		return ErrClosed
	case earlier == nil:
		return nil
	case !after(id, earlier.ID):
		return ErrStartedBefore
	case id.Attempt == earlier.ID.Attempt && earlier.live():
		return ErrCellBusy
	}
	return nil
}

func (o *operation) live() bool {
	return o.now.State == plan.OperationQueued || o.now.State == plan.OperationRunning
}

// find an operation; nil if it is unknown.
func (r *Runner) find(id plan.OperationID) *operation {
	if o := r.latest[id.CellUID]; o != nil && o.ID == id {
		return o
	}
	return nil
}

// Snapshot tells how far an operation is, and what came of it.
func (r *Runner) Snapshot(id plan.OperationID) plan.Operation {
	r.lock.Lock()
	defer r.lock.Unlock()
	if o := r.find(id); o != nil {
		return o.now
	}
	return plan.Operation{State: plan.OperationUnknown}
}

// Stop ends the context of a running operation with ErrStopped, and takes a queued one out of the queue: it has ended
// then without having run. For any other it does nothing.
func (r *Runner) Stop(id plan.OperationID) {
	r.lock.Lock()
	defer r.unlock()
	if o := r.find(id); o != nil {
		r.stop(o, ErrStopped)
	}
}

func (r *Runner) stop(o *operation, cause error) {
	switch o.now.State {
	case plan.OperationQueued:
		r.queue = without(r.queue, o)
		r.end(o, stopped(cause, "before it began"))
	case plan.OperationRunning:
		o.cancel(cause)
	default:
	}
}

// end notes what came of an operation. Who is to know is woken by unlock.
func (r *Runner) end(o *operation, outcome plan.Outcome) {
	o.now = plan.Operation{State: plan.OperationEnded, Outcome: outcome}
	o.run = nil
	r.ended = append(r.ended, o)
}

// Forget drops the outcome of an operation that has ended, once what follows from it has been written. It is not started
// again for that. One that has not ended is kept.
func (r *Runner) Forget(id plan.OperationID) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if o := r.find(id); o != nil && o.now.State == plan.OperationEnded {
		o.now = plan.Operation{State: plan.OperationUnknown}
	}
}

// ForgetCell drops all that is known of a cell that is gone and will never be again, and stops what it is at: nobody else
// could any more.
func (r *Runner) ForgetCell(cellUID string) {
	r.lock.Lock()
	defer r.unlock()
	if o := r.latest[cellUID]; o != nil {
		r.stop(o, ErrStopped)
		delete(r.latest, cellUID)
	}
}

// Shutdown stops all operations, takes no new ones, and returns when the last has ended. An error says which had not when
// the context ended.
func (r *Runner) Shutdown(ctx context.Context) error {
	r.close()
	select {
	case <-r.drained:
		return nil
	case <-ctx.Done():
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	var left []string
	for _, o := range r.running {
		left = append(left, o.String())
	}
	return fmt.Errorf("shut down: %w: still running: %s", context.Cause(ctx), strings.Join(left, "; "))
}

func (r *Runner) close() {
	r.lock.Lock()
	defer r.unlock()
	if r.closed {
		return
	}
	r.closed = true
	for _, o := range slices.Concat(r.queue, r.running) {
		r.stop(o, ErrShutdown)
	}
	r.settle()
}

// settle tells those who wait for the end that it has come. It is called once the runner is closed, and then after each
// operation: so that it finds nothing running once.
func (r *Runner) settle() {
	if r.closed && len(r.running) == 0 {
		close(r.drained)
	}
}

func without(operations []*operation, o *operation) []*operation {
	return slices.DeleteFunc(operations, func(other *operation) bool { return other == o })
}
