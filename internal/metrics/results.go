package metrics

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// scrapeLimit is how long reading the cache may take.
const scrapeLimit = 5 * time.Second

var (
	ofExperiment = []string{"namespace", "experiment"}
	ofCell       = []string{"namespace", "experiment", "market", "environment"}

	iterations = describe("soak_iterations", "Iterations of the current run that were counted, by verdict.", ofExperiment, "verdict")
	retried    = describe("soak_iterations_retried", "Passed iterations of the current run that passed only after an attempt was thrown away.", ofExperiment)
	row        = describe("soak_consecutive_failures", "Failed iterations of the current run since the last that passed.", ofExperiment)
	last       = describe("soak_last_iteration_timestamp_seconds", "When the last iteration was counted.", ofExperiment)
	discarded  = describe("soak_attempts_discarded", "Attempts of the current run that were thrown away, by reason.", ofExperiment, "reason")
	condition  = describe("soak_condition", "Conditions of the experiment: 1 if it is true, else 0.", ofExperiment, "type")
	run        = describe("soak_run_info", "The current run.", ofExperiment, "run", "chart", "version", "verdict")
	cells      = describe("soak_cell_iterations", "Iterations of the current run in one market and environment, by verdict.", ofCell, "verdict")
)

func describe(name, help string, of []string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append(append([]string{}, of...), more...), nil)
}

// Results collects what experiments and cells say, from a cache.
type Results struct {
	cache client.Reader
	log   logr.Logger
}

// NewResults returns a collector that reads from the cache.
func NewResults(cache client.Reader, log logr.Logger) *Results {
	return &Results{cache: cache, log: log}
}

// Describe implements [prometheus.Collector].
func (r *Results) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{iterations, retried, row, last, discarded, condition, run, cells} {
		descriptions <- description
	}
}

// Collect implements [prometheus.Collector].
func (r *Results) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	var experiments soakv1alpha1.SoakExperimentList
	if err := r.cache.List(ctx, &experiments, client.UnsafeDisableDeepCopy); err != nil {
		r.log.Error(err, "Experiments are missing in the metrics")
		return
	}
	current := map[client.ObjectKey]*soakv1alpha1.SoakExperiment{}
	for i := range experiments.Items {
		experiment := &experiments.Items[i]
		current[client.ObjectKey{Namespace: experiment.Namespace, Name: experiment.Status.Run.Name}] = experiment
		collectExperiment(metrics, experiment)
	}
	var list soakv1alpha1.SoakCellList
	if err := r.cache.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		r.log.Error(err, "Cells are missing in the metrics")
		return
	}
	for i := range list.Items {
		cell := &list.Items[i]
		experiment := current[client.ObjectKey{Namespace: cell.Namespace, Name: cell.Spec.Run.Name}]
		if experiment != nil {
			tally(metrics, cells, cell.Status.Tally, cell.Namespace, experiment.Name, cell.Spec.Market, cell.Spec.Environment)
		}
	}
}

func collectExperiment(metrics chan<- prometheus.Metric, experiment *soakv1alpha1.SoakExperiment) {
	of, status := []string{experiment.Namespace, experiment.Name}, &experiment.Status
	for _, kind := range []string{
		soakv1alpha1.ConditionReady, soakv1alpha1.ConditionFinished, soakv1alpha1.ConditionSucceeded,
		soakv1alpha1.ConditionSuspended, soakv1alpha1.ConditionStalled,
	} {
		value := 0.0
		if meta.IsStatusConditionTrue(status.Conditions, kind) {
			value = 1
		}
		gauge(metrics, condition, value, of, kind)
	}
	if status.Run.Number == 0 {
		return
	}
	gauge(metrics, run, 1, of, status.Run.Name, status.Run.Chart.Name, status.Run.Chart.Version, status.Summary.Verdict)
	tally(metrics, iterations, status.Tally, of...)
	if status.Tally != nil {
		gauge(metrics, retried, float64(status.Tally.Retried), of)
	}
	if attempts := status.Attempts; attempts != nil {
		gauge(metrics, discarded, float64(attempts.Errored), of, "errored")
		gauge(metrics, discarded, float64(attempts.Interrupted), of, "interrupted")
		gauge(metrics, discarded, float64(attempts.Abandoned), of, "abandoned")
	}
	if status.LastIterationTime != nil {
		gauge(metrics, last, float64(status.LastIterationTime.Unix()), of)
	}
	if history, err := plan.ParseHistory(status.History); err == nil { // Else the API server would not have taken it.
		gauge(metrics, row, float64(history.ConsecutiveFailures()), of)
	}
}

// tally tells how many there are of each verdict, also of those that there are none of.
func tally(metrics chan<- prometheus.Metric, description *prometheus.Desc, of *soakv1alpha1.Tally, labels ...string) {
	if of == nil {
		return
	}
	gauge(metrics, description, float64(of.Passed), labels, string(soakv1alpha1.VerdictPassed))
	gauge(metrics, description, float64(of.Failed), labels, string(soakv1alpha1.VerdictFailed))
	gauge(metrics, description, float64(of.Errored), labels, string(soakv1alpha1.VerdictErrored))
}

func gauge(metrics chan<- prometheus.Metric, description *prometheus.Desc, value float64, of []string, more ...string) {
	labels := append(append([]string{}, of...), more...)
	metrics <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, value, labels...)
}
