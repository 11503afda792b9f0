package v1alpha1

// Labels of everything that the operator creates for a cell. Only what carries the label of a cell is ever changed
// or deleted in its name.
const (
	// LabelExperiment is the name of the experiment.
	LabelExperiment = "soak.saltside.io/experiment"
	// LabelExperimentNamespace is the namespace of the experiment.
	LabelExperimentNamespace = "soak.saltside.io/experiment-namespace"
	// LabelExperimentUID is the UID of the experiment.
	LabelExperimentUID = "soak.saltside.io/experiment-uid"
	// LabelCell is a hash of the experiment's UID, the market and the environment: the same in every run.
	LabelCell = "soak.saltside.io/cell"
	// LabelRun is the number of the run.
	LabelRun = "soak.saltside.io/run"
	// LabelIteration is the number of the iteration.
	LabelIteration = "soak.saltside.io/iteration"
	// LabelAttempt is the number of the attempt.
	LabelAttempt = "soak.saltside.io/attempt"
	// LabelAllowedFrom is how a namespace lets the experiments of another one, named by the value, install into it.
	LabelAllowedFrom = "soak.saltside.io/allowed-from"
)

// Annotations that users set on an experiment.
const (
	// AnnotationRestartedAt starts a new run whenever its value changes.
	AnnotationRestartedAt = "soak.saltside.io/restartedAt"
	// AnnotationHold suspends, and says by whom and why. GitOps tools leave it alone.
	AnnotationHold = "soak.saltside.io/hold"
	// AnnotationAbandon lets a deletion go on although not everything could be cleaned.
	AnnotationAbandon = "soak.saltside.io/abandon"
	// AnnotationAdopt is the UID that the experiment had before it was restored: what was created for it then is taken
	// for its own.
	AnnotationAdopt = "soak.saltside.io/adopt"
)

// Finalizer keeps an experiment, a run or a cell until nothing of it is left.
const Finalizer = "soak.saltside.io/clean"

// Types of conditions.
const (
	// ConditionReady says that the definition is accepted and being driven.
	ConditionReady = "Ready"
	// ConditionFinished says that the run has ended; its reason is the stop rule.
	ConditionFinished = "Finished"
	// ConditionSucceeded is the verdict of the run once it is known.
	ConditionSucceeded = "Succeeded"
	// ConditionSuspended says that no iteration is started.
	ConditionSuspended = "Suspended"
	// ConditionStalled says that something must be changed by the user.
	ConditionStalled = "Stalled"
	// ConditionCleaned says, on a cell, that nothing of its release is left.
	ConditionCleaned = "Cleaned"
	// ConditionInputsChanged says, on a cell, that what the inputs refer to is no longer what the run has pinned.
	ConditionInputsChanged = "InputsChanged"
)
