package plan_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

var epoch = time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)

// at is so many seconds after the epoch.
func at(seconds int) *metav1.Time {
	then := metav1.NewTime(epoch.Add(time.Duration(seconds) * time.Second))
	return &then
}

const cellUID = "c1"

// aCell is one of generation 2 that does all steps and has done nothing yet, changed as is said.
func aCell(changes ...func(*soakv1alpha1.SoakCell)) *soakv1alpha1.SoakCell {
	cell := &soakv1alpha1.SoakCell{
		ObjectMeta: metav1.ObjectMeta{
			Name: "classifieds-3-tonaton-sandbox", Namespace: "soak", UID: cellUID, Generation: 2,
			Finalizers: []string{soakv1alpha1.Finalizer},
			Labels:     map[string]string{soakv1alpha1.LabelExperiment: "classifieds", soakv1alpha1.LabelRun: "3"},
		},
		Spec: soakv1alpha1.SoakCellSpec{
			Run:         soakv1alpha1.ObjectIdentity{Name: "classifieds-3", UID: "r3"},
			Market:      "tonaton",
			Environment: "sandbox",
			Release:     soakv1alpha1.ReleaseIdentity{Namespace: "sandbox", Name: "classifieds-tonaton-sandbox"},
			Steps:       []soakv1alpha1.Step{soakv1alpha1.StepClean, soakv1alpha1.StepBuild, soakv1alpha1.StepInstall, soakv1alpha1.StepTest},
			Mode:        soakv1alpha1.CellModeIterate,
		},
	}
	for _, change := range changes {
		change(cell)
	}
	return cell
}

func wanted(iteration int32) func(*soakv1alpha1.SoakCell) {
	return func(cell *soakv1alpha1.SoakCell) { cell.Spec.Iteration = iteration }
}

func inMode(mode soakv1alpha1.CellMode) func(*soakv1alpha1.SoakCell) {
	return func(cell *soakv1alpha1.SoakCell) { cell.Spec.Mode = mode }
}

func deleted(cell *soakv1alpha1.SoakCell) { cell.DeletionTimestamp = at(0) }

func abandoned(cell *soakv1alpha1.SoakCell) {
	cell.Annotations = map[string]string{soakv1alpha1.AnnotationAbandon: "ops: the node is gone for good"}
}

func unprotected(cell *soakv1alpha1.SoakCell) { cell.Finalizers = nil }

func onlyBuild(cell *soakv1alpha1.SoakCell) {
	cell.Spec.Steps = []soakv1alpha1.Step{soakv1alpha1.StepBuild}
	cell.Finalizers = nil
}

// trying puts attempt 7, at iteration 1, into a step.
func trying(step soakv1alpha1.Step, changes ...func(*soakv1alpha1.Attempt)) func(*soakv1alpha1.SoakCell) {
	return func(cell *soakv1alpha1.SoakCell) {
		cell.Spec.Iteration = max(cell.Spec.Iteration, 1)
		cell.Status.ObservedGeneration = 2
		cell.Status.LastAttempt = 7
		cell.Status.Attempt = soakv1alpha1.Attempt{
			Purpose: soakv1alpha1.AttemptPurposeIteration, Iteration: 1, Number: 7, Step: step,
			StartTime: at(0), StepStartTime: at(20),
		}
		for _, change := range changes {
			change(&cell.Status.Attempt)
		}
	}
}

func cleaningUp(attempt *soakv1alpha1.Attempt) {
	attempt.Purpose, attempt.Iteration = soakv1alpha1.AttemptPurposeCleanUp, 0
}

func after(errored, interrupted int32) func(*soakv1alpha1.Attempt) {
	return func(attempt *soakv1alpha1.Attempt) { attempt.Errored, attempt.Interrupted = errored, interrupted }
}

func waitingUntil(seconds int) func(*soakv1alpha1.Attempt) {
	return func(attempt *soakv1alpha1.Attempt) { attempt.NotBefore = at(seconds) }
}

// doneWith gives the cell a history, and the result of the iteration that was recorded last.
func doneWith(iteration int32, history string) func(*soakv1alpha1.SoakCell) {
	return func(cell *soakv1alpha1.SoakCell) {
		cell.Status.ObservedGeneration = 2
		cell.Status.LastAttempt = max(cell.Status.LastAttempt, iteration)
		cell.Status.History = history
		cell.Status.Result = soakv1alpha1.Result{Iteration: iteration, Verdict: soakv1alpha1.VerdictPassed, StartTime: at(-100), EndTime: at(-50)}
	}
}

func withCondition(kind string, status metav1.ConditionStatus, generation int64) func(*soakv1alpha1.SoakCell) {
	return func(cell *soakv1alpha1.SoakCell) {
		cell.Status.Conditions = append(cell.Status.Conditions, metav1.Condition{
			Type: kind, Status: status, ObservedGeneration: generation, LastTransitionTime: *at(-10), Reason: "Before", Message: "before",
		})
	}
}

func operation(step soakv1alpha1.Step) plan.OperationID {
	return plan.OperationID{CellUID: cellUID, Attempt: 7, Step: step}
}

func start(attempt int32, step soakv1alpha1.Step, minutes int) plan.Action {
	return plan.Action{Kind: plan.Start, Operation: plan.OperationID{CellUID: cellUID, Attempt: attempt, Step: step},
		Timeout: time.Duration(minutes) * time.Minute}
}

func forget(step soakv1alpha1.Step) plan.Action {
	return plan.Action{Kind: plan.Forget, Operation: operation(step)}
}

func ended(outcome plan.Outcome) plan.Operation {
	return plan.Operation{State: plan.OperationEnded, Outcome: outcome}
}

var (
	succeeded = ended(plan.Outcome{Result: plan.Succeeded})
	stopped   = ended(plan.Outcome{Result: plan.Stopped})
	crashed   = plan.Outcome{
		Result: plan.Failed, Reason: "CrashLoopBackOff", Message: "container web restarts", Object: "Pod/classifieds-tonaton-sandbox-web-0",
		Container: "web", Node: "node-7",
	}
	unavailable = plan.Outcome{Result: plan.Errored, Reason: "APIUnavailable", Message: "the API server did not answer"}
	forbidden   = plan.Outcome{
		Result: plan.Errored, Reason: "Forbidden", Message: "soak-runner may not list pods in sandbox", UserMustAct: true,
	}
)

// theCrash is how the outcome crashed is recorded.
func theCrash(seconds int) soakv1alpha1.Failure {
	return soakv1alpha1.Failure{
		Iteration: 1, Step: soakv1alpha1.StepInstall, Reason: "CrashLoopBackOff", Message: "container web restarts",
		Cell: "tonaton/sandbox", Object: "Pod/classifieds-tonaton-sandbox-web-0", Container: "web", Node: "node-7",
		Signature: "Install CrashLoopBackOff Pod/*-web web", Time: at(seconds),
	}
}

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, ObservedGeneration: 2, LastTransitionTime: *at(60), Reason: reason, Message: message}
}

type cellCase struct {
	cell       *soakv1alpha1.SoakCell
	operation  plan.Operation
	inputs     soakv1alpha1.Inputs
	noRun      bool
	superseded bool
	// want is how the status is changed; nothing is written if it is nil.
	want          func(*soakv1alpha1.SoakCellStatus)
	wantRow       string
	wantFinalizer plan.FinalizerChange
	wantActions   []plan.Action
	wantEvents    []string
	wantRequeue   time.Duration
}

// testCells decides on each case a minute after the epoch.
func testCells(t *testing.T, cases map[string]cellCase) {
	t.Helper()
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			in := plan.CellInput{
				Cell: test.cell.DeepCopy(), Inputs: &test.inputs, Operation: test.operation, Superseded: test.superseded,
				Now: at(60).Add(400 * time.Millisecond),
			}
			if test.noRun {
				in.Inputs = nil
			}
			got, err := plan.Cell(in)
			if err != nil {
				t.Fatalf("decide: %v", err)
			}
			if diff := cmp.Diff(test.cell, in.Cell); diff != "" {
				t.Errorf("the cell that was handed in has changed:\n%s", diff)
			}
			if got.Row != test.wantRow {
				t.Errorf("row %s (%s), want %s", got.Row, got.Why, test.wantRow)
			}
			var want *soakv1alpha1.SoakCellStatus
			if test.want != nil {
				want = test.cell.Status.DeepCopy()
				want.ObservedGeneration = 2
				test.want(want)
			}
			if diff := cmp.Diff(want, got.Status); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			if got.Finalizer != test.wantFinalizer {
				t.Errorf("finalizer %q, want %q", got.Finalizer, test.wantFinalizer)
			}
			if diff := cmp.Diff(test.wantActions, got.Actions); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			var events []string
			for _, event := range got.Events {
				events = append(events, event.Type+" "+event.Reason)
			}
			if diff := cmp.Diff(test.wantEvents, events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if got.RequeueAfter != test.wantRequeue {
				t.Errorf("asks again after %s, want %s", got.RequeueAfter, test.wantRequeue)
			}
		})
	}
}

const poll = 30 * time.Second

func attemptOf(number int32, purpose soakv1alpha1.AttemptPurpose, iteration int32, step soakv1alpha1.Step) soakv1alpha1.Attempt {
	return soakv1alpha1.Attempt{Purpose: purpose, Iteration: iteration, Number: number, Step: step, StartTime: at(60), StepStartTime: at(60)}
}

func TestCellGoesThroughItsSteps(t *testing.T) {
	item := soakv1alpha1.InventoryItem{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "sandbox"}
	other := soakv1alpha1.InventoryItem{Version: "v1", Kind: "Service", Namespace: "sandbox"}
	testCells(t, map[string]cellCase{
		"nothing is wanted": {cell: aCell(), wantRow: "Idle"},
		"what was wanted is done": {
			cell: aCell(wanted(3), doneWith(3, "3P")), wantRow: "Idle",
		},
		"a generation that changes nothing is noted": {
			cell: aCell(wanted(3), doneWith(3, "3P"), func(cell *soakv1alpha1.SoakCell) { cell.Status.ObservedGeneration = 1 }),
			want: func(*soakv1alpha1.SoakCellStatus) {}, wantRow: "Idle",
		},
		"the finalizer comes before the first intent": {
			cell: aCell(wanted(1), unprotected), wantRow: "AddFinalizer", wantFinalizer: plan.FinalizerAdded,
		},
		"an iteration is wanted": {
			cell: aCell(wanted(1)), wantRow: "Begin",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.LastAttempt = 1
				status.Attempt = attemptOf(1, soakv1alpha1.AttemptPurposeIteration, 1, soakv1alpha1.StepClean)
			},
			wantActions: []plan.Action{start(1, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"what is only built needs no finalizer": {
			cell: aCell(wanted(1), onlyBuild), wantRow: "Begin", inputs: soakv1alpha1.Inputs{Timeouts: soakv1alpha1.Timeouts{Build: "90s"}},
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.LastAttempt = 1
				status.Attempt = attemptOf(1, soakv1alpha1.AttemptPurposeIteration, 1, soakv1alpha1.StepBuild)
			},
			wantActions: []plan.Action{{Kind: plan.Start, Timeout: 90 * time.Second,
				Operation: plan.OperationID{CellUID: cellUID, Attempt: 1, Step: soakv1alpha1.StepBuild}}},
			wantRequeue: poll,
		},
		"what was cleaned is not, once an attempt begins": {
			cell: aCell(wanted(3), doneWith(2, "2P"), withCondition(soakv1alpha1.ConditionCleaned, metav1.ConditionTrue, 2)),
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Conditions = []metav1.Condition{}
				status.LastAttempt = 3
				status.Attempt = attemptOf(3, soakv1alpha1.AttemptPurposeIteration, 3, soakv1alpha1.StepClean)
			},
			wantRow: "Begin", wantActions: []plan.Action{start(3, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"queued": {
			cell: aCell(trying(soakv1alpha1.StepInstall)), operation: plan.Operation{State: plan.OperationQueued},
			wantRow: "AwaitOperation", wantRequeue: poll,
		},
		"running": {
			cell: aCell(trying(soakv1alpha1.StepInstall)), operation: plan.Operation{State: plan.OperationRunning},
			wantRow: "AwaitOperation", wantRequeue: poll,
		},
		"a clean is proven": {
			cell:      aCell(trying(soakv1alpha1.StepClean), func(cell *soakv1alpha1.SoakCell) { cell.Status.Inventory = []soakv1alpha1.InventoryItem{item} }),
			operation: succeeded, wantRow: "NextStep",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Inventory = nil
				status.Attempt.Step, status.Attempt.StepStartTime = soakv1alpha1.StepBuild, at(60)
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepClean), start(7, soakv1alpha1.StepBuild, 2)}, wantRequeue: poll,
		},
		"what was built is known before it is installed": {
			cell:      aCell(trying(soakv1alpha1.StepBuild), func(cell *soakv1alpha1.SoakCell) { cell.Status.Inventory = []soakv1alpha1.InventoryItem{item} }),
			operation: ended(plan.Outcome{Result: plan.Succeeded, Inventory: []soakv1alpha1.InventoryItem{other, item}}), wantRow: "NextStep",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Inventory = []soakv1alpha1.InventoryItem{item, other}
				status.Attempt.Step, status.Attempt.StepStartTime = soakv1alpha1.StepInstall, at(60)
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepBuild), start(7, soakv1alpha1.StepInstall, 5)}, wantRequeue: poll,
		},
		"a success ends what stalled": {
			cell:      aCell(trying(soakv1alpha1.StepInstall), withCondition(soakv1alpha1.ConditionStalled, metav1.ConditionTrue, 2)),
			operation: succeeded, wantRow: "NextStep",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Conditions = []metav1.Condition{}
				status.Attempt.Step, status.Attempt.StepStartTime = soakv1alpha1.StepTest, at(60)
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepInstall), start(7, soakv1alpha1.StepTest, 5)}, wantRequeue: poll,
		},
		"without its run it does not go on": {
			cell: aCell(trying(soakv1alpha1.StepInstall)), operation: plan.Operation{State: plan.OperationRunning}, noRun: true,
			wantRow: "StopOperation", wantActions: []plan.Action{{Kind: plan.Stop, Operation: operation(soakv1alpha1.StepInstall)}}, wantRequeue: poll,
		},
	})
}

func TestCellRecordsEachIterationOnce(t *testing.T) {
	tooMany := make([]soakv1alpha1.InventoryItem, 257)
	for i := range tooMany {
		tooMany[i] = soakv1alpha1.InventoryItem{Version: "v1", Kind: "Kind" + strconv.Itoa(i)}
	}
	passed := soakv1alpha1.Result{Iteration: 1, Verdict: soakv1alpha1.VerdictPassed, StartTime: at(0), EndTime: at(60)}
	failedWith := func(failure soakv1alpha1.Failure) soakv1alpha1.Result {
		return soakv1alpha1.Result{Iteration: failure.Iteration, Verdict: soakv1alpha1.VerdictFailed, StartTime: at(0), EndTime: at(60), Failure: failure}
	}
	testCells(t, map[string]cellCase{
		"passed": {
			cell: aCell(trying(soakv1alpha1.StepTest)), operation: succeeded, wantRow: "RecordPassed",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Result = passed
				status.Tally = &soakv1alpha1.Tally{Passed: 1}
				status.History, status.Streak = "1P", "1P"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepTest)},
		},
		"passed once more, after interruptions that do not show in the history": {
			cell: aCell(trying(soakv1alpha1.StepTest, after(0, 2)), func(cell *soakv1alpha1.SoakCell) {
				cell.Status.History, cell.Status.Tally = "27P", &soakv1alpha1.Tally{Passed: 27}
			}),
			operation: succeeded, wantRow: "RecordPassed",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Result = passed
				status.Tally.Passed = 28
				status.History, status.Streak = "28P", "28P"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepTest)},
		},
		"passed after an attempt that erred": {
			cell: aCell(trying(soakv1alpha1.StepTest, after(1, 0))), operation: succeeded, wantRow: "RecordPassed",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Result = passed
				status.Result.Retried = 1
				status.Tally = &soakv1alpha1.Tally{Passed: 1, Retried: 1}
				status.History, status.Streak = "1p", "1p"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepTest)},
		},
		"passed when it was told to hold": {
			cell: aCell(trying(soakv1alpha1.StepTest), inMode(soakv1alpha1.CellModeHold)), operation: succeeded, wantRow: "RecordPassed",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Result = passed
				status.Tally = &soakv1alpha1.Tally{Passed: 1}
				status.History, status.Streak = "1P", "1P"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepTest)},
		},
		"failed": {
			cell: aCell(trying(soakv1alpha1.StepInstall)), operation: ended(crashed), wantRow: "RecordFailed",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.LastFailure = theCrash(60)
				status.Result = failedWith(theCrash(60))
				status.Tally = &soakv1alpha1.Tally{Failed: 1}
				status.History, status.Streak = "1F", "1F"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepInstall)}, wantEvents: []string{"Warning IterationFailed"},
		},
		"failed as a consequence, though one could not be judged in between": {
			cell: aCell(trying(soakv1alpha1.StepInstall), func(cell *soakv1alpha1.SoakCell) {
				cell.Status.History, cell.Status.Tally = "28P1F1E", &soakv1alpha1.Tally{Passed: 28, Failed: 1, Errored: 1}
				cell.Status.LastFailure = soakv1alpha1.Failure{Step: soakv1alpha1.StepTest, Reason: "TestFailed", Message: "it did", Node: "node-7"}
			}),
			operation: ended(crashed), wantRow: "RecordFailed",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.LastFailure = theCrash(60)
				status.Result = failedWith(theCrash(60))
				status.Tally.Failed = 2
				status.History, status.Streak = "28P1F1E1f", "1f"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepInstall)}, wantEvents: []string{"Warning IterationFailed"},
		},
		"failed again, and shares nothing with the failure before": {
			cell: aCell(trying(soakv1alpha1.StepInstall), func(cell *soakv1alpha1.SoakCell) {
				cell.Status.History, cell.Status.Tally = "1F", &soakv1alpha1.Tally{Failed: 1}
				cell.Status.LastFailure = soakv1alpha1.Failure{Step: soakv1alpha1.StepTest, Reason: "TestFailed", Message: "it did", Node: "node-1"}
			}),
			operation: ended(crashed), wantRow: "RecordFailed",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.LastFailure = theCrash(60)
				status.Result = failedWith(theCrash(60))
				status.Tally.Failed = 2
				status.History, status.Streak = "2F", "2F"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepInstall)}, wantEvents: []string{"Warning IterationFailed"},
		},
		"failed the same way after a pass is no consequence": {
			cell: aCell(trying(soakv1alpha1.StepInstall), func(cell *soakv1alpha1.SoakCell) {
				cell.Status.History, cell.Status.Tally = "1F1P", &soakv1alpha1.Tally{Failed: 1, Passed: 1}
				cell.Status.LastFailure = theCrash(-500)
			}),
			operation: ended(crashed), wantRow: "RecordFailed",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.LastFailure = theCrash(60)
				status.Result = failedWith(theCrash(60))
				status.Tally.Failed = 2
				status.History, status.Streak = "1F1P1F", "1F"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepInstall)}, wantEvents: []string{"Warning IterationFailed"},
		},
		"an error is to count as a failure": {
			cell: aCell(trying(soakv1alpha1.StepClean)), operation: ended(unavailable), wantRow: "RecordFailed",
			inputs: soakv1alpha1.Inputs{InfrastructureErrorPolicy: soakv1alpha1.InfrastructureErrorPolicyFail},
			want: func(status *soakv1alpha1.SoakCellStatus) {
				failure := soakv1alpha1.Failure{
					Iteration: 1, Step: soakv1alpha1.StepClean, Reason: "APIUnavailable", Message: "the API server did not answer",
					Cell: "tonaton/sandbox", Signature: "Clean APIUnavailable", Time: at(60),
				}
				status.Attempt = soakv1alpha1.Attempt{}
				status.LastFailure, status.Result = failure, failedWith(failure)
				status.Tally = &soakv1alpha1.Tally{Failed: 1}
				status.History, status.Streak = "1F", "1F"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepClean)}, wantEvents: []string{"Warning IterationFailed"},
		},
		"what was built cannot be written down": {
			cell: aCell(trying(soakv1alpha1.StepBuild)), operation: ended(plan.Outcome{Result: plan.Succeeded, Inventory: tooMany}), wantRow: "RecordTooLarge",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				failure := soakv1alpha1.Failure{
					Iteration: 1, Step: soakv1alpha1.StepBuild, Reason: "TooManyKinds",
					Message: "the chart creates more than 256 kinds of objects, counted once for each namespace they are in",
					Cell:    "tonaton/sandbox", Signature: "Build TooManyKinds", Time: at(60),
				}
				status.Attempt = soakv1alpha1.Attempt{}
				status.LastFailure, status.Result = failure, failedWith(failure)
				status.Tally = &soakv1alpha1.Tally{Failed: 1}
				status.History, status.Streak = "1F", "1F"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepBuild)}, wantEvents: []string{"Warning IterationFailed"},
		},
		"what is only built leaves nothing, however much it is": {
			cell: aCell(trying(soakv1alpha1.StepBuild), onlyBuild), operation: ended(plan.Outcome{Result: plan.Succeeded, Inventory: tooMany}),
			wantRow: "RecordPassed",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Result = passed
				status.Tally = &soakv1alpha1.Tally{Passed: 1}
				status.History, status.Streak = "1P", "1P"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepBuild)},
		},
		"the inputs are no longer what they were": {
			cell:      aCell(trying(soakv1alpha1.StepBuild)),
			operation: ended(plan.Outcome{Result: plan.InputsChanged, Message: "the chart is another one"}), wantRow: "InputsChanged",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Attempts = &soakv1alpha1.Attempts{Abandoned: 1}
				status.Conditions = []metav1.Condition{condition("InputsChanged", metav1.ConditionTrue, "InputsChanged", "the chart is another one")}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepBuild)}, wantEvents: []string{"Normal InputsChanged"},
		},
		"nothing is begun with inputs that have changed": {
			cell:    aCell(wanted(2), doneWith(1, "1P"), withCondition(soakv1alpha1.ConditionInputsChanged, metav1.ConditionTrue, 2)),
			wantRow: "Idle",
		},
	})
}

func TestCellThrowsAttemptsAway(t *testing.T) {
	testCells(t, map[string]cellCase{
		"nobody saw the end": {
			cell: aCell(trying(soakv1alpha1.StepInstall, after(1, 1))), wantRow: "RetryInterrupted",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.LastAttempt = 8
				status.Attempt = attemptOf(8, soakv1alpha1.AttemptPurposeIteration, 1, soakv1alpha1.StepClean)
				status.Attempt.Errored, status.Attempt.Interrupted = 1, 2
				status.Attempts = &soakv1alpha1.Attempts{Interrupted: 1}
			},
			wantActions: []plan.Action{start(8, soakv1alpha1.StepClean, 5)}, wantEvents: []string{"Warning AttemptInterrupted"}, wantRequeue: poll,
		},
		"nobody saw the end, for the tenth time": {
			cell: aCell(trying(soakv1alpha1.StepInstall, after(0, 9))), wantRow: "RecordErrored",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Result = soakv1alpha1.Result{
					Iteration: 1, Verdict: soakv1alpha1.VerdictErrored, StartTime: at(0), EndTime: at(60),
					Failure: soakv1alpha1.Failure{
						Iteration: 1, Step: soakv1alpha1.StepInstall, Reason: "Interrupted", Message: "nobody saw the end of an attempt, time and again",
						Cell: "tonaton/sandbox", Signature: "Install Interrupted", Time: at(60),
					},
				}
				status.Tally = &soakv1alpha1.Tally{Errored: 1}
				status.History, status.Streak = "1E", "1E"
			},
			wantEvents: []string{"Warning IterationErrored"},
		},
		"it could not be judged": {
			cell: aCell(trying(soakv1alpha1.StepBuild)), operation: ended(unavailable), wantRow: "RetryErrored",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.LastAttempt = 8
				status.Attempt = attemptOf(8, soakv1alpha1.AttemptPurposeIteration, 1, soakv1alpha1.StepClean)
				status.Attempt.Errored, status.Attempt.NotBefore = 1, at(70)
				status.Attempts = &soakv1alpha1.Attempts{Errored: 1}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepBuild)}, wantEvents: []string{"Warning AttemptErrored"},
			wantRequeue: 9600 * time.Millisecond,
		},
		"it could not be judged once more, and only the user can help": {
			cell: aCell(trying(soakv1alpha1.StepInstall, after(1, 0))), operation: ended(forbidden), wantRow: "RetryErrored",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.LastAttempt = 8
				status.Attempt = attemptOf(8, soakv1alpha1.AttemptPurposeIteration, 1, soakv1alpha1.StepClean)
				status.Attempt.Errored, status.Attempt.NotBefore = 2, at(90)
				status.Attempts = &soakv1alpha1.Attempts{Errored: 1}
				status.Conditions = []metav1.Condition{condition("Stalled", metav1.ConditionTrue, "Forbidden", "soak-runner may not list pods in sandbox")}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepInstall)}, wantEvents: []string{"Warning AttemptErrored"},
			wantRequeue: 29600 * time.Millisecond,
		},
		"it could not be judged for the third time": {
			cell: aCell(trying(soakv1alpha1.StepBuild, after(2, 5))), operation: ended(unavailable), wantRow: "RecordErrored",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Result = soakv1alpha1.Result{
					Iteration: 1, Verdict: soakv1alpha1.VerdictErrored, Retried: 2, StartTime: at(0), EndTime: at(60),
					Failure: soakv1alpha1.Failure{
						Iteration: 1, Step: soakv1alpha1.StepBuild, Reason: "APIUnavailable", Message: "the API server did not answer",
						Cell: "tonaton/sandbox", Signature: "Build APIUnavailable", Time: at(60),
					},
				}
				status.Tally = &soakv1alpha1.Tally{Errored: 1}
				status.History, status.Streak = "1E", "1E"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepBuild)}, wantEvents: []string{"Warning IterationErrored"},
		},
		"what is not understood is not blamed on the chart": {
			cell: aCell(trying(soakv1alpha1.StepTest)), operation: ended(plan.Outcome{Result: "Exploded"}), wantRow: "RetryErrored",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.LastAttempt = 8
				status.Attempt = attemptOf(8, soakv1alpha1.AttemptPurposeIteration, 1, soakv1alpha1.StepClean)
				status.Attempt.Errored, status.Attempt.NotBefore = 1, at(70)
				status.Attempts = &soakv1alpha1.Attempts{Errored: 1}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepTest)}, wantEvents: []string{"Warning AttemptErrored"},
			wantRequeue: 9600 * time.Millisecond,
		},
		"stopped, and wanted again": {
			cell: aCell(trying(soakv1alpha1.StepTest, after(1, 0))), operation: stopped, wantRow: "RetryStopped",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.LastAttempt = 8
				status.Attempt = attemptOf(8, soakv1alpha1.AttemptPurposeIteration, 1, soakv1alpha1.StepClean)
				status.Attempt.Errored = 1
				status.Attempts = &soakv1alpha1.Attempts{Abandoned: 1}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepTest), start(8, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"it waits": {
			cell: aCell(trying(soakv1alpha1.StepClean, after(1, 0), waitingUntil(65))), wantRow: "AwaitBackOff", wantRequeue: 4600 * time.Millisecond,
		},
		"it waits, but the clock has been put back": {
			cell: aCell(trying(soakv1alpha1.StepClean, after(1, 0), waitingUntil(3600))), wantRow: "BeginAgain",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = attemptOf(7, soakv1alpha1.AttemptPurposeIteration, 1, soakv1alpha1.StepClean)
				status.Attempt.Errored = 1
			},
			wantActions: []plan.Action{start(7, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"it has waited": {
			cell: aCell(trying(soakv1alpha1.StepClean, after(1, 0), waitingUntil(60))), wantRow: "BeginAgain",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = attemptOf(7, soakv1alpha1.AttemptPurposeIteration, 1, soakv1alpha1.StepClean)
				status.Attempt.Errored = 1
			},
			wantActions: []plan.Action{start(7, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
	})
}

func TestCellHolds(t *testing.T) {
	hold := inMode(soakv1alpha1.CellModeHold)
	testCells(t, map[string]cellCase{
		"while nothing is wanted": {cell: aCell(hold), wantRow: "Hold"},
		"before it begins":        {cell: aCell(hold, wanted(1)), wantRow: "Hold"},
		"stops what is running": {
			cell: aCell(hold, trying(soakv1alpha1.StepInstall)), operation: plan.Operation{State: plan.OperationRunning},
			wantRow: "StopOperation", wantActions: []plan.Action{{Kind: plan.Stop, Operation: operation(soakv1alpha1.StepInstall)}}, wantRequeue: poll,
		},
		"throws away what was stopped": {
			cell: aCell(hold, trying(soakv1alpha1.StepInstall)), operation: stopped, wantRow: "Abandon",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Attempts = &soakv1alpha1.Attempts{Abandoned: 1}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepInstall)},
		},
		"throws away what had not come to its end": {
			cell: aCell(hold, trying(soakv1alpha1.StepInstall)), operation: succeeded, wantRow: "Abandon",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Attempts = &soakv1alpha1.Attempts{Abandoned: 1}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepInstall)},
		},
		"does not forget what erred before": {
			cell: aCell(hold, trying(soakv1alpha1.StepInstall, after(1, 1))), wantRow: "Abandon",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.LastAttempt = 8
				status.Attempt = attemptOf(8, soakv1alpha1.AttemptPurposeIteration, 1, soakv1alpha1.StepClean)
				status.Attempt.Errored, status.Attempt.Interrupted, status.Attempt.NotBefore = 1, 1, at(60)
				status.Attempts = &soakv1alpha1.Attempts{Abandoned: 1}
			},
		},
		"with an attempt that waits": {
			cell: aCell(hold, trying(soakv1alpha1.StepClean, after(1, 0), waitingUntil(0))), wantRow: "Hold",
		},
		"when a later run has the release": {
			cell: aCell(trying(soakv1alpha1.StepInstall)), operation: plan.Operation{State: plan.OperationRunning}, superseded: true,
			wantRow: "StopOperation", wantActions: []plan.Action{{Kind: plan.Stop, Operation: operation(soakv1alpha1.StepInstall)}}, wantRequeue: poll,
		},
		"when its run is gone": {
			cell: aCell(wanted(1)), noRun: true, wantRow: "Hold",
		},
	})
}
