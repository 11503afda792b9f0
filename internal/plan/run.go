package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// RunInput is what was observed of a run.
type RunInput struct {
	// Run as it was read. What is decided may only be written over this very version of it.
	Run *soakv1alpha1.SoakRun
	// ExperimentUID is the UID of the experiment that bears the name that the run tells; empty if there is none.
	ExperimentUID string
	// Cells that were found; those of other runs are passed over.
	Cells []soakv1alpha1.SoakCell
	// Live says that the experiment and the cells were read from the API server itself, not from a cache.
	Live bool
	// Now is the time.
	Now time.Time
}

// RunDecision is what a run does next, in the order of the fields. What fails ends it: nothing that comes later may be
// done then. Each object is to be written, or deleted, only if it is still as it was read.
type RunDecision struct {
	// Why it was decided so.
	Why string
	// ReadLive asks for the experiment and the cells as they are now: what is not in a cache may yet be there. Nothing
	// else is to be done then but to ask again.
	ReadLive bool
	// Finalizer says what becomes of ours. When it changes, nothing else does.
	Finalizer FinalizerChange
	// Create are cells that should be there. That one is there already is no error.
	Create []*soakv1alpha1.SoakCell
	// Status to write; nil when there is nothing to write.
	Status *soakv1alpha1.SoakRunStatus
	// Update are cells whose spec or annotations are to be these.
	Update []*soakv1alpha1.SoakCell
	// Delete are cells that are to go.
	Delete []*soakv1alpha1.SoakCell
	// Events to be told, once all that has landed.
	Events []Event
	// RequeueAfter is when to ask again although nothing has changed; 0 is never.
	RequeueAfter time.Duration
}

// Run decides what a run does next.
//
// It counts an iteration when each of its cells has reported it, in the same write that moves on to the next one, and
// sets cells to work in matrix order, as many at a time as parallelism says. Whatever it tells cells to do is worked out
// anew from what is seen of them each time, so that a crash between two writes loses nothing.
//
// A run whose experiment is gone does nothing: it was restored from a backup, or left behind on purpose, and the garbage
// collector may yet delete it.
//
// It fails only when a status holds what nobody could have written.
func Run(in RunInput) (RunDecision, error) {
	view, err := viewRun(in)
	if err != nil {
		return RunDecision{}, fmt.Errorf("decide on run %s: %w", in.Run.Name, err)
	}
	switch {
	case !in.Run.DeletionTimestamp.IsZero():
		return view.deleted(), nil
	case in.ExperimentUID != in.Run.Spec.Experiment.UID:
		return RunDecision{Why: "its experiment is gone: it is left alone", ReadLive: !in.Live}, nil
	case Finished(in.Run):
		return view.afterwards(), nil
	case !hasFinalizer(in.Run):
		return RunDecision{Why: "its cells must not outlive it", Finalizer: FinalizerAdded}, nil
	default:
		if view.drive(); view.decision.ReadLive {
			return view.decision, nil
		}
		return view.finish(), nil
	}
}

// Finished tells whether a run has ended. Its status never changes again.
func Finished(run *soakv1alpha1.SoakRun) bool {
	return isTrue(run.Status.Conditions, soakv1alpha1.ConditionFinished)
}

// slot is a place in the matrix, and the cell that fills it.
type slot struct {
	MatrixCell
	cell    *soakv1alpha1.SoakCell // nil if there is none
	history History                // of that cell
}

// atWork tells whether a cell is to do an iteration that it has not reported yet.
func (s slot) atWork() bool {
	return s.cell != nil && s.cell.Spec.Iteration > s.cell.Status.Result.Iteration
}

// quiet tells whether nothing goes on in a cell, nor can begin.
func (s slot) quiet() bool {
	if s.cell == nil {
		return true
	}
	acts := InProgress(s.cell) && s.cell.Status.Attempt.Purpose == soakv1alpha1.AttemptPurposeIteration
	mayBegin := s.atWork() && s.cell.Spec.Mode == soakv1alpha1.CellModeIterate && s.cell.DeletionTimestamp.IsZero()
	return !acts && !mayBegin
}

// runView is a run as it is decided on.
type runView struct {
	RunInput
	slots      []slot
	invalid    error // says why there is no matrix
	history    History
	now        metav1.Time
	status     *soakv1alpha1.SoakRunStatus // a copy, to be changed
	conditions conditions                  // of that copy
	decision   RunDecision
}

func viewRun(in RunInput) (*runView, error) {
	history, err := ParseHistory(in.Run.Status.History)
	if err != nil {
		return nil, err
	}
	view := &runView{RunInput: in, history: history, now: stamp(in.Now), status: in.Run.Status.DeepCopy()}
	view.conditions = conditions{of: &view.status.Conditions, generation: in.Run.Generation, now: view.now}
	matrix, err := Matrix(in.Run.Namespace, in.Run.Spec.Experiment.Name, &in.Run.Spec.Inputs)
	view.invalid = err
	cells := map[string]*soakv1alpha1.SoakCell{}
	for i := range in.Cells {
		if cell := &in.Cells[i]; cell.Spec.Run.UID == string(in.Run.UID) {
			cells[cellTitle(cell)] = cell
		}
	}
	for _, place := range matrix {
		slot := slot{MatrixCell: place, cell: cells[place.String()]}
		if slot.cell != nil {
			if slot.history, err = ParseHistory(slot.cell.Status.History); err != nil {
				return nil, fmt.Errorf("cell %s: %w", slot.cell.Name, err)
			}
		}
		view.slots = append(view.slots, slot)
	}
	return view, nil
}

// drive decides on a run that has not finished.
func (r *runView) drive() {
	r.begin()
	counted := r.count()
	end := r.end(counted)
	switch {
	case r.invalid != nil:
		r.because("the matrix cannot be read")
	case end.reason != "" && r.isQuiet() && !counted && !r.Live:
		// A cell that was set to work a moment ago may not have been seen to be. One that was counted has done what it was.
		r.decision = RunDecision{Why: "it has to be certain that nothing is at work", ReadLive: true}
		return
	case end.reason != "" && r.isQuiet():
		r.conclude(end)
	case end.reason != "":
		r.because("it is ending: " + end.reason)
		r.holdCells()
	default:
		if counted {
			r.status.Iteration++
		}
		r.createCells()
		r.setCellsToWork()
	}
	r.describe(end)
}

// begin fills in what a run has from its first moment on.
func (r *runView) begin() {
	if r.status.StartTime == nil {
		r.because("it begins")
		r.status.StartTime = &r.now
		r.status.Iteration = 1
		r.tell(EventNormal, "RunStarted", "the first iteration begins")
	}
	if r.status.Tally == nil {
		r.status.Tally = &soakv1alpha1.Tally{}
	}
	r.addUpAttempts()
}

func (r *runView) isQuiet() bool {
	return !slices.ContainsFunc(r.slots, func(slot slot) bool { return !slot.quiet() })
}

// finish puts into the decision whether there is a status to write.
func (r *runView) finish() RunDecision {
	r.status.ObservedGeneration = r.Run.Generation
	if !equality.Semantic.DeepEqual(r.status, &r.Run.Status) {
		r.decision.Status = r.status
	}
	if r.decision.Why == "" {
		r.decision.Why = "it waits"
	}
	return r.decision
}

func (r *runView) because(why string) {
	r.decision.Why = strings.TrimPrefix(r.decision.Why+"; "+why, "; ")
}

func (r *runView) tell(kind, reason, message string) {
	r.decision.Events = append(r.decision.Events, Event{kind, reason, clip(message, 1024)})
}

func (r *runView) requeue(after time.Duration) {
	r.decision.RequeueAfter = sooner(r.decision.RequeueAfter, max(after, 0))
}

func (r *runView) suspended() bool { return r.Run.Spec.Suspend != nil && *r.Run.Spec.Suspend }

// deleted decides on a run that is to go: its cells go first. What they are told to abandon, it was told before.
func (r *runView) deleted() RunDecision {
	reason, abandon := r.Run.Annotations[soakv1alpha1.AnnotationAbandon]
	left := int32(0)
	for i := range r.Cells {
		cell := &r.Cells[i]
		if cell.Spec.Run.UID != string(r.Run.UID) {
			continue
		}
		left++
		_, told := cell.Annotations[soakv1alpha1.AnnotationAbandon]
		switch {
		case abandon && !told:
			changed := cell.DeepCopy()
			metav1.SetMetaDataAnnotation(&changed.ObjectMeta, soakv1alpha1.AnnotationAbandon, reason)
			r.decision.Update = append(r.decision.Update, changed)
		case cell.DeletionTimestamp.IsZero():
			r.decision.Delete = append(r.decision.Delete, cell.DeepCopy())
		}
	}
	switch {
	case left > 0:
		r.because(counting(left, "cell") + " left")
	case !hasFinalizer(r.Run):
		r.because("nothing of ours keeps it")
	case !r.Live:
		r.because("none of its cells was seen")
		r.decision.ReadLive = true
	default:
		r.because("none of its cells is left")
		r.decision.Finalizer = FinalizerRemoved
	}
	return r.decision
}
