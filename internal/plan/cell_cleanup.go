package plan

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// mayGo: the cell is deleted, and nothing of it is left or has to be taken care of by it.
func (c *cellView) mayGo() bool {
	if !c.deleted() {
		return false
	}
	_, nothing := c.nothingToClean()
	return !c.hasFinalizer() || c.abandoned() || c.Superseded || nothing || c.cleaned()
}

func (c *cellView) letGo() CellDecision {
	if !c.hasFinalizer() {
		return CellDecision{Why: "the cell is being deleted, and nothing of ours keeps it"}
	}
	decision := c.withoutFinalizer("nothing of it is left")
	why, nothing := c.nothingToClean()
	switch {
	case c.cleaned():
	case nothing:
		decision.Why = why
	case c.Superseded:
		decision.Why = "a later run has the same release, and cleans it"
	case c.abandoned():
		decision.Why = "it was abandoned"
		decision.Events = []Event{{EventWarning, "Abandoned", clip("let go as it was told to; what remains: "+c.remains(), 1024)}}
	}
	return decision
}

// remains tells what may be left of the release, as far as is known.
func (c *cellView) remains() string {
	remains := []string{fmt.Sprintf("release %s in namespace %s", c.Cell.Spec.Release.Name, c.Cell.Spec.Release.Namespace)}
	if told := meta.FindStatusCondition(c.Cell.Status.Conditions, soakv1alpha1.ConditionCleaned); told != nil {
		remains = append(remains, told.Message)
	}
	for _, item := range c.Cell.Status.Inventory {
		remains = append(remains, strings.TrimSuffix(item.Kind+" in "+item.Namespace, " in "))
	}
	return strings.Join(remains, "; ")
}

func (c *cellView) withoutFinalizer(why string) CellDecision {
	return CellDecision{Why: why, Finalizer: FinalizerRemoved, Actions: c.forget()}
}

// cleanUpSucceeded: a Clean that was done to leave nothing behind was proven.
func (c *cellView) cleanUpSucceeded() bool {
	return c.trying(soakv1alpha1.AttemptPurposeCleanUp) && c.ended(Succeeded)
}

func (c *cellView) cleanedUp() CellDecision {
	why := "nothing of the release is left"
	c.conditions.set(soakv1alpha1.ConditionCleaned, metav1.ConditionTrue, "Cleaned", why)
	return c.endCleanUp(why)
}

// endCleanUp tells why there is nothing more to clean.
func (c *cellView) endCleanUp(why string) CellDecision {
	actions := c.forget()
	c.conditions.remove(soakv1alpha1.ConditionStalled)
	c.status.Inventory = nil
	c.status.Attempt = soakv1alpha1.Attempt{}
	return CellDecision{Why: why, Actions: actions, Events: []Event{{EventNormal, "CleanedUp", why}}}
}

// goneWithNamespace: all that the cell has is in the namespace of its release, and that is gone. One that is still being
// deleted is waited for, unless the experiment is in it too: the account that could clean goes with it.
func (c *cellView) goneWithNamespace() bool {
	if !c.trying(soakv1alpha1.AttemptPurposeCleanUp) || !c.ended(Errored) {
		return false
	}
	namespace := c.Cell.Spec.Release.Namespace
	switch c.Operation.Outcome.Namespace {
	case NamespaceGone:
	case NamespaceGoing:
		if namespace != c.Cell.Namespace {
			return false
		}
	default:
		return false
	}
	return !slices.ContainsFunc(c.Cell.Status.Inventory, func(item soakv1alpha1.InventoryItem) bool { return item.Namespace != namespace })
}

func (c *cellView) leaveToNamespace() CellDecision {
	why := "namespace " + c.Cell.Spec.Release.Namespace + " is gone, and the release with it"
	if c.Operation.Outcome.Namespace == NamespaceGoing {
		why = "namespace " + c.Cell.Spec.Release.Namespace + " is being deleted, and what is left of the release with it"
	}
	c.conditions.set(soakv1alpha1.ConditionCleaned, metav1.ConditionTrue, "NamespaceGone", why)
	return c.endCleanUp(why)
}

// mustLeaveIt: it is to leave nothing behind, but what there is belongs to a later run.
func (c *cellView) mustLeaveIt() bool {
	return c.mode() == soakv1alpha1.CellModeCleanUp && c.Superseded && (c.attempt().Number != 0 || !c.cleanUpIsOver())
}

func (c *cellView) leaveIt() CellDecision {
	why := "a later run has the same release, and cleans it"
	actions := c.close()
	c.status.Attempt = soakv1alpha1.Attempt{}
	c.conditions.set(soakv1alpha1.ConditionCleaned, metav1.ConditionFalse, "Superseded", why)
	return CellDecision{Why: why, Actions: actions}
}

// cleanUpInterrupted: nobody saw the end of cleaning up, or it was stopped although nobody wants that any more.
func (c *cellView) cleanUpInterrupted() bool {
	return c.trying(soakv1alpha1.AttemptPurposeCleanUp) && c.mode() != soakv1alpha1.CellModeHold &&
		(c.unknown() || c.ended(Stopped)) && c.attempt().Interrupted+1 < interruptedLimit
}

func (c *cellView) retryCleanUp() CellDecision {
	attempt := c.attempt()
	attempt.Interrupted++
	return c.start(attempt, "nobody saw the end of cleaning up")
}

// cleanUpEnded: cleaning up has ended in any other way.
func (c *cellView) cleanUpEnded() bool {
	return c.trying(soakv1alpha1.AttemptPurposeCleanUp) && c.mode() != soakv1alpha1.CellModeHold
}

func (c *cellView) cleanUpBlocked() CellDecision {
	outcome := c.Operation.Outcome
	if c.unknown() {
		outcome = Outcome{Result: Errored, Reason: "Interrupted", Message: "nobody saw the end of cleaning up, time and again"}
	}
	actions := c.forget()
	blocked := newFailure(c.Cell, outcome, c.now)
	c.conditions.set(soakv1alpha1.ConditionCleaned, metav1.ConditionFalse, blocked.Reason, blocked.Message)
	last := !c.deleted() && c.attempt().Errored+1 >= cleanUpLimit
	if c.deleted() || last || outcome.UserMustAct {
		c.conditions.set(soakv1alpha1.ConditionStalled, metav1.ConditionTrue, blocked.Reason, blocked.Message)
	}
	decision := CellDecision{
		Why:     "Clean was not proven: " + blocked.Reason,
		Actions: actions,
		Events:  []Event{{EventWarning, "CleanUpBlocked", blocked.Message}},
	}
	attempt := c.attempt()
	if last {
		c.status.Attempt = soakv1alpha1.Attempt{}
		decision.Why += ", which was the last try"
		return decision
	}
	// How often it was interrupted is of no more interest: it was not this time, or it was far too often.
	decision.RequeueAfter = c.wait(soakv1alpha1.Attempt{
		Purpose: soakv1alpha1.AttemptPurposeCleanUp,
		Errored: attempt.Errored + 1,
	}, backOff(attempt.Errored+1))
	return decision
}

// leaving tells whether the cell is to leave nothing behind, and has not done all it can.
func (c *cellView) leaving() bool {
	if c.mode() != soakv1alpha1.CellModeCleanUp || c.trying(soakv1alpha1.AttemptPurposeCleanUp) {
		return false
	}
	return c.deleted() || InProgress(c.Cell) || c.waiting() || !c.cleanUpIsOver()
}

func (c *cellView) hasNothingToClean() bool {
	_, nothing := c.nothingToClean()
	return c.leaving() && nothing
}

func (c *cellView) cleanedWithoutAct() CellDecision {
	why, _ := c.nothingToClean()
	actions := c.close()
	c.status.Attempt = soakv1alpha1.Attempt{}
	c.conditions.set(soakv1alpha1.ConditionCleaned, metav1.ConditionTrue, "NothingToClean", why)
	return CellDecision{Why: why, Actions: actions}
}

// mayCleanUp: it is to leave nothing behind, and need not wait before it tries again.
func (c *cellView) mayCleanUp() bool {
	return c.leaving() && (c.attempt().Purpose != soakv1alpha1.AttemptPurposeCleanUp || !c.tooEarly())
}

func (c *cellView) beginCleanUp() CellDecision {
	if c.waiting() && c.attempt().Purpose == soakv1alpha1.AttemptPurposeCleanUp {
		return c.beginAgain()
	}
	c.close()
	return c.start(soakv1alpha1.Attempt{Purpose: soakv1alpha1.AttemptPurposeCleanUp}, "the cell is to leave nothing behind")
}

// needsNoFinalizer: it has left nothing behind, or another takes care of it. Nothing is begun in that mode any more.
func (c *cellView) needsNoFinalizer() bool {
	return c.mode() == soakv1alpha1.CellModeCleanUp && c.attempt().Number == 0 && c.hasFinalizer() && (c.cleaned() || c.Superseded)
}

func (c *cellView) releaseFinalizer() CellDecision {
	return c.withoutFinalizer("there is nothing left that would have to be cleaned")
}
