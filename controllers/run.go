package controllers

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// Runs drives runs: it sets their cells to work, and counts what came of it.
type Runs struct {
	store *Store
}

// +kubebuilder:rbac:groups=soak.saltside.io,resources=soakruns,verbs=list;watch;create;update;patch;delete
// +kubebuilder:rbac:groups=soak.saltside.io,resources=soakruns/status,verbs=update
// +kubebuilder:rbac:groups=soak.saltside.io,resources=soakruns/finalizers,verbs=update

// AddRuns adds the controller of runs to a manager.
func AddRuns(manager ctrl.Manager, store *Store) error {
	return newController(manager, "run").
		For(&soakv1alpha1.SoakRun{}).
		Watches(&soakv1alpha1.SoakCell{}, handler.EnqueueRequestsFromMapFunc(runOf)).
		Complete(&Runs{store: store})
}

// Reconcile implements [reconcile.Reconciler].
func (r *Runs) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	run := &soakv1alpha1.SoakRun{}
	if err := r.store.Client.Get(ctx, request.NamespacedName, run); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	decision, err := r.decide(ctx, run, r.store.Client)
	if err == nil && decision.ReadLive {
		decision, err = r.decide(ctx, run, r.store.Live)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return after(decision.RequeueAfter, r.carryOut(ctx, run, decision))
}

func (r *Runs) decide(ctx context.Context, run *soakv1alpha1.SoakRun, from client.Reader) (plan.RunDecision, error) {
	cells, err := cellsOf(ctx, from, run.Namespace, run.Spec.Experiment.Name)
	if err != nil {
		return plan.RunDecision{}, err
	}
	uid, err := experimentUID(ctx, from, run.Namespace, run.Spec.Experiment.Name)
	if err != nil {
		return plan.RunDecision{}, err
	}
	decision, err := plan.Run(plan.RunInput{Run: run, ExperimentUID: uid, Cells: cells, Live: from == r.store.Live, Now: time.Now()})
	if err != nil {
		return plan.RunDecision{}, reconcile.TerminalError(err)
	}
	return decision, nil
}

// carryOut writes what was decided, in its order.
func (r *Runs) carryOut(ctx context.Context, run *soakv1alpha1.SoakRun, decision plan.RunDecision) error {
	log := ctrl.LoggerFrom(ctx).WithValues("experiment", run.Spec.Experiment.Name)
	if err := r.store.changeFinalizer(ctx, run, decision.Finalizer); err != nil {
		return err
	}
	if err := each(ctx, decision.Create, r.store.create); err != nil {
		return err
	}
	if decision.Status != nil {
		run.Status = *decision.Status
		if err := r.store.Client.Status().Update(ctx, run); err != nil {
			return err
		}
		log.V(1).Info("Decided on run", "iteration", run.Status.Iteration, "why", decision.Why)
	}
	if err := each(ctx, decision.Update, r.store.update); err != nil {
		return err
	}
	if err := each(ctx, decision.Delete, r.store.delete); err != nil {
		return err
	}
	r.store.tell(log, run, decision.Events)
	return nil
}
