package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SoakExperiment says what is delivered over and over, where, and until when. Its status is that of its current run.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 52 && !self.metadata.name.contains('.')",message="metadata.name must be at most 52 lower-case letters, digits and '-', and no '.': the names of runs, releases and labels are made of it"
// +kubebuilder:resource:shortName=soak
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.status.summary.verdict`
// +kubebuilder:printcolumn:name="Run",type=integer,JSONPath=`.status.run.number`
// +kubebuilder:printcolumn:name="Iteration",type=integer,JSONPath=`.status.iteration`
// +kubebuilder:printcolumn:name="Passed",type=integer,JSONPath=`.status.tally.passed`
// +kubebuilder:printcolumn:name="Failed",type=integer,JSONPath=`.status.tally.failed`
// +kubebuilder:printcolumn:name="Errored",type=integer,JSONPath=`.status.tally.errored`
// +kubebuilder:printcolumn:name="Streak",type=string,JSONPath=`.status.summary.streak`
// +kubebuilder:printcolumn:name="Rate",type=string,JSONPath=`.status.summary.rate`
// +kubebuilder:printcolumn:name="Last",type=date,JSONPath=`.status.lastIterationTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="At-Least",type=string,JSONPath=`.status.summary.atLeast`,priority=1
// +kubebuilder:printcolumn:name="Retried",type=integer,JSONPath=`.status.tally.retried`,priority=1
// +kubebuilder:printcolumn:name="Cause",type=string,JSONPath=`.status.summary.cause`,priority=1
// +kubebuilder:printcolumn:name="Chart",type=string,JSONPath=`.status.run.chart.version`,priority=1
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,priority=1
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.summary.status`,priority=1
type SoakExperiment struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// spec says what is delivered, where, and until when.
	// +required
	Spec SoakExperimentSpec `json:"spec,omitzero"` //nolint:kubeapilinter // its required fields are in what it inlines
	// status is that of the current run.
	// +optional
	Status SoakExperimentStatus `json:"status,omitzero"` //nolint:kubeapilinter // zero is absent, and never stored
}

// SoakExperimentList is a list of experiments.
// +kubebuilder:object:root=true
type SoakExperimentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SoakExperiment `json:"items"`
}

// SoakExperimentSpec says what is delivered, where, and until when. What its fields must be to each other is checked
// here, when a user writes them, and not again in each run that they are copied to.
// +kubebuilder:validation:XValidation:rule="!has(self.exclude) || self.markets.size() * self.environments.size() > self.exclude.size()",message="exclude must leave at least one cell",fieldPath=".exclude"
// +kubebuilder:validation:XValidation:rule="self.markets.size() * self.environments.size() - (has(self.exclude) ? self.exclude.size() : 0) <= 1000",message="markets times environments, without what exclude lists, must be at most 1000 cells: split the experiment",fieldPath=".markets"
// +kubebuilder:validation:XValidation:rule="!has(self.exclude) || sets.contains(self.markets.map(x, x.name), self.exclude.map(x, x.market))",fieldPath=".exclude",message="exclude must name only markets and environments of the experiment",messageExpression="'exclude names the market ' + self.exclude.map(x, x.market).filter(x, !(x in self.markets.map(x, x.name)))[0] + ', which is not in markets: remove it or add the market'"
// +kubebuilder:validation:XValidation:rule="!has(self.exclude) || sets.contains(self.environments.map(x, x.name), self.exclude.map(x, x.environment))",fieldPath=".exclude",message="exclude must name only markets and environments of the experiment",messageExpression="'exclude names the environment ' + self.exclude.map(x, x.environment).filter(x, !(x in self.environments.map(x, x.name)))[0] + ', which is not in environments: remove it or add the environment'"
// +kubebuilder:validation:XValidation:rule="!has(self.overrides) || sets.contains(self.markets.map(x, x.name), self.overrides.map(x, x.market))",fieldPath=".overrides",message="overrides must name only markets and environments of the experiment",messageExpression="'overrides names the market ' + self.overrides.map(x, x.market).filter(x, !(x in self.markets.map(x, x.name)))[0] + ', which is not in markets: remove it or add the market'"
// +kubebuilder:validation:XValidation:rule="!has(self.overrides) || sets.contains(self.environments.map(x, x.name), self.overrides.map(x, x.environment))",fieldPath=".overrides",message="overrides must name only markets and environments of the experiment",messageExpression="'overrides names the environment ' + self.overrides.map(x, x.environment).filter(x, !(x in self.environments.map(x, x.name)))[0] + ', which is not in environments: remove it or add the environment'"
// +kubebuilder:validation:XValidation:rule="self.markets.size() == 1 || self.releaseName.contains('{market}')",message="releaseName must contain {market} when there are several markets, or their releases would be one",fieldPath=".releaseName"
// +kubebuilder:validation:XValidation:rule="self.environments.size() == 1 || self.releaseName.contains('{environment}') || (self.environments.all(e, has(e.__namespace__)) && self.environments.all(e, self.environments.exists_one(f, f.__namespace__ == e.__namespace__)))",message="releaseName must contain {environment} when there are several environments, or each of them must name a namespace of its own",fieldPath=".releaseName"
type SoakExperimentSpec struct {
	Inputs   `json:",inline"`
	Controls `json:",inline"` //nolint:kubeapilinter // inlined: it has no object of its own to be empty
	// run names the run, in the words of the people who compare runs.
	// +optional
	Run RunIdentity `json:"run,omitzero"`
	// runHistoryLimit is how many finished runs are kept.
	// +optional
	// +kubebuilder:default=5
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	RunHistoryLimit *int32 `json:"runHistoryLimit,omitempty"`
	// deletionPolicy says what becomes of the releases when the experiment is deleted.
	// +optional
	// +kubebuilder:default=Clean
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// RunIdentity names a run, in the words of the people who compare runs.
// +kubebuilder:validation:MinProperties=1
type RunIdentity struct {
	// id of the run. A new id starts a new run, even when nothing else has changed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?$')",message="id must be letters, digits, '-', '_' and '.', and begin and end with a letter or digit"
	ID string `json:"id,omitempty"`
	// description says what has changed since the run before.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Description string `json:"description,omitempty"`
}

// Controls are what may change while a run goes on.
type Controls struct {
	// suspend holds the run between two iterations, or at once: see suspendPolicy.
	// +optional
	Suspend *bool `json:"suspend,omitempty"` //nolint:kubeapilinter // as on CronJob and Job, and as Flux's kinds have it
	// suspendPolicy says what becomes of the iteration in progress when the run is suspended.
	// +optional
	// +kubebuilder:default=FinishIteration
	SuspendPolicy SuspendPolicy `json:"suspendPolicy,omitempty"`
	// stop says when the run ends by itself: whichever comes first.
	// +optional
	// +kubebuilder:default={maxDuration: "24h"}
	Stop StopRules `json:"stop,omitzero"`
	// cleanupPolicy says what becomes of the releases when a run has finished.
	// +optional
	// +kubebuilder:default=Always
	CleanupPolicy CleanupPolicy `json:"cleanupPolicy,omitempty"`
	// cleanupDelay is how long they are left to be looked at.
	// +optional
	// +kubebuilder:default="4h"
	CleanupDelay Duration `json:"cleanupDelay,omitempty"`
}

// StopRules say when a run ends by itself: whichever comes first.
// +kubebuilder:validation:MinProperties=1
type StopRules struct {
	// maxIterations ends the run after so many iterations were counted. There is no limit unless said.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	MaxIterations int32 `json:"maxIterations,omitempty"`
	// maxDuration ends the run after that time. 0s means never.
	// +optional
	// +kubebuilder:default="24h"
	MaxDuration Duration `json:"maxDuration,omitempty"`
	// consecutiveFailures ends the run when one cell has failed so many times in a row. 0 means never.
	// +optional
	// +kubebuilder:default=5
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	ConsecutiveFailures *int32 `json:"consecutiveFailures,omitempty"`
	// erroredFor ends the run when for so long no iteration could be judged. 0s means never.
	// +optional
	// +kubebuilder:default="2h"
	ErroredFor Duration `json:"erroredFor,omitempty"`
}

// SuspendPolicy says what becomes of the iteration in progress when the run is suspended.
// +kubebuilder:validation:Enum=FinishIteration;Stop
type SuspendPolicy string

// The suspend policies.
const (
	// SuspendPolicyFinishIteration lets the iteration in progress end, and counts it.
	SuspendPolicyFinishIteration SuspendPolicy = "FinishIteration"
	// SuspendPolicyStop stops at once. The half-done attempts are thrown away.
	SuspendPolicyStop SuspendPolicy = "Stop"
)

// CleanupPolicy says what becomes of the releases when a run has finished.
// +kubebuilder:validation:Enum=Always;OnPass;Never
type CleanupPolicy string

// The cleanup policies.
const (
	// CleanupPolicyAlways cleans them away.
	CleanupPolicyAlways CleanupPolicy = "Always"
	// CleanupPolicyOnPass cleans them away if the run succeeded, and else leaves them to be looked at.
	CleanupPolicyOnPass CleanupPolicy = "OnPass"
	// CleanupPolicyNever leaves them.
	CleanupPolicyNever CleanupPolicy = "Never"
)

// DeletionPolicy says what becomes of the releases when the experiment is deleted.
// +kubebuilder:validation:Enum=Clean;Orphan
type DeletionPolicy string

// The deletion policies.
const (
	// DeletionPolicyClean cleans them away before the experiment is gone.
	DeletionPolicyClean DeletionPolicy = "Clean"
	// DeletionPolicyOrphan leaves them as they are.
	DeletionPolicyOrphan DeletionPolicy = "Orphan"
)

// SoakExperimentStatus is the state of the current run, mirrored.
// +kubebuilder:validation:MinProperties=1
type SoakExperimentStatus struct {
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
	// run that is current.
	// +optional
	Run CurrentRun `json:"run,omitzero"`
	// Progress of the current run.
	Progress `json:",inline"` //nolint:kubeapilinter // inlined: it has no object of its own to be empty
}

// CurrentRun names the run that an experiment's status is about.
type CurrentRun struct {
	// name of the SoakRun.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`
	// number of the run: 1 for an experiment's first.
	// +required
	// +kubebuilder:validation:Minimum=1
	Number int32 `json:"number,omitempty"`
	// startTime of the run.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// chart that the run delivers.
	// +optional
	Chart ChartIdentity `json:"chart,omitzero"`
}

// Progress is how far a run is and what came out of it.
type Progress struct {
	// iteration in progress. The iterations counted so far are the sum of the tally.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Iteration int32 `json:"iteration,omitempty"`
	// tally of the counted iterations.
	// +optional
	Tally *Tally `json:"tally,omitempty"`
	// attempts that were thrown away, in all cells.
	// +optional
	Attempts *Attempts `json:"attempts,omitempty"`
	// history of the counted iterations, run-length encoded: P passed, p passed after an erred attempt was retried,
	// F failed, f failed as a consequence of the F before it, E errored. So 28P1F is 28 passed and then one failed.
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:Pattern=`^([1-9][0-9]*[PpFfE])+$`
	History string `json:"history,omitempty"`
	// summary in ready-made strings, as the columns of kubectl get show it.
	// +optional
	Summary Summary `json:"summary,omitzero"`
	// lastIterationTime is when the last iteration was counted.
	// +optional
	LastIterationTime *metav1.Time `json:"lastIterationTime,omitempty"`
}
