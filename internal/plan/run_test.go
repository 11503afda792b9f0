package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// aRun is the third, of two markets in two environments, four cells; it has begun a minute ago and counted nothing yet.
func aRun(changes ...func(*soakv1alpha1.SoakRun)) *soakv1alpha1.SoakRun {
	run := &soakv1alpha1.SoakRun{
		ObjectMeta: metav1.ObjectMeta{
			Name: "classifieds-3", Namespace: "soak", UID: "r3", Generation: 1, Finalizers: []string{soakv1alpha1.Finalizer},
		},
		Spec: soakv1alpha1.SoakRunSpec{
			Controls:   soakv1alpha1.Controls{CleanupPolicy: soakv1alpha1.CleanupPolicyAlways},
			Experiment: soakv1alpha1.ObjectIdentity{Name: "classifieds", UID: "e1"},
			Number:     3,
			Inputs: soakv1alpha1.Inputs{
				Markets: markets("tonaton", "ikman"), Environments: environments("sandbox", "production"), IterationInterval: "0s",
			},
		},
	}
	run.Status.StartTime = at(0)
	run.Status.ObservedGeneration = 1
	run.Status.Iteration = 1
	run.Status.Tally, run.Status.Attempts = &soakv1alpha1.Tally{}, &soakv1alpha1.Attempts{}
	for _, change := range changes {
		change(run)
	}
	return run
}

// counted gives a run the iterations of a history, the last of them a while ago.
func counted(iteration int32, history string, tally soakv1alpha1.Tally) func(*soakv1alpha1.SoakRun) {
	return func(run *soakv1alpha1.SoakRun) {
		run.Status.Iteration, run.Status.History, run.Status.Tally = iteration, history, &tally
		run.Status.LastIterationTime = at(40)
	}
}

func suspended(policy soakv1alpha1.SuspendPolicy) func(*soakv1alpha1.SoakRun) {
	return func(run *soakv1alpha1.SoakRun) {
		yes := true
		run.Spec.Suspend, run.Spec.SuspendPolicy = &yes, policy
	}
}

func runCondition(kind string, status metav1.ConditionStatus, reason string, seconds int) func(*soakv1alpha1.SoakRun) {
	return func(run *soakv1alpha1.SoakRun) {
		run.Status.Conditions = append(run.Status.Conditions, metav1.Condition{
			Type: kind, Status: status, Reason: reason, ObservedGeneration: 1, LastTransitionTime: *at(seconds),
		})
	}
}

// cells of the run, each written as spec.iteration, result.iteration and letters: P, p, F, E for the result, H for the
// mode Hold, C for CleanUp, * for an attempt in progress, S for stalled, I for changed inputs and X for being deleted.
// - is one that is not there.
func cells(t *testing.T, texts ...string) []soakv1alpha1.SoakCell {
	t.Helper()
	places := []string{"tonaton/sandbox", "tonaton/production", "ikman/sandbox", "ikman/production"}
	var cells []soakv1alpha1.SoakCell
	for i, text := range texts {
		if text == "-" {
			continue
		}
		var wanted, done int32
		var letters string
		if _, err := fmt.Sscanf(text+".", "%d/%d%s", &wanted, &done, &letters); err != nil {
			t.Fatalf("cell %q: %v", text, err)
		}
		market, environment, _ := strings.Cut(places[i], "/")
		cell := aCell()
		cell.Name, cell.Spec.Market, cell.Spec.Environment = market+"-"+environment, market, environment
		cell.Spec.Iteration = wanted
		if done > 0 {
			doneWith(done, fmt.Sprintf("%dP", done))(cell)
			cell.Status.Tally = &soakv1alpha1.Tally{Passed: done}
		}
		for _, letter := range letters {
			change(cell, letter, i)
		}
		cells = append(cells, *cell)
	}
	return cells
}

func change(cell *soakv1alpha1.SoakCell, letter rune, i int) {
	result := &cell.Status.Result
	switch letter {
	case 'p':
		result.Retried = 1
	case 'F':
		result.Verdict = soakv1alpha1.VerdictFailed
		cell.Status.History = "1F"
		result.Failure = theCrash(50 - i)
		result.Failure.Cell = cell.Spec.Market + "/" + cell.Spec.Environment
	case 'E':
		result.Verdict = soakv1alpha1.VerdictErrored
	case 'H':
		cell.Spec.Mode = soakv1alpha1.CellModeHold
	case 'C':
		cell.Spec.Mode = soakv1alpha1.CellModeCleanUp
	case '*':
		trying(soakv1alpha1.StepInstall)(cell)
	case 'S':
		withCondition(soakv1alpha1.ConditionStalled, metav1.ConditionTrue, 2)(cell)
	case 'I':
		withCondition(soakv1alpha1.ConditionInputsChanged, metav1.ConditionTrue, 2)(cell)
	case 'X':
		deleted(cell)
	}
}

// told is what a decision tells the cells, as it is written above, and which it creates and deletes.
func told(decision plan.RunDecision) []string {
	var all []string
	for _, cell := range decision.Create {
		all = append(all, fmt.Sprintf("create %s/%s", cell.Spec.Market, cell.Spec.Environment))
	}
	for _, cell := range decision.Update {
		abandon := ""
		if _, there := cell.Annotations[soakv1alpha1.AnnotationAbandon]; there {
			abandon = " abandon"
		}
		all = append(all, fmt.Sprintf("%s/%s %d %s%s", cell.Spec.Market, cell.Spec.Environment, cell.Spec.Iteration, cell.Spec.Mode, abandon))
	}
	for _, cell := range decision.Delete {
		all = append(all, fmt.Sprintf("delete %s/%s", cell.Spec.Market, cell.Spec.Environment))
	}
	return all
}

type runCase struct {
	run          *soakv1alpha1.SoakRun
	cells        []soakv1alpha1.SoakCell
	live         bool
	wantWhy      string
	wantTold     []string
	wantReadLive bool
	wantRequeue  time.Duration
	// check looks at the status to be written; if it is nil there must be none, but for the conditions and the summary
	// that a run has which is not made up for this test.
	check func(*testing.T, *soakv1alpha1.SoakRunStatus)
}

// decide decides a minute after the epoch.
func decide(t *testing.T, run *soakv1alpha1.SoakRun, cells []soakv1alpha1.SoakCell, live bool) plan.RunDecision {
	t.Helper()
	before := run.DeepCopy()
	decision, err := plan.Run(plan.RunInput{Run: run, ExperimentUID: "e1", Cells: cells, Live: live, Now: at(60).Add(400 * time.Millisecond)})
	if err != nil {
		t.Fatalf("decide: %v", err)
	}
	if diff := cmp.Diff(before, run); diff != "" {
		t.Errorf("the run that was handed in has changed:\n%s", diff)
	}
	return decision
}

func testRuns(t *testing.T, cases map[string]runCase) {
	t.Helper()
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			got := decide(t, test.run, test.cells, test.live)
			if got.ReadLive != test.wantReadLive {
				t.Errorf("reads live: %v, want %v", got.ReadLive, test.wantReadLive)
			}
			if got.Why != test.wantWhy {
				t.Errorf("why: %s, want %s", got.Why, test.wantWhy)
			}
			if diff := cmp.Diff(test.wantTold, told(got)); diff != "" {
				t.Errorf("cells are told (-want +got):\n%s", diff)
			}
			if got.RequeueAfter != test.wantRequeue {
				t.Errorf("asks again after %s, want %s", got.RequeueAfter, test.wantRequeue)
			}
			switch {
			case test.check != nil && got.Status == nil:
				t.Error("no status is written")
			case test.check != nil:
				test.check(t, got.Status)
			case got.Status != nil && plan.Finished(&soakv1alpha1.SoakRun{Status: *got.Status}):
				t.Error("the run finishes")
			}
		})
	}
}

const aDay = 24*time.Hour - 60400*time.Millisecond

// iterationIs checks how far the status says the run is.
func iterationIs(iteration int32, history string) func(*testing.T, *soakv1alpha1.SoakRunStatus) {
	return func(t *testing.T, status *soakv1alpha1.SoakRunStatus) {
		t.Helper()
		if status.Iteration != iteration || status.History != history {
			t.Errorf("iteration %d, history %q, want %d, %q", status.Iteration, status.History, iteration, history)
		}
	}
}

func TestRunBegins(t *testing.T) {
	testRuns(t, map[string]runCase{
		"with its finalizer": {
			run: aRun(func(run *soakv1alpha1.SoakRun) { run.Finalizers = nil }), wantWhy: "its cells must not outlive it",
		},
		"with all of its cells": {
			run:      aRun(func(run *soakv1alpha1.SoakRun) { run.Status = soakv1alpha1.SoakRunStatus{} }),
			wantWhy:  "it begins; 4 cells missing",
			wantTold: []string{"create tonaton/sandbox", "create tonaton/production", "create ikman/sandbox", "create ikman/production"},
			check:    iterationIs(1, ""), wantRequeue: 24*time.Hour - 400*time.Millisecond,
		},
		"and waits for them": {
			run: aRun(), cells: cells(t, "0/0", "-", "0/0", "0/0"), wantWhy: "1 cell missing",
			wantTold: []string{"create tonaton/production"}, wantRequeue: aDay,
		},
		"one cell at a time, in matrix order": {
			run: aRun(), cells: cells(t, "0/0", "0/0", "0/0", "0/0"), wantWhy: "tonaton/sandbox is to do iteration 1",
			wantTold: []string{"tonaton/sandbox 1 Iterate"}, wantRequeue: aDay,
		},
		"not another one before that has reported": {
			run: aRun(), cells: cells(t, "1/0*", "0/0", "0/0", "0/0"), wantWhy: "it waits", wantRequeue: aDay,
		},
		"then the next": {
			run: aRun(), cells: cells(t, "1/1", "0/0", "0/0", "0/0"), wantWhy: "tonaton/production is to do iteration 1",
			wantTold: []string{"tonaton/production 1 Iterate"}, wantRequeue: aDay,
		},
		"as many at a time as it may": {
			run:   aRun(func(run *soakv1alpha1.SoakRun) { run.Spec.Inputs.Parallelism = 3 }),
			cells: cells(t, "1/1", "1/0*", "0/0", "0/0"), wantWhy: "ikman/sandbox is to do iteration 1; ikman/production is to do iteration 1",
			wantTold: []string{"ikman/sandbox 1 Iterate", "ikman/production 1 Iterate"}, wantRequeue: aDay,
		},
		"not with one that is being deleted": {
			run: aRun(), cells: cells(t, "0/0", "0/0X", "0/0", "0/0"), wantWhy: "it waits", wantRequeue: aDay,
		},
		"not with cells of a run of the same name": {
			run: aRun(func(run *soakv1alpha1.SoakRun) {
				run.UID = "another"
				run.Spec.Inputs.Markets = markets("tonaton")
				run.Spec.Inputs.Environments = environments("sandbox")
			}),
			cells:   cells(t, "0/0"),
			wantWhy: "1 cell missing", wantTold: []string{"create tonaton/sandbox"}, wantRequeue: aDay,
		},
	})
}

func TestRunCountsOnce(t *testing.T) {
	testRuns(t, map[string]runCase{
		"when each cell has reported": {
			run: aRun(), cells: cells(t, "1/1", "1/1", "1/1", "1/1"), wantWhy: "iteration 1 Passed; tonaton/sandbox is to do iteration 2",
			wantTold: []string{"tonaton/sandbox 2 Iterate"}, check: iterationIs(2, "1P"), wantRequeue: aDay,
		},
		"not before": {
			run: aRun(), cells: cells(t, "1/1", "1/1", "1/1", "1/0*"), wantWhy: "it waits", check: iterationIs(1, ""), wantRequeue: aDay,
		},
		"not what it has counted before": {
			run: aRun(counted(2, "1P", soakv1alpha1.Tally{Passed: 1})), cells: cells(t, "1/1", "1/1", "1/1", "1/1"),
			wantWhy: "tonaton/sandbox is to do iteration 2", wantTold: []string{"tonaton/sandbox 2 Iterate"}, check: iterationIs(2, "1P"), wantRequeue: aDay,
		},
		"not when it looks at an old self": {
			run: aRun(), cells: cells(t, "2/2", "2/1*", "1/1", "1/1"), wantWhy: "it waits", check: iterationIs(1, ""), wantRequeue: aDay,
		},
		"a retried pass": {
			run: aRun(), cells: cells(t, "1/1", "1/1p", "1/1", "1/1"), wantWhy: "iteration 1 Passed; tonaton/sandbox is to do iteration 2",
			wantTold: []string{"tonaton/sandbox 2 Iterate"}, check: iterationIs(2, "1p"), wantRequeue: aDay,
		},
		"a failure, whatever else could not be judged": {
			run: aRun(), cells: cells(t, "1/1", "1/1E", "1/1F", "1/1p"), wantWhy: "iteration 1 Failed; tonaton/sandbox is to do iteration 2",
			wantTold: []string{"tonaton/sandbox 2 Iterate"}, check: iterationIs(2, "1F"), wantRequeue: aDay,
		},
		"an error": {
			run: aRun(), cells: cells(t, "1/1", "1/1E", "1/1", "1/1"), wantWhy: "iteration 1 Errored; tonaton/sandbox is to do iteration 2",
			wantTold: []string{"tonaton/sandbox 2 Iterate"}, wantRequeue: aDay,
			check: func(t *testing.T, status *soakv1alpha1.SoakRunStatus) {
				iterationIs(2, "1E")(t, status)
				if !status.ErroredSince.Equal(at(-100)) {
					t.Errorf("errored since %s, want since the iteration began", status.ErroredSince)
				}
			},
		},
		"and then pauses": {
			run:   aRun(func(run *soakv1alpha1.SoakRun) { run.Spec.Inputs.IterationInterval = "10s" }),
			cells: cells(t, "1/1", "1/1", "1/1", "1/1"), wantWhy: "iteration 1 Passed", check: iterationIs(2, "1P"), wantRequeue: 9600 * time.Millisecond,
		},
		"goes on after the pause": {
			run:   aRun(counted(2, "1P", soakv1alpha1.Tally{Passed: 1}), func(run *soakv1alpha1.SoakRun) { run.Spec.Inputs.IterationInterval = "20s" }),
			cells: cells(t, "1/1", "1/1", "1/1", "1/1"), wantWhy: "tonaton/sandbox is to do iteration 2",
			wantTold: []string{"tonaton/sandbox 2 Iterate"}, check: iterationIs(2, "1P"), wantRequeue: aDay,
		},
		"does not pause for as long as the clock was put back": {
			run: aRun(counted(2, "1P", soakv1alpha1.Tally{Passed: 1}), func(run *soakv1alpha1.SoakRun) {
				run.Spec.Inputs.IterationInterval = "20s"
				run.Status.LastIterationTime = at(3600)
			}),
			cells: cells(t, "1/1", "1/1", "1/1", "1/1"), wantWhy: "tonaton/sandbox is to do iteration 2",
			wantTold: []string{"tonaton/sandbox 2 Iterate"}, check: iterationIs(2, "1P"), wantRequeue: aDay,
		},
		"does not pause within an iteration": {
			run:   aRun(counted(2, "1P", soakv1alpha1.Tally{Passed: 1}), func(run *soakv1alpha1.SoakRun) { run.Spec.Inputs.IterationInterval = "20m" }),
			cells: cells(t, "2/2", "1/1", "1/1", "1/1"), wantWhy: "tonaton/production is to do iteration 2",
			wantTold: []string{"tonaton/production 2 Iterate"}, check: iterationIs(2, "1P"), wantRequeue: aDay,
		},
	})
}

func TestRunTellsConsequences(t *testing.T) {
	failedBefore := func(failure soakv1alpha1.Failure) func(*soakv1alpha1.SoakRun) {
		return func(run *soakv1alpha1.SoakRun) {
			counted(2, "1F", soakv1alpha1.Tally{Failed: 1})(run)
			run.Status.LastFailure = failure
		}
	}
	unrelated := soakv1alpha1.Failure{Step: soakv1alpha1.StepTest, Reason: "TestFailed", Message: "it did", Node: "node-1", Time: at(-500)}
	asConsequences := func(cells []soakv1alpha1.SoakCell) []soakv1alpha1.SoakCell {
		for i := range cells {
			if cells[i].Status.Result.Verdict == soakv1alpha1.VerdictFailed {
				cells[i].Status.History = "1F1f"
			}
		}
		return cells
	}
	for name, test := range map[string]struct {
		run   *soakv1alpha1.SoakRun
		cells []soakv1alpha1.SoakCell
		want  string
	}{
		"of what failed before":                  {aRun(failedBefore(theCrash(0))), cells(t, "2/2", "2/2", "2/2F", "2/2"), "1F1f"},
		"even after an error":                    {aRun(failedBefore(theCrash(0)), counted(2, "1F1E", soakv1alpha1.Tally{Failed: 1, Errored: 1})), cells(t, "2/2", "2/2", "2/2F", "2/2"), "1F1E1f"},
		"not of something else":                  {aRun(failedBefore(unrelated)), cells(t, "2/2", "2/2", "2/2F", "2/2"), "2F"},
		"not after a pass":                       {aRun(failedBefore(theCrash(0)), counted(2, "1F1P", soakv1alpha1.Tally{Failed: 1, Passed: 1})), cells(t, "2/2", "2/2", "2/2F", "2/2"), "1F1P1F"},
		"when each is one to its cell":           {aRun(failedBefore(unrelated)), asConsequences(cells(t, "2/2", "2/2F", "2/2F", "2/2")), "1F1f"},
		"not when one cell has failed by itself": {aRun(failedBefore(unrelated)), append(asConsequences(cells(t, "2/2", "2/2F", "2/2")), cells(t, "-", "-", "-", "2/2F")...), "2F"},
	} {
		t.Run(name, func(t *testing.T) {
			got := decide(t, test.run, test.cells, false)
			if got.Status == nil || got.Status.History != test.want {
				t.Fatalf("status %+v, want history %s", got.Status, test.want)
			}
			if got.Status.LastFailure.Iteration == 0 && test.want != "2F" {
				t.Errorf("last failure %+v", got.Status.LastFailure)
			}
		})
	}
}

func TestRunKeepsTheFailureThatWasFirst(t *testing.T) {
	got := decide(t, aRun(), cells(t, "1/1F", "1/1", "1/1F", "1/1F"), false)
	if got.Status == nil || got.Status.LastFailure.Cell != "ikman/production" {
		t.Fatalf("status %+v, want the failure of ikman/production", got.Status)
	}
}

func TestRunIsSuspended(t *testing.T) {
	finish, stop := suspended(soakv1alpha1.SuspendPolicyFinishIteration), suspended(soakv1alpha1.SuspendPolicyStop)
	since := runCondition(soakv1alpha1.ConditionSuspended, metav1.ConditionTrue, "Suspended", 20)
	testRuns(t, map[string]runCase{
		"begins nothing": {
			run: aRun(finish), cells: cells(t, "0/0", "0/0", "0/0", "0/0"), wantWhy: "it waits", check: iterationIs(1, ""),
		},
		"finishes the iteration": {
			run: aRun(finish), cells: cells(t, "1/1", "0/0", "0/0", "0/0"), wantWhy: "tonaton/production is to do iteration 1",
			wantTold: []string{"tonaton/production 1 Iterate"}, check: iterationIs(1, ""),
		},
		"counts it, and then holds": {
			run: aRun(finish), cells: cells(t, "1/1", "1/1", "1/1", "1/1"), wantWhy: "iteration 1 Passed", check: iterationIs(2, "1P"),
		},
		"stops at once": {
			run:   aRun(stop, func(run *soakv1alpha1.SoakRun) { run.Spec.Inputs.Parallelism = 2 }),
			cells: cells(t, "1/1", "1/0*", "1/0*", "0/0"), wantWhy: "it waits",
			wantTold: []string{"tonaton/production 1 Hold", "ikman/sandbox 1 Hold"}, check: iterationIs(1, ""),
		},
		"has stopped": {
			run: aRun(stop), cells: cells(t, "1/1", "1/0H", "0/0", "0/0"), wantWhy: "it waits", check: iterationIs(1, ""),
		},
		"goes on": {
			run: aRun(since), cells: cells(t, "1/1", "1/0H", "0/0", "0/0"), wantWhy: "it waits",
			wantTold: []string{"tonaton/production 1 Iterate"}, wantRequeue: aDay + 40400*time.Millisecond,
			check: func(t *testing.T, status *soakv1alpha1.SoakRunStatus) {
				if status.SuspendedFor != "40s" {
					t.Errorf("suspended for %s, want 40s", status.SuspendedFor)
				}
			},
		},
		"adds up how long": {
			run: aRun(since, func(run *soakv1alpha1.SoakRun) { run.Status.SuspendedFor = "1h" }), cells: cells(t, "1/0*", "0/0", "0/0", "0/0"),
			wantWhy: "it waits", wantRequeue: aDay + time.Hour + 40400*time.Millisecond,
			check: func(t *testing.T, status *soakv1alpha1.SoakRunStatus) {
				if status.SuspendedFor != "1h0m40s" {
					t.Errorf("suspended for %s, want 1h0m40s", status.SuspendedFor)
				}
			},
		},
	})
}
