package plan_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

var (
	notDeleted = plan.Outcome{
		Result: plan.Failed, Reason: "PodsNotDeleted", Message: "pod web-0 on node-7 is Terminating", Object: "Pod/web-0", Node: "node-7",
	}
	running  = plan.Operation{State: plan.OperationRunning}
	deployed = []soakv1alpha1.InventoryItem{{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "sandbox"}}
)

func withInventory(cell *soakv1alpha1.SoakCell) { cell.Status.Inventory = deployed }

func inNamespace(namespace string) func(*soakv1alpha1.SoakCell) {
	return func(cell *soakv1alpha1.SoakCell) { cell.Namespace = namespace }
}

// without a namespace nothing can be judged.
func without(state plan.NamespaceState) plan.Outcome {
	return plan.Outcome{Result: plan.Errored, Reason: "NamespaceMissing", Message: "there is none", UserMustAct: true, Namespace: state}
}

// withoutNamespace is the status of a cell that tries to clean up again as there is no namespace.
func withoutNamespace(status *soakv1alpha1.SoakCellStatus) {
	beganCleanUp(status)
	status.Attempt.Errored, status.Attempt.NotBefore = 1, at(70)
	status.Conditions = []metav1.Condition{
		condition("Cleaned", metav1.ConditionFalse, "NamespaceMissing", "there is none"),
		condition("Stalled", metav1.ConditionTrue, "NamespaceMissing", "there is none"),
	}
}

// beganCleanUp is the status of a cell that has just begun to clean up, in attempt 8.
func beganCleanUp(status *soakv1alpha1.SoakCellStatus) {
	status.LastAttempt = 8
	status.Attempt = attemptOf(8, soakv1alpha1.AttemptPurposeCleanUp, 0, soakv1alpha1.StepClean)
}

func TestCellCleansUp(t *testing.T) {
	cleanUp := inMode(soakv1alpha1.CellModeCleanUp)
	done := doneWith(7, "7P")
	clean := trying(soakv1alpha1.StepClean, cleaningUp)
	testCells(t, map[string]cellCase{
		"after its iterations": {
			cell: aCell(cleanUp, wanted(7), done), wantRow: "BeginCleanUp", want: beganCleanUp,
			wantActions: []plan.Action{start(8, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"stops what is running first": {
			cell: aCell(cleanUp, trying(soakv1alpha1.StepInstall)), operation: running,
			wantRow: "StopOperation", wantActions: []plan.Action{{Kind: plan.Stop, Operation: operation(soakv1alpha1.StepInstall)}}, wantRequeue: poll,
		},
		"throws away what was stopped": {
			cell: aCell(cleanUp, trying(soakv1alpha1.StepInstall, after(1, 0))), operation: stopped, wantRow: "BeginCleanUp",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				beganCleanUp(status)
				status.Attempts = &soakv1alpha1.Attempts{Abandoned: 1}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepInstall), start(8, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"records what was judged first": {
			cell: aCell(cleanUp, trying(soakv1alpha1.StepTest)), operation: succeeded, wantRow: "RecordPassed",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Result = soakv1alpha1.Result{Iteration: 1, Verdict: soakv1alpha1.VerdictPassed, StartTime: at(0), EndTime: at(60)}
				status.Tally = &soakv1alpha1.Tally{Passed: 1}
				status.History, status.Streak = "1P", "1P"
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepTest)},
		},
		"instead of an attempt that waits": {
			cell: aCell(cleanUp, trying(soakv1alpha1.StepClean, after(1, 0), waitingUntil(3600))), wantRow: "BeginCleanUp", want: beganCleanUp,
			wantActions: []plan.Action{start(8, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"is not stopped by its own mode": {cell: aCell(cleanUp, clean), operation: running, wantRow: "AwaitOperation", wantRequeue: poll},
		"nothing is left": {
			cell: aCell(cleanUp, clean, withInventory), operation: succeeded, wantRow: "CleanedUp",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt, status.Inventory = soakv1alpha1.Attempt{}, nil
				status.Conditions = []metav1.Condition{condition("Cleaned", metav1.ConditionTrue, "Cleaned", "nothing of the release is left")}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepClean)}, wantEvents: []string{"Normal CleanedUp"},
		},
		"then nothing keeps the cell": {
			cell: aCell(cleanUp, done, withCondition("Cleaned", metav1.ConditionTrue, 1)), wantRow: "ReleaseFinalizer", wantFinalizer: plan.FinalizerRemoved,
		},
		"and it is over": {
			cell: aCell(cleanUp, done, unprotected, withCondition("Cleaned", metav1.ConditionTrue, 1)), wantRow: "Hold",
		},
		"something blocks": {
			cell: aCell(cleanUp, trying(soakv1alpha1.StepClean, cleaningUp, after(1, 3)), withInventory), operation: ended(notDeleted), wantRow: "CleanUpBlocked",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				beganCleanUp(status)
				status.Attempt.Errored, status.Attempt.NotBefore = 2, at(90)
				status.Conditions = []metav1.Condition{condition("Cleaned", metav1.ConditionFalse, "PodsNotDeleted", "pod web-0 on node-7 is Terminating")}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepClean)}, wantEvents: []string{"Warning CleanUpBlocked"}, wantRequeue: 29600 * time.Millisecond,
		},
		"the user can help": {
			cell: aCell(cleanUp, clean), operation: ended(forbidden), wantRow: "CleanUpBlocked",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				beganCleanUp(status)
				status.Attempt.Errored, status.Attempt.NotBefore = 1, at(70)
				status.Conditions = []metav1.Condition{
					condition("Cleaned", metav1.ConditionFalse, "Forbidden", "soak-runner may not list pods in sandbox"),
					condition("Stalled", metav1.ConditionTrue, "Forbidden", "soak-runner may not list pods in sandbox"),
				}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepClean)}, wantEvents: []string{"Warning CleanUpBlocked"}, wantRequeue: 9600 * time.Millisecond,
		},
		"its namespace is gone": {
			cell: aCell(cleanUp, clean, withInventory), operation: ended(without(plan.NamespaceGone)), wantRow: "GoneWithNamespace",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt, status.Inventory = soakv1alpha1.Attempt{}, nil
				status.Conditions = []metav1.Condition{condition("Cleaned", metav1.ConditionTrue, "NamespaceGone", "namespace sandbox is gone, and the release with it")}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepClean)}, wantEvents: []string{"Normal CleanedUp"},
		},
		"its namespace is going, and the experiment with it": {
			cell: aCell(cleanUp, clean, withInventory, inNamespace("sandbox")), operation: ended(without(plan.NamespaceGoing)), wantRow: "GoneWithNamespace",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt, status.Inventory = soakv1alpha1.Attempt{}, nil
				status.Conditions = []metav1.Condition{
					condition("Cleaned", metav1.ConditionTrue, "NamespaceGone", "namespace sandbox is being deleted, and what is left of the release with it"),
				}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepClean)}, wantEvents: []string{"Normal CleanedUp"},
		},
		"its namespace is going, and the experiment stays": {
			cell: aCell(cleanUp, clean, withInventory), operation: ended(without(plan.NamespaceGoing)), wantRow: "CleanUpBlocked",
			want: withoutNamespace, wantActions: []plan.Action{forget(soakv1alpha1.StepClean)}, wantEvents: []string{"Warning CleanUpBlocked"},
			wantRequeue: 9600 * time.Millisecond,
		},
		"its namespace is gone, and not all was in it": {
			cell: aCell(cleanUp, clean, func(cell *soakv1alpha1.SoakCell) {
				cell.Status.Inventory = []soakv1alpha1.InventoryItem{{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"}}
			}),
			operation: ended(without(plan.NamespaceGone)), wantRow: "CleanUpBlocked",
			want: withoutNamespace, wantActions: []plan.Action{forget(soakv1alpha1.StepClean)}, wantEvents: []string{"Warning CleanUpBlocked"},
			wantRequeue: 9600 * time.Millisecond,
		},
		"waits before it tries again": {
			cell: aCell(cleanUp, trying(soakv1alpha1.StepClean, cleaningUp, after(1, 0), waitingUntil(70))), wantRow: "AwaitBackOff", wantRequeue: 9600 * time.Millisecond,
		},
		"tries again": {
			cell: aCell(cleanUp, trying(soakv1alpha1.StepClean, cleaningUp, after(1, 0), waitingUntil(60))), wantRow: "BeginCleanUp",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = attemptOf(7, soakv1alpha1.AttemptPurposeCleanUp, 0, soakv1alpha1.StepClean)
				status.Attempt.Errored = 1
			},
			wantActions: []plan.Action{start(7, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"blocked for the fifth time": {
			cell: aCell(cleanUp, trying(soakv1alpha1.StepClean, cleaningUp, after(4, 0)), withInventory), operation: ended(notDeleted), wantRow: "CleanUpBlocked",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Conditions = []metav1.Condition{
					condition("Cleaned", metav1.ConditionFalse, "PodsNotDeleted", "pod web-0 on node-7 is Terminating"),
					condition("Stalled", metav1.ConditionTrue, "PodsNotDeleted", "pod web-0 on node-7 is Terminating"),
				}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepClean)}, wantEvents: []string{"Warning CleanUpBlocked"},
		},
		"and given up": {
			cell: aCell(cleanUp, done, withCondition("Cleaned", metav1.ConditionFalse, 2)), wantRow: "Hold",
		},
		"until it is told once more": {
			cell: aCell(cleanUp, done, withCondition("Cleaned", metav1.ConditionFalse, 1)), wantRow: "BeginCleanUp", want: beganCleanUp,
			wantActions: []plan.Action{start(8, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"nobody saw the end": {
			cell: aCell(cleanUp, trying(soakv1alpha1.StepClean, cleaningUp, after(1, 0))), wantRow: "CleanUpInterrupted",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				beganCleanUp(status)
				status.Attempt.Errored, status.Attempt.Interrupted = 1, 1
			},
			wantActions: []plan.Action{start(8, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"nobody saw the end for the tenth time": {
			cell: aCell(cleanUp, trying(soakv1alpha1.StepClean, cleaningUp, after(0, 9))), wantRow: "CleanUpBlocked",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				beganCleanUp(status)
				status.Attempt.Errored, status.Attempt.NotBefore = 1, at(70)
				status.Conditions = []metav1.Condition{
					condition("Cleaned", metav1.ConditionFalse, "Interrupted", "nobody saw the end of cleaning up, time and again"),
				}
			},
			wantEvents: []string{"Warning CleanUpBlocked"}, wantRequeue: 9600 * time.Millisecond,
		},
		"there is nothing to clean where nothing is installed": {
			cell: aCell(cleanUp, onlyBuild, done), wantRow: "NothingToClean",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Conditions = []metav1.Condition{
					condition("Cleaned", metav1.ConditionTrue, "NothingToClean", "nothing but Build is done in this environment"),
				}
			},
		},
		"there is nothing to clean before the first attempt": {
			cell: aCell(cleanUp), wantRow: "NothingToClean",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Conditions = []metav1.Condition{condition("Cleaned", metav1.ConditionTrue, "NothingToClean", "no attempt was ever begun")}
			},
		},
		"a later run has the release": {
			cell: aCell(cleanUp, done), superseded: true, wantRow: "LeaveIt",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Conditions = []metav1.Condition{
					condition("Cleaned", metav1.ConditionFalse, "Superseded", "a later run has the same release, and cleans it"),
				}
			},
		},
		"a later run has the release while this one cleans": {
			cell: aCell(cleanUp, clean), operation: running, superseded: true,
			wantRow: "StopOperation", wantActions: []plan.Action{{Kind: plan.Stop, Operation: operation(soakv1alpha1.StepClean)}}, wantRequeue: poll,
		},
		"a later run has the release, so that nothing keeps the cell": {
			cell: aCell(cleanUp, done, withCondition("Cleaned", metav1.ConditionFalse, 2)), superseded: true,
			wantRow: "ReleaseFinalizer", wantFinalizer: plan.FinalizerRemoved,
		},
	})
}

func TestCellIsDeleted(t *testing.T) {
	done := doneWith(7, "7P")
	clean := trying(soakv1alpha1.StepClean, cleaningUp)
	testCells(t, map[string]cellCase{
		"stops what is running": {
			cell: aCell(deleted, trying(soakv1alpha1.StepInstall)), operation: running,
			wantRow: "StopOperation", wantActions: []plan.Action{{Kind: plan.Stop, Operation: operation(soakv1alpha1.StepInstall)}}, wantRequeue: poll,
		},
		"has no use for a result": {
			cell: aCell(deleted, trying(soakv1alpha1.StepTest)), operation: succeeded, wantRow: "BeginCleanUp",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				beganCleanUp(status)
				status.Attempts = &soakv1alpha1.Attempts{Abandoned: 1}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepTest), start(8, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"cleans up, even when that was given up before": {
			cell: aCell(deleted, done, withCondition("Cleaned", metav1.ConditionFalse, 2)), wantRow: "BeginCleanUp", want: beganCleanUp,
			wantActions: []plan.Action{start(8, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"cleans up without its run": {
			cell: aCell(deleted, done), noRun: true, wantRow: "BeginCleanUp", want: beganCleanUp,
			wantActions: []plan.Action{start(8, soakv1alpha1.StepClean, 5)}, wantRequeue: poll,
		},
		"something blocks, time and again": {
			cell: aCell(deleted, trying(soakv1alpha1.StepClean, cleaningUp, after(40, 0))), operation: ended(notDeleted), wantRow: "CleanUpBlocked",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				beganCleanUp(status)
				status.Attempt.Errored, status.Attempt.NotBefore = 41, at(360)
				status.Conditions = []metav1.Condition{
					condition("Cleaned", metav1.ConditionFalse, "PodsNotDeleted", "pod web-0 on node-7 is Terminating"),
					condition("Stalled", metav1.ConditionTrue, "PodsNotDeleted", "pod web-0 on node-7 is Terminating"),
				}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepClean)}, wantEvents: []string{"Warning CleanUpBlocked"}, wantRequeue: 299600 * time.Millisecond,
		},
		"nothing is left": {
			cell: aCell(deleted, clean, withCondition("Stalled", metav1.ConditionTrue, 2)), operation: succeeded, wantRow: "CleanedUp",
			want: func(status *soakv1alpha1.SoakCellStatus) {
				status.Attempt = soakv1alpha1.Attempt{}
				status.Conditions = []metav1.Condition{condition("Cleaned", metav1.ConditionTrue, "Cleaned", "nothing of the release is left")}
			},
			wantActions: []plan.Action{forget(soakv1alpha1.StepClean)}, wantEvents: []string{"Normal CleanedUp"},
		},
		"goes when it is clean": {
			cell: aCell(deleted, done, withCondition("Cleaned", metav1.ConditionTrue, 1)), wantRow: "LetGo", wantFinalizer: plan.FinalizerRemoved,
		},
		"goes when it has done nothing": {cell: aCell(deleted), wantRow: "LetGo", wantFinalizer: plan.FinalizerRemoved},
		"goes when it only ever built": {
			cell: aCell(deleted, onlyBuild, done), wantRow: "LetGo",
		},
		"waits for others that keep it": {cell: aCell(deleted, done, unprotected), wantRow: "LetGo"},
		"is not cleaned from under a later run": {
			cell: aCell(deleted, done), superseded: true, wantRow: "LetGo", wantFinalizer: plan.FinalizerRemoved,
		},
		"abandoned, stops what is running": {
			cell: aCell(deleted, abandoned, clean), operation: running,
			wantRow: "StopOperation", wantActions: []plan.Action{{Kind: plan.Stop, Operation: operation(soakv1alpha1.StepClean)}}, wantRequeue: poll,
		},
		"abandoned, goes and says what remains": {
			cell: aCell(deleted, abandoned, clean, withInventory), operation: stopped, wantRow: "LetGo", wantFinalizer: plan.FinalizerRemoved,
			wantActions: []plan.Action{forget(soakv1alpha1.StepClean)}, wantEvents: []string{"Warning Abandoned"},
		},
		"abandoned means nothing before": {
			cell: aCell(abandoned, trying(soakv1alpha1.StepInstall)), operation: running, wantRow: "AwaitOperation", wantRequeue: poll,
		},
	})
}

func TestAbandonedSaysWhatRemains(t *testing.T) {
	cell := aCell(deleted, abandoned, doneWith(7, "7P"), withInventory, withCondition("Cleaned", metav1.ConditionFalse, 2))
	got, err := plan.Cell(plan.CellInput{Cell: cell, Now: epoch})
	if err != nil {
		t.Fatal(err)
	}
	const want = "let go as it was told to; what remains: release classifieds-tonaton-sandbox in namespace sandbox; before; Deployment in sandbox"
	if len(got.Events) != 1 || got.Events[0].Message != want {
		t.Errorf("events %v, want one that says %q", got.Events, want)
	}
}

func TestCellWithBrokenHistory(t *testing.T) {
	cell := aCell(func(cell *soakv1alpha1.SoakCell) { cell.Status.History = "99999999999P" })
	if decision, err := plan.Cell(plan.CellInput{Cell: cell, Now: epoch}); err == nil {
		t.Errorf("decided %s, want an error", decision.Row)
	}
}

func TestSupersededBy(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*soakv1alpha1.SoakCell)
		want   bool
	}{
		"a later run": {func(cell *soakv1alpha1.SoakCell) { cell.Labels[soakv1alpha1.LabelRun] = "10" }, true},
		"a later run that has not begun": {func(cell *soakv1alpha1.SoakCell) {
			cell.Labels[soakv1alpha1.LabelRun], cell.Status = "4", soakv1alpha1.SoakCellStatus{}
		}, false},
		"itself":                 {func(*soakv1alpha1.SoakCell) {}, false},
		"an earlier run":         {func(cell *soakv1alpha1.SoakCell) { cell.Labels[soakv1alpha1.LabelRun] = "2" }, false},
		"a run without a number": {func(cell *soakv1alpha1.SoakCell) { delete(cell.Labels, soakv1alpha1.LabelRun) }, false},
		"a later run of another experiment": {func(cell *soakv1alpha1.SoakCell) {
			cell.Labels = map[string]string{soakv1alpha1.LabelExperiment: "x", soakv1alpha1.LabelRun: "4"}
		}, false},
		"a later run in another namespace": {func(cell *soakv1alpha1.SoakCell) { cell.Labels[soakv1alpha1.LabelRun], cell.Namespace = "4", "x" }, false},
		"a later run with another release": {func(cell *soakv1alpha1.SoakCell) {
			cell.Labels[soakv1alpha1.LabelRun], cell.Spec.Release.Name = "4", "x"
		}, false},
		"a later run with it in another namespace": {func(cell *soakv1alpha1.SoakCell) {
			cell.Labels[soakv1alpha1.LabelRun], cell.Spec.Release.Namespace = "4", "x"
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			other := *aCell(doneWith(1, "1P"), test.change)
			if got := plan.SupersededBy(aCell(), []soakv1alpha1.SoakCell{other}); got != test.want {
				t.Errorf("superseded: %v, want %v", got, test.want)
			}
		})
	}
}

func TestCurrentOperation(t *testing.T) {
	for name, test := range map[string]struct {
		cell   *soakv1alpha1.SoakCell
		want   plan.OperationID
		wantOK bool
	}{
		"nothing in progress": {aCell(), plan.OperationID{}, false},
		"in progress":         {aCell(trying(soakv1alpha1.StepBuild)), operation(soakv1alpha1.StepBuild), true},
		"waiting":             {aCell(trying(soakv1alpha1.StepClean, waitingUntil(70))), plan.OperationID{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := plan.CurrentOperation(test.cell); got != test.want || ok != test.wantOK {
				t.Errorf("%v, %v, want %v, %v", got, ok, test.want, test.wantOK)
			}
		})
	}
}
