package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// parallelism of all experiments.
const parallelism = 4

var errOperatorEnded = errors.New("it has ended by itself")

// sampleMarkets are the markets of config/samples, with their values.
func sampleMarkets(root string) ([]soakv1alpha1.Market, error) {
	file := filepath.Join(root, "config", "samples", "experiment", "experiment.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var sample soakv1alpha1.SoakExperiment
	if err := yaml.UnmarshalStrict(content, &sample); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	if len(sample.Spec.Markets) != parallelism {
		return nil, fmt.Errorf("%s has %d markets, not %d", file, len(sample.Spec.Markets), parallelism)
	}
	return sample.Spec.Markets, nil
}

// newExperiment delivers the markets to the sandbox, without a pause. Its releases have the names that those of the shell
// loop have.
func newExperiment(markets []soakv1alpha1.Market, iterations int) *soakv1alpha1.SoakExperiment {
	e := &soakv1alpha1.SoakExperiment{ObjectMeta: metav1.ObjectMeta{Name: "classifieds", Namespace: experimentNamespace}}
	e.Spec.Inputs = soakv1alpha1.Inputs{
		ServiceAccountName: "soak-runner",
		Chart:              soakv1alpha1.ChartSource{ConfigMap: soakv1alpha1.ConfigMapChart{Name: chartConfigMap, Key: "classifieds-1.4.0.tgz"}},
		MatrixValues:       soakv1alpha1.MatrixValues{MarketPath: "market", EnvironmentPath: "stage"},
		Markets:            markets,
		Environments:       []soakv1alpha1.Environment{{Name: "sandbox", Namespace: releaseNamespace}},
		Parallelism:        parallelism,
		IterationInterval:  "0s",
		// The shell loop keeps them too: helm uninstall does.
		PersistentVolumeClaimPolicy: soakv1alpha1.PersistentVolumeClaimPolicyKeep,
	}
	e.Spec.Stop.MaxIterations = int32(iterations)
	return e
}

// releaseOf a market.
func releaseOf(market soakv1alpha1.Market) string { return "classifieds-" + market.Name + "-sandbox" }

// runOperator lets the operator deliver the markets, and returns how long each iteration took but the first. Nothing of
// the experiment is left.
func runOperator(ctx context.Context, g *ground, markets []soakv1alpha1.Market, iterations int) (operated, error) {
	before, err := os.Stat(g.operator.Log())
	if err != nil {
		return operated{}, err
	}
	experiment := newExperiment(markets, 1+iterations)
	times, err := timeExperiment(ctx, g, experiment)
	if err != nil {
		return operated{}, err
	}
	if len(times) != iterations {
		return operated{}, fmt.Errorf("it has counted %d iterations, not %d", 1+len(times), 1+iterations)
	}
	result, err := readSteps(g.operator.Log(), before.Size(), times)
	if err != nil {
		return operated{}, err
	}
	_, err = g.Kubectl(ctx, "delete", "soak/"+experiment.Name, "-n", experiment.Namespace, "--timeout=2m")
	return result, err
}

// timeExperiment creates the experiment and takes the time whenever its tally goes up, until it has finished.
func timeExperiment(ctx context.Context, g *ground, experiment *soakv1alpha1.SoakExperiment) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, turnLimit)
	defer cancel()
	connection, err := clientcmd.BuildConfigFromFlags("", g.Kubeconfig())
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := soakv1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	access, err := client.NewWithWatch(connection, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	if err := access.Create(ctx, experiment); err != nil {
		return nil, err
	}
	var laps laps
	for ctx.Err() == nil { // The server ends watches now and then.
		watcher, err := access.Watch(ctx, &soakv1alpha1.SoakExperimentList{}, client.InNamespace(experiment.Namespace))
		if err != nil {
			return nil, err
		}
		done, err := laps.watch(watcher, experiment.UID, g.operator.Ended())
		watcher.Stop()
		if done || err != nil {
			return laps.times, err
		}
	}
	return nil, fmt.Errorf("the experiment has counted %d iterations and not finished: %w", laps.count, context.Cause(ctx))
}

// watch follows an experiment until it has finished, or until the watch ends.
func (l *laps) watch(watcher watch.Interface, uid types.UID, ended <-chan struct{}) (done bool, err error) {
	for {
		select {
		case event, open := <-watcher.ResultChan():
			now := time.Now()
			if !open {
				return false, nil
			}
			if seen, ok := event.Object.(*soakv1alpha1.SoakExperiment); ok && seen.UID == uid {
				if done, err := l.follow(seen, now); done || err != nil {
					return done, err
				}
			}
		case <-ended:
			return false, errOperatorEnded
		}
	}
}

// follow notes how many iterations an experiment has counted by now, and says whether that was all. Anything but a pass
// is an error: it took another time than a pass does.
func (l *laps) follow(experiment *soakv1alpha1.SoakExperiment, now time.Time) (done bool, err error) {
	status := experiment.Status
	if stalled := meta.FindStatusCondition(status.Conditions, soakv1alpha1.ConditionStalled); stalled != nil && stalled.Status == metav1.ConditionTrue {
		return false, fmt.Errorf("the experiment is stalled: %s: %s", stalled.Reason, stalled.Message)
	}
	if status.Tally == nil {
		return false, nil
	}
	if status.Tally.Failed+status.Tally.Errored+status.Tally.Retried > 0 {
		return false, fmt.Errorf("an iteration did not pass at once: history %s, cause %q", status.History, status.Summary.Cause)
	}
	if count := int(status.Tally.Passed); count > l.count {
		l.counted(count, now)
	}
	return meta.IsStatusConditionTrue(status.Conditions, soakv1alpha1.ConditionFinished), nil
}
