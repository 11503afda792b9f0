package operation_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/operation"
	"github.com/saltside/soak-operator/internal/plan"
)

// wantEnd checks how a context has ended.
func wantEnd(ctx context.Context, t *testing.T, cause error) {
	t.Helper()
	expired := errors.Is(ctx.Err(), context.DeadlineExceeded)
	if !errors.Is(context.Cause(ctx), cause) || expired != errors.Is(cause, context.DeadlineExceeded) {
		t.Errorf("the context ended with %v, because %v, want %v", ctx.Err(), context.Cause(ctx), cause)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		returns plan.Outcome
		want    plan.Result
	}{
		"could not be judged": {plan.Outcome{Result: plan.Errored, Reason: "APIUnavailable"}, plan.Stopped},
		"says so itself":      {plan.Outcome{Result: plan.Stopped}, plan.Stopped},
		"had just succeeded":  {plan.Outcome{Result: plan.Succeeded}, plan.Succeeded},
		"had just failed":     {plan.Outcome{Result: plan.Failed, Reason: "TestFailed"}, plan.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBench(t, 1, func(t *testing.T, b *bench) {
				running, queued := clean("running"), clean("queued")
				b.start(t, running, func(ctx context.Context) plan.Outcome {
					<-ctx.Done()
					wantEnd(ctx, t, operation.ErrStopped)
					return test.returns
				})
				b.start(t, queued, func(context.Context) plan.Outcome { t.Error("it runs"); return plan.Outcome{} })
				synctest.Wait()

				b.Stop(queued.ID)
				b.want(t, queued, plan.OperationEnded, plan.Stopped)
				b.wantWoken(t, "queued Ended Stopped")
				b.Stop(running.ID)
				synctest.Wait()
				b.want(t, running, plan.OperationEnded, test.want)
				b.wantWoken(t, "queued Ended Stopped", "running Ended "+string(test.want))
				b.Stop(running.ID) // Once more, and one that nobody knows.
				b.Stop(clean("unknown").ID)
				b.want(t, running, plan.OperationEnded, test.want)
			})
		})
	}
}

// Time in the queue is nobody's fault. What came of an operation at its deadline stays what it says, even if it is
// stopped after that.
func TestDeadline(t *testing.T) {
	t.Parallel()
	onBench(t, 1, func(t *testing.T, b *bench) {
		began := time.Now()
		for i, cell := range []string{"a", "b"} {
			b.start(t, clean(cell), func(ctx context.Context) plan.Outcome {
				<-ctx.Done()
				if got, want := time.Since(began), time.Duration(i+1)*timeout; got != want {
					t.Errorf("%s: over after %v, want %v", cell, got, want)
				}
				b.Stop(clean(cell).ID)
				wantEnd(ctx, t, context.DeadlineExceeded)
				return plan.Outcome{Result: plan.Errored}
			})
		}
		pass(2 * timeout)
		b.wantWoken(t, "a Ended Errored", "b Ended Errored")
	})
}

// What somebody panics with may hold a secret. Where it happened may be told, but only in the log.
func TestPanic(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for name, test := range map[string]struct {
		run    operation.Func
		logged string
	}{
		"text":             {func(context.Context) plan.Outcome { panic(secret) }, "panic with a string"},
		"error":            {func(context.Context) plan.Outcome { panic(errors.New(secret)) }, "panic with a *errors.errorString"},
		"runtime":          {func(context.Context) plan.Outcome { return plan.Outcome{Reason: strings.Fields(secret)[1]} }, "index out of range"},
		"after a stop":     {func(ctx context.Context) plan.Outcome { <-ctx.Done(); panic(secret) }, "panic with a string"},
		"after its result": {func(context.Context) (o plan.Outcome) { defer panic(secret); o.Result = plan.Succeeded; return o }, "panic with a string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBench(t, 1, func(t *testing.T, b *bench) {
				b.start(t, clean("a"), test.run)
				b.Stop(clean("a").ID)
				b.start(t, clean("b"), succeed)
				synctest.Wait()
				b.wantWoken(t, "a Ended Errored", "b Ended Succeeded") // It goes on.
				outcome := b.Snapshot(clean("a").ID).Outcome
				if outcome.Reason != operation.ReasonPanic || strings.Contains(outcome.Message, secret) || strings.Contains(outcome.Message, ".go") {
					t.Errorf("outcome %+v", outcome)
				}
				log := b.logged()
				if !strings.Contains(log, test.logged) || !strings.Contains(log, "end_test.go") || strings.Contains(log, secret) {
					t.Errorf("logged %q", log)
				}
			})
		})
	}
}

// What does not return is told of. It counts for the limit for as long as it is there.
func TestDoesNotReturn(t *testing.T) {
	t.Parallel()
	onBench(t, 1, func(t *testing.T, b *bench) {
		stuck, other := clean("stuck"), clean("other")
		letGo := make(chan struct{})
		b.start(t, stuck, until(letGo))
		b.start(t, other, succeed)
		pass(timeout + grace - 1)
		if log := b.logged(); log != "" {
			t.Errorf("logged too early: %q", log)
		}
		pass(1)
		if log := b.logged(); !strings.Contains(log, "does not return") || !strings.Contains(log, "soak/stuck") {
			t.Errorf("logged %q", log)
		}
		b.want(t, stuck, plan.OperationRunning, "")
		b.want(t, other, plan.OperationQueued, "")
		close(letGo)
		synctest.Wait()
		b.wantWoken(t, "stuck Ended Succeeded", "other Ended Succeeded")
	})
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	onBench(t, 2, func(t *testing.T, b *bench) {
		b.wakeTakes = time.Second / 10
		slow := func(ctx context.Context) plan.Outcome {
			<-ctx.Done()
			wantEnd(ctx, t, operation.ErrShutdown)
			<-time.After(time.Second)
			return plan.Outcome{Result: plan.Errored}
		}
		b.start(t, clean("a"), slow)
		b.start(t, clean("gone"), func(ctx context.Context) plan.Outcome {
			<-ctx.Done()
			<-time.After(2 * time.Second)
			return plan.Outcome{Result: plan.Errored}
		})
		b.start(t, clean("queued"), succeed)
		b.ForgetCell(clean("gone").ID.CellUID)
		synctest.Wait()
		for range 2 {
			if err := b.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			b.wantWoken(t, "queued Ended Stopped", "a Ended Stopped", "gone") // By now, not later.
		}
		if err := b.Start(clean("late"), succeed); !errors.Is(err, operation.ErrClosed) {
			t.Errorf("start: %v", err)
		}
	})
}

func TestShutdownOfNothing(t *testing.T) {
	t.Parallel()
	onBench(t, 2, func(t *testing.T, b *bench) {
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestShutdownThatTakesTooLong(t *testing.T) {
	t.Parallel()
	onBench(t, 2, func(t *testing.T, b *bench) {
		letGo := make(chan struct{})
		b.start(t, clean("stuck"), until(letGo))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := b.Shutdown(ctx)
		if err == nil || !strings.Contains(err.Error(), "still running: Clean of soak/stuck, attempt 1") {
			t.Errorf("shutdown: %v", err)
		}
		close(letGo)
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestForgetCell(t *testing.T) {
	t.Parallel()
	onBench(t, 1, func(t *testing.T, b *bench) {
		b.start(t, clean("ended"), succeed)
		synctest.Wait()
		b.start(t, clean("running"), untilStopped)
		b.start(t, clean("queued"), func(context.Context) plan.Outcome { t.Error("it runs"); return plan.Outcome{} })
		for _, cell := range []string{"ended", "queued", "running", "unknown"} {
			b.ForgetCell(clean(cell).ID.CellUID)
			b.want(t, clean(cell), plan.OperationUnknown, "")
		}
		synctest.Wait()
		b.wantWoken(t, "ended Ended Succeeded", "queued", "running")
		if got := b.Left(); got != (operation.Left{}) {
			t.Errorf("left %+v", got)
		}
	})
}

// Each operation that is forgotten leaves nothing behind but the name of the last of its cell.
func TestNothingGrows(t *testing.T) {
	t.Parallel()
	onBench(t, 1, func(t *testing.T, b *bench) {
		for attempt := range int32(100) {
			for _, step := range []soakv1alpha1.Step{soakv1alpha1.StepClean, soakv1alpha1.StepBuild} {
				order := of("a", attempt+1, step)
				b.start(t, order, succeed)
				synctest.Wait()
				if attempt < 50 { // It may be that nobody does: then the next one does it.
					b.Forget(order.ID)
				}
			}
		}
		if got, want := b.Left(), (operation.Left{Cells: 1, Outcomes: 1}); got != want {
			t.Errorf("left %+v, want %+v", got, want)
		}
		b.Forget(of("a", 100, soakv1alpha1.StepBuild).ID)
		if got, want := b.Left(), (operation.Left{Cells: 1}); got != want {
			t.Errorf("left %+v, want %+v", got, want)
		}
	})
}

// Everything at once, for the race detector: cells share releases, and start, stop and forget as they like.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	const (
		cells    = 40
		attempts = 20
		limit    = 4
		releases = 6
	)
	onBench(t, limit, func(t *testing.T, b *bench) {
		var all atomic.Int32
		var each [releases]atomic.Int32
		one := func(cell int, attempt int32) operation.Order {
			order := of(strconv.Itoa(cell), attempt, soakv1alpha1.StepClean)
			order.Release.Name = strconv.Itoa(cell % releases)
			return order
		}
		run := func(cell int, attempt int32) operation.Func {
			return func(ctx context.Context) plan.Outcome {
				if got := all.Add(1); got > limit {
					t.Errorf("%d at a time", got)
				}
				if got := each[cell%releases].Add(1); got > 1 {
					t.Errorf("%d of a release at a time", got)
				}
				defer all.Add(-1)
				defer each[cell%releases].Add(-1)
				if attempt%3 == 0 {
					<-ctx.Done()
				}
				return plan.Outcome{Result: plan.Succeeded}
			}
		}
		var group sync.WaitGroup
		for cell := range cells {
			group.Go(func() {
				for attempt := range int32(attempts) {
					if err := b.Start(one(cell, attempt+1), run(cell, attempt+1)); err != nil {
						t.Error(err)
					}
					runtime.Gosched()
				}
				b.ForgetCell(one(cell, 1).ID.CellUID)
			})
			group.Go(func() {
				for attempt := range int32(attempts) {
					id := one(cell, attempt+1).ID
					if b.Snapshot(id); attempt%2 == 0 {
						b.Stop(id)
					}
					b.Forget(id)
					runtime.Gosched()
				}
			})
		}
		group.Wait()
		if err := b.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.Left(); got != (operation.Left{}) {
			t.Errorf("left %+v", got)
		}
		b.lock.Lock()
		defer b.lock.Unlock()
		if len(b.woken) != cells*attempts {
			t.Errorf("woken %d times for %d operations", len(b.woken), cells*attempts)
		}
	})
}
