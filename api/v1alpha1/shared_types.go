package v1alpha1

import "time"

// Duration is a length of time as Go writes it, such as 90s, 5m or 1h30m.
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?$')",message="must be a length of time such as 90s, 5m or 1h30m"
type Duration string

// Parse returns the length of time. It fails only for what the API server would not have accepted.
func (d Duration) Parse() (time.Duration, error) {
	return time.ParseDuration(string(d))
}

// Step is one of the things that are done in every iteration.
// +kubebuilder:validation:Enum=Clean;Build;Install;Test
type Step string

// The steps, in their order.
const (
	// StepClean uninstalls the release and proves that nothing of it is left.
	StepClean Step = "Clean"
	// StepBuild checks the values and renders the chart.
	StepBuild Step = "Build"
	// StepInstall installs what was rendered and waits until it is ready.
	StepInstall Step = "Install"
	// StepTest runs the chart's helm test hooks.
	StepTest Step = "Test"
)

// Verdict is what came out of an iteration.
// +kubebuilder:validation:Enum=Passed;Failed;Errored
type Verdict string

// The verdicts.
const (
	// VerdictPassed says that every step succeeded.
	VerdictPassed Verdict = "Passed"
	// VerdictFailed says that a step failed by the doing of the chart or of the cluster.
	VerdictFailed Verdict = "Failed"
	// VerdictErrored says that the iteration could not be judged.
	VerdictErrored Verdict = "Errored"
)

// Tally counts iterations by their verdict, each iteration once.
type Tally struct {
	// passed is the number of iterations in which every step succeeded.
	// +required
	// +kubebuilder:validation:Minimum=0
	Passed int32 `json:"passed"` //nolint:kubeapilinter // zero is a count, and is shown
	// failed is the number of iterations in which a step failed by the doing of the chart or of the cluster.
	// +required
	// +kubebuilder:validation:Minimum=0
	Failed int32 `json:"failed"` //nolint:kubeapilinter // zero is a count, and is shown
	// errored is the number of iterations that could not be judged.
	// +required
	// +kubebuilder:validation:Minimum=0
	Errored int32 `json:"errored"` //nolint:kubeapilinter // zero is a count, and is shown
	// retried is how many of the passed iterations passed only after an erred attempt was thrown away.
	// +required
	// +kubebuilder:validation:Minimum=0
	Retried int32 `json:"retried"` //nolint:kubeapilinter // zero is a count, and is shown
}

// Attempts counts the attempts that were thrown away: they are part of no iteration's verdict, and shown all the same.
type Attempts struct {
	// errored is the number of attempts that ended because something could not be judged: the API server did not
	// answer, a right was missing.
	// +required
	// +kubebuilder:validation:Minimum=0
	Errored int32 `json:"errored"` //nolint:kubeapilinter // zero is a count, and is shown
	// interrupted is the number of attempts that nobody saw the end of, because the operator was restarted.
	// +required
	// +kubebuilder:validation:Minimum=0
	Interrupted int32 `json:"interrupted"` //nolint:kubeapilinter // zero is a count, and is shown
	// abandoned is the number of attempts that were stopped on request: suspended, stopped, deleted.
	// +required
	// +kubebuilder:validation:Minimum=0
	Abandoned int32 `json:"abandoned"` //nolint:kubeapilinter // zero is a count, and is shown
}

// Digest of some content, after the name of the hash.
// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
// +kubebuilder:validation:MinLength=71
// +kubebuilder:validation:MaxLength=71
type Digest string

// ChartIdentity is a chart as it was found.
type ChartIdentity struct {
	// name of the chart, from its Chart.yaml.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// version of the chart, from its Chart.yaml.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Version string `json:"version,omitempty"`
	// digest of the packaged chart.
	// +required
	Digest Digest `json:"digest,omitempty"`
}

// Summary is the state in ready-made strings, as the columns of kubectl get show it.
// +kubebuilder:validation:MinProperties=1
type Summary struct {
	// verdict so far: Running, Suspended, Passed, Failed, Inconclusive or Stalled.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Verdict string `json:"verdict,omitempty"`
	// rate is the share of passed iterations among all that were judged.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	Rate string `json:"rate,omitempty"`
	// atLeast is the success rate that is exceeded with 95 % confidence: the one-sided Clopper-Pearson bound.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	AtLeast string `json:"atLeast,omitempty"`
	// streak is the last part of the history.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	Streak string `json:"streak,omitempty"`
	// cells is how many cells have done the iteration in progress, of all. When there are more than twenty it goes up in
	// steps.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	Cells string `json:"cells,omitempty"`
	// cause of the last failure, in one line.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Cause string `json:"cause,omitempty"`
	// status is what is going on, or what stands in the way, in one line.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Status string `json:"status,omitempty"`
}
