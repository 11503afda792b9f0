package plan

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/stats"
)

// The verdicts on a run that has not finished, as they are shown.
const (
	verdictRunning   = "Running"
	verdictSuspended = "Suspended"
	verdictStalled   = "Stalled"
)

// confidence of the bound that is shown.
const confidence = 0.95

// describe fills in the conditions, and the strings that the columns of kubectl get show.
func (r *runView) describe(end ending) {
	finished := isTrue(r.status.Conditions, soakv1alpha1.ConditionFinished)
	if !finished {
		r.conditions.set(soakv1alpha1.ConditionFinished, metav1.ConditionFalse, verdictRunning, "it has not finished")
		r.conditions.set(soakv1alpha1.ConditionSucceeded, metav1.ConditionUnknown, verdictRunning, "it has not finished")
	}
	r.describeSuspension(finished)
	stalled := r.describeStall(finished)
	verdict := r.shownVerdict(finished, stalled)
	if stalled == nil {
		reason, message := readiness(finished, verdict)
		r.conditions.set(soakv1alpha1.ConditionReady, metav1.ConditionTrue, reason, message)
	} else {
		r.conditions.set(soakv1alpha1.ConditionReady, metav1.ConditionFalse, stalled.Reason, stalled.Message)
	}
	summary := summarize(*r.status.Tally, r.history)
	summary.Verdict = verdict
	summary.Cells = r.cellsDone()
	if r.status.LastFailure.Time != nil {
		summary.Cause = explain(r.status.LastFailure)
	}
	summary.Status = r.shownStatus(finished, stalled, end)
	r.status.Summary = summary
}

// readiness says in a word and in a sentence how a run is that nothing is wrong with.
func readiness(finished bool, verdict string) (reason, message string) {
	if finished {
		return soakv1alpha1.ConditionFinished, "it has finished"
	}
	return verdict, "it is being driven"
}

// describeSuspension keeps the condition Suspended, and how long the run was suspended before.
func (r *runView) describeSuspension(finished bool) {
	if told := r.toldSuspended(); told != nil && !r.suspended() {
		r.status.SuspendedFor = soakv1alpha1.Duration((length(r.status.SuspendedFor, 0) + since(&told.LastTransitionTime, r.now.Time)).String())
		r.tell(EventNormal, "Resumed", "iterations go on")
	}
	switch {
	case finished:
		r.conditions.set(soakv1alpha1.ConditionSuspended, metav1.ConditionFalse, soakv1alpha1.ConditionFinished, "it has finished")
	case !r.suspended():
		r.conditions.set(soakv1alpha1.ConditionSuspended, metav1.ConditionFalse, "NotSuspended", "iterations are started")
	default:
		if r.toldSuspended() == nil {
			r.tell(EventNormal, "Suspended", r.suspension())
		}
		r.conditions.set(soakv1alpha1.ConditionSuspended, metav1.ConditionTrue, verdictSuspended, r.suspension())
	}
}

// suspension says by what the run is suspended.
func (r *runView) suspension() string {
	if by := r.Run.Annotations[soakv1alpha1.AnnotationHold]; by != "" {
		return "held: " + by
	}
	return "no iteration is started"
}

// describeStall keeps the condition Stalled, and returns what has to be changed by the user, if anything. In a run that
// has finished there is nothing left to be changed.
func (r *runView) describeStall(finished bool) *metav1.Condition {
	if stall := r.stall(); stall != nil && !finished {
		r.conditions.set(soakv1alpha1.ConditionStalled, metav1.ConditionTrue, stall.Reason, stall.Message)
		return stall
	}
	r.conditions.set(soakv1alpha1.ConditionStalled, metav1.ConditionFalse, "NotStalled", "nothing has to be changed")
	return nil
}

func (r *runView) stall() *metav1.Condition {
	if r.invalid != nil {
		return &metav1.Condition{Reason: reasonInvalid, Message: r.invalid.Error()}
	}
	for _, slot := range r.slots {
		if slot.cell == nil {
			continue
		}
		if told := meta.FindStatusCondition(slot.cell.Status.Conditions, soakv1alpha1.ConditionStalled); told != nil && told.Status == metav1.ConditionTrue {
			return &metav1.Condition{Reason: told.Reason, Message: slot.String() + ": " + told.Message}
		}
	}
	return nil
}

func (r *runView) shownVerdict(finished bool, stalled *metav1.Condition) string {
	switch {
	case finished:
		return meta.FindStatusCondition(r.status.Conditions, soakv1alpha1.ConditionSucceeded).Reason
	case stalled != nil:
		return verdictStalled
	case r.suspended():
		return verdictSuspended
	default:
		return verdictRunning
	}
}

func (r *runView) shownStatus(finished bool, stalled *metav1.Condition, end ending) string {
	switch {
	case finished:
		succeeded := meta.FindStatusCondition(r.status.Conditions, soakv1alpha1.ConditionSucceeded)
		return clip(fmt.Sprintf("%s: %s; %s", end.reason, end.message, succeeded.Message), 1024)
	case end.reason != "":
		return clip(fmt.Sprintf("%s: %s; what is at work is being stopped", end.reason, end.message), 1024)
	case stalled != nil:
		return clip(stalled.Message, 1024)
	case r.suspended():
		return clip(r.suspension(), 1024)
	default:
		return fmt.Sprintf("iteration %d", r.status.Iteration)
	}
}

// progressSteps is in how many steps the progress of an iteration is told, at most twice as many: each is a write of the run
// and one of the experiment, which are large when there are many cells.
const progressSteps = 20

// cellsDone is how many cells have done the iteration in progress, of all.
func (r *runView) cellsDone() string {
	done := 0
	for _, slot := range r.slots {
		if slot.cell != nil && slot.cell.Status.Result.Iteration >= r.status.Iteration {
			done++
		}
	}
	if done < len(r.slots) {
		done -= done % max(1, len(r.slots)/progressSteps)
	}
	return fmt.Sprintf("%d/%d", done, len(r.slots))
}

// finishedFor is the reason for which a run has finished; empty if it has not.
func finishedFor(run *soakv1alpha1.SoakRun) string {
	if told := meta.FindStatusCondition(run.Status.Conditions, soakv1alpha1.ConditionFinished); told != nil && told.Status == metav1.ConditionTrue {
		return told.Reason
	}
	return ""
}

// summarize makes the strings that follow from the tally and the history. The rate is strict: each failure counts. What
// is inferred uses independent trials only: no consequences, and no passes that had to be retried. Of what is no more in
// the history it is not known which failures were consequences, so none of them is taken for one: the bound errs on the
// low side.
func summarize(tally soakv1alpha1.Tally, history History) soakv1alpha1.Summary {
	summary := soakv1alpha1.Summary{Streak: history.Streak()}
	rate, judged := stats.Rate(int(tally.Passed), int(tally.Passed+tally.Failed))
	if !judged {
		return summary
	}
	summary.Rate = percent(rate)
	origins := int(tally.Failed) - history.Counts().Consequences
	summary.AtLeast = percent(stats.LowerBound(int(tally.Passed-tally.Retried), origins, confidence))
	return summary
}

// percent shows a share. Only all of it is 100 %.
func percent(share float64) string {
	if share < 1 {
		share = min(share, 0.999)
	}
	return fmt.Sprintf("%.1f%%", allOf*share)
}
