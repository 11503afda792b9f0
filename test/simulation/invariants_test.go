package simulation

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// check looks at a change of an object: what must hold always, must hold after it.
func (w *world) check(key key, old, changed object) {
	switch key.kind {
	case kindRun:
		w.checkRun(key, as[*soakv1alpha1.SoakRun](old), as[*soakv1alpha1.SoakRun](changed))
	case kindCell:
		w.checkCell(key, as[*soakv1alpha1.SoakCell](old), as[*soakv1alpha1.SoakCell](changed))
	default:
	}
}

func (w *world) checkRun(key key, old, run *soakv1alpha1.SoakRun) {
	switch {
	case run == nil:
		// A cell may be left that was created a moment too late. It has done nothing, and goes as the garbage that it is.
		for _, cell := range w.cellsOf(old) {
			if cell.Status.LastAttempt > 0 {
				w.violate("%s is gone before %s", key, cell.Name)
			}
		}
		return
	case old == nil:
		w.checkNewRun(key, run)
		return
	case plan.Finished(old):
		if !equality.Semantic.DeepEqual(old.Status, run.Status) {
			w.violate("%s has finished, and its status changes", key)
		}
		return
	}
	if old.Spec.End != "" && run.Spec.End != old.Spec.End {
		w.violate("%s was ended for %s, and now it is %q", key, old.Spec.End, run.Spec.End)
	}
	counted, before := sum(run.Status.Tally), sum(old.Status.Tally)
	complete := plan.Finished(run) && counted == run.Status.Iteration
	if run.Status.Iteration != 0 && counted != run.Status.Iteration-1 && !complete {
		w.violate("%s has counted %d iterations, and is at %d", key, counted, run.Status.Iteration)
	}
	w.checkTally(key, run.Status.Tally, run.Status.History)
	if less(run.Status.Tally, old.Status.Tally) || lessAttempts(run.Status.Attempts, old.Status.Attempts) || run.Status.Iteration < old.Status.Iteration {
		w.violate("%s: something was counted back", key)
	}
	if counted == before {
		return
	}
	if counted != before+1 {
		w.violate("%s has counted %d iterations at once", key, counted-before)
	}
	w.checkCounted(key, old, run)
}

// checkNewRun looks at a run that has just been created: any other has finished, and nothing goes on in its cells. There
// is no lock for what is not there, so that a process that does not know that it leads no longer may create a run that
// another has long finished and deleted; and so may the user delete one that is just being followed. It is ended then.
func (w *world) checkNewRun(key key, run *soakv1alpha1.SoakRun) {
	if w.deletesRuns || w.active != w.leader {
		return
	}
	for _, other := range runsOf(w.server.objects) {
		if other.Name == run.Name {
			continue
		}
		if !plan.Finished(&other) {
			w.violate("%s begins before %s has finished", key, other.Name)
		}
		if other.Spec.Number >= run.Spec.Number {
			w.violate("%s begins after %s", key, other.Name)
		}
		for _, cell := range w.cellsOf(&other) {
			if plan.InProgress(cell) {
				w.violate("%s begins before %s is done", key, cell.Name)
			}
		}
	}
}

// checkCounted looks at an iteration that was just counted: each cell has reported it, and the verdict follows from theirs.
func (w *world) checkCounted(key key, old, run *soakv1alpha1.SoakRun) {
	n := old.Status.Iteration
	want := soakv1alpha1.Tally{Passed: 1}
	for _, cell := range w.cellsOf(run) {
		result := cell.Status.Result
		if result.Iteration != n {
			w.violate("%s counts iteration %d, and %s is at %d", key, n, cell.Name, result.Iteration)
		}
		switch {
		case result.Verdict == soakv1alpha1.VerdictFailed:
			want = soakv1alpha1.Tally{Failed: 1}
		case result.Verdict == soakv1alpha1.VerdictErrored && want.Failed == 0:
			want = soakv1alpha1.Tally{Errored: 1}
		case result.Retried > 0 && want.Passed > 0:
			want.Retried = 1
		}
	}
	now, before := *run.Status.Tally, soakv1alpha1.Tally{}
	if old.Status.Tally != nil {
		before = *old.Status.Tally
	}
	got := soakv1alpha1.Tally{
		Passed: now.Passed - before.Passed, Failed: now.Failed - before.Failed, Errored: now.Errored - before.Errored, Retried: now.Retried - before.Retried,
	}
	if got != want {
		w.violate("%s counts iteration %d as %+v, want %+v", key, n, got, want)
	}
}

func (w *world) checkCell(key key, old, cell *soakv1alpha1.SoakCell) {
	switch {
	case cell == nil:
		w.checkGone(key, old)
		return
	case old == nil:
		return
	}
	status, before := &cell.Status, &old.Status
	if cell.Spec.Iteration < old.Spec.Iteration {
		w.violate("%s is told to go back", key)
	}
	if counted := sum(status.Tally); counted != status.Result.Iteration {
		w.violate("%s has recorded %d iterations, and is at %d", key, counted, status.Result.Iteration)
	}
	w.checkTally(key, status.Tally, status.History)
	if less(status.Tally, before.Tally) || lessAttempts(status.Attempts, before.Attempts) || status.LastAttempt < before.LastAttempt {
		w.violate("%s: something was counted back", key)
	}
	if status.Attempt.Number > status.LastAttempt {
		w.violate("%s: attempt %d is later than the last, %d", key, status.Attempt.Number, status.LastAttempt)
	}
	if thrown := thrownAway(status.Attempts) - thrownAway(before.Attempts); thrown > 1 {
		w.violate("%s throws %d attempts away at once", key, thrown)
	}
	if recorded := status.Result.Iteration - before.Result.Iteration; recorded != 0 {
		w.checkRecorded(key, before, status)
	}
	w.checkParallelism(cell)
}

// checkRecorded looks at a result that was just recorded: it is what came out of the attempt.
func (w *world) checkRecorded(key key, before, status *soakv1alpha1.SoakCellStatus) {
	cell := as[*soakv1alpha1.SoakCell](w.server.objects[key])
	if status.Result.Iteration != before.Result.Iteration+1 || before.Attempt.Iteration != status.Result.Iteration {
		w.violate("%s records iteration %d after %d, from an attempt at %d", key, status.Result.Iteration, before.Result.Iteration, before.Attempt.Iteration)
	}
	result := func(step soakv1alpha1.Step) plan.Result {
		return w.ended[plan.OperationID{CellUID: string(cell.UID), Attempt: before.Attempt.Number, Step: step}]
	}
	switch status.Result.Verdict {
	case soakv1alpha1.VerdictPassed:
		for _, step := range cell.Spec.Steps {
			if got := result(step); got != plan.Succeeded {
				w.violate("%s passed iteration %d, and %s of attempt %d was %q", key, status.Result.Iteration, step, before.Attempt.Number, got)
			}
		}
	case soakv1alpha1.VerdictFailed:
		if got := result(before.Attempt.Step); got != plan.Failed {
			w.violate("%s failed iteration %d, and %s of attempt %d was %q", key, status.Result.Iteration, before.Attempt.Step, before.Attempt.Number, got)
		}
	case soakv1alpha1.VerdictErrored:
		if before.Attempt.Errored < 2 && before.Attempt.Interrupted < 9 {
			w.violate("%s gave iteration %d up after %d erred and %d interrupted attempts", key, status.Result.Iteration, before.Attempt.Errored, before.Attempt.Interrupted)
		}
	}
}

// checkGone looks at a cell that has just gone: nothing of it is left, unless it was to be.
func (w *world) checkGone(key key, old *soakv1alpha1.SoakCell) {
	_, abandoned := old.Annotations[soakv1alpha1.AnnotationAbandon]
	if abandoned || plan.SupersededBy(old, cellsOf(w.server.objects)) {
		return
	}
	if w.cluster.release(old).dirty == string(old.UID) {
		w.violate("%s is gone, and something of it is left", key)
	}
}

// checkParallelism: no more cells of a run are at work than may be.
func (w *world) checkParallelism(cell *soakv1alpha1.SoakCell) {
	run := as[*soakv1alpha1.SoakRun](w.server.objects[runKey(cell)])
	if run == nil || string(run.UID) != cell.Spec.Run.UID {
		return
	}
	atWork := 0
	for _, other := range w.cellsOf(run) {
		if other.Spec.Iteration > other.Status.Result.Iteration {
			atWork++
		}
	}
	if limit := max(int(run.Spec.Inputs.Parallelism), 1); atWork > limit {
		w.violate("%d cells of %s are at work, more than %d", atWork, run.Name, limit)
	}
}

// checkTally: the history tells of the same iterations.
func (w *world) checkTally(key key, tally *soakv1alpha1.Tally, text string) {
	history, err := plan.ParseHistory(text)
	if err != nil {
		w.violate("%s: %v", key, err)
		return
	}
	counts := history.Counts()
	told := soakv1alpha1.Tally{
		Passed: int32(counts.Passed + counts.Retried), Failed: int32(counts.Failed + counts.Consequences),
		Errored: int32(counts.Errored), Retried: int32(counts.Retried),
	}
	if tally == nil {
		tally = &soakv1alpha1.Tally{}
	}
	if told != *tally {
		w.violate("%s: the tally is %+v, and the history %s", key, *tally, text)
	}
}

func (w *world) cellsOf(run *soakv1alpha1.SoakRun) []*soakv1alpha1.SoakCell {
	var cells []*soakv1alpha1.SoakCell
	for key, object := range w.server.objects {
		if key.kind == kindCell && as[*soakv1alpha1.SoakCell](object).Spec.Run.UID == string(run.UID) {
			cells = append(cells, as[*soakv1alpha1.SoakCell](object))
		}
	}
	slices.SortFunc(cells, func(a, b *soakv1alpha1.SoakCell) int { return compareKeys(keyOf(a), keyOf(b)) })
	return cells
}

func sum(tally *soakv1alpha1.Tally) int32 {
	if tally == nil {
		return 0
	}
	return tally.Passed + tally.Failed + tally.Errored
}

func less(a, b *soakv1alpha1.Tally) bool {
	if a == nil || b == nil {
		return sum(a) < sum(b)
	}
	return a.Passed < b.Passed || a.Failed < b.Failed || a.Errored < b.Errored || a.Retried < b.Retried
}

func thrownAway(attempts *soakv1alpha1.Attempts) int32 {
	if attempts == nil {
		return 0
	}
	return attempts.Errored + attempts.Interrupted + attempts.Abandoned
}

func lessAttempts(a, b *soakv1alpha1.Attempts) bool {
	if a == nil || b == nil {
		return thrownAway(a) < thrownAway(b)
	}
	return a.Errored < b.Errored || a.Interrupted < b.Interrupted || a.Abandoned < b.Abandoned
}
