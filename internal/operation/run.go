package operation

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/saltside/soak-operator/internal/plan"
)

// dispatch lets begin what may, in the order of the queue. What has to wait for its release holds nobody else up.
func (r *Runner) dispatch() {
	var waiting []*operation
	for _, o := range r.queue {
		if len(r.running) >= r.options.Limit || r.busy(o) {
			waiting = append(waiting, o)
			continue
		}
		// The deadline begins with the goroutine, but it can be stopped from now on.
		ctx, cancel := context.WithCancelCause(context.Background())
		o.now.State, o.cancel = plan.OperationRunning, cancel
		r.running = append(r.running, o)
		go r.perform(ctx, o)
	}
	r.queue = waiting
}

// busy tells whether another operation of the same release or cell is running.
func (r *Runner) busy(o *operation) bool {
	return slices.ContainsFunc(r.running, func(other *operation) bool {
		return other.Release == o.Release || other.ID.CellUID == o.ID.CellUID
	})
}

// perform runs an operation to its end.
func (r *Runner) perform(ctx context.Context, o *operation) {
	ctx, release := context.WithTimeout(ctx, o.Timeout)
	returned := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() { r.watch(ctx, o, returned) })
	outcome := plan.Outcome{ // Unless it returns one.
		Result: plan.Errored, Reason: ReasonPanic,
		Message: fmt.Sprintf("the operator panicked in %s: its log has the stack", o.ID.Step),
	}
	defer func() {
		if what := recover(); what != nil {
			r.options.Log.Error(withoutSecret(what), "An operation panicked", o.keys("stack", string(debug.Stack()))...)
		}
		close(returned)
		unwatch()
		release()
		r.finish(o, outcome)
	}()
	outcome = o.run(ctx)
	// What was judged stays as it was judged. What could not be, after it was asked to stop, says nothing of the API
	// server or the chart.
	if outcome.Result == plan.Errored && errors.Is(ctx.Err(), context.Canceled) {
		outcome = stopped(context.Cause(ctx), "before it could be judged")
	}
}

// withoutSecret says what was panicked with. Only the words of the Go runtime itself are known to hold no secret.
func withoutSecret(what any) error {
	if err, ok := what.(runtime.Error); ok {
		return err
	}
	return fmt.Errorf("panic with a %T", what)
}

// watch tells of an operation that does not return although its context has ended. More cannot be done: until it does, it
// counts for the limit and its release stays busy.
func (r *Runner) watch(ctx context.Context, o *operation, returned <-chan struct{}) {
	grace := time.NewTimer(r.options.Grace)
	defer grace.Stop()
	select {
	case <-returned:
	case <-grace.C:
		r.options.Log.Error(context.Cause(ctx), "An operation does not return", o.keys("grace", r.options.Grace.String())...)
	}
}

// finish notes the outcome and wakes. Only then it makes room for others: so that when nothing is running, all have been
// woken.
func (r *Runner) finish(o *operation, outcome plan.Outcome) {
	r.lock.Lock()
	r.end(o, outcome)
	r.unlock()

	r.lock.Lock()
	defer r.unlock()
	r.running = without(r.running, o)
	r.dispatch()
	r.settle()
}
