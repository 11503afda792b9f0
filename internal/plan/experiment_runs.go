package plan

import (
	"maps"
	"strconv"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// newRun is the next run: of the definition as it is now, and pinned to what that refers to.
func (e *experimentView) newRun() *soakv1alpha1.SoakRun {
	experiment := e.Experiment
	number := experiment.Status.Run.Number
	if len(e.runs) > 0 {
		number = max(number, e.runs[0].Spec.Number)
	}
	number++
	run := &soakv1alpha1.SoakRun{
		ObjectMeta: metav1.ObjectMeta{
			Name:      runName(experiment.Name, number),
			Namespace: experiment.Namespace,
			Labels: map[string]string{
				soakv1alpha1.LabelExperiment: LabelValue(experiment.Name),
				soakv1alpha1.LabelRun:        strconv.Itoa(int(number)),
			},
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(experiment, soakv1alpha1.GroupVersion.WithKind("SoakExperiment")),
			},
		},
		Spec: soakv1alpha1.SoakRunSpec{
			Controls:   e.controls(),
			Experiment: soakv1alpha1.ObjectIdentity{Name: experiment.Name, UID: string(experiment.UID)},
			Number:     number,
			Run:        experiment.Spec.Run,
			Inputs:     *experiment.Spec.Inputs.DeepCopy(),
			Pins: soakv1alpha1.Pins{
				Inputs: e.digest,
				Chart:  e.References.Chart,
				Salt:   e.References.Salt,
				Values: e.References.Values,
			},
		},
	}
	for _, name := range []string{soakv1alpha1.AnnotationRestartedAt, soakv1alpha1.AnnotationHold, soakv1alpha1.AnnotationAdopt} {
		handDown(name, experiment, run)
	}
	return run
}

// handDown gives a run the experiment's annotation of that name, or takes it away.
func handDown(name string, experiment *soakv1alpha1.SoakExperiment, run *soakv1alpha1.SoakRun) {
	if value, there := experiment.Annotations[name]; there {
		metav1.SetMetaDataAnnotation(&run.ObjectMeta, name, value)
	} else {
		delete(run.Annotations, name)
	}
}

// runName leaves room for its number, however long the experiment's name is.
func runName(experiment string, number int32) string {
	suffix := "-" + strconv.Itoa(int(number))
	return shorten(experiment, nameLimit-len(suffix)) + suffix
}

// controls are what the experiment says of the run at any time.
func (e *experimentView) controls() soakv1alpha1.Controls {
	controls := *e.Experiment.Spec.Controls.DeepCopy()
	_, held := e.Experiment.Annotations[soakv1alpha1.AnnotationHold]
	suspend := held || (controls.Suspend != nil && *controls.Suspend)
	controls.Suspend = nil
	if suspend {
		controls.Suspend = &suspend
	}
	return controls
}

// control hands down to the current run what may change while it goes on, and ends it when another is to start. Any run
// that is not current has to end too.
func (e *experimentView) control() {
	for _, run := range e.runs {
		changed := run.DeepCopy()
		handDown(soakv1alpha1.AnnotationAdopt, e.Experiment, changed) // whatever state it is in, it may have to clean
		if run.DeletionTimestamp != nil {
			e.update(run, changed)
			continue
		}
		if run == e.current {
			changed.Spec.Controls = e.controls()
			changed.Spec.Run.Description = e.Experiment.Spec.Run.Description
			handDown(soakv1alpha1.AnnotationHold, e.Experiment, changed)
		}
		if ended := run == e.current && e.next != ""; changed.Spec.End == "" && (ended || (run != e.current && !Finished(run))) {
			changed.Spec.End = endReason(e.next)
		}
		e.update(run, changed)
	}
}

// endReason for which a run is ended.
func endReason(next string) soakv1alpha1.EndReason {
	switch reason := soakv1alpha1.EndReason(next); reason {
	case soakv1alpha1.EndReasonRunIDChanged, soakv1alpha1.EndReasonRestarted, soakv1alpha1.EndReasonExperimentDeleted:
		return reason
	default:
		return soakv1alpha1.EndReasonInputsChanged
	}
}

// update a run, unless it is as it should be.
func (e *experimentView) update(run, changed *soakv1alpha1.SoakRun) bool {
	if equality.Semantic.DeepEqual(run.Spec, changed.Spec) && maps.Equal(run.Annotations, changed.Annotations) {
		return false
	}
	e.decision.Update = append(e.decision.Update, changed)
	return true
}

// prune deletes finished runs that are not to be kept: those in which nothing was counted, and the oldest.
func (e *experimentView) prune() {
	keep := int32(defaultRunHistoryLimit)
	if limit := e.Experiment.Spec.RunHistoryLimit; limit != nil {
		keep = *limit
	}
	for i, run := range e.runs {
		if i == 0 || run == e.current || !Finished(run) {
			continue
		}
		kept := counted(run) > 0 && keep > 0
		if kept {
			keep--
		} else if run.DeletionTimestamp == nil {
			e.decision.Delete = append(e.decision.Delete, run.DeepCopy())
		}
	}
}

// deleted decides on an experiment that is to go: its runs go first.
func (e *experimentView) deleted() {
	reason, abandon := e.Experiment.Annotations[soakv1alpha1.AnnotationAbandon]
	if e.Experiment.Spec.DeletionPolicy == soakv1alpha1.DeletionPolicyOrphan {
		reason, abandon = "deletionPolicy of the experiment is Orphan", true
	}
	for _, run := range e.runs {
		changed := run.DeepCopy()
		handDown(soakv1alpha1.AnnotationAdopt, e.Experiment, changed)
		if _, told := run.Annotations[soakv1alpha1.AnnotationAbandon]; abandon && !told {
			metav1.SetMetaDataAnnotation(&changed.ObjectMeta, soakv1alpha1.AnnotationAbandon, reason)
		}
		if changed.Spec.End == "" && !Finished(run) {
			changed.Spec.End = soakv1alpha1.EndReasonExperimentDeleted
		}
		if !e.update(run, changed) && run.DeletionTimestamp == nil {
			e.decision.Delete = append(e.decision.Delete, changed)
		}
	}
	switch {
	case len(e.runs) > 0:
		e.because(counting(int32(len(e.runs)), "run") + " left")
		e.mirror()
	case !hasFinalizer(e.Experiment):
		e.because("nothing of ours keeps it")
	case !e.Live:
		e.ask(Question{Live: true})
	default:
		e.because("none of its runs is left")
		e.decision.Finalizer = FinalizerRemoved
	}
}
