package main

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// goodOutcome is what comes out when all goes as it should: of 10 iterations one has failed, of the node a.
func goodOutcome() outcome {
	experiment := &soakv1alpha1.SoakExperiment{}
	experiment.Spec.Stop.MaxIterations = 10
	experiment.Spec.Markets = []soakv1alpha1.Market{{Name: "ikman"}, {Name: "bikroy"}}
	experiment.Spec.Environments = []soakv1alpha1.Environment{{Name: "sandbox"}}
	experiment.Status.Conditions = []metav1.Condition{
		{Type: soakv1alpha1.ConditionFinished, Status: metav1.ConditionTrue, Reason: "MaxIterations"},
		{Type: soakv1alpha1.ConditionSucceeded, Status: metav1.ConditionFalse, Reason: "Failed"},
	}
	experiment.Status.Tally = &soakv1alpha1.Tally{Passed: 9, Failed: 1}
	cell := func(market string, tally soakv1alpha1.Tally) soakv1alpha1.SoakCell {
		return soakv1alpha1.SoakCell{
			Spec:   soakv1alpha1.SoakCellSpec{Market: market, Environment: "sandbox"},
			Status: soakv1alpha1.SoakCellStatus{Tally: &tally},
		}
	}
	return outcome{
		experiment: experiment,
		cells:      []soakv1alpha1.SoakCell{cell("ikman", soakv1alpha1.Tally{Passed: 9, Failed: 1}), cell("bikroy", soakv1alpha1.Tally{Passed: 10})},
		trouble: &fault{
			ground: &ground{}, node: "a", iteration: 5, cause: "ikman/sandbox: Clean PodsNotDeleted, Pod/web, node a: since 12:00",
		},
	}
}

// noTrouble is what is made in a cluster of somebody else's.
var noTrouble = &fault{ground: &ground{options: options{kubeconfig: "theirs"}}}

func TestComplaints(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*outcome)
		// want is a part of each complaint, in their order.
		want []string
	}{
		{"all as it should be", func(*outcome) {}, nil},
		{"nothing was to fail and nothing did", func(o *outcome) {
			o.trouble = noTrouble
			o.experiment.Status.Tally = &soakv1alpha1.Tally{Passed: 10}
			o.experiment.Status.Conditions[1].Reason = "Passed"
		}, nil},
		{"something failed by itself", func(o *outcome) {
			o.trouble = noTrouble
		}, []string{"1 iterations failed, although nothing was broken", "the verdict is Failed, not Passed"}},
		{"not finished", func(o *outcome) {
			o.experiment.Status.Conditions[0].Status = metav1.ConditionFalse
		}, []string{"MaxIterations"}},
		{"ended by another rule", func(o *outcome) {
			o.experiment.Status.Conditions[0].Reason = "ConsecutiveFailures"
		}, []string{"another reason than MaxIterations: ConsecutiveFailures"}},
		{"one counted twice", func(o *outcome) {
			o.experiment.Status.Tally.Passed = 10
		}, []string{"10 iterations passed and 1 failed, which is not 10 in all"}},
		{"one not judged", func(o *outcome) {
			o.experiment.Status.Tally = &soakv1alpha1.Tally{Passed: 8, Failed: 1, Errored: 1}
		}, []string{"not 10 in all", "1 iterations could not be judged"}},
		{"the fault had no effect", func(o *outcome) {
			o.trouble = &fault{ground: &ground{}, node: "a"}
			o.experiment.Status.Tally = &soakv1alpha1.Tally{Passed: 10}
			o.experiment.Status.Conditions[1].Reason = "Passed"
		}, []string{"no iteration has failed of the broken node", "the cause does not name a", "the verdict is Passed, not Failed"}},
		{"no node was broken", func(o *outcome) {
			o.trouble = &fault{ground: &ground{}}
		}, []string{"no node was broken", "no iteration has failed of the broken node"}},
		{"another node is blamed", func(o *outcome) {
			o.trouble.node = "soak-node-2"
		}, []string{"the cause does not name soak-node-2"}},
		{"a cell is missing", func(o *outcome) { o.cells = o.cells[:1] }, []string{"there are 1 cells, not 2"}},
		{"a cell has counted less", func(o *outcome) {
			o.cells[1].Status.Tally.Passed = 9
		}, []string{"bikroy/sandbox has counted 9 iterations, not 10"}},
		{"a cell could not judge", func(o *outcome) {
			*o.cells[1].Status.Tally = soakv1alpha1.Tally{Passed: 9, Errored: 1}
		}, []string{"bikroy/sandbox could not judge 1 iterations"}},
		{"nothing at all", func(o *outcome) {
			o.experiment.Status = soakv1alpha1.SoakExperimentStatus{}
			o.cells = nil
		}, []string{"another reason", "0 iterations passed", "the verdict", "there are 0 cells"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := goodOutcome()
			test.change(&o)
			got := o.complaints()
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for i := range got {
				if !strings.Contains(got[i], test.want[i]) {
					t.Errorf("got %q, want %q in it", got[i], test.want[i])
				}
			}
			if err := asError(got); (err == nil) != (len(test.want) == 0) {
				t.Errorf("got %v for %q", err, got)
			}
		})
	}
}
