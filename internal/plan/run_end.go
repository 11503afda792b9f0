package plan

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// The reasons for which a run ends by itself. Those for which it is ended are the API's.
const (
	ReasonMaxIterations       = "MaxIterations"
	ReasonMaxDuration         = "MaxDuration"
	ReasonConsecutiveFailures = "ConsecutiveFailures"
	ReasonErroredFor          = "ErroredFor"
)

// ending is why a run ends; zero if it goes on.
type ending struct {
	reason, message string
}

// end tells whether the run ends. Some of its rules end it at once, and what is at work is held; the others are looked at
// between two iterations, where nothing is at work: each iteration that was begun is counted then.
func (r *runView) end(counted bool) ending {
	if said := r.Run.Spec.End; said != "" {
		return ending{string(said), "ended from outside"}
	}
	for _, slot := range r.slots {
		if slot.cell != nil && isTrue(slot.cell.Status.Conditions, soakv1alpha1.ConditionInputsChanged) {
			told := meta.FindStatusCondition(slot.cell.Status.Conditions, soakv1alpha1.ConditionInputsChanged)
			return ending{string(soakv1alpha1.EndReasonInputsChanged), slot.String() + ": " + told.Message}
		}
	}
	if counted || r.between() {
		if end := r.endBetween(counted); end.reason != "" {
			return end
		}
	}
	limit := length(r.Run.Spec.Stop.MaxDuration, defaultMaxDuration)
	if limit == 0 {
		return ending{}
	}
	left := limit - r.running()
	if left <= 0 {
		return ending{ReasonMaxDuration, fmt.Sprintf("it has run for %s", limit)}
	}
	if !r.suspended() {
		r.requeue(left)
	}
	return ending{}
}

// endBetween tells whether the run ends between two iterations.
func (r *runView) endBetween(counted bool) ending {
	rules, tally := r.Run.Spec.Stop, r.status.Tally
	if done := tally.Passed + tally.Failed + tally.Errored; rules.MaxIterations > 0 && done >= rules.MaxIterations {
		return ending{ReasonMaxIterations, counting(done, "iteration") + " counted"}
	}
	limit := defaultConsecutiveFailures
	if rules.ConsecutiveFailures != nil {
		limit = int(*rules.ConsecutiveFailures)
	}
	for _, slot := range r.slots {
		if failures := slot.history.ConsecutiveFailures(); limit > 0 && failures >= limit {
			return ending{ReasonConsecutiveFailures, fmt.Sprintf("%s has failed %d times in a row", slot, failures)}
		}
	}
	// Only when another one was counted: time alone, such as that of being suspended, does not end it.
	patience := length(rules.ErroredFor, defaultErroredFor)
	if counted && patience > 0 && r.status.ErroredSince != nil && since(r.status.ErroredSince, r.Now) >= patience {
		return ending{ReasonErroredFor, fmt.Sprintf("no iteration could be judged for %s", patience)}
	}
	return ending{}
}

// between tells whether no cell was set to work on the iteration in progress yet.
func (r *runView) between() bool {
	return !slices.ContainsFunc(r.slots, func(slot slot) bool {
		return slot.cell != nil && slot.cell.Spec.Iteration >= r.status.Iteration
	})
}

// running is how long the run has been running, without the time that it was suspended.
func (r *runView) running() time.Duration {
	running := since(r.status.StartTime, r.Now) - length(r.status.SuspendedFor, 0)
	if told := r.toldSuspended(); told != nil {
		running -= since(&told.LastTransitionTime, r.Now)
	}
	return running
}

// toldSuspended is the condition by which the status says that the run is suspended, if it does.
func (r *runView) toldSuspended() *metav1.Condition {
	told := meta.FindStatusCondition(r.Run.Status.Conditions, soakv1alpha1.ConditionSuspended)
	if told == nil || told.Status != metav1.ConditionTrue {
		return nil
	}
	return told
}

// Shares of attempts that came to nothing, above which nothing can be concluded: what fails takes longer, so that it is
// more likely to be thrown away than what passes.
const (
	wastedLimit = 5
	allOf       = 100
)

// The verdicts on a finished run, as they are shown.
const (
	verdictPassed       = "Passed"
	verdictFailed       = "Failed"
	verdictInconclusive = "Inconclusive"
)

// conclude ends the run. Its verdict is the condition Succeeded: True only if it ended by its own rules, nothing failed
// and that can be relied on. Otherwise it is False, never Unknown, so that who waits for it need not wait in vain.
func (r *runView) conclude(end ending) {
	r.because("it has finished: " + end.reason)
	r.status.FinishTime = &r.now
	r.conditions.set(soakv1alpha1.ConditionFinished, metav1.ConditionTrue, end.reason, end.message)
	verdict, message := r.verdict(end)
	r.conditions.set(soakv1alpha1.ConditionSucceeded, statusOf(verdict == verdictPassed), verdict, message)
	kind := EventNormal
	if verdict != verdictPassed {
		kind = EventWarning
	}
	r.tell(kind, "RunFinished", fmt.Sprintf("%s: %s; %s: %s", end.reason, end.message, verdict, message))
}

func (r *runView) verdict(end ending) (verdict, message string) {
	tally := r.status.Tally
	judged := tally.Passed + tally.Failed
	wasted, all := r.wasted()
	switch {
	case tally.Failed > 0:
		return verdictFailed, fmt.Sprintf("%d of %s failed", tally.Failed, counting(judged, "iteration"))
	case judged == 0:
		return verdictInconclusive, "no iteration was judged"
	case wasted*allOf > all*wastedLimit:
		return verdictInconclusive, fmt.Sprintf("%d of %d attempts could not be judged, more than %d %%", wasted, all, wastedLimit)
	case end.reason != ReasonMaxIterations && end.reason != ReasonMaxDuration:
		return verdictInconclusive, counting(judged, "iteration") + " passed before it was ended"
	default:
		return verdictPassed, counting(judged, "iteration") + " passed, none failed"
	}
}

// counting says how many there are of something.
func counting(count int32, of string) string {
	if count == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", count, of)
}
