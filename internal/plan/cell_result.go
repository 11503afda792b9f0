package plan

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// inventoryLimit is how long an inventory the API accepts.
const inventoryLimit = 256

// judges tells whether the outcome of an attempt at an iteration is to be used. What is being deleted has no use for it.
func (c *cellView) judges() bool {
	return c.trying(soakv1alpha1.AttemptPurposeIteration) && !c.deleted()
}

// failed: by the doing of the chart or the cluster, or by an error that is to count as that.
func (c *cellView) failed() bool {
	if !c.judges() {
		return false
	}
	errorsFail := c.Inputs != nil && c.Inputs.InfrastructureErrorPolicy == soakv1alpha1.InfrastructureErrorPolicyFail
	return c.ended(Failed) || (c.ended(Errored) && errorsFail)
}

func (c *cellView) recordFailed() CellDecision {
	c.conditions.remove(soakv1alpha1.ConditionStalled)
	c.stall(c.Operation.Outcome)
	return c.recordFailure(c.Operation.Outcome)
}

// tooLarge: what Build has found cannot be written down, and so could not be proven to be gone.
func (c *cellView) tooLarge() bool {
	return c.judges() && c.ended(Succeeded) && c.attempt().Step == soakv1alpha1.StepBuild &&
		len(c.mergedInventory()) > inventoryLimit
}

func (c *cellView) recordTooLarge() CellDecision {
	return c.recordFailure(Outcome{
		Result: Failed,
		Reason: "TooManyKinds",
		Message: fmt.Sprintf("the chart creates more than %d kinds of objects, counted once for each namespace they are in",
			inventoryLimit),
	})
}

func (c *cellView) recordFailure(outcome Outcome) CellDecision {
	failure := newFailure(c.Cell, outcome, c.now)
	letter := LetterFailed
	if c.history.LastFailed() && related(failure, c.Cell.Status.LastFailure) {
		letter = LetterConsequence
	}
	c.status.LastFailure = failure
	c.tally().Failed++
	return c.record(soakv1alpha1.VerdictFailed, letter, failure)
}

// passed: the last step succeeded.
func (c *cellView) passed() bool { return c.judges() && c.ended(Succeeded) && c.lastStep() }

func (c *cellView) recordPassed() CellDecision {
	c.useInventory()
	c.conditions.remove(soakv1alpha1.ConditionStalled)
	letter := LetterPassed
	c.tally().Passed++
	if c.attempt().Errored > 0 {
		letter = LetterRetried
		c.tally().Retried++
	}
	return c.record(soakv1alpha1.VerdictPassed, letter, soakv1alpha1.Failure{})
}

// outOfAttempts: this one came to nothing too, and it was the last.
func (c *cellView) outOfAttempts() bool {
	if !c.judges() {
		return false
	}
	return (c.erred() && c.attempt().Errored+1 >= erroredLimit) ||
		(c.unknown() && c.attempt().Interrupted+1 >= interruptedLimit)
}

func (c *cellView) recordErrored() CellDecision {
	outcome := c.Operation.Outcome
	if c.unknown() {
		outcome = Outcome{Reason: "Interrupted", Message: "nobody saw the end of an attempt, time and again"}
	}
	c.stall(outcome)
	c.tally().Errored++
	return c.record(soakv1alpha1.VerdictErrored, LetterErrored, newFailure(c.Cell, outcome, c.now))
}

// record ends the iteration. Its result, the tally and the history are one write, so that it is counted once.
// The attempt that ends an iteration is part of its verdict, and not among those that were thrown away.
func (c *cellView) record(verdict soakv1alpha1.Verdict, letter Letter, failure soakv1alpha1.Failure) CellDecision {
	attempt := c.attempt()
	history := c.history.Append(letter)
	c.status.History, c.status.Streak = history.String(), history.Streak()
	c.status.Result = soakv1alpha1.Result{
		Iteration: attempt.Iteration,
		Verdict:   verdict,
		Retried:   attempt.Errored,
		StartTime: attempt.StartTime,
		EndTime:   &c.now,
		Failure:   failure,
	}
	c.status.Attempt = soakv1alpha1.Attempt{}
	decision := CellDecision{
		Why:     fmt.Sprintf("iteration %d %s", attempt.Iteration, verdict),
		Actions: c.forget(),
	}
	if verdict != soakv1alpha1.VerdictPassed {
		decision.Events = []Event{{EventWarning, "Iteration" + string(verdict),
			clip(fmt.Sprintf("iteration %d: %s", attempt.Iteration, explain(failure)), 1024)}}
	}
	return decision
}

func (c *cellView) tally() *soakv1alpha1.Tally {
	if c.status.Tally == nil {
		c.status.Tally = &soakv1alpha1.Tally{}
	}
	return c.status.Tally
}

// inputsChanged: the run cannot go on with what its inputs refer to now.
func (c *cellView) inputsChanged() bool { return c.judges() && c.ended(InputsChanged) }

func (c *cellView) recordInputsChanged() CellDecision {
	actions := c.close()
	c.status.Attempt = soakv1alpha1.Attempt{}
	message := c.Operation.Outcome.Message
	c.conditions.set(soakv1alpha1.ConditionInputsChanged, metav1.ConditionTrue, "InputsChanged", message)
	return CellDecision{Why: "the inputs are not what they were", Actions: actions,
		Events: []Event{{EventNormal, "InputsChanged", clip(message, 1024)}}}
}

// erred: the step could not be judged, or it ended in a way that nobody knows.
func (c *cellView) erred() bool {
	return InProgress(c.Cell) && c.Operation.State == OperationEnded && !c.ended(Stopped)
}

func (c *cellView) retryErrored() CellDecision {
	outcome := c.Operation.Outcome
	c.stall(outcome)
	c.thrownAway().Errored++
	attempt := c.attempt()
	attempt.Errored++
	message := fmt.Sprintf("%s of attempt %d could not be judged: %s: %s", attempt.Step, attempt.Number, outcome.Reason, outcome.Message)
	actions := c.forget()
	return CellDecision{
		Why:          string(attempt.Step) + " could not be judged",
		Actions:      actions,
		Events:       []Event{{EventWarning, "AttemptErrored", clip(message, 1024)}},
		RequeueAfter: c.wait(attempt, backOff(attempt.Errored)),
	}
}

func (c *cellView) retryInterrupted() CellDecision {
	c.thrownAway().Interrupted++
	attempt := c.attempt()
	attempt.Interrupted++
	decision := c.start(attempt, "nobody saw the end of the attempt")
	decision.Events = []Event{{EventWarning, "AttemptInterrupted",
		fmt.Sprintf("nobody saw the end of attempt %d: it is thrown away", attempt.Number)}}
	return decision
}

// stopped: it was stopped although nobody wants that any more.
func (c *cellView) stopped() bool { return c.ended(Stopped) }

func (c *cellView) retryStopped() CellDecision {
	c.thrownAway().Abandoned++
	return c.start(c.attempt(), "the attempt was stopped")
}

// stall says that the user must act, if so.
func (c *cellView) stall(outcome Outcome) {
	if outcome.UserMustAct {
		c.conditions.set(soakv1alpha1.ConditionStalled, metav1.ConditionTrue, outcome.Reason, outcome.Message)
	}
}

// runNumber of the run that a cell belongs to; 0 if its label does not tell.
func runNumber(cell *soakv1alpha1.SoakCell) int {
	return atoi(cell.Labels[soakv1alpha1.LabelRun])
}
