package plan

import soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"

// cellRows is the state machine of a cell. The first row that applies decides.
//
//	idle -> Clean -> Build -> Install -> Test -> result of iteration n  (-> idle, waiting for n+1)
//	          ^        |         |        |
//	          +--------+---------+--------+   interrupted, or it could not be judged: another attempt, from the first step
//
// An attempt goes through the steps of the cell in their order and never takes one up again: when anything but the
// operation's own outcome ends a step, the whole attempt is thrown away. So whatever is judged was done in one go,
// and Install only ever follows a Clean that was proven in the same attempt.
var cellRows = []cellRow{
	// Nothing is decided over an operation that still acts.
	{"StopOperation", (*cellView).mustStop, (*cellView).stopOperation},
	{"AwaitOperation", (*cellView).live, (*cellView).awaitOperation},
	{"LetGo", (*cellView).mayGo, (*cellView).letGo},

	// What came of cleaning up.
	{"CleanedUp", (*cellView).cleanUpSucceeded, (*cellView).cleanedUp},
	{"GoneWithNamespace", (*cellView).goneWithNamespace, (*cellView).leaveToNamespace},
	{"LeaveIt", (*cellView).mustLeaveIt, (*cellView).leaveIt},
	{"CleanUpInterrupted", (*cellView).cleanUpInterrupted, (*cellView).retryCleanUp},
	{"CleanUpBlocked", (*cellView).cleanUpEnded, (*cellView).cleanUpBlocked},

	// What was judged is recorded, even if the cell was told to stop meanwhile: throwing away what has failed would
	// favour passing.
	{"RecordFailed", (*cellView).failed, (*cellView).recordFailed},
	{"RecordTooLarge", (*cellView).tooLarge, (*cellView).recordTooLarge},
	{"RecordPassed", (*cellView).passed, (*cellView).recordPassed},
	{"InputsChanged", (*cellView).inputsChanged, (*cellView).recordInputsChanged},

	// Leaving nothing behind, when deleted or told so.
	{"NothingToClean", (*cellView).hasNothingToClean, (*cellView).cleanedWithoutAct},
	{"BeginCleanUp", (*cellView).mayCleanUp, (*cellView).beginCleanUp},
	{"ReleaseFinalizer", (*cellView).needsNoFinalizer, (*cellView).releaseFinalizer},

	// Holding, when told so.
	{"Abandon", (*cellView).mustAbandon, (*cellView).abandon},
	{"Hold", (*cellView).holds, (*cellView).hold},

	// Going on with the attempt, or throwing it away.
	{"NextStep", (*cellView).stepSucceeded, (*cellView).takeNextStep},
	{"RecordErrored", (*cellView).outOfAttempts, (*cellView).recordErrored},
	{"RetryErrored", (*cellView).erred, (*cellView).retryErrored},
	{"RetryInterrupted", (*cellView).unknown, (*cellView).retryInterrupted},
	{"RetryStopped", (*cellView).stopped, (*cellView).retryStopped},

	// Beginning one.
	{"AwaitBackOff", (*cellView).tooEarly, (*cellView).awaitBackOff},
	{"AddFinalizer", (*cellView).needsFinalizer, (*cellView).addFinalizer},
	{"BeginAgain", (*cellView).isDue, (*cellView).beginAgain},
	{"Begin", (*cellView).isBehind, (*cellView).begin},
	{"Idle", always, (*cellView).idle},
}

func always(*cellView) bool { return true }

func (c *cellView) idle() CellDecision { return CellDecision{Why: "there is nothing to do"} }

// mustStop: what is at work is not to go on. A cell that cleans up is only stopped when it is let go or held.
func (c *cellView) mustStop() bool {
	if !c.live() {
		return false
	}
	switch c.mode() {
	case soakv1alpha1.CellModeHold:
		return true
	case soakv1alpha1.CellModeCleanUp:
		return c.attempt().Purpose == soakv1alpha1.AttemptPurposeIteration || c.Superseded || (c.deleted() && c.abandoned())
	default:
		return false
	}
}

func (c *cellView) stopOperation() CellDecision {
	id, _ := CurrentOperation(c.Cell)
	return CellDecision{
		Why:          "the cell is not to go on with " + string(id.Step),
		Actions:      []Action{{Kind: Stop, Operation: id}},
		RequeueAfter: pollInterval,
	}
}

func (c *cellView) awaitOperation() CellDecision {
	return CellDecision{
		Why:          string(c.attempt().Step) + " is " + string(c.Operation.State),
		RequeueAfter: pollInterval,
	}
}
