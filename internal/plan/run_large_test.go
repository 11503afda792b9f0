package plan_test

import (
	"fmt"
	"testing"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// A run of a thousand cells is not written a thousand times an iteration.
func TestLargeRunIsSeldomWritten(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 250 {
		names = append(names, fmt.Sprintf("m%d", i))
	}
	run := aRun(func(run *soakv1alpha1.SoakRun) {
		run.Spec.Inputs.Markets, run.Spec.Inputs.Environments = markets(names...), environments("a", "b", "c", "d")
		run.Spec.Inputs.Parallelism = 1000
	})
	var cells []soakv1alpha1.SoakCell
	for _, market := range run.Spec.Inputs.Markets {
		for _, environment := range run.Spec.Inputs.Environments {
			cell := aCell()
			cell.Name, cell.Spec.Market, cell.Spec.Environment, cell.Spec.Iteration = market.Name+"-"+environment.Name, market.Name, environment.Name, 1
			cells = append(cells, *cell)
		}
	}
	written := 0
	for i := 0; i < len(cells); i += 10 {
		decision, err := plan.Run(plan.RunInput{Run: run, ExperimentUID: "e1", Cells: cells, Now: at(60).Time})
		if err != nil {
			t.Fatal(err)
		}
		if decision.Status != nil {
			written++
			run.Status = *decision.Status
		}
		if want := fmt.Sprintf("%d/1000", i-i%50); run.Status.Summary.Cells != want {
			t.Fatalf("after %d cells it says %s, not %s", i, run.Status.Summary.Cells, want)
		}
		for ten := range cells[i : i+10] {
			doneWith(1, "1P")(&cells[i+ten])
			cells[i+ten].Status.Tally = &soakv1alpha1.Tally{Passed: 1}
		}
	}
	if written != 20 {
		t.Errorf("it was written %d times", written)
	}
	decision, err := plan.Run(plan.RunInput{Run: run, ExperimentUID: "e1", Cells: cells, Now: at(60).Time})
	if err != nil || decision.Status == nil || decision.Status.Tally.Passed != 1 {
		t.Errorf("when all have done it the decision is %+v: %v", decision, err)
	}
}
