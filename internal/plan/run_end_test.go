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

// conditionsOf writes conditions in a line.
func conditionsOf(conditions []metav1.Condition) string {
	var all []string
	for _, condition := range conditions {
		all = append(all, fmt.Sprintf("%s=%s/%s", condition.Type, condition.Status, condition.Reason))
	}
	return strings.Join(all, " ")
}

// finishes checks that a run finishes, for that reason and with that verdict.
func finishes(reason, verdict string) func(*testing.T, *soakv1alpha1.SoakRunStatus) {
	return func(t *testing.T, status *soakv1alpha1.SoakRunStatus) {
		t.Helper()
		succeeded := "False"
		if verdict == "Passed" {
			succeeded = "True"
		}
		want := fmt.Sprintf("Finished=True/%s Succeeded=%s/%s Suspended=False/Finished Stalled=False/NotStalled Ready=True/Finished", reason, succeeded, verdict)
		if got := conditionsOf(status.Conditions); got != want {
			t.Errorf("conditions %s, want %s", got, want)
		}
		if status.FinishTime == nil || !status.FinishTime.Equal(at(60)) || status.Summary.Verdict != verdict {
			t.Errorf("finished at %s, verdict %s, want %s", status.FinishTime, status.Summary.Verdict, verdict)
		}
	}
}

func stopping(change func(*soakv1alpha1.StopRules)) func(*soakv1alpha1.SoakRun) {
	return func(run *soakv1alpha1.SoakRun) { change(&run.Spec.Stop) }
}

func endedFor(reason soakv1alpha1.EndReason) func(*soakv1alpha1.SoakRun) {
	return func(run *soakv1alpha1.SoakRun) { run.Spec.End = reason }
}

func TestRunEnds(t *testing.T) {
	ten := stopping(func(stop *soakv1alpha1.StopRules) { stop.MaxIterations = 10 })
	minute := stopping(func(stop *soakv1alpha1.StopRules) { stop.MaxDuration = "1m" })
	tenth := counted(10, "9P", soakv1alpha1.Tally{Passed: 9})
	inARow := func(histories ...string) []soakv1alpha1.SoakCell {
		all := cells(t, "10/10", "10/10", "10/10", "10/10F")
		for i, history := range histories {
			all[i].Status.History = history
		}
		return all
	}
	testRuns(t, map[string]runCase{
		"after so many iterations": {
			run: aRun(ten, tenth), cells: cells(t, "10/10", "10/10", "10/10", "10/10"), wantWhy: "iteration 10 Passed; it has finished: MaxIterations",
			check: func(t *testing.T, status *soakv1alpha1.SoakRunStatus) {
				finishes("MaxIterations", "Passed")(t, status)
				iterationIs(10, "10P")(t, status)
			},
		},
		"after so many iterations, of which one failed": {
			run: aRun(ten, tenth), cells: cells(t, "10/10", "10/10F", "10/10", "10/10"), wantWhy: "iteration 10 Failed; it has finished: MaxIterations",
			check: finishes("MaxIterations", "Failed"),
		},
		"before the next, when fewer iterations are wanted now": {live: true,
			run: aRun(ten, counted(13, "12P", soakv1alpha1.Tally{Passed: 12})), cells: cells(t, "12/12", "12/12", "12/12", "12/12"),
			wantWhy: "it has finished: MaxIterations", check: finishes("MaxIterations", "Passed"),
		},
		"not in the middle of one": {
			run: aRun(ten, counted(13, "12P", soakv1alpha1.Tally{Passed: 12})), cells: cells(t, "13/13", "12/12", "12/12", "12/12"),
			wantWhy: "tonaton/production is to do iteration 13", wantTold: []string{"tonaton/production 13 Iterate"}, wantRequeue: aDay,
		},
		"after so long": {live: true,
			run: aRun(minute, tenth), cells: cells(t, "9/9", "9/9", "9/9", "9/9"), wantWhy: "it has finished: MaxDuration",
			check: finishes("MaxDuration", "Passed"),
		},
		"not before it is certain that nothing is at work": {
			run: aRun(minute, tenth), cells: cells(t, "9/9", "9/9", "9/9", "9/9"), wantWhy: "it has to be certain that nothing is at work", wantReadLive: true,
		},
		"after so long, and what is at work is held": {
			run: aRun(minute, tenth), cells: cells(t, "10/10", "10/9*", "9/9", "9/9"), wantWhy: "it is ending: MaxDuration",
			wantTold: []string{"tonaton/production 10 Hold"}, check: iterationIs(10, "9P"),
		},
		"not while something has yet to stop": {
			run: aRun(minute, tenth), cells: cells(t, "10/10", "10/9H*", "9/9", "9/9"), wantWhy: "it is ending: MaxDuration", check: iterationIs(10, "9P"),
		},
		"once all has stopped": {live: true,
			run: aRun(minute, tenth), cells: cells(t, "10/10", "10/9H", "9/9", "9/9"), wantWhy: "it has finished: MaxDuration",
			check: func(t *testing.T, status *soakv1alpha1.SoakRunStatus) {
				finishes("MaxDuration", "Passed")(t, status)
				iterationIs(10, "9P")(t, status)
			},
		},
		"and counts what was complete": {
			run: aRun(minute, tenth), cells: cells(t, "10/10", "10/10", "10/10", "10/10H"), wantWhy: "iteration 10 Passed; it has finished: MaxDuration",
			check: finishes("MaxDuration", "Passed"),
		},
		"not after the time that it was suspended": {
			run:   aRun(minute, func(run *soakv1alpha1.SoakRun) { run.Status.SuspendedFor = "20s" }),
			cells: cells(t, "1/0*", "0/0", "0/0", "0/0"), wantWhy: "it waits", wantRequeue: 19600 * time.Millisecond,
		},
		"never, if it is to run for 0s": {
			run:   aRun(stopping(func(stop *soakv1alpha1.StopRules) { stop.MaxDuration = "0s" })),
			cells: cells(t, "1/0*", "0/0", "0/0", "0/0"), wantWhy: "it waits",
		},
		"after five failures of one cell, though one could not be judged": {
			run: aRun(tenth), cells: inARow("5P1F4f", "9P1F", "10P", "5P2F1E2f"), wantWhy: "iteration 10 Failed; it has finished: ConsecutiveFailures",
			check: finishes("ConsecutiveFailures", "Failed"),
		},
		"not after five failures of several cells": {
			run: aRun(tenth), cells: inARow("6P1F3f", "6P1F3f", "6P1F3f", "6P1F3f"), wantWhy: "iteration 10 Failed; tonaton/sandbox is to do iteration 11",
			wantTold: []string{"tonaton/sandbox 11 Iterate"}, wantRequeue: aDay, check: iterationIs(11, "9P1F"),
		},
		"not after five failures, if that is never": {
			run:   aRun(tenth, stopping(func(stop *soakv1alpha1.StopRules) { stop.ConsecutiveFailures = new(int32) })),
			cells: inARow("5P1F4f", "5P1F4f"), wantWhy: "iteration 10 Failed; tonaton/sandbox is to do iteration 11",
			wantTold: []string{"tonaton/sandbox 11 Iterate"}, wantRequeue: aDay, check: iterationIs(11, "9P1F"),
		},
		"after hours in which nothing could be judged": {
			run:     aRun(tenth, func(run *soakv1alpha1.SoakRun) { run.Status.ErroredSince = at(60 - 7200) }),
			cells:   cells(t, "10/10", "10/10E", "10/10", "10/10"),
			wantWhy: "iteration 10 Errored; it has finished: ErroredFor", check: finishes("ErroredFor", "Inconclusive"),
		},
		"not when something was judged again": {
			run:     aRun(tenth, func(run *soakv1alpha1.SoakRun) { run.Status.ErroredSince = at(60 - 7200) }),
			cells:   cells(t, "10/10", "10/10", "10/10", "10/10"),
			wantWhy: "iteration 10 Passed; tonaton/sandbox is to do iteration 11", wantTold: []string{"tonaton/sandbox 11 Iterate"}, wantRequeue: aDay,
			check: func(t *testing.T, status *soakv1alpha1.SoakRunStatus) {
				if status.ErroredSince != nil {
					t.Errorf("errored since %s", status.ErroredSince)
				}
			},
		},
		"when its inputs have changed": {
			run: aRun(tenth), cells: cells(t, "10/9I", "9/9", "9/9", "9/9"), wantWhy: "it is ending: InputsChanged",
			wantTold: []string{"tonaton/sandbox 10 Hold"}, check: iterationIs(10, "9P"),
		},
		"when its inputs have changed, and nothing is at work": {live: true,
			run: aRun(tenth), cells: cells(t, "10/9IH", "9/9", "9/9", "9/9"), wantWhy: "it has finished: InputsChanged",
			check: finishes("InputsChanged", "Inconclusive"),
		},
		"from outside, even before it has begun": {live: true,
			run:     aRun(endedFor(soakv1alpha1.EndReasonRunIDChanged), func(run *soakv1alpha1.SoakRun) { run.Status = soakv1alpha1.SoakRunStatus{} }),
			wantWhy: "it begins; it has finished: RunIDChanged", check: finishes("RunIDChanged", "Inconclusive"),
		},
		"with too many attempts thrown away": {
			run: aRun(ten, tenth), cells: wasteful(cells(t, "10/10", "10/10", "10/10", "10/10"), 3), wantWhy: "iteration 10 Passed; it has finished: MaxIterations",
			check: finishes("MaxIterations", "Inconclusive"),
		},
		"with few attempts thrown away": {
			run: aRun(ten, tenth), cells: wasteful(cells(t, "10/10", "10/10", "10/10", "10/10"), 2), wantWhy: "iteration 10 Passed; it has finished: MaxIterations",
			check: finishes("MaxIterations", "Passed"),
		},
	})
}

// wasteful throws away so many attempts of the first cell: 3 of 43 are more than 5 %, 2 of 42 are not.
func wasteful(cells []soakv1alpha1.SoakCell, attempts int32) []soakv1alpha1.SoakCell {
	cells[0].Status.Attempts = &soakv1alpha1.Attempts{Errored: 1, Interrupted: attempts - 1, Abandoned: 100}
	return cells
}

func TestRunIsCleanedUp(t *testing.T) {
	finished := func(reason, succeeded string) func(*soakv1alpha1.SoakRun) {
		return func(run *soakv1alpha1.SoakRun) {
			runCondition(soakv1alpha1.ConditionFinished, metav1.ConditionTrue, reason, 0)(run)
			runCondition(soakv1alpha1.ConditionSucceeded, metav1.ConditionStatus(succeeded), "Verdict", 0)(run)
			run.Status.FinishTime = at(0)
			run.Spec.CleanupDelay = "1h"
		}
	}
	policy := func(policy soakv1alpha1.CleanupPolicy) func(*soakv1alpha1.SoakRun) {
		return func(run *soakv1alpha1.SoakRun) { run.Spec.CleanupPolicy = policy }
	}
	now := func(run *soakv1alpha1.SoakRun) { run.Spec.CleanupDelay = "1m" }
	held := []string{"tonaton/sandbox 10 Hold", "tonaton/production 10 Hold", "ikman/sandbox 10 Hold", "ikman/production 10 Hold"}
	all := []string{"tonaton/sandbox 10 CleanUp", "tonaton/production 10 CleanUp", "ikman/sandbox 10 CleanUp", "ikman/production 10 CleanUp"}
	done := cells(t, "10/10", "10/10", "10/10", "10/10")
	left, later := "it has finished, and its releases are left", "it has finished, and its releases are left for a while"
	for name, test := range map[string]runCase{
		"after a while":                     {run: aRun(finished("MaxIterations", "True")), wantWhy: later, wantTold: held, wantRequeue: time.Hour - 60400*time.Millisecond},
		"then":                              {run: aRun(finished("MaxIterations", "True"), now), wantWhy: "it has finished", wantTold: all},
		"whatever came out of it":           {run: aRun(finished("ErroredFor", "False"), now), wantWhy: "it has finished", wantTold: all},
		"only if it passed, and it did":     {run: aRun(finished("MaxIterations", "True"), now, policy(soakv1alpha1.CleanupPolicyOnPass)), wantWhy: "it has finished", wantTold: all},
		"only if it passed, and it did not": {run: aRun(finished("MaxIterations", "False"), now, policy(soakv1alpha1.CleanupPolicyOnPass)), wantWhy: left, wantTold: held},
		"never":                             {run: aRun(finished("MaxIterations", "True"), now, policy(soakv1alpha1.CleanupPolicyNever)), wantWhy: left, wantTold: held},
		"at once, as another run waits":     {run: aRun(finished("MaxIterations", "True"), endedFor(soakv1alpha1.EndReasonRestarted)), wantWhy: "it has finished", wantTold: all},
		"at once, as its inputs changed":    {run: aRun(finished("InputsChanged", "False")), wantWhy: "it has finished", wantTold: all},
		"never, even if another run waits":  {run: aRun(finished("MaxIterations", "True"), endedFor(soakv1alpha1.EndReasonRestarted), policy(soakv1alpha1.CleanupPolicyNever)), wantWhy: left, wantTold: held},
	} {
		t.Run(name, func(t *testing.T) {
			got := decide(t, test.run, done, false)
			if diff := cmp.Diff(test.wantTold, told(got)); got.Why != test.wantWhy || got.RequeueAfter != test.wantRequeue || diff != "" {
				t.Errorf("%s, asks again after %s, want %s, %s; cells are told (-want +got):\n%s", got.Why, got.RequeueAfter, test.wantWhy, test.wantRequeue, diff)
			}
			if got.Status != nil {
				t.Error("the status of a finished run changes")
			}
		})
	}
	t.Run("and is not told otherwise then", func(t *testing.T) {
		run := aRun(finished("MaxIterations", "True"), policy(soakv1alpha1.CleanupPolicyNever))
		if got := decide(t, run, cells(t, "10/10C", "10/10H", "10/10C", "10/10C"), false); got.Status != nil || told(got) != nil {
			t.Errorf("cells are told %v", told(got))
		}
	})
	t.Run("and is told so once", func(t *testing.T) {
		got := decide(t, aRun(finished("MaxIterations", "True"), now), cells(t, "10/10C", "10/10C", "10/10CX", "10/10C"), false)
		if got.Status != nil || told(got) != nil {
			t.Errorf("cells are told %v", told(got))
		}
	})
}

func TestRunIsDeleted(t *testing.T) {
	gone := func(run *soakv1alpha1.SoakRun) { run.DeletionTimestamp = at(0) }
	abandon := func(run *soakv1alpha1.SoakRun) {
		run.Annotations = map[string]string{soakv1alpha1.AnnotationAbandon: "ops"}
	}
	for name, test := range map[string]struct {
		run           *soakv1alpha1.SoakRun
		cells         []soakv1alpha1.SoakCell
		live          bool
		wantTold      []string
		wantFinalizer plan.FinalizerChange
		wantReadLive  bool
	}{
		"its cells go first":  {run: aRun(gone), cells: cells(t, "1/0*", "0/0X", "-", "0/0"), wantTold: []string{"delete tonaton/sandbox", "delete ikman/production"}},
		"its cells are going": {run: aRun(gone), cells: cells(t, "-", "0/0X"), live: true},
		"its cells are told to abandon before they go": {
			run: aRun(gone, abandon), cells: cells(t, "1/0*", "0/0X"), wantTold: []string{"tonaton/sandbox 1 Iterate abandon", "tonaton/production 0 Iterate abandon"},
		},
		"none was seen":                     {run: aRun(gone), wantReadLive: true},
		"none is left":                      {run: aRun(gone), live: true, wantFinalizer: plan.FinalizerRemoved},
		"something else keeps it":           {run: aRun(gone, func(run *soakv1alpha1.SoakRun) { run.Finalizers = []string{"x"} })},
		"even if its matrix makes no sense": {run: aRun(gone, func(run *soakv1alpha1.SoakRun) { run.Spec.Inputs = soakv1alpha1.Inputs{} }), live: true, wantFinalizer: plan.FinalizerRemoved},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := plan.Run(plan.RunInput{Run: test.run, ExperimentUID: "e1", Cells: test.cells, Live: test.live, Now: epoch})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.wantTold, told(got)); diff != "" {
				t.Errorf("cells are told (-want +got):\n%s", diff)
			}
			if got.Finalizer != test.wantFinalizer || got.ReadLive != test.wantReadLive || got.Status != nil {
				t.Errorf("finalizer %q, read live %v, want %q, %v", got.Finalizer, got.ReadLive, test.wantFinalizer, test.wantReadLive)
			}
		})
	}
}

// What is not of the experiment that bears the name now is not driven, wherever it is; but it can be deleted.
func TestRunWithoutItsExperiment(t *testing.T) {
	for name, run := range map[string]*soakv1alpha1.SoakRun{"going on": aRun(), "finished": aRun(finishedRun("MaxIterations")), "new": {Spec: aRun().Spec}} {
		for _, uid := range []string{"", "e2"} {
			for _, live := range []bool{false, true} {
				got, err := plan.Run(plan.RunInput{Run: run, ExperimentUID: uid, Cells: cells(t, "0/0"), Live: live, Now: epoch})
				want := plan.RunDecision{Why: "its experiment is gone: it is left alone", ReadLive: !live}
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("%s, and the experiment is %q (-want +got), %v:\n%s", name, uid, err, diff)
				}
			}
		}
	}
	deleted := aRun(func(run *soakv1alpha1.SoakRun) { run.DeletionTimestamp = at(0) })
	if got, err := plan.Run(plan.RunInput{Run: deleted, Live: true, Now: epoch}); err != nil || got.Finalizer != plan.FinalizerRemoved {
		t.Errorf("finalizer %q, %v, want it removed", got.Finalizer, err)
	}
}

func TestRunStatus(t *testing.T) {
	failing := func(run *soakv1alpha1.SoakRun) {
		counted(30, "28P1F", soakv1alpha1.Tally{Passed: 28, Failed: 1})(run)
		run.Status.LastFailure = theCrash(0)
	}
	crash := "tonaton/sandbox: Install CrashLoopBackOff, Pod/classifieds-tonaton-sandbox-web-0, node node-7: container web restarts"
	for name, test := range map[string]struct {
		run            *soakv1alpha1.SoakRun
		cells          []soakv1alpha1.SoakCell
		wantConditions string
		wantSummary    soakv1alpha1.Summary
	}{
		"at the beginning": {
			run: aRun(), cells: cells(t, "0/0", "0/0", "0/0", "0/0"),
			wantConditions: "Finished=False/Running Succeeded=Unknown/Running Suspended=False/NotSuspended Stalled=False/NotStalled Ready=True/Running",
			wantSummary:    soakv1alpha1.Summary{Verdict: "Running", Cells: "0/4", Status: "iteration 1"},
		},
		"after a failure": {
			run: aRun(failing), cells: cells(t, "30/30", "30/30", "30/30", "30/29*"),
			wantConditions: "Finished=False/Running Succeeded=Unknown/Running Suspended=False/NotSuspended Stalled=False/NotStalled Ready=True/Running",
			wantSummary: soakv1alpha1.Summary{
				Verdict: "Running", Rate: "96.6%", AtLeast: "84.7%", Streak: "1F", Cells: "3/4", Cause: crash, Status: "iteration 30",
			},
		},
		"one failure of thousands is not nothing": {
			run: aRun(counted(3001, "2999P1F", soakv1alpha1.Tally{Passed: 2999, Failed: 1})), cells: cells(t, "3000/3000", "3000/3000", "3000/3000", "3000/3000"),
			wantConditions: "Finished=False/Running Succeeded=Unknown/Running Suspended=False/NotSuspended Stalled=False/NotStalled Ready=True/Running",
			wantSummary:    soakv1alpha1.Summary{Verdict: "Running", Rate: "99.9%", AtLeast: "99.8%", Streak: "1F", Cells: "0/4", Status: "iteration 3001"},
		},
		"consequences are failures, but no evidence": {
			run: aRun(counted(30, "28P1F90f", soakv1alpha1.Tally{Passed: 28, Failed: 91})), cells: cells(t, "29/29", "29/29", "29/29", "29/29"),
			wantConditions: "Finished=False/Running Succeeded=Unknown/Running Suspended=False/NotSuspended Stalled=False/NotStalled Ready=True/Running",
			wantSummary:    soakv1alpha1.Summary{Verdict: "Running", Rate: "23.5%", AtLeast: "84.7%", Streak: "90f", Cells: "0/4", Status: "iteration 30"},
		},
		"retried passes are passes, but no evidence": {
			run: aRun(counted(30, "28P1p1F", soakv1alpha1.Tally{Passed: 29, Failed: 1, Retried: 1})), cells: cells(t, "29/29", "29/29", "29/29", "29/29"),
			wantConditions: "Finished=False/Running Succeeded=Unknown/Running Suspended=False/NotSuspended Stalled=False/NotStalled Ready=True/Running",
			wantSummary:    soakv1alpha1.Summary{Verdict: "Running", Rate: "96.7%", AtLeast: "84.7%", Streak: "1F", Cells: "0/4", Status: "iteration 30"},
		},
		"what is no more in the history is taken for the worst": {
			run: aRun(counted(30, "28P1F", soakv1alpha1.Tally{Passed: 28, Failed: 5})), cells: cells(t, "29/29", "29/29", "29/29", "29/29"),
			wantConditions: "Finished=False/Running Succeeded=Unknown/Running Suspended=False/NotSuspended Stalled=False/NotStalled Ready=True/Running",
			wantSummary:    soakv1alpha1.Summary{Verdict: "Running", Rate: "84.8%", AtLeast: "70.7%", Streak: "1F", Cells: "0/4", Status: "iteration 30"},
		},
		"suspended": {
			run: aRun(suspended(soakv1alpha1.SuspendPolicyStop)), cells: cells(t, "0/0", "0/0", "0/0", "0/0"),
			wantConditions: "Finished=False/Running Succeeded=Unknown/Running Suspended=True/Suspended Stalled=False/NotStalled Ready=True/Suspended",
			wantSummary:    soakv1alpha1.Summary{Verdict: "Suspended", Cells: "0/4", Status: "no iteration is started"},
		},
		"held": {
			run: aRun(suspended(soakv1alpha1.SuspendPolicyStop), func(run *soakv1alpha1.SoakRun) {
				run.Annotations = map[string]string{soakv1alpha1.AnnotationHold: "ops, node work"}
			}),
			cells:          cells(t, "0/0", "0/0", "0/0", "0/0"),
			wantConditions: "Finished=False/Running Succeeded=Unknown/Running Suspended=True/Suspended Stalled=False/NotStalled Ready=True/Suspended",
			wantSummary:    soakv1alpha1.Summary{Verdict: "Suspended", Cells: "0/4", Status: "held: ops, node work"},
		},
		"stalled by a cell": {
			run: aRun(), cells: cells(t, "1/1", "1/0*S", "0/0", "0/0"),
			wantConditions: "Finished=False/Running Succeeded=Unknown/Running Suspended=False/NotSuspended Stalled=True/Before Ready=False/Before",
			wantSummary:    soakv1alpha1.Summary{Verdict: "Stalled", Cells: "1/4", Status: "tonaton/production: before"},
		},
		"ending": {
			run: aRun(endedFor(soakv1alpha1.EndReasonRestarted)), cells: cells(t, "1/1", "1/0*", "0/0", "0/0"),
			wantConditions: "Finished=False/Running Succeeded=Unknown/Running Suspended=False/NotSuspended Stalled=False/NotStalled Ready=True/Running",
			wantSummary:    soakv1alpha1.Summary{Verdict: "Running", Cells: "1/4", Status: "Restarted: ended from outside; what is at work is being stopped"},
		},
		"finished": {
			run: aRun(failing, endedFor(soakv1alpha1.EndReasonRestarted)), cells: cells(t, "29/29", "29/29", "29/29", "29/29"),
			wantConditions: "Finished=True/Restarted Succeeded=False/Failed Suspended=False/Finished Stalled=False/NotStalled Ready=True/Finished",
			wantSummary: soakv1alpha1.Summary{
				Verdict: "Failed", Rate: "96.6%", AtLeast: "84.7%", Streak: "1F", Cells: "0/4", Cause: crash,
				Status: "Restarted: ended from outside; 1 of 29 iterations failed",
			},
		},
		"with a matrix that makes no sense": {
			run:            aRun(func(run *soakv1alpha1.SoakRun) { run.Spec.Inputs.ReleaseName = "x" }),
			wantConditions: "Finished=False/Running Succeeded=Unknown/Running Suspended=False/NotSuspended Stalled=True/InvalidDefinition Ready=False/InvalidDefinition",
			wantSummary: soakv1alpha1.Summary{Verdict: "Stalled", Cells: "0/0",
				Status: "tonaton/sandbox and tonaton/production would both have the release x in namespace soak: let releaseName tell them apart"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range test.cells { // What is done to the history of cells for other tests would end the run.
				test.cells[i].Status.History = ""
			}
			got := decide(t, test.run, test.cells, true)
			if got.Status == nil {
				t.Fatal("no status is written")
			}
			if conditions := conditionsOf(got.Status.Conditions); conditions != test.wantConditions {
				t.Errorf("conditions %s,\nwant       %s", conditions, test.wantConditions)
			}
			for _, condition := range got.Status.Conditions {
				if condition.ObservedGeneration != 1 || !condition.LastTransitionTime.Equal(at(60)) {
					t.Errorf("%s is of generation %d, since %s", condition.Type, condition.ObservedGeneration, condition.LastTransitionTime)
				}
			}
			if diff := cmp.Diff(test.wantSummary, got.Status.Summary); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
			again := test.run.DeepCopy()
			again.Status = *got.Status
			if second := decide(t, again, test.cells, true); second.Status != nil {
				t.Errorf("the same is written twice:\n%s", cmp.Diff(got.Status, second.Status))
			}
		})
	}
}

func TestRunWithBrokenHistories(t *testing.T) {
	broken := cells(t, "1/1", "1/1", "1/1", "1/1")
	broken[2].Status.History = "1X"
	for name, in := range map[string]plan.RunInput{
		"its own":        {Run: aRun(counted(2, "1X", soakv1alpha1.Tally{}))},
		"that of a cell": {Run: aRun(), Cells: broken},
	} {
		t.Run(name, func(t *testing.T) {
			if decision, err := plan.Run(in); err == nil {
				t.Errorf("decided: %s, want an error", decision.Why)
			}
		})
	}
}
