package metrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/metrics"
	"github.com/saltside/soak-operator/internal/plan"
)

const want = `
# HELP soak_attempts_discarded Attempts of the current run that were thrown away, by reason.
# TYPE soak_attempts_discarded gauge
soak_attempts_discarded{experiment="shop",namespace="soak",reason="abandoned"} 0
soak_attempts_discarded{experiment="shop",namespace="soak",reason="errored"} 1
soak_attempts_discarded{experiment="shop",namespace="soak",reason="interrupted"} 2
# HELP soak_cell_iterations Iterations of the current run in one market and environment, by verdict.
# TYPE soak_cell_iterations gauge
soak_cell_iterations{environment="sandbox",experiment="shop",market="ikman",namespace="soak",verdict="Errored"} 0
soak_cell_iterations{environment="sandbox",experiment="shop",market="ikman",namespace="soak",verdict="Failed"} 3
soak_cell_iterations{environment="sandbox",experiment="shop",market="ikman",namespace="soak",verdict="Passed"} 28
# HELP soak_condition Conditions of the experiment: 1 if it is true, else 0.
# TYPE soak_condition gauge
soak_condition{experiment="new",namespace="soak",type="Finished"} 0
soak_condition{experiment="new",namespace="soak",type="Ready"} 0
soak_condition{experiment="new",namespace="soak",type="Stalled"} 0
soak_condition{experiment="new",namespace="soak",type="Succeeded"} 0
soak_condition{experiment="new",namespace="soak",type="Suspended"} 0
soak_condition{experiment="shop",namespace="soak",type="Finished"} 0
soak_condition{experiment="shop",namespace="soak",type="Ready"} 1
soak_condition{experiment="shop",namespace="soak",type="Stalled"} 0
soak_condition{experiment="shop",namespace="soak",type="Succeeded"} 0
soak_condition{experiment="shop",namespace="soak",type="Suspended"} 0
# HELP soak_consecutive_failures Failed iterations of the current run since the last that passed.
# TYPE soak_consecutive_failures gauge
soak_consecutive_failures{experiment="shop",namespace="soak"} 3
# HELP soak_iterations Iterations of the current run that were counted, by verdict.
# TYPE soak_iterations gauge
soak_iterations{experiment="shop",namespace="soak",verdict="Errored"} 1
soak_iterations{experiment="shop",namespace="soak",verdict="Failed"} 3
soak_iterations{experiment="shop",namespace="soak",verdict="Passed"} 28
# HELP soak_iterations_retried Passed iterations of the current run that passed only after an attempt was thrown away.
# TYPE soak_iterations_retried gauge
soak_iterations_retried{experiment="shop",namespace="soak"} 1
# HELP soak_last_iteration_timestamp_seconds When the last iteration was counted.
# TYPE soak_last_iteration_timestamp_seconds gauge
soak_last_iteration_timestamp_seconds{experiment="shop",namespace="soak"} 1.7e+09
# HELP soak_run_info The current run.
# TYPE soak_run_info gauge
soak_run_info{chart="classifieds",experiment="shop",namespace="soak",run="shop-2",verdict="Running",version="1.4.0"} 1
`

func TestResults(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	if err := soakv1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	counted := metav1.NewTime(time.Unix(1_700_000_000, 0))
	shop := &soakv1alpha1.SoakExperiment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "soak", Name: "shop"},
		Status: soakv1alpha1.SoakExperimentStatus{
			Conditions: []metav1.Condition{{Type: soakv1alpha1.ConditionReady, Status: metav1.ConditionTrue}},
			Run:        soakv1alpha1.CurrentRun{Name: "shop-2", Number: 2, Chart: soakv1alpha1.ChartIdentity{Name: "classifieds", Version: "1.4.0"}},
			Progress: soakv1alpha1.Progress{
				Tally:             &soakv1alpha1.Tally{Passed: 28, Failed: 3, Errored: 1, Retried: 1},
				Attempts:          &soakv1alpha1.Attempts{Errored: 1, Interrupted: 2},
				History:           "27P1p1F1E2F",
				Summary:           soakv1alpha1.Summary{Verdict: "Running"},
				LastIterationTime: &counted,
			},
		},
	}
	cell := func(run string, passed int32) *soakv1alpha1.SoakCell {
		return &soakv1alpha1.SoakCell{
			ObjectMeta: metav1.ObjectMeta{Namespace: "soak", Name: run + "-ikman-sandbox"},
			Spec:       soakv1alpha1.SoakCellSpec{Run: soakv1alpha1.ObjectIdentity{Name: run}, Market: "ikman", Environment: "sandbox"},
			Status:     soakv1alpha1.SoakCellStatus{Tally: &soakv1alpha1.Tally{Passed: passed, Failed: 3}},
		}
	}
	fresh := &soakv1alpha1.SoakExperiment{ObjectMeta: metav1.ObjectMeta{Namespace: "soak", Name: "new"}}
	objects := []client.Object{shop, fresh, cell("shop-1", 10), cell("shop-2", 28)}
	cache := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	results := metrics.NewResults(cache, logr.Discard())
	if err := testutil.CollectAndCompare(results, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	problems, err := testutil.CollectAndLint(results)
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	steps := metrics.NewSteps()
	steps.Observe(soakv1alpha1.StepClean, plan.Succeeded, 1500*time.Millisecond)
	steps.Observe(soakv1alpha1.StepClean, plan.Failed, time.Minute)
	if count := testutil.CollectAndCount(steps); count != 2 {
		t.Errorf("%d series, want 2", count)
	}
	problems, err := testutil.CollectAndLint(steps)
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}
