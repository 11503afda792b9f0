package operation_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/operation"
	"github.com/saltside/soak-operator/internal/plan"
)

const (
	timeout = time.Minute
	grace   = 10 * time.Second
)

// bench is a runner, and what it told. Only its methods look at that: the runner goes on telling meanwhile.
type bench struct {
	*operation.Runner
	// wakeTakes is how long it takes to wake somebody.
	wakeTakes time.Duration

	lock  sync.Mutex
	woken []string
	log   strings.Builder
}

// onBench runs a test with a clock of its own, which moves when nobody has anything to do. It fails if a goroutine that
// was started in it waits for ever, so that none can be left behind unnoticed.
func onBench(t *testing.T, limit int, test func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		b.Runner = operation.New(operation.Options{
			Limit: limit, Grace: grace, Wake: b.wake,
			Log: funcr.New(func(_, line string) {
				b.lock.Lock()
				defer b.lock.Unlock()
				b.log.WriteString(line)
			}, funcr.Options{}),
		})
		test(t, b)
	})
}

// wake notes the cell, and what is known by then of its first operation. It would not return if the lock were held.
func (b *bench) wake(cell types.NamespacedName) {
	known := b.Snapshot(clean(cell.Name).ID)
	if b.wakeTakes > 0 {
		<-time.After(b.wakeTakes)
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	b.woken = append(b.woken, strings.TrimSpace(cell.Name+" "+string(known.State)+" "+string(known.Outcome.Result)))
}

func (b *bench) wantWoken(t *testing.T, want ...string) {
	t.Helper()
	b.lock.Lock()
	defer b.lock.Unlock()
	if diff := cmp.Diff(want, b.woken); diff != "" {
		t.Errorf("woken (+) and not as wanted (-):\n%s", diff)
	}
}

func (b *bench) logged() string {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.log.String()
}

func (b *bench) start(t *testing.T, order operation.Order, run operation.Func) {
	t.Helper()
	if err := b.Start(order, run); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) want(t *testing.T, order operation.Order, state plan.OperationState, result plan.Result) {
	t.Helper()
	if got := b.Snapshot(order.ID); got.State != state || got.Outcome.Result != result {
		t.Errorf("%s is %q with %+v, want %q with %q", order, got.State, got.Outcome, state, result)
	}
}

// pass lets time pass, and everybody do what there was to do in it.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// of is an order for a cell of that name.
func of(cell string, attempt int32, step soakv1alpha1.Step) operation.Order {
	return operation.Order{
		ID:      plan.OperationID{CellUID: "uid-" + cell, Attempt: attempt, Step: step},
		Cell:    types.NamespacedName{Namespace: "soak", Name: cell},
		Release: soakv1alpha1.ReleaseIdentity{Namespace: "sandbox", Name: cell},
		Timeout: timeout,
	}
}

// clean is the first operation of a cell of that name.
func clean(cell string) operation.Order { return of(cell, 1, soakv1alpha1.StepClean) }

func succeed(context.Context) plan.Outcome { return plan.Outcome{Result: plan.Succeeded} }

// untilStopped returns once its context has ended, and leaves it to the runner to say why.
func untilStopped(ctx context.Context) plan.Outcome {
	<-ctx.Done()
	return plan.Outcome{Result: plan.Errored}
}

// until returns once a channel was closed, whatever becomes of its context.
func until(letGo <-chan struct{}) operation.Func {
	return func(context.Context) plan.Outcome {
		<-letGo
		return plan.Outcome{Result: plan.Succeeded}
	}
}

func TestLifeOfAnOperation(t *testing.T) {
	t.Parallel()
	onBench(t, 1, func(t *testing.T, b *bench) {
		began, first, second := time.Now(), clean("a"), clean("b")
		want := plan.Outcome{Result: plan.Failed, Reason: "PodsNotDeleted", Message: "web-0 is still there"}
		letGo := make(chan struct{})
		var done <-chan struct{}
		b.want(t, first, plan.OperationUnknown, "")
		b.start(t, first, func(ctx context.Context) plan.Outcome {
			done = ctx.Done()
			<-letGo
			return want
		})
		b.start(t, second, succeed)
		synctest.Wait()
		b.want(t, first, plan.OperationRunning, "")
		b.want(t, second, plan.OperationQueued, "")
		for _, order := range []operation.Order{first, second} { // Only what has ended is forgotten.
			b.Forget(order.ID)
		}
		b.want(t, first, plan.OperationRunning, "")
		b.want(t, second, plan.OperationQueued, "")
		b.wantWoken(t)

		close(letGo)
		synctest.Wait()
		b.wantWoken(t, "a Ended Failed", "b Ended Succeeded")
		<-done // Its timer is gone, and whatever else goes by its context.
		if now := time.Now(); !now.Equal(began) {
			t.Errorf("its context ended %s late", now.Sub(began))
		}
		for range 2 { // It is kept.
			if diff := cmp.Diff(plan.Operation{State: plan.OperationEnded, Outcome: want}, b.Snapshot(first.ID)); diff != "" {
				t.Error(diff)
			}
		}
		b.Forget(first.ID)
		b.want(t, first, plan.OperationUnknown, "")
		b.want(t, second, plan.OperationEnded, plan.Succeeded)
	})
}

// An operation is started once, and none that comes before it is started after it.
func TestStartedOnceEver(t *testing.T) {
	t.Parallel()
	onBench(t, 4, func(t *testing.T, b *bench) {
		b.start(t, of("a", 3, soakv1alpha1.StepBuild), succeed)
		synctest.Wait()
		if err := b.Start(of("a", 3, soakv1alpha1.StepBuild), succeed); !errors.Is(err, operation.ErrStartedBefore) {
			t.Errorf("start what has ended: %v", err)
		}
		b.Forget(of("a", 3, soakv1alpha1.StepBuild).ID)
		for _, test := range []struct {
			order operation.Order
			want  error
		}{
			{of("a", 3, soakv1alpha1.StepBuild), operation.ErrStartedBefore},
			{of("a", 3, soakv1alpha1.StepClean), operation.ErrStartedBefore},
			{of("a", 2, soakv1alpha1.StepTest), operation.ErrStartedBefore},
			{of("b", 1, soakv1alpha1.StepClean), nil},
			{of("a", 3, soakv1alpha1.StepTest), nil},
			{of("a", 3, soakv1alpha1.StepInstall), operation.ErrStartedBefore},
			{of("a", 4, soakv1alpha1.StepClean), nil},
		} {
			if err := b.Start(test.order, succeed); !errors.Is(err, test.want) {
				t.Errorf("start %s: %v, want %v", test.order, err, test.want)
			}
			synctest.Wait()
		}
		b.start(t, clean("queued"), untilStopped)
		if err := b.Start(clean("queued"), succeed); !errors.Is(err, operation.ErrStartedBefore) {
			t.Errorf("start what has not ended: %v", err)
		}
		b.Stop(clean("queued").ID)
	})
}

// A step never runs beside another of its attempt, and a later attempt first stops the earlier.
func TestOneOperationOfACell(t *testing.T) {
	t.Parallel()
	onBench(t, 4, func(t *testing.T, b *bench) {
		first, second := clean("a"), of("a", 2, soakv1alpha1.StepClean)
		second.Release.Name = "another" // It is not only the release that keeps them apart.
		letGo := make(chan struct{})
		b.start(t, first, func(ctx context.Context) plan.Outcome {
			<-ctx.Done()
			return until(letGo)(ctx)
		})
		if err := b.Start(of("a", 1, soakv1alpha1.StepBuild), succeed); !errors.Is(err, operation.ErrCellBusy) {
			t.Errorf("a step beside another: %v", err)
		}
		b.start(t, second, succeed)
		synctest.Wait()
		b.want(t, second, plan.OperationQueued, "") // The first takes its time.
		close(letGo)                                // It would still wait for its context if it had not been stopped.
		synctest.Wait()
		b.want(t, first, plan.OperationUnknown, "")
		b.want(t, second, plan.OperationEnded, plan.Succeeded)
		b.wantWoken(t, "a", "a")
	})
}

func TestLaterAttemptReplacesQueuedOne(t *testing.T) {
	t.Parallel()
	onBench(t, 1, func(t *testing.T, b *bench) {
		b.start(t, clean("busy"), untilStopped)
		b.start(t, clean("a"), func(context.Context) plan.Outcome { t.Error("it runs"); return plan.Outcome{} })
		b.start(t, of("a", 2, soakv1alpha1.StepClean), succeed)
		b.wantWoken(t, "a")
		b.want(t, clean("a"), plan.OperationUnknown, "")
		b.Stop(clean("busy").ID)
		synctest.Wait()
		b.want(t, of("a", 2, soakv1alpha1.StepClean), plan.OperationEnded, plan.Succeeded)
	})
}

// Cells of different runs can have the same release. What waits for it holds nobody else up, and keeps its place.
func TestOneOperationOfARelease(t *testing.T) {
	t.Parallel()
	onBench(t, 2, func(t *testing.T, b *bench) {
		old, next, other, last := clean("old"), clean("next"), clean("other"), clean("last")
		next.Release = old.Release
		for _, order := range []operation.Order{old, next, other, last} {
			b.start(t, order, untilStopped)
		}
		synctest.Wait()
		b.want(t, old, plan.OperationRunning, "")
		b.want(t, next, plan.OperationQueued, "")
		b.want(t, other, plan.OperationRunning, "")
		b.want(t, last, plan.OperationQueued, "")
		b.Stop(old.ID)
		synctest.Wait()
		b.want(t, next, plan.OperationRunning, "")
		b.want(t, last, plan.OperationQueued, "")
		for _, order := range []operation.Order{last, next, other} {
			b.Stop(order.ID)
		}
	})
}

// Never more at a time than may be, and in the order in which they came.
func TestLimitAndOrder(t *testing.T) {
	t.Parallel()
	const cells = 200
	for _, limit := range []int{1, 4} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			onBench(t, limit, func(t *testing.T, b *bench) {
				began := time.Now()
				for i := range cells {
					b.start(t, clean(strconv.Itoa(i)), func(context.Context) plan.Outcome {
						if got, want := time.Since(began), time.Duration(i/limit)*time.Second; got != want {
							t.Errorf("number %d began after %s, want %s", i, got, want)
						}
						<-time.After(time.Second)
						return plan.Outcome{Result: plan.Succeeded}
					})
				}
				pass(cells * time.Second)
				if got, want := b.Left(), (operation.Left{Cells: cells, Outcomes: cells}); got != want {
					t.Errorf("left %+v, want %+v", got, want)
				}
			})
		})
	}
}
