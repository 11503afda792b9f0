package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SoakCell is one market in one environment of one run: one Helm release, and how often it went through.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=soakcell
// +kubebuilder:printcolumn:name="Market",type=string,JSONPath=`.spec.market`
// +kubebuilder:printcolumn:name="Environment",type=string,JSONPath=`.spec.environment`
// +kubebuilder:printcolumn:name="Step",type=string,JSONPath=`.status.attempt.step`
// +kubebuilder:printcolumn:name="Iteration",type=integer,JSONPath=`.spec.iteration`
// +kubebuilder:printcolumn:name="Passed",type=integer,JSONPath=`.status.tally.passed`
// +kubebuilder:printcolumn:name="Failed",type=integer,JSONPath=`.status.tally.failed`
// +kubebuilder:printcolumn:name="Errored",type=integer,JSONPath=`.status.tally.errored`
// +kubebuilder:printcolumn:name="Streak",type=string,JSONPath=`.status.streak`
// +kubebuilder:printcolumn:name="Node",type=string,JSONPath=`.status.lastFailure.node`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type SoakCell struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// spec says what the cell should have done. It is written by the operator.
	// +required
	Spec SoakCellSpec `json:"spec,omitzero"`
	// status is what it is doing and what came out of it.
	// +optional
	Status SoakCellStatus `json:"status,omitzero"`
}

// SoakCellList is a list of cells.
// +kubebuilder:object:root=true
type SoakCellList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SoakCell `json:"items"`
}

// SoakCellSpec says what a cell should have done.
// +kubebuilder:validation:XValidation:rule="self.run == oldSelf.run && self.market == oldSelf.market && self.environment == oldSelf.environment && self.release == oldSelf.release && self.steps == oldSelf.steps",message="run, market, environment, release and steps never change: only iteration and mode do"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.iteration) || (has(self.iteration) && self.iteration >= oldSelf.iteration)",message="iteration never goes back",fieldPath=".iteration"
type SoakCellSpec struct {
	// run that the cell belongs to, and whose inputs it delivers.
	// +required
	Run ObjectIdentity `json:"run,omitzero"`
	// market by its name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Market string `json:"market,omitempty"`
	// environment by its name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Environment string `json:"environment,omitempty"`
	// release that the cell installs and cleans.
	// +required
	Release ReleaseIdentity `json:"release,omitzero"`
	// steps of an iteration, in their order.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Steps []Step `json:"steps,omitempty"`
	// iteration that the cell should have done; none yet if absent. It is at work while its result is behind.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Iteration int32 `json:"iteration,omitempty"`
	// mode says whether the cell is to work.
	// +required
	Mode CellMode `json:"mode,omitempty"`
}

// ReleaseIdentity is a Helm release.
type ReleaseIdentity struct {
	// namespace of the release.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// name of the release.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=53
	Name string `json:"name,omitempty"`
}

// CellMode says whether a cell is to work.
// +kubebuilder:validation:Enum=Iterate;Hold;CleanUp
type CellMode string

// The modes of a cell.
const (
	// CellModeIterate makes it do the iteration of its spec.
	CellModeIterate CellMode = "Iterate"
	// CellModeHold makes it stop what it is doing, at once.
	CellModeHold CellMode = "Hold"
	// CellModeCleanUp makes it stop what it is doing, clean its release away, and hold.
	CellModeCleanUp CellMode = "CleanUp"
)

// SoakCellStatus is what a cell is doing and what came out of it.
// +kubebuilder:validation:MinProperties=1
type SoakCellStatus struct {
	// conditions are Stalled, Cleaned and InputsChanged.
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
	// attempt in progress.
	// +optional
	Attempt Attempt `json:"attempt,omitzero"`
	// lastAttempt is the highest number that was given to an attempt, so that none is ever given twice.
	// +optional
	// +kubebuilder:validation:Minimum=1
	LastAttempt int32 `json:"lastAttempt,omitempty"`
	// result of the last iteration that was recorded.
	// +optional
	Result Result `json:"result,omitzero"`
	// lastFailure is the last failed iteration of this cell.
	// +optional
	LastFailure Failure `json:"lastFailure,omitzero"`
	// tally of the recorded iterations.
	// +optional
	Tally *Tally `json:"tally,omitempty"`
	// attempts that were thrown away.
	// +optional
	Attempts *Attempts `json:"attempts,omitempty"`
	// history of the recorded iterations, run-length encoded as in the run's status.
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:Pattern=`^([1-9][0-9]*[PpFfE])+$`
	History string `json:"history,omitempty"`
	// streak is the last part of the history.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	Streak string `json:"streak,omitempty"`
	// inventory is each kind of object, and where, that the release may have left since the last proven Clean.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Inventory []InventoryItem `json:"inventory,omitempty"`
}

// AttemptPurpose says what an attempt is for.
// +kubebuilder:validation:Enum=Iteration;CleanUp
type AttemptPurpose string

// The purposes of an attempt.
const (
	// AttemptPurposeIteration is an attempt at the iteration of the cell's spec.
	AttemptPurposeIteration AttemptPurpose = "Iteration"
	// AttemptPurposeCleanUp is an attempt at leaving nothing behind. It counts for nothing.
	AttemptPurposeCleanUp AttemptPurpose = "CleanUp"
)

// Attempt is one try at an iteration. It is written before anything is done.
type Attempt struct {
	// purpose of the attempt.
	// +required
	Purpose AttemptPurpose `json:"purpose,omitempty"`
	// iteration that is tried.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Iteration int32 `json:"iteration,omitempty"`
	// number of the attempt, never used twice in the life of the cell.
	// +required
	// +kubebuilder:validation:Minimum=1
	Number int32 `json:"number,omitempty"`
	// step in progress.
	// +required
	Step Step `json:"step,omitempty"`
	// startTime of the attempt.
	// +required
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// stepStartTime is when the step in progress was started.
	// +required
	StepStartTime *metav1.Time `json:"stepStartTime,omitempty"`
	// notBefore is when the attempt may begin, after one that was thrown away.
	// +optional
	NotBefore *metav1.Time `json:"notBefore,omitempty"`
	// errored is how many attempts at the same were thrown away before because they could not be judged.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Errored int32 `json:"errored,omitempty"`
	// interrupted is how many attempts at the same were thrown away before because nobody saw their end.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Interrupted int32 `json:"interrupted,omitempty"`
}

// Result is what came out of an iteration.
type Result struct {
	// iteration that was recorded.
	// +required
	// +kubebuilder:validation:Minimum=1
	Iteration int32 `json:"iteration,omitempty"`
	// verdict of the iteration.
	// +required
	Verdict Verdict `json:"verdict,omitempty"`
	// retried says how many attempts that erred were thrown away before.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Retried int32 `json:"retried,omitempty"`
	// startTime of the attempt that was judged.
	// +required
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// endTime of the attempt that was judged.
	// +required
	EndTime *metav1.Time `json:"endTime,omitempty"`
	// failure says what failed or could not be judged.
	// +optional
	Failure Failure `json:"failure,omitzero"`
}

// Failure says what failed, where and why.
type Failure struct {
	// iteration that failed.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Iteration int32 `json:"iteration,omitempty"`
	// step that failed.
	// +required
	Step Step `json:"step,omitempty"`
	// reason in a word, such as PodsNotDeleted or TestFailed.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Reason string `json:"reason,omitempty"`
	// message in a line.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// cell that failed, by market and environment.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Cell string `json:"cell,omitempty"`
	// object that failed, as kind/name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	Object string `json:"object,omitempty"`
	// container that failed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Container string `json:"container,omitempty"`
	// node that the failed pod is on.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node,omitempty"`
	// signature is alike for failures that are alike, whatever names and numbers were generated.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Signature string `json:"signature,omitempty"`
	// time of the failure.
	// +required
	Time *metav1.Time `json:"time,omitempty"`
}

// InventoryItem is a kind of object in a namespace, or outside of all.
type InventoryItem struct {
	// group of their API; empty for the core group.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`
	// version of the API.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Version string `json:"version,omitempty"`
	// kind of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`
	// namespace of the objects; empty for those outside of all.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}
