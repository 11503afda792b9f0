package plan

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// createCells creates those that are missing.
func (r *runView) createCells() {
	for _, slot := range r.slots {
		if slot.cell == nil {
			r.decision.Create = append(r.decision.Create, r.newCell(slot.MatrixCell))
		}
	}
	if missing := len(r.decision.Create); missing > 0 {
		r.because(counting(int32(missing), "cell") + " missing")
	}
}

// newCell has the finalizer from its own controller, before it begins anything.
func (r *runView) newCell(place MatrixCell) *soakv1alpha1.SoakCell {
	experiment := r.Run.Spec.Experiment
	return &soakv1alpha1.SoakCell{
		ObjectMeta: metav1.ObjectMeta{
			Name:      cellName(r.Run, place),
			Namespace: r.Run.Namespace,
			Labels: map[string]string{
				soakv1alpha1.LabelExperiment: LabelValue(experiment.Name),
				soakv1alpha1.LabelCell:       CellLabel(experiment.UID, place.Market, place.Environment),
				soakv1alpha1.LabelRun:        strconv.Itoa(int(r.Run.Spec.Number)),
			},
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(r.Run, soakv1alpha1.GroupVersion.WithKind("SoakRun")),
			},
		},
		Spec: soakv1alpha1.SoakCellSpec{
			Run:         soakv1alpha1.ObjectIdentity{Name: r.Run.Name, UID: string(r.Run.UID)},
			Market:      place.Market,
			Environment: place.Environment,
			Release:     place.Release,
			Steps:       place.Steps,
			Mode:        soakv1alpha1.CellModeIterate,
		},
	}
}

// setCellsToWork bumps cells in matrix order, so that never more than parallelism of them are at work. When the run is
// suspended none is, but for those that the iteration in progress still needs, if that is to be finished.
func (r *runView) setCellsToWork() {
	if r.suspended() && r.Run.Spec.SuspendPolicy == soakv1alpha1.SuspendPolicyStop {
		r.holdCells()
		return
	}
	room := int(max(r.Run.Spec.Inputs.Parallelism, 1))
	complete := true
	for _, slot := range r.slots {
		if slot.atWork() {
			room--
			r.tellCell(slot, slot.cell.Spec.Iteration, soakv1alpha1.CellModeIterate)
		}
		complete = complete && slot.cell != nil && slot.cell.DeletionTimestamp.IsZero()
	}
	if !complete || !r.mayBump() {
		return
	}
	for _, slot := range r.slots {
		if room > 0 && !slot.atWork() && slot.cell.Spec.Iteration < r.status.Iteration {
			room--
			r.tellCell(slot, r.status.Iteration, soakv1alpha1.CellModeIterate)
			r.because(fmt.Sprintf("%s is to do iteration %d", slot, r.status.Iteration))
		}
	}
}

// mayBump tells whether cells may be set to work that are not. An iteration begins after the pause, and not while the
// run is suspended.
func (r *runView) mayBump() bool {
	if !r.between() {
		return true
	}
	if r.suspended() {
		return false
	}
	if r.status.LastIterationTime == nil {
		return true
	}
	interval := length(r.Run.Spec.Inputs.IterationInterval, defaultIterationInterval)
	pause := remaining(r.status.LastIterationTime.Add(interval), interval, r.Now)
	if pause > 0 {
		r.requeue(pause)
	}
	return pause == 0
}

// holdCells stops what is at work.
func (r *runView) holdCells() {
	for _, slot := range r.slots {
		if slot.atWork() {
			r.tellCell(slot, slot.cell.Spec.Iteration, soakv1alpha1.CellModeHold)
		}
	}
}

// tellCell what to do, unless it was told so already. One that is being deleted does not listen.
func (r *runView) tellCell(slot slot, iteration int32, mode soakv1alpha1.CellMode) {
	spec := slot.cell.Spec
	if !slot.cell.DeletionTimestamp.IsZero() || (spec.Iteration == iteration && spec.Mode == mode) {
		return
	}
	changed := slot.cell.DeepCopy()
	changed.Spec.Iteration, changed.Spec.Mode = iteration, mode
	r.decision.Update = append(r.decision.Update, changed)
}

// afterwards decides on a run that has finished: none of its cells is to begin anything any more, and its releases are
// cleaned away once they need not be looked at.
func (r *runView) afterwards() RunDecision {
	mode := soakv1alpha1.CellModeHold
	wait, wanted := cleanUpDue(r.Run, r.Now)
	switch {
	case !wanted:
		r.because("it has finished, and its releases are left")
	case wait > 0:
		r.because("it has finished, and its releases are left for a while")
		r.requeue(wait)
	default:
		r.because("it has finished")
		mode = soakv1alpha1.CellModeCleanUp
	}
	for _, slot := range r.slots {
		if slot.cell != nil && slot.cell.Spec.Mode != soakv1alpha1.CellModeCleanUp {
			r.tellCell(slot, slot.cell.Spec.Iteration, mode)
		}
	}
	return r.decision
}

// cleanUpDue tells whether the releases of a finished run are to be cleaned away, and in what time. When another run
// waits for it to be out of the way, at once.
func cleanUpDue(run *soakv1alpha1.SoakRun, now time.Time) (wait time.Duration, wanted bool) {
	switch run.Spec.CleanupPolicy {
	case soakv1alpha1.CleanupPolicyNever:
		return 0, false
	case soakv1alpha1.CleanupPolicyOnPass:
		if !isTrue(run.Status.Conditions, soakv1alpha1.ConditionSucceeded) {
			return 0, false
		}
	case soakv1alpha1.CleanupPolicyAlways:
	}
	if run.Spec.End != "" || finishedFor(run) == string(soakv1alpha1.EndReasonInputsChanged) {
		return 0, true
	}
	return max(length(run.Spec.CleanupDelay, defaultCleanupDelay)-since(run.Status.FinishTime, now), 0), true
}

// settled tells whether nothing goes on any more in the cells of a finished run, nor can begin: each has cleaned its
// release away, or has given that up, or was not to.
func settled(run *soakv1alpha1.SoakRun, cells []soakv1alpha1.SoakCell, now time.Time) bool {
	_, cleansUp := cleanUpDue(run, now)
	return !slices.ContainsFunc(cells, func(cell soakv1alpha1.SoakCell) bool {
		view := cellView{CellInput: CellInput{Cell: &cell}}
		if cell.Spec.Run.UID != string(run.UID) || view.deleted() {
			return false
		}
		held := cell.Spec.Mode == soakv1alpha1.CellModeHold && !cleansUp
		cleaned := cell.Spec.Mode == soakv1alpha1.CellModeCleanUp && cell.Status.Attempt.Number == 0 && view.cleanUpIsOver()
		return !held && !cleaned
	})
}
