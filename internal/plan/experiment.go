package plan

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// ExperimentInput is what was observed of an experiment.
type ExperimentInput struct {
	// Experiment as it was read. What is decided may only be written over this very version of it.
	Experiment *soakv1alpha1.SoakExperiment
	// Runs and Cells that were found; those of other experiments are passed over.
	Runs  []soakv1alpha1.SoakRun
	Cells []soakv1alpha1.SoakCell
	// Live says that all three were read from the API server itself, not from a cache.
	Live bool
	// References are what the definition refers to; nil when nobody has looked yet.
	References *References
	// Now is the time.
	Now time.Time
}

// References are what a definition refers to, as it was found.
type References struct {
	// Chart that was found.
	Chart soakv1alpha1.ChartIdentity
	// Salt that the digests were made with.
	Salt string
	// Values are the salted digests of what valuesFrom refers to, in its order.
	Values []soakv1alpha1.Digest
	// Problem says why they could not be found; nil if they were.
	Problem *Problem
}

// Problem is what stands in the way until the user changes something.
type Problem struct {
	// Reason in a word, Message in a sentence.
	Reason, Message string
}

// Question is what has to be looked up before it can be decided.
type Question struct {
	// Live asks for the experiment, the runs and the cells as they are now: what is not in a cache may yet be there.
	Live bool
	// References asks for what the definition refers to. The digests are to be made with that salt, or with a new one
	// if it is empty.
	References bool
	Salt       string
}

// ExperimentDecision is what an experiment does next, in the order of the fields. What fails ends it: nothing that comes
// later may be done then. Each object is to be written, or deleted, only if it is still as it was read.
type ExperimentDecision struct {
	// Why it was decided so.
	Why string
	// Question to be answered first; nil if there is none. Nothing else is to be done then but to ask again.
	Question *Question
	// Finalizer says what becomes of ours. When it changes, nothing else does.
	Finalizer FinalizerChange
	// Update are runs whose spec or annotations are to be these.
	Update []*soakv1alpha1.SoakRun
	// Create is the next run; nil if there is to be none. That it is there already is no error.
	Create *soakv1alpha1.SoakRun
	// Delete are runs that are to go.
	Delete []*soakv1alpha1.SoakRun
	// Status to write; nil when there is nothing to write.
	Status *soakv1alpha1.SoakExperimentStatus
	// Events to be told, once all that has landed.
	Events []Event
	// RequeueAfter is when to ask again although nothing has changed; 0 is never.
	RequeueAfter time.Duration
}

const (
	// lookAgain is when to look again at what a definition refers to: it may change without anybody saying so.
	lookAgain = time.Minute
	// emptyRunPause is the time from one run to the next when the first has counted nothing, being over at once.
	emptyRunPause = time.Minute
)

// Experiment decides what an experiment does next: it keeps one run going or finished that is of the definition as it is
// now, and ends one that is not before it starts the next.
func Experiment(in ExperimentInput) ExperimentDecision {
	view := viewExperiment(in)
	switch {
	case !in.Experiment.DeletionTimestamp.IsZero():
		view.deleted()
	case !hasFinalizer(in.Experiment):
		return ExperimentDecision{Why: "its runs must not outlive it", Finalizer: FinalizerAdded}
	default:
		view.drive()
	}
	return view.finish()
}

// experimentView is an experiment as it is decided on.
type experimentView struct {
	ExperimentInput
	runs       []*soakv1alpha1.SoakRun // the latest first
	current    *soakv1alpha1.SoakRun   // the latest, unless the status knows of a later one
	now        metav1.Time
	status     *soakv1alpha1.SoakExperimentStatus // a copy, to be changed
	conditions conditions                         // of that copy
	digest     string                             // of the inputs, once they were checked
	problem    *Problem
	next       string // the reason for which another run is to start; empty if none is
	decision   ExperimentDecision
}

func viewExperiment(in ExperimentInput) *experimentView {
	view := &experimentView{ExperimentInput: in, now: stamp(in.Now), status: in.Experiment.Status.DeepCopy()}
	view.conditions = conditions{of: &view.status.Conditions, generation: in.Experiment.Generation, now: view.now}
	for i := range in.Runs {
		if in.Runs[i].Spec.Experiment.UID == string(in.Experiment.UID) {
			view.runs = append(view.runs, &in.Runs[i])
		}
	}
	slices.SortFunc(view.runs, func(a, b *soakv1alpha1.SoakRun) int { return int(b.Spec.Number - a.Spec.Number) })
	if len(view.runs) > 0 && view.runs[0].Spec.Number >= in.Experiment.Status.Run.Number {
		view.current = view.runs[0]
	}
	return view
}

// drive decides on an experiment that is not being deleted.
func (e *experimentView) drive() {
	e.problem = e.check()
	if e.problem == nil {
		e.next = e.reasonForNext()
	}
	e.control()
	switch {
	case e.next == "":
		e.recheck()
	case len(e.decision.Update) == 0 && e.mayFollow():
		e.startNext()
	default:
		e.because("the run before is in the way: " + e.next)
	}
	if e.decision.Question != nil {
		return
	}
	if e.decision.Create == nil {
		e.prune()
	}
	e.mirror()
}

// check finds what makes no sense in the definition. A run of an earlier one goes on meanwhile.
func (e *experimentView) check() *Problem {
	spec := &e.Experiment.Spec
	_, err := Matrix(e.Experiment.Namespace, e.Experiment.Name, &spec.Inputs)
	if err == nil {
		err = checkDurations(spec)
	}
	if err == nil {
		e.digest, err = InputsDigest(e.Experiment.Namespace, &spec.Inputs)
	}
	if err == nil {
		return nil
	}
	e.because("the definition makes no sense")
	return &Problem{Reason: reasonInvalid, Message: err.Error()}
}

// reasonForNext tells why the current run is not of the definition as it is now; empty if it is.
func (e *experimentView) reasonForNext() string {
	switch {
	case e.current != nil:
	case e.Experiment.Status.Run.Number == 0:
		return "FirstRun"
	default:
		return "RunDeleted"
	}
	run, spec := e.current, &e.Experiment.Spec
	restarted := e.Experiment.Annotations[soakv1alpha1.AnnotationRestartedAt]
	switch {
	case run.Spec.End != "":
		return string(run.Spec.End)
	case finishedFor(run) == string(soakv1alpha1.EndReasonInputsChanged), !e.sameInputs(), e.referencesChanged():
		return string(soakv1alpha1.EndReasonInputsChanged)
	case spec.Run.ID != run.Spec.Run.ID:
		return string(soakv1alpha1.EndReasonRunIDChanged)
	case restarted != "" && restarted != run.Annotations[soakv1alpha1.AnnotationRestartedAt]:
		return string(soakv1alpha1.EndReasonRestarted)
	default:
		return ""
	}
}

// sameInputs compares the inputs themselves, so that it does not matter which version of their form the run has pinned.
func (e *experimentView) sameInputs() bool {
	then, err := InputsDigest(e.Experiment.Namespace, &e.current.Spec.Inputs)
	return err == nil && then == e.digest
}

// referencesChanged: what a finished run was made of is not what is there now. While a run goes on, Build looks.
func (e *experimentView) referencesChanged() bool {
	if e.References == nil || e.References.Problem != nil || !Finished(e.current) {
		return false
	}
	pins := e.current.Spec.Pins
	return e.References.Salt == pins.Salt && (e.References.Chart != pins.Chart || !slices.Equal(e.References.Values, pins.Values))
}

// recheck asks for what a finished run was made of, as nobody else looks any more.
func (e *experimentView) recheck() {
	if e.current == nil || !Finished(e.current) || e.problem != nil {
		return
	}
	if e.References == nil {
		e.ask(Question{References: true, Salt: e.current.Spec.Pins.Salt})
		return
	}
	e.because("the current run has finished")
	e.requeue(lookAgain)
}

// mayFollow tells whether another run may start: every one before it has finished or is gone, and nothing goes on in
// their cells. One that cannot go, because something of it cannot be cleaned, is in the way for the user to see.
func (e *experimentView) mayFollow() bool {
	if slices.ContainsFunc(e.runs, func(run *soakv1alpha1.SoakRun) bool { return !Finished(run) || run.DeletionTimestamp != nil }) {
		e.problem = e.blocked()
		return false
	}
	return e.isQuiet() && (e.current == nil || settled(e.current, e.Cells, e.Now))
}

// isQuiet tells whether nothing goes on in any cell of an experiment of that name, of whatever run.
func (e *experimentView) isQuiet() bool {
	return !slices.ContainsFunc(e.Cells, func(cell soakv1alpha1.SoakCell) bool {
		return InProgress(&cell) && cell.Namespace == e.Experiment.Namespace &&
			cell.Labels[soakv1alpha1.LabelExperiment] == LabelValue(e.Experiment.Name)
	})
}

// startNext creates the next run, once it is known for certain that there is no other, and what it is made of.
func (e *experimentView) startNext() {
	// A definition that is the same refers to something that changes by itself: a change of the definition is not held up.
	if e.current != nil && counted(e.current) == 0 && finishedFor(e.current) == string(soakv1alpha1.EndReasonInputsChanged) && e.sameInputs() {
		if wait := emptyRunPause - since(&e.current.CreationTimestamp, e.Now); wait > 0 {
			e.because("the run before was over at once")
			e.requeue(wait)
			return
		}
	}
	switch {
	case !e.Live:
		e.ask(Question{Live: true})
	case e.References == nil && e.current == nil:
		e.ask(Question{References: true})
	case e.References == nil:
		e.ask(Question{References: true, Salt: e.current.Spec.Pins.Salt})
	case e.References.Problem != nil:
		e.because("what it refers to was not found")
		e.problem = e.References.Problem
		e.requeue(lookAgain)
	default:
		e.because("the next run starts: " + e.next)
		e.decision.Create = e.newRun()
		e.tell(EventNormal, "RunCreated", fmt.Sprintf("%s: %s", e.decision.Create.Name, e.next))
	}
}

// ask has something looked up first. What was decided on before it was known is void.
func (e *experimentView) ask(question Question) {
	e.decision = ExperimentDecision{Why: "something has to be looked up first", Question: &question}
}

// finish puts into the decision whether there is a status to write.
func (e *experimentView) finish() ExperimentDecision {
	if e.decision.Question != nil || e.decision.Finalizer != FinalizerKept {
		return e.decision
	}
	e.status.ObservedGeneration = e.Experiment.Generation
	if !equality.Semantic.DeepEqual(e.status, &e.Experiment.Status) {
		e.decision.Status = e.status
	}
	if e.decision.Why == "" {
		e.decision.Why = "its run goes on"
	}
	return e.decision
}

func (e *experimentView) because(why string) { e.decision.Why = why }

func (e *experimentView) tell(kind, reason, message string) {
	e.decision.Events = append(e.decision.Events, Event{kind, reason, clip(message, 1024)})
}

func (e *experimentView) requeue(after time.Duration) {
	e.decision.RequeueAfter = sooner(e.decision.RequeueAfter, after)
}

// counted is how many iterations a run has counted.
func counted(run *soakv1alpha1.SoakRun) int32 {
	if run.Status.Tally == nil {
		return 0
	}
	return run.Status.Tally.Passed + run.Status.Tally.Failed + run.Status.Tally.Errored
}
