package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

const (
	// followLimit is how long the experiment may take: several times what it does, even with real pods on a slow machine.
	followLimit = 15 * time.Minute
	// drawInterval is the least time between two tables.
	drawInterval = time.Second
)

var errOperatorEnded = errors.New("the operator has ended by itself: see its log")

// watched is what is seen of the experiments, as they change.
type watched struct {
	client.Reader
	// changed gets one value for all changes since the last one was taken.
	changed chan struct{}
}

// watch sees the experiments and cells of the cluster until the context ends.
func watch(ctx context.Context, kubeconfig string) (*watched, error) {
	connection, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := soakv1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	seen, err := cache.New(connection, cache.Options{Scheme: scheme, DefaultNamespaces: map[string]cache.Config{namespace: {}}})
	if err != nil {
		return nil, fmt.Errorf("watch the experiments: %w", err)
	}
	w := &watched{Reader: seen, changed: make(chan struct{}, 1)}
	for _, kind := range []client.Object{&soakv1alpha1.SoakExperiment{}, &soakv1alpha1.SoakCell{}} {
		informer, err := seen.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watch the experiments: %w", err)
		}
		if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { w.wake() },
			UpdateFunc: func(any, any) { w.wake() },
			DeleteFunc: func(any) { w.wake() },
		}); err != nil {
			return nil, fmt.Errorf("watch the experiments: %w", err)
		}
	}
	go func() { _ = seen.Start(ctx) }() // Fails only when it is started twice.
	if !seen.WaitForCacheSync(ctx) {
		return nil, context.Cause(ctx)
	}
	return w, nil
}

func (w *watched) wake() {
	select {
	case w.changed <- struct{}{}:
	default: // It is about to look anyway.
	}
}

// follow shows the experiment until it has finished, and plays the fault on the way.
func follow(ctx context.Context, g *ground, trouble *fault, screen *screen) (*soakv1alpha1.SoakExperiment, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, followLimit, fmt.Errorf("the experiment has not finished after %s", followLimit))
	defer cancel()
	w, err := watch(ctx, g.Kubeconfig())
	if err != nil {
		return nil, err
	}
	defer screen.leave()
	screen.say("From here on, this is what 'kubectl get soak,soakcells -n %s' shows:\n", namespace)
	experiment := &soakv1alpha1.SoakExperiment{}
	var shown string          // when there is no terminal to draw on, what of the table was new when it was last shown
	var draw <-chan time.Time // when the next table is due; nil if nothing has changed since the last one
	var last time.Time        // when that was
	for {
		select {
		case <-w.changed:
			if err := w.Get(ctx, client.ObjectKey{Namespace: namespace, Name: experimentName}, experiment); err != nil {
				return nil, err
			}
			if err := trouble.react(ctx, &experiment.Status, screen); err != nil {
				return nil, err
			}
			if draw == nil && (screen.terminal() || news(experiment) != shown) {
				draw = time.After(drawInterval - time.Since(last))
			}
		case <-draw:
			table, err := g.Kubectl(ctx, "get", "soak,soakcells", "-n", namespace)
			if err != nil {
				return nil, err
			}
			screen.draw(table)
			draw, last, shown = nil, time.Now(), news(experiment)
			if meta.IsStatusConditionTrue(experiment.Status.Conditions, soakv1alpha1.ConditionFinished) {
				return experiment, nil
			}
		case <-g.operator.Ended():
			return nil, errOperatorEnded
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// news are what a table is worth printing for, where each one takes room of its own; none before the run has begun.
func news(experiment *soakv1alpha1.SoakExperiment) string {
	if experiment.Status.Iteration == 0 {
		return ""
	}
	return fmt.Sprint(experiment.Status.Iteration, experiment.Status.Summary.Verdict)
}

// cellsOf the current run of an experiment.
func cellsOf(ctx context.Context, g *ground, experiment *soakv1alpha1.SoakExperiment) ([]soakv1alpha1.SoakCell, error) {
	output, err := g.Kubectl(ctx, "get", "soakcells", "-n", namespace, "-o", "json")
	if err != nil {
		return nil, err
	}
	var list soakv1alpha1.SoakCellList
	if err := json.Unmarshal([]byte(output), &list); err != nil {
		return nil, fmt.Errorf("read the cells: %w", err)
	}
	return slices.DeleteFunc(list.Items, func(cell soakv1alpha1.SoakCell) bool {
		return cell.Spec.Run.Name != experiment.Status.Run.Name
	}), nil
}
