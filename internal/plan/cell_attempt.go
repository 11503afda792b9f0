package plan

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// isBehind: the run wants an iteration that has no result yet.
func (c *cellView) isBehind() bool {
	return c.wants() && c.Cell.Spec.Iteration > c.Cell.Status.Result.Iteration
}

// wants tells whether the cell may work on iterations at all.
func (c *cellView) wants() bool {
	return c.mode() == soakv1alpha1.CellModeIterate &&
		!isTrue(c.Cell.Status.Conditions, soakv1alpha1.ConditionInputsChanged)
}

// needsFinalizer: an attempt is about to begin. The finalizer is there before the first intent, and so before anything
// that it is to protect.
func (c *cellView) needsFinalizer() bool {
	return c.isBehind() && c.acts() && !c.hasFinalizer()
}

func (c *cellView) addFinalizer() CellDecision {
	return CellDecision{Why: "something is about to be installed", Finalizer: FinalizerAdded}
}

func (c *cellView) begin() CellDecision {
	return c.start(soakv1alpha1.Attempt{
		Purpose:   soakv1alpha1.AttemptPurposeIteration,
		Iteration: c.Cell.Spec.Iteration,
	}, fmt.Sprintf("iteration %d is wanted", c.Cell.Spec.Iteration))
}

// tooEarly: the attempt is to begin later.
func (c *cellView) tooEarly() bool {
	return c.waiting() && remaining(c.attempt().NotBefore.Time, longestBackOff, c.Now) > 0
}

func (c *cellView) awaitBackOff() CellDecision {
	return CellDecision{
		Why:          "the next attempt is not due yet",
		RequeueAfter: c.attempt().NotBefore.Sub(c.Now),
	}
}

// isDue: an attempt was waiting for its time, and is still wanted.
func (c *cellView) isDue() bool {
	return c.waiting() && (c.attempt().Purpose == soakv1alpha1.AttemptPurposeCleanUp || c.wants())
}

// beginAgain begins the attempt that was waiting for its time.
func (c *cellView) beginAgain() CellDecision {
	attempt := c.attempt()
	attempt.NotBefore, attempt.StartTime, attempt.StepStartTime = nil, &c.now, &c.now
	return c.enter(attempt, "the attempt is due")
}

// start begins a new attempt, which has a number and a time of its own and starts from the first step.
func (c *cellView) start(attempt soakv1alpha1.Attempt, why string) CellDecision {
	attempt.NotBefore = nil
	return c.enter(c.numbered(attempt), why)
}

// wait puts a new attempt into the status that is to begin after a while, and returns that while.
func (c *cellView) wait(attempt soakv1alpha1.Attempt, delay time.Duration) time.Duration {
	notBefore := metav1.NewTime(c.now.Add(delay))
	attempt.NotBefore = &notBefore
	c.status.Attempt = c.numbered(attempt)
	return max(notBefore.Sub(c.Now), time.Second)
}

// enter makes an attempt the current one: the intent goes into the status, and to start the operation is asked for once
// that has been written.
func (c *cellView) enter(attempt soakv1alpha1.Attempt, why string) CellDecision {
	actions := c.forget()
	c.status.Attempt = attempt
	if attempt.Purpose == soakv1alpha1.AttemptPurposeIteration {
		c.conditions.remove(soakv1alpha1.ConditionCleaned)
	}
	return CellDecision{Why: why, Actions: append(actions, c.startStep()), RequeueAfter: pollInterval}
}

// numbered gives an attempt the next number, its first step and its times.
func (c *cellView) numbered(attempt soakv1alpha1.Attempt) soakv1alpha1.Attempt {
	c.status.LastAttempt++
	attempt.Number = c.status.LastAttempt
	attempt.Step = soakv1alpha1.StepClean
	if attempt.Purpose == soakv1alpha1.AttemptPurposeIteration {
		attempt.Step = c.Cell.Spec.Steps[0]
	}
	attempt.StartTime, attempt.StepStartTime = &c.now, &c.now
	return attempt
}

// startStep is the action that starts what the copy of the status says is in progress.
func (c *cellView) startStep() Action {
	step := c.status.Attempt.Step
	return Action{
		Kind:      Start,
		Operation: OperationID{CellUID: string(c.Cell.UID), Attempt: c.status.Attempt.Number, Step: step},
		Timeout:   timeout(c.Inputs, step),
	}
}

// forget is the action that forgets the operation whose outcome this decision uses up.
func (c *cellView) forget() []Action {
	id, ok := CurrentOperation(c.Cell)
	if !ok || c.Operation.State != OperationEnded {
		return nil
	}
	return []Action{{Kind: Forget, Operation: id}}
}

// stepSucceeded: there is another step to take.
func (c *cellView) stepSucceeded() bool { return c.ended(Succeeded) }

func (c *cellView) takeNextStep() CellDecision {
	c.useInventory()
	c.conditions.remove(soakv1alpha1.ConditionStalled)
	actions := c.forget()
	done := c.attempt().Step
	c.status.Attempt.Step = c.nextStep()
	c.status.Attempt.StepStartTime = &c.now
	return CellDecision{
		Why:          string(done) + " succeeded",
		Actions:      append(actions, c.startStep()),
		RequeueAfter: pollInterval,
	}
}

// useInventory takes what a step that succeeded says about what there may be in the cluster. Once a Clean was proven
// there is nothing; what Build has found is added before anything of it can be installed.
func (c *cellView) useInventory() {
	switch c.attempt().Step {
	case soakv1alpha1.StepClean:
		c.status.Inventory = nil
	case soakv1alpha1.StepBuild:
		c.status.Inventory = c.mergedInventory()
	default:
	}
}

func (c *cellView) mergedInventory() []soakv1alpha1.InventoryItem {
	if !c.acts() {
		return nil
	}
	merged := slices.Clone(c.Cell.Status.Inventory)
	for _, item := range c.Operation.Outcome.Inventory {
		if !slices.Contains(merged, item) {
			merged = append(merged, item)
		}
	}
	return merged
}

// mustAbandon: the cell is held, and was in the middle of something.
func (c *cellView) mustAbandon() bool {
	return c.mode() == soakv1alpha1.CellModeHold && InProgress(c.Cell)
}

// abandon closes the attempt. It counts towards no limit; what erred before it at the same iteration is not forgotten,
// else suspending would make a clean pass of one that had to be retried.
func (c *cellView) abandon() CellDecision {
	attempt := c.attempt()
	actions := c.close()
	c.status.Attempt = soakv1alpha1.Attempt{}
	if attempt.Purpose == soakv1alpha1.AttemptPurposeIteration && attempt.Errored+attempt.Interrupted > 0 {
		c.wait(attempt, 0)
	}
	return CellDecision{Why: "the cell is held", Actions: actions}
}

// close counts the attempt in progress as abandoned, if it is one at an iteration.
func (c *cellView) close() []Action {
	if c.trying(soakv1alpha1.AttemptPurposeIteration) {
		c.thrownAway().Abandoned++
	}
	return c.forget()
}

// thrownAway is where the attempts are counted that came to nothing.
func (c *cellView) thrownAway() *soakv1alpha1.Attempts {
	if c.status.Attempts == nil {
		c.status.Attempts = &soakv1alpha1.Attempts{}
	}
	return c.status.Attempts
}

// holds: told to do nothing, and doing nothing. One that waits before it cleans up again is waited for elsewhere.
func (c *cellView) holds() bool {
	waitsToCleanUp := c.mode() == soakv1alpha1.CellModeCleanUp && c.tooEarly()
	return c.mode() != soakv1alpha1.CellModeIterate && !InProgress(c.Cell) && !waitsToCleanUp
}

func (c *cellView) hold() CellDecision { return CellDecision{Why: "the cell is held"} }
