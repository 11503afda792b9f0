package plan

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// count adds the iteration in progress to the tally and the history, if every cell has reported it. Whoever counts moves
// on to the next iteration, or finishes the run, in the same write: so nothing is counted twice.
func (r *runView) count() bool {
	for _, slot := range r.slots {
		if slot.cell == nil || slot.cell.Status.Result.Iteration != r.status.Iteration {
			return false
		}
	}
	if len(r.slots) == 0 {
		return false
	}
	letter, verdict := r.letter()
	r.because(fmt.Sprintf("iteration %d %s", r.status.Iteration, verdict))
	r.history = r.history.Append(letter)
	r.status.History = r.history.String()
	r.status.LastIterationTime = &r.now
	switch letter {
	case LetterRetried:
		r.status.Tally.Retried++
		r.status.Tally.Passed++
	case LetterPassed:
		r.status.Tally.Passed++
	case LetterErrored:
		r.status.Tally.Errored++
	default:
		r.status.Tally.Failed++
		r.status.LastFailure = r.firstFailure()
	}
	r.noteErrors(letter)
	switch verdict {
	case soakv1alpha1.VerdictFailed:
		r.tell(EventWarning, "IterationFailed", fmt.Sprintf("iteration %d: %s", r.status.Iteration, explain(r.status.LastFailure)))
	case soakv1alpha1.VerdictErrored:
		r.tell(EventWarning, "IterationErrored", fmt.Sprintf("iteration %d could not be judged", r.status.Iteration))
	case soakv1alpha1.VerdictPassed:
	}
	return true
}

// letter judges the iteration that all cells have reported: it failed if any cell failed, and passed if all did.
func (r *runView) letter() (Letter, soakv1alpha1.Verdict) {
	verdicts := map[soakv1alpha1.Verdict]int{}
	retried := false
	for _, slot := range r.slots {
		verdicts[slot.cell.Status.Result.Verdict]++
		retried = retried || slot.cell.Status.Result.Retried > 0
	}
	switch {
	case verdicts[soakv1alpha1.VerdictFailed] > 0 && r.isConsequence():
		return LetterConsequence, soakv1alpha1.VerdictFailed
	case verdicts[soakv1alpha1.VerdictFailed] > 0:
		return LetterFailed, soakv1alpha1.VerdictFailed
	case verdicts[soakv1alpha1.VerdictPassed] < len(r.slots):
		return LetterErrored, soakv1alpha1.VerdictErrored
	case retried:
		return LetterRetried, soakv1alpha1.VerdictPassed
	default:
		return LetterPassed, soakv1alpha1.VerdictPassed
	}
}

// isConsequence tells whether the iteration failed as the judged one before it did: one of its failures shares something
// with that, or each is to its own cell a consequence.
func (r *runView) isConsequence() bool {
	if !r.history.LastFailed() {
		return false
	}
	allAre := true
	for _, slot := range r.slots {
		result := slot.cell.Status.Result
		if result.Verdict != soakv1alpha1.VerdictFailed {
			continue
		}
		if related(result.Failure, r.status.LastFailure) {
			return true
		}
		last, _ := slot.history.Last()
		allAre = allAre && last == LetterConsequence
	}
	return allAre
}

// firstFailure of the iteration, in time.
func (r *runView) firstFailure() soakv1alpha1.Failure {
	var first soakv1alpha1.Failure
	for _, slot := range r.slots {
		result := slot.cell.Status.Result
		if result.Verdict == soakv1alpha1.VerdictFailed && (first.Time == nil || result.Failure.Time.Before(first.Time)) {
			first = result.Failure
		}
	}
	return first
}

// noteErrors keeps since when nothing could be judged: the start of the first iteration of that row.
func (r *runView) noteErrors(letter Letter) {
	if letter != LetterErrored {
		r.status.ErroredSince = nil
		return
	}
	if r.status.ErroredSince != nil {
		return
	}
	var began *metav1.Time
	for _, slot := range r.slots {
		if start := slot.cell.Status.Result.StartTime; began == nil || start.Before(began) {
			began = start
		}
	}
	r.status.ErroredSince = began.DeepCopy()
}

// addUpAttempts adds up what the cells have thrown away. It never goes back, even when a cell was deleted.
func (r *runView) addUpAttempts() {
	var sum soakv1alpha1.Attempts
	for _, slot := range r.slots {
		if slot.cell != nil && slot.cell.Status.Attempts != nil {
			sum.Errored += slot.cell.Status.Attempts.Errored
			sum.Interrupted += slot.cell.Status.Attempts.Interrupted
			sum.Abandoned += slot.cell.Status.Attempts.Abandoned
		}
	}
	if r.status.Attempts == nil {
		r.status.Attempts = &soakv1alpha1.Attempts{}
	}
	r.status.Attempts.Errored = max(r.status.Attempts.Errored, sum.Errored)
	r.status.Attempts.Interrupted = max(r.status.Attempts.Interrupted, sum.Interrupted)
	r.status.Attempts.Abandoned = max(r.status.Attempts.Abandoned, sum.Abandoned)
}

// wasted is how many attempts of the run's cells came to an end without a judgement, and how many came to an end at all.
// Those that were stopped on request are none of them: what stopped them has nothing to do with how they would have ended.
func (r *runView) wasted() (wasted, all int32) {
	wasted = r.status.Attempts.Errored + r.status.Attempts.Interrupted
	all = wasted
	for _, slot := range r.slots {
		if slot.cell != nil && slot.cell.Status.Tally != nil {
			tally := slot.cell.Status.Tally
			wasted += tally.Errored
			all += tally.Errored + tally.Passed + tally.Failed
		}
	}
	return wasted, all
}
