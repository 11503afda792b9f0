package main

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// outcome is what was found when the experiment had finished.
type outcome struct {
	experiment *soakv1alpha1.SoakExperiment
	cells      []soakv1alpha1.SoakCell
	// trouble that was made on the way.
	trouble *fault
}

// complaints are what did not come out as it should, a line each.
func (o outcome) complaints() []string {
	status := o.experiment.Status
	var found []string
	complain := func(wrong bool, format string, arguments ...any) {
		if wrong {
			found = append(found, fmt.Sprintf(format, arguments...))
		}
	}
	wanted := o.experiment.Spec.Stop.MaxIterations
	finished := conditionOf(o.experiment, soakv1alpha1.ConditionFinished)
	complain(finished.Status != metav1.ConditionTrue || finished.Reason != "MaxIterations",
		"the experiment has ended for another reason than MaxIterations: %s %s", finished.Reason, finished.Message)
	var tally soakv1alpha1.Tally
	if status.Tally != nil {
		tally = *status.Tally
	}
	complain(tally.Passed+tally.Failed != wanted, "%d iterations passed and %d failed, which is not %d in all", tally.Passed, tally.Failed, wanted)
	complain(tally.Errored != 0, "%d iterations could not be judged", tally.Errored)

	verdict, succeeded := "Passed", conditionOf(o.experiment, soakv1alpha1.ConditionSucceeded)
	if o.trouble.planned() {
		verdict = "Failed"
		complain(o.trouble.node == "", "no node was broken")
		complain(o.trouble.iteration == 0, "no iteration has failed of the broken node")
		complain(!strings.Contains(o.trouble.cause, o.trouble.node), "the cause does not name %s: %q", o.trouble.node, o.trouble.cause)
	} else {
		complain(tally.Failed != 0, "%d iterations failed, although nothing was broken: %s", tally.Failed, status.Summary.Cause)
	}
	complain(succeeded.Reason != verdict, "the verdict is %s, not %s", succeeded.Reason, verdict)

	inputs := o.experiment.Spec.Inputs
	matrix := len(inputs.Markets)*len(inputs.Environments) - len(inputs.Exclude)
	complain(len(o.cells) != matrix, "there are %d cells, not %d", len(o.cells), matrix)
	return append(found, o.cellComplaints(wanted)...)
}

// cellComplaints are those about single cells.
func (o outcome) cellComplaints(wanted int32) []string {
	var found []string
	for _, cell := range o.cells {
		title := cell.Spec.Market + "/" + cell.Spec.Environment
		var tally soakv1alpha1.Tally
		if cell.Status.Tally != nil {
			tally = *cell.Status.Tally
		}
		if counted := tally.Passed + tally.Failed + tally.Errored; counted != wanted {
			found = append(found, fmt.Sprintf("%s has counted %d iterations, not %d", title, counted, wanted))
		}
		if tally.Errored != 0 {
			found = append(found, fmt.Sprintf("%s could not judge %d iterations", title, tally.Errored))
		}
	}
	return found
}

// asError makes one error of complaints, if there are any.
func asError(complaints []string) error {
	if len(complaints) == 0 {
		return nil
	}
	return errors.New("it did not come out as it should: " + strings.Join(complaints, "; "))
}

// conditionOf an experiment; empty if it has none of that type.
func conditionOf(experiment *soakv1alpha1.SoakExperiment, kind string) metav1.Condition {
	if found := meta.FindStatusCondition(experiment.Status.Conditions, kind); found != nil {
		return *found
	}
	return metav1.Condition{}
}
