package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	helmchart "helm.sh/helm/v3/pkg/chart"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/chart"
	"github.com/saltside/soak-operator/internal/metrics"
	"github.com/saltside/soak-operator/internal/plan"
	"github.com/saltside/soak-operator/internal/release"
)

// steps does what the steps of an attempt are about: it brings together where charts come from and what delivers them.
type steps struct {
	charts  *chart.Charts
	helm    *release.Helm
	consent *consent
	metrics *metrics.Steps

	lock sync.Mutex
	// sealed is what the last Build of each cell has made, for the steps that come after it. It is lost with the process,
	// and then the attempt is too.
	sealed map[string]sealedChart
}

// sealedChart is what the Build of an attempt has made.
type sealedChart struct {
	attempt int32
	chart   *helmchart.Chart
	// secrets may be in what the API server says of the chart's objects.
	secrets chart.Secrets
}

func newSteps(charts *chart.Charts, helm *release.Helm, consent *consent, durations *metrics.Steps) *steps {
	return &steps{charts: charts, helm: helm, consent: consent, metrics: durations, sealed: map[string]sealedChart{}}
}

// Do implements [controllers.Steps].
func (s *steps) Do(ctx context.Context, run *soakv1alpha1.SoakRun, cell *soakv1alpha1.SoakCell) plan.Outcome {
	if run == nil {
		return plan.Outcome{
			Result: plan.Errored, Reason: "RunMissing", UserMustAct: true,
			Message: "its run is gone, and with it whose rights to use: annotate the cell with " + soakv1alpha1.AnnotationAbandon + " to let it go",
		}
	}
	began := time.Now()
	outcome := s.do(ctx, run, cell)
	took := time.Since(began)
	s.tidy(cell, outcome)
	s.metrics.Observe(cell.Status.Attempt.Step, outcome.Result, took)
	logr.FromContextOrDiscard(ctx).Info("Ended step", "result", string(outcome.Result), "reason", outcome.Reason,
		"message", outcome.Message, "object", outcome.Object, "node", outcome.Node, "seconds", took.Seconds())
	return outcome
}

func (s *steps) do(ctx context.Context, run *soakv1alpha1.SoakRun, cell *soakv1alpha1.SoakCell) plan.Outcome {
	target := targetOf(run, cell)
	step := cell.Status.Attempt.Step
	if step == soakv1alpha1.StepBuild { // It writes nothing, and needs no namespace.
		return s.build(ctx, run, cell, target)
	}
	if outcome, given := s.consent.given(ctx, run.Namespace, target.Namespace); !given {
		return outcome
	}
	if step == soakv1alpha1.StepClean {
		return s.helm.Clean(ctx, target, cell.Status.Inventory)
	}
	built, err := s.built(cell)
	if err != nil {
		return plan.Outcome{Result: plan.Errored, Reason: "NotBuilt", Message: err.Error()}
	}
	deliver := s.helm.Test
	if step == soakv1alpha1.StepInstall {
		deliver = s.helm.Install
	}
	outcome := deliver(ctx, target, built.chart)
	outcome.Message = built.secrets.Hide(outcome.Message)
	return outcome
}

func (s *steps) build(ctx context.Context, run *soakv1alpha1.SoakRun, cell *soakv1alpha1.SoakCell, target release.Target) plan.Outcome {
	loaded, outcome := s.charts.Load(ctx, run, cell.Spec.Market, cell.Spec.Environment)
	if outcome.Result != plan.Succeeded {
		return outcome
	}
	built, outcome := s.helm.Build(ctx, target, loaded.Chart, loaded.Values)
	s.lock.Lock()
	defer s.lock.Unlock()
	s.sealed[string(cell.UID)] = sealedChart{attempt: cell.Status.Attempt.Number, chart: built, secrets: loaded.Secrets}
	outcome.Message = loaded.Secrets.Hide(outcome.Message)
	return outcome
}

// built is what the Build of this attempt has made.
func (s *steps) built(cell *soakv1alpha1.SoakCell) (sealedChart, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	last, there := s.sealed[string(cell.UID)]
	if !there || last.attempt != cell.Status.Attempt.Number {
		return sealedChart{}, fmt.Errorf("this process has not built attempt %d", cell.Status.Attempt.Number)
	}
	return last, nil
}

// tidy drops what was built once no step of the attempt will ask for it.
func (s *steps) tidy(cell *soakv1alpha1.SoakCell, outcome plan.Outcome) {
	step := cell.Status.Attempt.Step
	later := slices.Index(cell.Spec.Steps, step) < len(cell.Spec.Steps)-1
	if outcome.Result == plan.Succeeded && later && step != soakv1alpha1.StepClean {
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	delete(s.sealed, string(cell.UID))
}

// targetOf an attempt of a cell.
func targetOf(run *soakv1alpha1.SoakRun, cell *soakv1alpha1.SoakCell) release.Target {
	inputs := run.Spec.Inputs
	former := ""
	if uid := run.Annotations[soakv1alpha1.AnnotationAdopt]; uid != "" && uid != run.Spec.Experiment.UID {
		former = plan.CellLabel(uid, cell.Spec.Market, cell.Spec.Environment)
	}
	return release.Target{
		ExperimentNamespace:         run.Namespace,
		Experiment:                  run.Spec.Experiment.Name,
		ExperimentUID:               run.Spec.Experiment.UID,
		Cell:                        plan.CellLabel(run.Spec.Experiment.UID, cell.Spec.Market, cell.Spec.Environment),
		FormerCell:                  former,
		Run:                         run.Spec.Number,
		Iteration:                   cell.Status.Attempt.Iteration,
		Attempt:                     cell.Status.Attempt.Number,
		Market:                      cell.Spec.Market,
		Environment:                 cell.Spec.Environment,
		Namespace:                   cell.Spec.Release.Namespace,
		Release:                     cell.Spec.Release.Name,
		ServiceAccount:              inputs.ServiceAccountName,
		Allow:                       inputs.Allow,
		PersistentVolumeClaimPolicy: inputs.PersistentVolumeClaimPolicy,
		TestPolicy:                  inputs.TestPolicy,
	}
}
