package controllers

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// Store is where the objects are.
type Store struct {
	// Client reads from a cache, and writes to the API server.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Recorder tells of events.
	Recorder events.EventRecorder
}

// experimentUID is the UID of the experiment of that name; empty if there is none.
func experimentUID(ctx context.Context, reader client.Reader, namespace, name string) (string, error) {
	experiment := &soakv1alpha1.SoakExperiment{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, experiment, client.UnsafeDisableDeepCopy)
	if err != nil && !apierrors.IsNotFound(err) {
		return "", fmt.Errorf("read the experiment: %w", err)
	}
	return string(experiment.UID), nil
}

// runsOf an experiment, by its name: those of one that had the same name before are among them. From a cache they must
// not be changed.
func runsOf(ctx context.Context, reader client.Reader, namespace, experiment string) ([]soakv1alpha1.SoakRun, error) {
	var runs soakv1alpha1.SoakRunList
	if err := reader.List(ctx, &runs, ofExperiment(namespace, experiment)...); err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	return runs.Items, nil
}

// cellsOf an experiment, by its name, of all its runs. From a cache they must not be changed.
func cellsOf(ctx context.Context, reader client.Reader, namespace, experiment string) ([]soakv1alpha1.SoakCell, error) {
	var cells soakv1alpha1.SoakCellList
	if err := reader.List(ctx, &cells, ofExperiment(namespace, experiment)...); err != nil {
		return nil, fmt.Errorf("list cells: %w", err)
	}
	return cells.Items, nil
}

// ofExperiment selects without copying: a run looks at a thousand cells whenever one of them has moved.
func ofExperiment(namespace, experiment string) []client.ListOption {
	return []client.ListOption{
		client.InNamespace(namespace),
		client.MatchingLabels{soakv1alpha1.LabelExperiment: plan.LabelValue(experiment)},
		client.UnsafeDisableDeepCopy,
	}
}

// changeFinalizer adds or removes ours, and touches nothing else of the object.
func (s *Store) changeFinalizer(ctx context.Context, object client.Object, change plan.FinalizerChange) error {
	before, ok := object.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("%T is no object", object)
	}
	switch change {
	case plan.FinalizerAdded:
		controllerutil.AddFinalizer(object, soakv1alpha1.Finalizer)
	case plan.FinalizerRemoved:
		controllerutil.RemoveFinalizer(object, soakv1alpha1.Finalizer)
	case plan.FinalizerKept:
		return nil
	}
	return s.Client.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// create an object. That it is there already is no error: it was made by a decision like this one.
func (s *Store) create(ctx context.Context, object client.Object) error {
	return client.IgnoreAlreadyExists(s.Client.Create(ctx, object))
}

// update the spec and the metadata of an object.
func (s *Store) update(ctx context.Context, object client.Object) error {
	return s.Client.Update(ctx, object)
}

// delete an object if it is still as it was read. That it is gone is no error.
func (s *Store) delete(ctx context.Context, object client.Object) error {
	uid, version := object.GetUID(), object.GetResourceVersion()
	return client.IgnoreNotFound(s.Client.Delete(ctx, object, client.Preconditions{UID: &uid, ResourceVersion: &version}))
}

// tell of events, to those who ask the API server and to those who read the log.
func (s *Store) tell(log logr.Logger, object client.Object, list []plan.Event) {
	for _, event := range list {
		s.Recorder.Eventf(object, nil, event.Type, event.Reason, event.Reason, "%s", event.Message)
		log.Info(event.Message, "reason", event.Reason, "type", event.Type)
	}
}

// each writes one object after the other, up to the first error.
func each[T client.Object](ctx context.Context, objects []T, write func(context.Context, client.Object) error) error {
	for _, object := range objects {
		if err := write(ctx, object); err != nil {
			return err
		}
	}
	return nil
}
