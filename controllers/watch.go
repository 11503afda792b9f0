package controllers

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

const (
	// workers of each controller. What takes long is done in operations, not here.
	workers = 4
	// After an error it is tried again, ever later, but for what the cache lags behind: that comes by itself.
	firstRetry, lastRetry, conflictRetry = 100 * time.Millisecond, 30 * time.Second, time.Second
)

type deleteEvent = event.TypedDeleteEvent[client.Object]

// newController begins one, with the name of the object in the words of our logs.
func newController(manager ctrl.Manager, kind string) *builder.Builder {
	return ctrl.NewControllerManagedBy(manager).Named(kind).WithOptions(controller.Options{
		MaxConcurrentReconciles: workers,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](firstRetry, lastRetry),
		LogConstructor: func(request *ctrl.Request) logr.Logger {
			log := manager.GetLogger().WithName(kind)
			if request != nil {
				log = log.WithValues("namespace", request.Namespace, kind, request.Name)
			}
			return log
		},
	})
}

// after says when to look again. A conflict is no error: somebody was quicker, and we are about to hear of it.
func after(delay time.Duration, err error) (ctrl.Result, error) {
	switch {
	case err == nil:
		return ctrl.Result{RequeueAfter: delay}, nil
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return ctrl.Result{RequeueAfter: conflictRetry}, nil
	default:
		return ctrl.Result{}, err
	}
}

// comesOrGoes passes what is new, and what is gone.
var comesOrGoes = builder.WithPredicates(predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }})

// beginsOrGoes passes cells that are new, begin their first attempt or are gone: what another cell of the same release
// goes by.
var beginsOrGoes = builder.WithPredicates(predicate.Funcs{UpdateFunc: func(event event.UpdateEvent) bool {
	before, ok := event.ObjectOld.(*soakv1alpha1.SoakCell)
	after, okay := event.ObjectNew.(*soakv1alpha1.SoakCell)
	return ok && okay && before.Status.LastAttempt == 0 && after.Status.LastAttempt > 0
}})

// experimentOf a run or a cell.
func experimentOf(_ context.Context, object client.Object) []ctrl.Request {
	name := object.GetLabels()[soakv1alpha1.LabelExperiment]
	if name == "" {
		return nil
	}
	return []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: name}}}
}

// runOf a cell.
func runOf(_ context.Context, object client.Object) []ctrl.Request {
	cell, ok := object.(*soakv1alpha1.SoakCell)
	if !ok {
		return nil
	}
	return []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: cell.Namespace, Name: cell.Spec.Run.Name}}}
}
