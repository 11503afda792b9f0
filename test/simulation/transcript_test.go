package simulation

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// decision is what a planner has decided, for people.
type decision struct {
	key            key
	title, version string
	why            string
	// what is to be written and done; nothing if it is only the status that shows how things are.
	what   []string
	events []plan.Event
}

func (d decision) String() string {
	return strings.TrimSuffix(d.title+"  "+d.why+" -> "+strings.Join(d.what, ", "), " -> ")
}

func (d *decision) will(format string, args ...any) {
	d.what = append(d.what, fmt.Sprintf(format, args...))
}

func title(of object) string {
	if cell, ok := of.(*soakv1alpha1.SoakCell); ok {
		return strings.TrimPrefix(cell.Spec.Run.Name, experimentName+"-") + " " + cell.Spec.Market + "/" + cell.Spec.Environment
	}
	return of.GetName()
}

func (d *decision) finalizer(change plan.FinalizerChange) {
	if change != plan.FinalizerKept {
		d.will("%s the finalizer", strings.ToLower(string(change)))
	}
}

func tellExperiment(planned plan.ExperimentDecision) decision {
	told := decision{why: planned.Why, events: planned.Events}
	told.finalizer(planned.Finalizer)
	for _, run := range planned.Update {
		what := "update " + run.Name
		if run.Spec.End != "" {
			what += " to end for " + string(run.Spec.End)
		}
		if run.Spec.Suspend != nil {
			what += " to be suspended"
		}
		told.will("%s", what)
	}
	if planned.Create != nil {
		told.will("create %s", planned.Create.Name)
	}
	for _, run := range planned.Delete {
		told.will("delete %s", run.Name)
	}
	return told
}

func tellRun(run *soakv1alpha1.SoakRun, planned plan.RunDecision) decision {
	told := decision{why: planned.Why, events: planned.Events}
	told.finalizer(planned.Finalizer)
	for _, cell := range planned.Create {
		told.will("create %s", title(cell))
	}
	if status := planned.Status; status != nil {
		if status.History != run.Status.History {
			told.will("history %s", status.History)
		}
		if status.Iteration != run.Status.Iteration {
			told.will("iteration %d", status.Iteration)
		}
		if plan.Finished(&soakv1alpha1.SoakRun{Status: *status}) {
			told.will("verdict %s", status.Summary.Verdict)
		}
	}
	for _, cell := range planned.Update {
		told.will("%s to %s %d", title(cell), cell.Spec.Mode, cell.Spec.Iteration)
	}
	for _, cell := range planned.Delete {
		told.will("delete %s", title(cell))
	}
	return told
}

func tellCell(cell *soakv1alpha1.SoakCell, planned plan.CellDecision) decision {
	told := decision{why: planned.Row + ": " + planned.Why, events: planned.Events}
	told.finalizer(planned.Finalizer)
	if status := planned.Status; status != nil {
		switch attempt := status.Attempt; {
		case equality.Semantic.DeepEqual(attempt, cell.Status.Attempt):
		case attempt.NotBefore != nil:
			told.will("attempt %d at %s", attempt.Number, attempt.NotBefore.Format(time.TimeOnly))
		case attempt.Number != 0:
			told.will("attempt %d %s", attempt.Number, attempt.Step)
		default:
			told.will("no attempt")
		}
		if status.Result.Iteration != cell.Status.Result.Iteration {
			told.will("result %d %s", status.Result.Iteration, status.Result.Verdict)
			told.will("history %s", status.History)
		}
		if cleaned := conditions(status.Conditions); cleaned != conditions(cell.Status.Conditions) {
			told.will("conditions [%s]", cleaned)
		}
	}
	for _, action := range planned.Actions {
		if action.Kind != plan.Forget {
			told.will("%s %d/%s", strings.ToLower(string(action.Kind)), action.Operation.Attempt, action.Operation.Step)
		}
	}
	return told
}

// transcript is what has happened, in lines.
type transcript struct {
	strings.Builder
	world *world
	// silent leaves out what happens.
	silent bool
}

func (t *transcript) line(format string, args ...any) {
	if !t.silent {
		fmt.Fprintf(t, t.world.clock.now.Format("15:04:05")+"  "+format+"\n", args...)
	}
}

func (t *transcript) decided(_ *process, told decision) {
	if len(told.what) == 0 {
		return
	}
	t.line("%-10s %-20s %s -> %s", told.key.kind, told.title, told.why, strings.Join(told.what, ", "))
	for _, event := range told.events {
		t.line("%-10s %-20s   %s %s: %s", "", "", event.Type, event.Reason, event.Message)
	}
}

// outcome of an operation, as it has just ended.
func (t *transcript) ended(operation *operation) {
	outcome := operation.outcome
	text := string(outcome.Result)
	if outcome.Reason != "" {
		text += " " + outcome.Reason + ": " + outcome.Message
	}
	t.line("%-10s %-20s attempt %d %s: %s", "operation", title(operation.cell), operation.id.Attempt, operation.id.Step, text)
}

// result shows what kubectl get would, at the end.
func (t *transcript) result() {
	t.silent = false
	t.WriteString("\n")
	experiment := t.world.experiment()
	if experiment == nil {
		fmt.Fprintf(t, "Nothing is left: %d objects.\n", len(t.world.server.objects))
		return
	}
	progress := experiment.Status.Progress
	fmt.Fprintf(t, "experiment  %s\n            %s\n", row(progress), progress.Summary.Status)
	if progress.Summary.Cause != "" {
		fmt.Fprintf(t, "            %s\n", progress.Summary.Cause)
	}
	fmt.Fprintf(t, "            %s\n", conditions(experiment.Status.Conditions))
	for _, run := range runsOf(t.world.server.objects) {
		fmt.Fprintf(t, "%s  %s  %s\n", run.Name, row(run.Status.Progress), conditions(run.Status.Conditions))
	}
	for _, cell := range cellsOf(t.world.server.objects) {
		fmt.Fprintf(t, "%-20s  result %d %s, history %s, last attempt %d, %s\n", title(&cell), cell.Status.Result.Iteration, cell.Status.Result.Verdict,
			cell.Status.History, cell.Status.LastAttempt, conditions(cell.Status.Conditions))
	}
}

func row(progress soakv1alpha1.Progress) string {
	tally, attempts := progress.Tally, progress.Attempts
	if tally == nil || attempts == nil {
		return "nothing counted yet"
	}
	return fmt.Sprintf("%s, iteration %d: %d passed (%d retried), %d failed, %d errored; attempts thrown away: %d errored, %d interrupted, %d abandoned; history %s, rate %s, at least %s, cells %s",
		progress.Summary.Verdict, progress.Iteration, tally.Passed, tally.Retried, tally.Failed, tally.Errored,
		attempts.Errored, attempts.Interrupted, attempts.Abandoned, progress.History, progress.Summary.Rate, progress.Summary.AtLeast, progress.Summary.Cells)
}

func conditions(all []metav1.Condition) string {
	var text []string
	for _, condition := range all {
		text = append(text, fmt.Sprintf("%s=%s/%s", condition.Type, condition.Status, condition.Reason))
	}
	return strings.Join(text, " ")
}
