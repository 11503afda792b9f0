package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

var theChart = soakv1alpha1.ChartIdentity{Name: "classifieds", Version: "1.4.0", Digest: "sha256:c1"}

// found are references as they were found, with what the secret among them held.
func found(secret string) *plan.References {
	return &plan.References{Chart: theChart, Salt: "salt", Values: []soakv1alpha1.Digest{soakv1alpha1.Digest("sha256:" + secret)}}
}

// anExperiment is one that is as its third run was.
func anExperiment(changes ...func(*soakv1alpha1.SoakExperiment)) *soakv1alpha1.SoakExperiment {
	experiment := &soakv1alpha1.SoakExperiment{
		ObjectMeta: metav1.ObjectMeta{
			Name: "classifieds", Namespace: "soak", UID: "e1", Generation: 4, Finalizers: []string{soakv1alpha1.Finalizer},
		},
		Spec: soakv1alpha1.SoakExperimentSpec{
			Run:      soakv1alpha1.RunIdentity{ID: "3", Description: "dead tiller pod deleted"},
			Inputs:   soakv1alpha1.Inputs{Markets: markets("tonaton"), Environments: environments("sandbox")},
			Controls: soakv1alpha1.Controls{CleanupPolicy: soakv1alpha1.CleanupPolicyAlways},
		},
		Status: soakv1alpha1.SoakExperimentStatus{Run: soakv1alpha1.CurrentRun{Name: "classifieds-3", Number: 3}},
	}
	for _, change := range changes {
		change(experiment)
	}
	return experiment
}

// runNumbered is a run of that experiment.
func runNumbered(number int32, changes ...func(*soakv1alpha1.SoakRun)) soakv1alpha1.SoakRun {
	experiment := anExperiment()
	name := fmt.Sprintf("classifieds-%d", number)
	run := soakv1alpha1.SoakRun{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "soak", UID: types.UID(fmt.Sprintf("r%d", number)), CreationTimestamp: *at(-7200),
			Finalizers: []string{soakv1alpha1.Finalizer},
		},
		Spec: soakv1alpha1.SoakRunSpec{
			Controls: experiment.Spec.Controls, Inputs: experiment.Spec.Inputs, Run: experiment.Spec.Run, Number: number,
			Experiment: soakv1alpha1.ObjectIdentity{Name: "classifieds", UID: "e1"},
			Pins:       soakv1alpha1.Pins{Chart: theChart, Salt: "salt", Values: []soakv1alpha1.Digest{"sha256:secret"}},
		},
	}
	counted(2, "1P", soakv1alpha1.Tally{Passed: 1})(&run)
	runCondition(soakv1alpha1.ConditionReady, metav1.ConditionTrue, "Running", 0)(&run)
	for _, change := range changes {
		change(&run)
	}
	return run
}

func finishedRun(reason string) func(*soakv1alpha1.SoakRun) {
	return func(run *soakv1alpha1.SoakRun) {
		runCondition(soakv1alpha1.ConditionFinished, metav1.ConditionTrue, reason, 0)(run)
		run.Status.FinishTime = at(0)
	}
}

func nothingCounted(run *soakv1alpha1.SoakRun) { run.Status.Tally = &soakv1alpha1.Tally{} }

func beingDeleted(run *soakv1alpha1.SoakRun) { run.DeletionTimestamp = at(0) }

// cellOf is a cell of the third run, which has been cleaned.
func cellOf(changes ...func(*soakv1alpha1.SoakCell)) soakv1alpha1.SoakCell {
	cell := aCell(doneWith(1, "1P"), inMode(soakv1alpha1.CellModeCleanUp), withCondition(soakv1alpha1.ConditionCleaned, metav1.ConditionTrue, 2))
	cell.Spec.Run.UID = "r3"
	for _, change := range changes {
		change(cell)
	}
	return *cell
}

func notCleaned(cell *soakv1alpha1.SoakCell) { cell.Status.Conditions = nil }

// toldRuns is what is to become of runs.
func toldRuns(decision plan.ExperimentDecision) []string {
	var all []string
	for _, run := range decision.Update {
		text := run.Name
		if run.Spec.End != "" {
			text += " end=" + string(run.Spec.End)
		}
		if run.Spec.Suspend != nil {
			text += fmt.Sprintf(" suspend=%v", *run.Spec.Suspend)
		}
		for _, name := range []string{soakv1alpha1.AnnotationHold, soakv1alpha1.AnnotationAdopt, soakv1alpha1.AnnotationAbandon} {
			if value, there := run.Annotations[name]; there {
				text += " " + strings.TrimPrefix(name, "soak.saltside.io/") + "=" + value
			}
		}
		all = append(all, text)
	}
	if decision.Create != nil {
		all = append(all, "create "+decision.Create.Name)
	}
	for _, run := range decision.Delete {
		all = append(all, "delete "+run.Name)
	}
	return all
}

type experimentCase struct {
	experiment   *soakv1alpha1.SoakExperiment
	runs         []soakv1alpha1.SoakRun
	cells        []soakv1alpha1.SoakCell
	live         bool
	references   *plan.References
	wantWhy      string
	wantTold     []string
	wantQuestion *plan.Question
	wantRequeue  time.Duration
	// wantConditions are those of the status that is written; not looked at if empty.
	wantConditions string
}

func testExperiments(t *testing.T, cases map[string]experimentCase) {
	t.Helper()
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			before := test.experiment.DeepCopy()
			in := plan.ExperimentInput{
				Experiment: test.experiment, Runs: test.runs, Cells: test.cells, Live: test.live, References: test.references, Now: at(60).Time,
			}
			got := plan.Experiment(in)
			if diff := cmp.Diff(before, test.experiment); diff != "" {
				t.Errorf("the experiment that was handed in has changed:\n%s", diff)
			}
			if got.Why != test.wantWhy {
				t.Errorf("why: %s, want %s", got.Why, test.wantWhy)
			}
			if diff := cmp.Diff(test.wantTold, toldRuns(got)); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.wantQuestion, got.Question); diff != "" {
				t.Errorf("question (-want +got):\n%s", diff)
			}
			if got.RequeueAfter != test.wantRequeue {
				t.Errorf("asks again after %s, want %s", got.RequeueAfter, test.wantRequeue)
			}
			if got.Status == nil {
				if test.wantConditions != "" {
					t.Error("no status is written")
				}
				return
			}
			if conditions := conditionsOf(got.Status.Conditions); test.wantConditions != "" && conditions != test.wantConditions {
				t.Errorf("conditions %s,\nwant       %s", conditions, test.wantConditions)
			}
			if got.Create == nil {
				in.Experiment = test.experiment.DeepCopy()
				in.Experiment.Status = *got.Status
				if second := plan.Experiment(in); second.Status != nil {
					t.Errorf("the same is written twice:\n%s", cmp.Diff(got.Status, second.Status))
				}
			}
		})
	}
}

func runs(runs ...soakv1alpha1.SoakRun) []soakv1alpha1.SoakRun { return runs }

const (
	starting = "Ready=True/Starting Finished=False/Starting Succeeded=Unknown/Starting Suspended=False/NotSuspended Stalled=False/NotStalled"
	between  = "Ready=True/NextRun Finished=False/NextRun Succeeded=Unknown/NextRun Suspended=False/NotSuspended Stalled=False/NotStalled"
)

func TestExperimentStartsARun(t *testing.T) {
	fresh := func(experiment *soakv1alpha1.SoakExperiment) { experiment.Status = soakv1alpha1.SoakExperimentStatus{} }
	testExperiments(t, map[string]experimentCase{
		"its finalizer comes first": {
			experiment: anExperiment(fresh, func(experiment *soakv1alpha1.SoakExperiment) { experiment.Finalizers = nil }),
			wantWhy:    "its runs must not outlive it",
		},
		"none may be there that was not seen": {
			experiment: anExperiment(fresh), wantWhy: "something has to be looked up first", wantQuestion: &plan.Question{Live: true},
		},
		"what it refers to has to be found": {
			experiment: anExperiment(fresh), live: true, wantWhy: "something has to be looked up first", wantQuestion: &plan.Question{References: true},
		},
		"what it refers to is not there": {
			experiment: anExperiment(fresh), live: true, references: &plan.References{Problem: &plan.Problem{Reason: "ChartNotFound", Message: "there is no ConfigMap"}},
			wantWhy: "what it refers to was not found", wantRequeue: time.Minute,
			wantConditions: "Ready=False/ChartNotFound Finished=False/Starting Succeeded=Unknown/Starting Suspended=False/NotSuspended Stalled=True/ChartNotFound",
		},
		"the first": {
			experiment: anExperiment(fresh), live: true, references: found("secret"), wantWhy: "the next run starts: FirstRun",
			wantTold: []string{"create classifieds-1"}, wantConditions: starting,
		},
		"not of a definition that makes no sense": {
			experiment: anExperiment(fresh, func(experiment *soakv1alpha1.SoakExperiment) {
				experiment.Spec.Environments[0].Steps = []soakv1alpha1.Step{"Test"}
			}),
			wantWhy: "the definition makes no sense",
			wantConditions: "Ready=False/InvalidDefinition Finished=False/Starting Succeeded=Unknown/Starting Suspended=False/NotSuspended " +
				"Stalled=True/InvalidDefinition",
		},
		"not with a time that is none": {
			experiment:     anExperiment(fresh, func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.CleanupDelay = "9999999999999h" }),
			wantWhy:        "the definition makes no sense",
			wantConditions: "Ready=False/InvalidDefinition Finished=False/Starting Succeeded=Unknown/Starting Suspended=False/NotSuspended Stalled=True/InvalidDefinition",
		},
		"another one, when it was deleted": {
			experiment: anExperiment(), live: true, references: found("secret"), wantWhy: "the next run starts: RunDeleted", wantTold: []string{"create classifieds-4"},
		},
		"not while one is being deleted": {
			experiment: anExperiment(), live: true, references: found("secret"), runs: runs(runNumbered(3, beingDeleted, endedFor("InputsChanged"))),
			wantWhy: "the run before is in the way: InputsChanged", wantConditions: between,
		},
		"not while something goes on that was left by one": {
			experiment: anExperiment(), live: true, references: found("secret"), cells: []soakv1alpha1.SoakCell{cellOf(trying(soakv1alpha1.StepClean))},
			wantWhy: "the run before is in the way: RunDeleted",
		},
	})
}

func TestExperimentKeepsTheRunThatIs(t *testing.T) {
	yes := true
	testExperiments(t, map[string]experimentCase{
		"it goes on": {
			experiment: anExperiment(), runs: runs(runNumbered(3)), wantWhy: "its run goes on", wantConditions: "Ready=True/Running",
		},
		"runs of another experiment are none of it": {
			experiment: anExperiment(), wantWhy: "its run goes on",
			runs: runs(runNumbered(3), runNumbered(9, func(run *soakv1alpha1.SoakRun) { run.Spec.Experiment.UID = "another" })),
		},
		"what is not an input is handed down": {
			experiment: anExperiment(func(experiment *soakv1alpha1.SoakExperiment) {
				experiment.Spec.Run.Description = "more"
				experiment.Spec.Stop.MaxIterations = 7
			}),
			runs: runs(runNumbered(3)), wantWhy: "its run goes on", wantTold: []string{"classifieds-3"},
		},
		"suspended": {
			experiment: anExperiment(func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.Suspend = &yes }),
			runs:       runs(runNumbered(3)), wantWhy: "its run goes on", wantTold: []string{"classifieds-3 suspend=true"},
		},
		"not suspended, in so many words": {
			experiment: anExperiment(func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.Suspend = new(bool) }),
			runs:       runs(runNumbered(3)), wantWhy: "its run goes on",
		},
		"held": {
			experiment: anExperiment(func(experiment *soakv1alpha1.SoakExperiment) {
				experiment.Annotations = map[string]string{soakv1alpha1.AnnotationHold: "ops"}
			}),
			runs: runs(runNumbered(3)), wantWhy: "its run goes on", wantTold: []string{"classifieds-3 suspend=true hold=ops"},
		},
		"asked to adopt what it had": {
			experiment: anExperiment(func(experiment *soakv1alpha1.SoakExperiment) {
				experiment.Annotations = map[string]string{soakv1alpha1.AnnotationAdopt: "e0"}
			}),
			runs: runs(runNumbered(3)), wantWhy: "its run goes on", wantTold: []string{"classifieds-3 adopt=e0"},
		},
		"asked to adopt while an earlier run is still to be cleaned": {
			experiment: anExperiment(func(experiment *soakv1alpha1.SoakExperiment) {
				experiment.Annotations = map[string]string{soakv1alpha1.AnnotationAdopt: "e0"}
			}),
			runs:    runs(runNumbered(3), runNumbered(2, finishedRun("InputsChanged"), func(run *soakv1alpha1.SoakRun) { run.DeletionTimestamp = at(0) })),
			wantWhy: "its run goes on", wantTold: []string{"classifieds-3 adopt=e0", "classifieds-2 adopt=e0"},
		},
		"no longer asked to": {
			experiment: anExperiment(), wantWhy: "its run goes on", wantTold: []string{"classifieds-3"},
			runs: runs(runNumbered(3, func(run *soakv1alpha1.SoakRun) {
				run.Annotations = map[string]string{soakv1alpha1.AnnotationAdopt: "e0"}
			})),
		},
		"no longer held": {
			experiment: anExperiment(), wantWhy: "its run goes on", wantTold: []string{"classifieds-3"},
			runs: runs(runNumbered(3, suspended(""), func(run *soakv1alpha1.SoakRun) {
				run.Annotations = map[string]string{soakv1alpha1.AnnotationHold: "ops"}
			})),
		},
		"while the definition makes no sense": {
			experiment: anExperiment(func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.Markets = nil }), runs: runs(runNumbered(3)),
			wantWhy: "the definition makes no sense", wantConditions: "Ready=False/InvalidDefinition Stalled=True/InvalidDefinition",
		},
		"finished, and is looked after": {
			experiment: anExperiment(), runs: runs(runNumbered(3, finishedRun("MaxIterations"))),
			wantWhy: "something has to be looked up first", wantQuestion: &plan.Question{References: true, Salt: "salt"},
		},
		"finished, and nothing has changed": {
			experiment: anExperiment(), runs: runs(runNumbered(3, finishedRun("MaxIterations"))), references: found("secret"),
			wantWhy: "the current run has finished", wantRequeue: time.Minute, wantConditions: "Ready=True/Running Finished=True/MaxIterations",
		},
		"finished, and it cannot be seen whether something has changed": {
			experiment: anExperiment(), runs: runs(runNumbered(3, finishedRun("MaxIterations"))), references: &plan.References{Problem: &plan.Problem{Reason: "Gone"}},
			wantWhy: "the current run has finished", wantRequeue: time.Minute, wantConditions: "Ready=True/Running Finished=True/MaxIterations",
		},
	})
}

func TestExperimentStartsTheNextRun(t *testing.T) {
	restarted := func(experiment *soakv1alpha1.SoakExperiment) {
		experiment.Annotations = map[string]string{soakv1alpha1.AnnotationRestartedAt: "now"}
	}
	changed := func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.ServiceAccountName = "x" }
	never := func(experiment *soakv1alpha1.SoakExperiment) {
		experiment.Spec.CleanupPolicy = soakv1alpha1.CleanupPolicyNever
	}
	unclean := func(run *soakv1alpha1.SoakRun) { run.Spec.CleanupPolicy = soakv1alpha1.CleanupPolicyNever }
	out := runNumbered(3, finishedRun("InputsChanged"), endedFor("InputsChanged"))
	clean := []soakv1alpha1.SoakCell{cellOf()}
	testExperiments(t, map[string]experimentCase{
		"the inputs have changed": {
			experiment: anExperiment(changed), runs: runs(runNumbered(3)), wantWhy: "the run before is in the way: InputsChanged",
			wantTold: []string{"classifieds-3 end=InputsChanged"}, wantConditions: between,
		},
		"the run has another id": {
			experiment: anExperiment(func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.Run.ID = "4" }), runs: runs(runNumbered(3)),
			wantWhy: "the run before is in the way: RunIDChanged", wantTold: []string{"classifieds-3 end=RunIDChanged"},
		},
		"restarted": {
			experiment: anExperiment(restarted), runs: runs(runNumbered(3)),
			wantWhy: "the run before is in the way: Restarted", wantTold: []string{"classifieds-3 end=Restarted"},
		},
		"restarted before": {
			experiment: anExperiment(restarted), wantWhy: "its run goes on",
			runs: runs(runNumbered(3, func(run *soakv1alpha1.SoakRun) {
				run.Annotations = map[string]string{soakv1alpha1.AnnotationRestartedAt: "now"}
			})),
		},
		"restarted before, and nobody says so any more": {
			experiment: anExperiment(), wantWhy: "its run goes on",
			runs: runs(runNumbered(3, func(run *soakv1alpha1.SoakRun) {
				run.Annotations = map[string]string{soakv1alpha1.AnnotationRestartedAt: "now"}
			})),
		},
		"a secret of a finished run has changed": {
			experiment: anExperiment(), runs: runs(runNumbered(3, finishedRun("MaxIterations"))), references: found("another"), cells: []soakv1alpha1.SoakCell{cellOf(notCleaned)},
			wantWhy: "the run before is in the way: InputsChanged", wantTold: []string{"classifieds-3 end=InputsChanged"}, wantConditions: between,
		},
		"a secret of a run that goes on has changed: Build will see": {
			experiment: anExperiment(), runs: runs(runNumbered(3)), references: found("another"), wantWhy: "its run goes on",
		},
		"the one before is still being stopped": {
			experiment: anExperiment(changed), runs: runs(runNumbered(3, endedFor("InputsChanged"))), cells: clean,
			wantWhy: "the run before is in the way: InputsChanged",
		},
		"the one before has not been cleaned yet": {
			experiment: anExperiment(changed), runs: runs(out), cells: []soakv1alpha1.SoakCell{cellOf(notCleaned)},
			wantWhy: "the run before is in the way: InputsChanged",
		},
		"the one before is being cleaned": {
			experiment: anExperiment(changed), runs: runs(out), cells: []soakv1alpha1.SoakCell{cellOf(notCleaned, trying(soakv1alpha1.StepClean, cleaningUp))},
			wantWhy: "the run before is in the way: InputsChanged",
		},
		"the one before waits to be cleaned again": {
			experiment: anExperiment(changed), runs: runs(out), cells: []soakv1alpha1.SoakCell{cellOf(notCleaned, trying(soakv1alpha1.StepClean, cleaningUp, waitingUntil(90)))},
			wantWhy: "the run before is in the way: InputsChanged",
		},
		"the one before could not be cleaned": {
			experiment: anExperiment(changed), runs: runs(out), live: true, references: found("secret"),
			cells:   []soakv1alpha1.SoakCell{cellOf(notCleaned, withCondition(soakv1alpha1.ConditionCleaned, metav1.ConditionFalse, 2))},
			wantWhy: "the next run starts: InputsChanged", wantTold: []string{"create classifieds-4"}, wantConditions: starting,
		},
		"the one before is to be left as it is": {
			experiment: anExperiment(changed, never), live: true, references: found("secret"), cells: []soakv1alpha1.SoakCell{cellOf(notCleaned, inMode(soakv1alpha1.CellModeHold))},
			runs:    runs(runNumbered(3, finishedRun("InputsChanged"), endedFor("InputsChanged"), unclean)),
			wantWhy: "the next run starts: InputsChanged", wantTold: []string{"create classifieds-4"},
		},
		"the one before is told something else first": {
			experiment: anExperiment(changed), live: true, references: found("secret"), cells: []soakv1alpha1.SoakCell{cellOf(notCleaned, inMode(soakv1alpha1.CellModeHold))},
			runs:    runs(runNumbered(3, finishedRun("InputsChanged"), endedFor("InputsChanged"), unclean)),
			wantWhy: "the run before is in the way: InputsChanged", wantTold: []string{"classifieds-3 end=InputsChanged"},
		},
		"the one before is to be left as it is, and is not known to do nothing": {
			experiment: anExperiment(changed, never), live: true, references: found("secret"), cells: []soakv1alpha1.SoakCell{cellOf(notCleaned, inMode(soakv1alpha1.CellModeIterate))},
			runs:    runs(runNumbered(3, finishedRun("InputsChanged"), endedFor("InputsChanged"), unclean)),
			wantWhy: "the run before is in the way: InputsChanged",
		},
		"one before is being deleted": {
			experiment: anExperiment(changed), runs: runs(runNumbered(2, finishedRun("Restarted"), beingDeleted), out), cells: clean, live: true, references: found("secret"),
			wantWhy: "the run before is in the way: InputsChanged", wantConditions: between,
		},
		"one before cannot be deleted": {
			experiment: anExperiment(changed), runs: runs(runNumbered(3, finishedRun("InputsChanged"), endedFor("InputsChanged"), beingDeleted)), live: true, references: found("secret"),
			cells:          []soakv1alpha1.SoakCell{cellOf(deleted, notCleaned, withCondition(soakv1alpha1.ConditionStalled, metav1.ConditionTrue, 2))},
			wantWhy:        "the run before is in the way: InputsChanged",
			wantConditions: "Ready=False/Before Finished=False/NextRun Succeeded=Unknown/NextRun Suspended=False/NotSuspended Stalled=True/Before",
		},
		"the one before is out of the way, as far as was seen": {
			experiment: anExperiment(changed), runs: runs(out), cells: clean, wantWhy: "something has to be looked up first",
			wantQuestion: &plan.Question{Live: true},
		},
		"with the salt of the one before": {
			experiment: anExperiment(changed), runs: runs(out), cells: clean, live: true, wantWhy: "something has to be looked up first",
			wantQuestion: &plan.Question{References: true, Salt: "salt"},
		},
		"the one before is out of the way": {
			experiment: anExperiment(changed), runs: runs(out), cells: clean, live: true, references: found("secret"),
			wantWhy: "the next run starts: InputsChanged", wantTold: []string{"create classifieds-4"}, wantConditions: starting,
		},
		"one before that is not finished": {
			experiment: anExperiment(changed), runs: runs(runNumbered(2), out), cells: clean, live: true, references: found("secret"),
			wantWhy: "the run before is in the way: InputsChanged", wantTold: []string{"classifieds-2 end=InputsChanged"},
		},
		"its inputs were not what they were": {
			experiment: anExperiment(), cells: clean, live: true, references: found("another"), runs: runs(runNumbered(3, finishedRun("InputsChanged"))),
			wantWhy: "the run before is in the way: InputsChanged", wantTold: []string{"classifieds-3 end=InputsChanged"},
		},
		"its inputs were not what they were at once": {
			experiment: anExperiment(), cells: clean, live: true, references: found("another"),
			runs: runs(runNumbered(3, finishedRun("InputsChanged"), endedFor("InputsChanged"), nothingCounted, func(run *soakv1alpha1.SoakRun) {
				run.CreationTimestamp = *at(20)
			})),
			wantWhy: "the run before was over at once", wantRequeue: 20 * time.Second,
		},
		"its inputs were changed at once": {
			experiment: anExperiment(changed), cells: clean, live: true, references: found("secret"),
			runs: runs(runNumbered(3, finishedRun("InputsChanged"), endedFor("InputsChanged"), nothingCounted, func(run *soakv1alpha1.SoakRun) {
				run.CreationTimestamp = *at(20)
			})),
			wantWhy: "the next run starts: InputsChanged", wantTold: []string{"create classifieds-4"},
		},
		"its inputs were not what they were, a while later": {
			experiment: anExperiment(), cells: clean, live: true, references: found("another"),
			runs:    runs(runNumbered(3, finishedRun("InputsChanged"), endedFor("InputsChanged"), nothingCounted)),
			wantWhy: "the next run starts: InputsChanged", wantTold: []string{"create classifieds-4"},
		},
	})
}

func TestExperimentKeepsSomeRuns(t *testing.T) {
	done := finishedRun("InputsChanged")
	limit := func(limit int32) func(*soakv1alpha1.SoakExperiment) {
		return func(experiment *soakv1alpha1.SoakExperiment) {
			experiment.Spec.RunHistoryLimit = &limit
			experiment.Status.Run.Number = 9
		}
	}
	all := runs(runNumbered(9), runNumbered(8, done), runNumbered(7, done, nothingCounted), runNumbered(6, done), runNumbered(5, done, beingDeleted), runNumbered(4, done))
	testExperiments(t, map[string]experimentCase{
		"the last ones":   {experiment: anExperiment(limit(2)), runs: all, wantWhy: "its run goes on", wantTold: []string{"delete classifieds-7", "delete classifieds-4"}},
		"none but itself": {experiment: anExperiment(limit(0)), runs: all, wantWhy: "its run goes on", wantTold: []string{"delete classifieds-8", "delete classifieds-7", "delete classifieds-6", "delete classifieds-4"}},
		"all in which something was counted": {
			experiment: anExperiment(limit(100)), runs: all, wantWhy: "its run goes on", wantTold: []string{"delete classifieds-7"},
		},
		"the current one, though nothing was counted": {
			experiment: anExperiment(limit(0)), runs: runs(runNumbered(9, finishedRun("MaxDuration"), nothingCounted)), references: found("secret"),
			wantWhy: "the current run has finished", wantRequeue: time.Minute,
		},
	})
}

func TestExperimentIsDeleted(t *testing.T) {
	gone := func(experiment *soakv1alpha1.SoakExperiment) { experiment.DeletionTimestamp = at(0) }
	orphan := func(experiment *soakv1alpha1.SoakExperiment) {
		experiment.Spec.DeletionPolicy = soakv1alpha1.DeletionPolicyOrphan
	}
	deleting := "Ready=False/Deleting Finished=False/Deleting Succeeded=Unknown/Deleting Suspended=False/NotSuspended Stalled=False/NotStalled"
	ended := endedFor(soakv1alpha1.EndReasonExperimentDeleted)
	testExperiments(t, map[string]experimentCase{
		"its runs end first": {
			experiment: anExperiment(gone), runs: runs(runNumbered(3), runNumbered(2, finishedRun("Restarted"))), wantWhy: "2 runs left",
			wantTold: []string{"classifieds-3 end=ExperimentDeleted", "delete classifieds-2"}, wantConditions: deleting,
		},
		"then they go": {
			experiment: anExperiment(gone), runs: runs(runNumbered(3, ended)), wantWhy: "1 run left", wantTold: []string{"delete classifieds-3"},
		},
		"they are going": {experiment: anExperiment(gone), runs: runs(runNumbered(3, ended, beingDeleted)), wantWhy: "1 run left"},
		"they cannot go": {
			experiment: anExperiment(gone), runs: runs(runNumbered(3, ended, beingDeleted)), wantWhy: "1 run left",
			cells:          []soakv1alpha1.SoakCell{cellOf(deleted, withCondition(soakv1alpha1.ConditionStalled, metav1.ConditionTrue, 2))},
			wantConditions: "Ready=False/Before Finished=False/Deleting Succeeded=Unknown/Deleting Suspended=False/NotSuspended Stalled=True/Before",
		},
		"nothing is to be cleaned": {
			experiment: anExperiment(gone, orphan), runs: runs(runNumbered(3)), wantWhy: "1 run left",
			wantTold: []string{"classifieds-3 end=ExperimentDeleted abandon=deletionPolicy of the experiment is Orphan"},
		},
		"given up while they are going": {
			experiment: anExperiment(gone, func(experiment *soakv1alpha1.SoakExperiment) {
				experiment.Annotations = map[string]string{soakv1alpha1.AnnotationAbandon: "ops"}
			}),
			runs: runs(runNumbered(3, ended, beingDeleted)), wantWhy: "1 run left", wantTold: []string{"classifieds-3 end=ExperimentDeleted abandon=ops"},
		},
		"none was seen": {experiment: anExperiment(gone), wantWhy: "something has to be looked up first", wantQuestion: &plan.Question{Live: true}},
		"none is left":  {experiment: anExperiment(gone), live: true, wantWhy: "none of its runs is left"},
		"something else keeps it": {
			experiment: anExperiment(gone, func(experiment *soakv1alpha1.SoakExperiment) { experiment.Finalizers = nil }), wantWhy: "nothing of ours keeps it",
		},
	})
}

func TestExperimentFinalizer(t *testing.T) {
	experiment := anExperiment(func(experiment *soakv1alpha1.SoakExperiment) { experiment.Finalizers = nil })
	if got := plan.Experiment(plan.ExperimentInput{Experiment: experiment, Now: epoch}); got.Finalizer != plan.FinalizerAdded || got.Status != nil {
		t.Errorf("finalizer %q, status %v, want it added and nothing else", got.Finalizer, got.Status)
	}
	experiment = anExperiment(func(experiment *soakv1alpha1.SoakExperiment) { experiment.DeletionTimestamp = at(0) })
	if got := plan.Experiment(plan.ExperimentInput{Experiment: experiment, Live: true, Now: epoch}); got.Finalizer != plan.FinalizerRemoved || got.Status != nil {
		t.Errorf("finalizer %q, status %v, want it removed and nothing else", got.Finalizer, got.Status)
	}
}

func TestNewRun(t *testing.T) {
	yes := true
	experiment := anExperiment(func(experiment *soakv1alpha1.SoakExperiment) {
		experiment.Name = strings.Repeat("a", 70)
		experiment.Status.Run.Number = 11
		experiment.Annotations = map[string]string{soakv1alpha1.AnnotationHold: "ops", soakv1alpha1.AnnotationRestartedAt: "now", soakv1alpha1.AnnotationAdopt: "e0", "other": "x"}
	})
	got := plan.Experiment(plan.ExperimentInput{Experiment: experiment, Live: true, References: found("secret"), Now: epoch})
	want := &soakv1alpha1.SoakRun{
		ObjectMeta: metav1.ObjectMeta{
			Name: strings.Repeat("a", 49) + "-6bd5e50348-12", Namespace: "soak",
			Labels:      map[string]string{soakv1alpha1.LabelExperiment: plan.LabelValue(experiment.Name), soakv1alpha1.LabelRun: "12"},
			Annotations: map[string]string{soakv1alpha1.AnnotationHold: "ops", soakv1alpha1.AnnotationRestartedAt: "now", soakv1alpha1.AnnotationAdopt: "e0"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "soak.saltside.io/v1alpha1", Kind: "SoakExperiment", Name: experiment.Name, UID: "e1", Controller: &yes, BlockOwnerDeletion: &yes,
			}},
		},
		Spec: soakv1alpha1.SoakRunSpec{
			Controls:   soakv1alpha1.Controls{Suspend: &yes, CleanupPolicy: soakv1alpha1.CleanupPolicyAlways},
			Experiment: soakv1alpha1.ObjectIdentity{Name: experiment.Name, UID: "e1"},
			Number:     12,
			Run:        experiment.Spec.Run,
			Inputs:     experiment.Spec.Inputs,
			Pins: soakv1alpha1.Pins{
				Inputs: digest(t, &experiment.Spec.Inputs), Chart: theChart, Salt: "salt", Values: []soakv1alpha1.Digest{"sha256:secret"},
			},
		},
	}
	if diff := cmp.Diff(want, got.Create); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if length := len(got.Create.Name); length != 63 {
		t.Errorf("its name has %d characters", length)
	}
	if got.Status.Run.Number != 12 || got.Status.Run.Name != got.Create.Name {
		t.Errorf("the status tells of run %+v", got.Status.Run)
	}
}

func TestNewCell(t *testing.T) {
	yes := true
	run := aRun(func(run *soakv1alpha1.SoakRun) {
		run.Spec.Inputs.Markets, run.Spec.Inputs.Environments = markets("tonaton"), environments("sandbox")
	})
	got := decide(t, run, nil, false).Create
	want := []*soakv1alpha1.SoakCell{{
		ObjectMeta: metav1.ObjectMeta{
			Name: "classifieds-3-tonaton-sandbox-0bcaa58fa5", Namespace: "soak",
			Labels: map[string]string{
				soakv1alpha1.LabelExperiment: "classifieds", soakv1alpha1.LabelRun: "3", soakv1alpha1.LabelCell: plan.CellLabel("e1", "tonaton", "sandbox"),
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "soak.saltside.io/v1alpha1", Kind: "SoakRun", Name: "classifieds-3", UID: "r3", Controller: &yes, BlockOwnerDeletion: &yes,
			}},
		},
		Spec: soakv1alpha1.SoakCellSpec{
			Run: soakv1alpha1.ObjectIdentity{Name: "classifieds-3", UID: "r3"}, Market: "tonaton", Environment: "sandbox",
			Release: soakv1alpha1.ReleaseIdentity{Namespace: "soak", Name: "classifieds-tonaton-sandbox"},
			Steps:   []soakv1alpha1.Step{"Clean", "Build", "Install", "Test"}, Mode: soakv1alpha1.CellModeIterate,
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cell (-want +got):\n%s", diff)
	}
}
