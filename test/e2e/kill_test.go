package e2e

import (
	"context"
	"flag"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/watch"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

var (
	kills = flag.Int("kills", 12, "how often TestKill kills the operator")
	seed  = flag.Uint64("seed", 1, "of the moments at which it does")
)

const (
	// longestMercy is how long after a step was begun the operator may live on.
	longestMercy      = 500 * time.Millisecond
	killsPerIteration = 4
)

// The operator is killed, as a power cut would.
func TestKill(t *testing.T) { //nolint:tparallel // one after the other: they kill the same operator
	t.Parallel()
	b := onBench(t, simulatedNodes)
	b.restart(t, onlyOne)
	t.Run("in each step", func(t *testing.T) { testKillInEachStep(t, b) })
	testKillWhileHelmWorks(t, b)
}

// It is killed again and again, in each step, at any moment of it. The tally comes out exact, each result is recorded
// once and in its order, and in the end nothing is left.
func testKillInEachStep(t *testing.T, b *bench) {
	e := newExperiment(t, b)
	iterations := *kills/killsPerIteration + 2
	e.Spec.Markets = []soakv1alpha1.Market{{Name: "ikman"}, {Name: "tonaton"}}
	e.Spec.Parallelism, e.Spec.Stop.MaxIterations = 2, int32(iterations)
	releases, results := e.countReleases(), e.followResults()
	e.apply()

	moments := rand.New(rand.NewPCG(*seed, 0))
	steps := []soakv1alpha1.Step{soakv1alpha1.StepClean, soakv1alpha1.StepBuild, soakv1alpha1.StepInstall, soakv1alpha1.StepTest}
	killed := map[soakv1alpha1.Step]int{}
	for i := range *kills {
		step := steps[i%len(steps)]
		e.awaitStepOf(step, int32(i/killsPerIteration)+1) // Ten in one iteration would end it: that is another rule.
		mercy := time.NewTimer(time.Duration(moments.Int64N(int64(longestMercy))))
		<-mercy.C
		b.process.Kill()
		killed[step]++
		if err := b.start(); err != nil {
			t.Fatal(err)
		}
	}
	object := e.awaitFor(2*patience, "finished", finished)
	e.wantTally(object, soakv1alpha1.Tally{Passed: int32(iterations)})
	for name, cell := range e.cells() {
		if cell.Status.Tally == nil || *cell.Status.Tally != (soakv1alpha1.Tally{Passed: int32(iterations)}) {
			t.Errorf("cell %s: %+v", name, cell.Status.Tally)
		}
	}
	want := map[string]int{"ikman/sandbox": iterations, "tonaton/sandbox": iterations}
	releases.want(want)
	results.want(want)
	e.awaitCleaned()
	e.wantNothingLeft()
	t.Logf("killed %v; %d iterations passed; attempts thrown away: %+v; releases seen: %d",
		killed, iterations, object.Status.Attempts, releases.attempts())
	if object.Status.Attempts == nil || object.Status.Attempts.Interrupted == 0 {
		t.Error("no attempt was interrupted: the test has tested nothing")
	}
}

// awaitStep waits until a cell is seen to be at a step. The watch begins with how things are.
func (e *experiment) awaitStep(step soakv1alpha1.Step) {
	e.t.Helper()
	e.awaitStepOf(step, 1)
}

// awaitStepOf an iteration, or of a later one.
func (e *experiment) awaitStepOf(step soakv1alpha1.Step, iteration int32) {
	e.t.Helper()
	e.follow(patience, &soakv1alpha1.SoakCellList{}, func(event watch.Event) bool {
		cell, ok := event.Object.(*soakv1alpha1.SoakCell)
		return ok && cell.Status.Attempt.Step == step && cell.Status.Attempt.NotBefore == nil && cell.Status.Attempt.Iteration >= iteration
	}, "a cell at "+string(step))
}

// results are what cells were seen to record.
type results struct {
	*count
	last map[string]int32
}

// followResults begins to follow them. Each cell must record one iteration after the other, each once, and count it then.
func (e *experiment) followResults() *results {
	e.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &results{count: &count{t: e.t, stop: stop}, last: map[string]int32{}}
	e.t.Cleanup(r.end)
	r.observe(ctx, e, &soakv1alpha1.SoakCellList{}, func(event watch.Event) {
		if cell, ok := event.Object.(*soakv1alpha1.SoakCell); ok {
			r.see(cell)
		}
	})
	return r
}

func (r *results) see(cell *soakv1alpha1.SoakCell) {
	r.lock.Lock()
	defer r.lock.Unlock()
	name, iteration := cell.Spec.Market+"/"+cell.Spec.Environment, cell.Status.Result.Iteration
	if last := r.last[name]; iteration != last && iteration != last+1 {
		r.t.Errorf("cell %s has recorded iteration %d after %d", name, iteration, last)
	}
	r.last[name] = iteration
	if tally := cell.Status.Tally; tally != nil && tally.Passed+tally.Failed+tally.Errored != iteration {
		r.t.Errorf("cell %s has counted %+v at iteration %d", name, tally, iteration)
	}
}

func (r *results) want(want map[string]int) {
	r.t.Helper()
	r.end()
	got := map[string]int{}
	for name, iteration := range r.last {
		got[name] = int(iteration)
	}
	if !maps.Equal(got, want) {
		r.t.Errorf("recorded: %v, want %v", got, want)
	}
}
