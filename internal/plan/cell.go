package plan

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// CellInput is what was observed of a cell.
type CellInput struct {
	// Cell as it was read. What is decided may only be written over this very version of it.
	Cell *soakv1alpha1.SoakCell
	// Inputs of its run; nil when there is no such run any more.
	Inputs *soakv1alpha1.Inputs
	// Operation is what the runner knows of CurrentOperation(Cell); zero if there is none.
	Operation Operation
	// Superseded says that the same release now belongs to a cell of a later run: see SupersededBy.
	Superseded bool
	// Now is the time.
	Now time.Time
}

// CellDecision is what a cell does next. Either the finalizer changes, or the status, or neither: it is one write at
// most, and only after that the actions and the events.
type CellDecision struct {
	// Row of the table that fired, and why it did.
	Row, Why string
	// Finalizer says what becomes of ours.
	Finalizer FinalizerChange
	// Status to write; nil when there is nothing to write.
	Status *soakv1alpha1.SoakCellStatus
	// Actions for the runner, once the write has landed. Operations to be started are about the cell with that status.
	Actions []Action
	// Events to be told, once the write has landed.
	Events []Event
	// RequeueAfter is when to ask again although nothing has changed; 0 is never.
	RequeueAfter time.Duration
}

// CurrentOperation is the operation that the status of a cell tells of. An attempt that waits for its time has none.
func CurrentOperation(cell *soakv1alpha1.SoakCell) (id OperationID, ok bool) {
	if !InProgress(cell) {
		return OperationID{}, false
	}
	attempt := cell.Status.Attempt
	return OperationID{CellUID: string(cell.UID), Attempt: attempt.Number, Step: attempt.Step}, true
}

// InProgress tells whether a cell may be acting: it has an attempt that has begun. One that waits has not.
func InProgress(cell *soakv1alpha1.SoakCell) bool {
	return cell.Status.Attempt.Number != 0 && cell.Status.Attempt.NotBefore == nil
}

// SupersededBy tells whether one of the others is a cell of a later run of the same experiment for the same release, and
// has begun with it. Nothing must be done in the name of the older cell then: it would be done to what the later one is
// testing. What is left of the older one is now for the later one to clean, be it only when that is deleted.
func SupersededBy(cell *soakv1alpha1.SoakCell, others []soakv1alpha1.SoakCell) bool {
	return slices.ContainsFunc(others, func(other soakv1alpha1.SoakCell) bool {
		return other.Namespace == cell.Namespace &&
			other.Labels[soakv1alpha1.LabelExperiment] == cell.Labels[soakv1alpha1.LabelExperiment] &&
			other.Spec.Release == cell.Spec.Release &&
			other.Status.LastAttempt > 0 &&
			runNumber(&other) > runNumber(cell)
	})
}

// Cell decides what a cell does next, by the first row of the table that applies.
//
// It fails only when the status holds what nobody could have written.
func Cell(in CellInput) (CellDecision, error) {
	history, err := ParseHistory(in.Cell.Status.History)
	if err != nil {
		return CellDecision{}, fmt.Errorf("decide on cell %s: %w", in.Cell.Name, err)
	}
	view := &cellView{CellInput: in, history: history, now: stamp(in.Now), status: in.Cell.Status.DeepCopy()}
	view.conditions = conditions{of: &view.status.Conditions, generation: in.Cell.Generation, now: view.now}
	for _, row := range cellRows {
		if row.when(view) {
			decision := row.then(view)
			decision.Row = row.name
			view.finish(&decision)
			return decision, nil
		}
	}
	return CellDecision{}, fmt.Errorf("decide on cell %s: no row applies", in.Cell.Name)
}

// cellRow is one row of the table.
type cellRow struct {
	name string
	// when tells whether the row applies. It changes nothing.
	when func(*cellView) bool
	// then decides, changing the copy of the status that the view holds.
	then func(*cellView) CellDecision
}

// cellView is a cell as the rows look at it.
type cellView struct {
	CellInput
	history    History
	now        metav1.Time
	status     *soakv1alpha1.SoakCellStatus // a copy, to be changed
	conditions conditions                   // of that copy
}

// finish puts into the decision whether there is anything to write. The status always tells of which generation it is.
func (c *cellView) finish(decision *CellDecision) {
	if decision.Finalizer != FinalizerKept {
		return
	}
	if c.Cell.Status.ObservedGeneration != 0 || !equality.Semantic.DeepEqual(c.status, &c.Cell.Status) {
		c.status.ObservedGeneration = c.Cell.Generation
	}
	if !equality.Semantic.DeepEqual(c.status, &c.Cell.Status) {
		decision.Status = c.status
	}
}

func (c *cellView) deleted() bool { return !c.Cell.DeletionTimestamp.IsZero() }

func (c *cellView) abandoned() bool {
	_, there := c.Cell.Annotations[soakv1alpha1.AnnotationAbandon]
	return there
}

func (c *cellView) hasFinalizer() bool { return hasFinalizer(c.Cell) }

// mode that the cell is to be in. What is being deleted is cleaned up, whatever its spec says. Without its run a cell
// does not know what to do, and with the release in the hands of a later run it must not do it.
func (c *cellView) mode() soakv1alpha1.CellMode {
	switch {
	case c.deleted():
		return soakv1alpha1.CellModeCleanUp
	case c.Cell.Spec.Mode == soakv1alpha1.CellModeIterate && (c.Inputs == nil || c.Superseded):
		return soakv1alpha1.CellModeHold
	default:
		return c.Cell.Spec.Mode
	}
}

// attempt in progress or waiting, as it was read.
func (c *cellView) attempt() soakv1alpha1.Attempt { return c.Cell.Status.Attempt }

func (c *cellView) waiting() bool { return c.attempt().NotBefore != nil }

// trying tells whether an attempt of that purpose has begun.
func (c *cellView) trying(purpose soakv1alpha1.AttemptPurpose) bool {
	return InProgress(c.Cell) && c.attempt().Purpose == purpose
}

// live tells whether the current operation is queued or running.
func (c *cellView) live() bool {
	return InProgress(c.Cell) && (c.Operation.State == OperationQueued || c.Operation.State == OperationRunning)
}

// ended tells whether the current operation has ended so.
func (c *cellView) ended(result Result) bool {
	return InProgress(c.Cell) && c.Operation.State == OperationEnded && c.Operation.Outcome.Result == result
}

// unknown tells whether the runner knows nothing of what the status says is in progress. The status is written before
// an operation is started, and the one who wrote it starts it at once: so either he died between the two, or the
// operation was lost with him. Which of them cannot be told, and makes no difference.
func (c *cellView) unknown() bool { return InProgress(c.Cell) && c.Operation.State == OperationUnknown }

// acts tells whether the cell leaves anything in the cluster. What is only built does not.
func (c *cellView) acts() bool {
	return slices.ContainsFunc(c.Cell.Spec.Steps, func(step soakv1alpha1.Step) bool { return step != soakv1alpha1.StepBuild })
}

// lastStep tells whether no step comes after the one in progress.
func (c *cellView) lastStep() bool { return c.nextStep() == "" }

// nextStep after the one in progress; empty if there is none.
func (c *cellView) nextStep() soakv1alpha1.Step {
	at := slices.Index(c.Cell.Spec.Steps, c.attempt().Step)
	if at < 0 || at+1 >= len(c.Cell.Spec.Steps) {
		return ""
	}
	return c.Cell.Spec.Steps[at+1]
}

// cleaned tells whether a Clean was proven, and nothing was begun since.
func (c *cellView) cleaned() bool {
	return isTrue(c.Cell.Status.Conditions, soakv1alpha1.ConditionCleaned)
}

// cleanUpIsOver tells whether there is nothing more to be done for the mode CleanUp: nothing was left, or it was given
// up, since the cell was told to.
func (c *cellView) cleanUpIsOver() bool {
	told := meta.FindStatusCondition(c.Cell.Status.Conditions, soakv1alpha1.ConditionCleaned)
	return told != nil && (told.Status == metav1.ConditionTrue || told.ObservedGeneration == c.Cell.Generation)
}

// nothingToClean says why there is nothing for a Clean to do, if so.
func (c *cellView) nothingToClean() (why string, ok bool) {
	switch {
	case !c.acts():
		return "nothing but Build is done in this environment", true
	case c.Cell.Status.LastAttempt == 0:
		return "no attempt was ever begun", true
	default:
		return "", false
	}
}
