package plan

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// mirror shows the current run as the status of the experiment. A run that was just created has nothing to show yet.
func (e *experimentView) mirror() {
	run := e.current
	if e.decision.Create != nil {
		run = e.decision.Create
	}
	if run != nil {
		e.status.Run = soakv1alpha1.CurrentRun{
			Name:      run.Name,
			Number:    run.Spec.Number,
			StartTime: run.Status.StartTime,
			Chart:     run.Spec.Pins.Chart,
		}
		e.status.Progress = *run.Status.Progress.DeepCopy()
	}
	switch {
	case !e.Experiment.DeletionTimestamp.IsZero():
		e.problem = e.blocked()
		e.between("Deleting", "its runs are being deleted")
	case e.decision.Create != nil || run == nil || len(run.Status.Conditions) == 0:
		e.between("Starting", "its run starts")
	case e.next != "":
		e.between("NextRun", fmt.Sprintf("another run starts when %s is out of the way: %s", run.Name, e.next))
	default:
		for _, told := range run.Status.Conditions {
			e.conditions.set(told.Type, told.Status, told.Reason, told.Message)
		}
		// The verdict stands: what is left is another matter.
		if left := e.blockedOf(run); Finished(run) && left != nil {
			e.conditions.set(soakv1alpha1.ConditionStalled, metav1.ConditionTrue, left.Reason, left.Message)
		}
	}
	e.mirrorProblem()
}

// between sets the conditions while there is no run to take them from, as that of the definition is yet to come.
func (e *experimentView) between(reason, message string) {
	suspend := e.controls().Suspend != nil
	suspended := "NotSuspended"
	if suspend {
		suspended = verdictSuspended
	}
	e.conditions.set(soakv1alpha1.ConditionReady, statusOf(e.Experiment.DeletionTimestamp.IsZero()), reason, message)
	e.conditions.set(soakv1alpha1.ConditionFinished, metav1.ConditionFalse, reason, message)
	e.conditions.set(soakv1alpha1.ConditionSucceeded, metav1.ConditionUnknown, reason, message)
	e.conditions.set(soakv1alpha1.ConditionSuspended, statusOf(suspend), suspended, message)
	e.conditions.set(soakv1alpha1.ConditionStalled, metav1.ConditionFalse, "NotStalled", "nothing has to be changed")
	if e.status.Summary.Verdict == "" {
		e.status.Summary.Verdict = verdictRunning
	}
	e.status.Summary.Status = clip(message, 1024)
}

// mirrorProblem says what is wrong with the definition itself.
func (e *experimentView) mirrorProblem() {
	if e.problem == nil {
		return
	}
	if !isTrue(e.Experiment.Status.Conditions, soakv1alpha1.ConditionStalled) {
		e.tell(EventWarning, e.problem.Reason, e.problem.Message)
	}
	e.conditions.set(soakv1alpha1.ConditionStalled, metav1.ConditionTrue, e.problem.Reason, e.problem.Message)
	e.conditions.set(soakv1alpha1.ConditionReady, metav1.ConditionFalse, e.problem.Reason, e.problem.Message)
	e.status.Summary.Verdict = verdictStalled
	e.status.Summary.Status = clip(e.problem.Message, 1024)
}

// blocked says what keeps the cells of runs that are being deleted from going, if anything does.
func (e *experimentView) blocked() *Problem {
	for _, run := range e.runs {
		if run.DeletionTimestamp == nil {
			continue
		}
		if problem := e.blockedOf(run); problem != nil {
			return problem
		}
	}
	return nil
}

// blockedOf says what a cell of the run cannot do until the user has acted, if there is such a thing.
func (e *experimentView) blockedOf(run *soakv1alpha1.SoakRun) *Problem {
	for i := range e.Cells {
		cell := &e.Cells[i]
		if cell.Spec.Run.UID != string(run.UID) {
			continue
		}
		if told := meta.FindStatusCondition(cell.Status.Conditions, soakv1alpha1.ConditionStalled); told != nil && told.Status == metav1.ConditionTrue {
			return &Problem{Reason: told.Reason, Message: cellTitle(cell) + ": " + told.Message}
		}
	}
	return nil
}
