package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SoakRun is one run of an experiment: iterations over inputs that never change, and a tally of its own.
// Once it has finished, its status never changes again.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=soakrun
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.status.summary.verdict`
// +kubebuilder:printcolumn:name="Run",type=integer,JSONPath=`.spec.number`
// +kubebuilder:printcolumn:name="Iteration",type=integer,JSONPath=`.status.iteration`
// +kubebuilder:printcolumn:name="Passed",type=integer,JSONPath=`.status.tally.passed`
// +kubebuilder:printcolumn:name="Failed",type=integer,JSONPath=`.status.tally.failed`
// +kubebuilder:printcolumn:name="Errored",type=integer,JSONPath=`.status.tally.errored`
// +kubebuilder:printcolumn:name="Streak",type=string,JSONPath=`.status.summary.streak`
// +kubebuilder:printcolumn:name="Rate",type=string,JSONPath=`.status.summary.rate`
// +kubebuilder:printcolumn:name="Stopped-By",type=string,JSONPath=`.status.conditions[?(@.type=="Finished")].reason`
// +kubebuilder:printcolumn:name="Last",type=date,JSONPath=`.status.lastIterationTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="At-Least",type=string,JSONPath=`.status.summary.atLeast`,priority=1
// +kubebuilder:printcolumn:name="Retried",type=integer,JSONPath=`.status.tally.retried`,priority=1
// +kubebuilder:printcolumn:name="Cause",type=string,JSONPath=`.status.summary.cause`,priority=1
// +kubebuilder:printcolumn:name="Chart",type=string,JSONPath=`.spec.pins.chart.version`,priority=1
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,priority=1
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.summary.status`,priority=1
type SoakRun struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// spec says what this run delivers. It is written by the operator.
	// +required
	Spec SoakRunSpec `json:"spec,omitzero"`
	// status is how far the run is and what came out of it.
	// +optional
	Status SoakRunStatus `json:"status,omitzero"` //nolint:kubeapilinter // zero is absent, and never stored
}

// SoakRunList is a list of runs.
// +kubebuilder:object:root=true
type SoakRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SoakRun `json:"items"`
}

// SoakRunSpec says what a run delivers, and when it ends.
// +kubebuilder:validation:XValidation:rule="(has(self.run) && has(self.run.id) ? [self.run.id] : []) == (has(oldSelf.run) && has(oldSelf.run.id) ? [oldSelf.run.id] : [])",message="run.id never changes: another id starts a new run",fieldPath=".run"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.end) || (has(self.end) && self.end == oldSelf.end)",message="end never changes: a run that was ended stays ended",fieldPath=".end"
type SoakRunSpec struct {
	Controls `json:",inline"` //nolint:kubeapilinter // inlined: it has no object of its own to be empty
	// experiment that the run belongs to.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="experiment never changes"
	Experiment ObjectIdentity `json:"experiment,omitzero"`
	// number of the run: 1 for an experiment's first.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="number never changes"
	Number int32 `json:"number,omitempty"`
	// run names the run, as the experiment did.
	// +optional
	Run RunIdentity `json:"run,omitzero"`
	// inputs of the run: the experiment's, as they were when the run started.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="inputs never change: a new run starts with new inputs"
	Inputs Inputs `json:"inputs,omitzero"`
	// pins are what the inputs referred to when the run started.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="pins never change: a new run starts with new inputs"
	Pins Pins `json:"pins,omitzero"`
	// end is set when the run must end for a reason that lies outside of it.
	// +optional
	End EndReason `json:"end,omitempty"`
}

// ObjectIdentity is an object of the same namespace, and no other that may later bear its name.
type ObjectIdentity struct {
	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// uid of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
}

// Pins are what the inputs of a run referred to when it started.
type Pins struct {
	// inputs is the digest of the inputs in a form in which only what makes a difference differs, after the
	// version of that form.
	// +required
	// +kubebuilder:validation:Pattern=`^v[0-9]+:sha256:[0-9a-f]{64}$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Inputs string `json:"inputs,omitempty"`
	// chart as it was found.
	// +required
	Chart ChartIdentity `json:"chart,omitzero"`
	// salt of the digests of values, so that a guess at a secret value cannot be looked up.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Salt string `json:"salt,omitempty"`
	// values are the salted digests of what valuesFrom refers to, in its order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Values []Digest `json:"values,omitempty"`
}

// EndReason says why a run was ended from outside.
// +kubebuilder:validation:Enum=InputsChanged;RunIDChanged;Restarted;ExperimentDeleted
type EndReason string

// The reasons for which a run is ended from outside.
const (
	EndReasonInputsChanged     EndReason = "InputsChanged"
	EndReasonRunIDChanged      EndReason = "RunIDChanged"
	EndReasonRestarted         EndReason = "Restarted"
	EndReasonExperimentDeleted EndReason = "ExperimentDeleted"
)

// SoakRunStatus is how far a run is and what came out of it.
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.finishTime) || (has(self.finishTime) && self.finishTime == oldSelf.finishTime && has(self.tally) == has(oldSelf.tally) && (!has(self.tally) || self.tally == oldSelf.tally) && has(self.history) == has(oldSelf.history) && (!has(self.history) || self.history == oldSelf.history))",message="finishTime, tally and history never change once the run has finished"
// +kubebuilder:validation:MinProperties=1
type SoakRunStatus struct {
	// conditions are Ready, Finished, Succeeded, Suspended and Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that this status is about.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// startTime is when the run started.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// finishTime is when the run finished.
	// +optional
	FinishTime *metav1.Time `json:"finishTime,omitempty"`
	// suspendedFor is how long the run was suspended, up to when it was last resumed: no part of maxDuration.
	// +optional
	SuspendedFor Duration `json:"suspendedFor,omitempty"`
	// erroredSince is when the unbroken row of iterations began that could not be judged.
	// +optional
	ErroredSince *metav1.Time `json:"erroredSince,omitempty"`
	// lastFailure is the last failed iteration, by the cell that failed first.
	// +optional
	LastFailure Failure `json:"lastFailure,omitzero"`
	// Progress of this run.
	Progress `json:",inline"` //nolint:kubeapilinter // inlined: it has no object of its own to be empty
}
