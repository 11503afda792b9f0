package controllers

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/operation"
	"github.com/saltside/soak-operator/internal/plan"
)

// Steps does what the steps of an attempt are about.
type Steps interface {
	// Do does the step that the status of a cell tells of, for the run that the cell belongs to; nil if that is gone. It
	// ends soon after its context has.
	Do(ctx context.Context, run *soakv1alpha1.SoakRun, cell *soakv1alpha1.SoakCell) plan.Outcome
}

// Cells drives cells: each through the steps of its attempts.
type Cells struct {
	store  *Store
	runner *operation.Runner
	steps  Steps
}

// +kubebuilder:rbac:groups=soak.saltside.io,resources=soakcells,verbs=list;watch;create;update;patch;delete
// +kubebuilder:rbac:groups=soak.saltside.io,resources=soakcells/status,verbs=update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups="",resources=serviceaccounts,verbs=impersonate

// AddCells adds the controller of cells to a manager. Operations run in a runner of its own, which stops them when the
// manager stops.
func AddCells(manager ctrl.Manager, store *Store, steps Steps, options operation.Options) error {
	woken := &wakeUp{}
	options.Wake = woken.add
	cells := &Cells{store: store, runner: operation.New(options), steps: steps}
	if err := manager.Add(shutdown{cells.runner}); err != nil {
		return fmt.Errorf("add the runner of operations: %w", err)
	}
	return newController(manager, "cell").
		For(&soakv1alpha1.SoakCell{}).
		Watches(&soakv1alpha1.SoakCell{}, handler.Funcs{DeleteFunc: cells.gone}).
		Watches(&soakv1alpha1.SoakCell{}, handler.EnqueueRequestsFromMapFunc(cells.ofSameRelease), beginsOrGoes).
		Watches(&soakv1alpha1.SoakRun{}, handler.EnqueueRequestsFromMapFunc(cells.ofRun), comesOrGoes).
		WatchesRawSource(source.Func(woken.connect)).
		Complete(cells)
}

// Reconcile implements [reconcile.Reconciler].
func (c *Cells) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	cell := &soakv1alpha1.SoakCell{}
	if err := c.store.Client.Get(ctx, request.NamespacedName, cell); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	run, err := c.runOf(ctx, cell)
	if err != nil {
		return ctrl.Result{}, err
	}
	in, err := c.observe(ctx, cell, run)
	if err != nil {
		return ctrl.Result{}, err
	}
	decision, err := plan.Cell(in)
	if err != nil {
		return ctrl.Result{}, reconcile.TerminalError(err)
	}
	return after(decision.RequeueAfter, c.carryOut(ctx, cell, run, decision))
}

func (c *Cells) observe(ctx context.Context, cell *soakv1alpha1.SoakCell, run *soakv1alpha1.SoakRun) (plan.CellInput, error) {
	in := plan.CellInput{Cell: cell, Now: time.Now()}
	if run != nil {
		in.Inputs = &run.Spec.Inputs
	}
	others, err := cellsOf(ctx, c.store.Client, cell.Namespace, cell.Labels[soakv1alpha1.LabelExperiment])
	if err != nil {
		return in, err
	}
	in.Superseded = plan.SupersededBy(cell, others)
	if id, ok := plan.CurrentOperation(cell); ok {
		in.Operation = c.runner.Snapshot(id)
	}
	return in, nil
}

// runOf a cell; nil if there is none, be it that another bears its name.
func (c *Cells) runOf(ctx context.Context, cell *soakv1alpha1.SoakCell) (*soakv1alpha1.SoakRun, error) {
	run := &soakv1alpha1.SoakRun{}
	err := c.store.Client.Get(ctx, types.NamespacedName{Namespace: cell.Namespace, Name: cell.Spec.Run.Name}, run)
	if err != nil || string(run.UID) != cell.Spec.Run.UID {
		return nil, client.IgnoreNotFound(err)
	}
	return run, nil
}

// carryOut writes what was decided, and acts only when that has landed.
func (c *Cells) carryOut(ctx context.Context, cell *soakv1alpha1.SoakCell, run *soakv1alpha1.SoakRun, decision plan.CellDecision) error {
	log := ctrl.LoggerFrom(ctx).WithValues("experiment", cell.Labels[soakv1alpha1.LabelExperiment], "run", cell.Spec.Run.Name)
	if err := c.store.changeFinalizer(ctx, cell, decision.Finalizer); err != nil {
		return err
	}
	if decision.Status != nil {
		cell.Status = *decision.Status
		if err := c.store.Client.Status().Update(ctx, cell); err != nil {
			return err
		}
	}
	if decision.Status != nil || decision.Finalizer != plan.FinalizerKept {
		log.V(1).Info("Decided on cell", append(attemptOf(cell), "decision", decision.Row, "why", decision.Why)...)
	}
	for _, action := range decision.Actions {
		c.act(log, cell, run, action)
	}
	c.store.tell(log, cell, decision.Events)
	return nil
}

func (c *Cells) act(log logr.Logger, cell *soakv1alpha1.SoakCell, run *soakv1alpha1.SoakRun, action plan.Action) {
	switch action.Kind {
	case plan.Start:
		order := operation.Order{
			ID: action.Operation, Cell: client.ObjectKeyFromObject(cell), Release: cell.Spec.Release, Timeout: action.Timeout,
		}
		log = log.WithValues(attemptOf(cell)...)
		err := c.runner.Start(order, func(ctx context.Context) plan.Outcome {
			return c.steps.Do(logr.NewContext(ctx, log), run, cell)
		})
		if err != nil { // The attempt is then taken for interrupted.
			log.Error(err, "An operation was not started")
		}
	case plan.Stop:
		c.runner.Stop(action.Operation)
	case plan.Forget:
		c.runner.Forget(action.Operation)
	}
}

// attemptOf tells in a log what a cell is at.
func attemptOf(cell *soakv1alpha1.SoakCell) []any {
	attempt := cell.Status.Attempt
	if attempt.Number == 0 {
		return []any{"iteration", cell.Status.Result.Iteration, "verdict", string(cell.Status.Result.Verdict)}
	}
	return []any{"iteration", attempt.Iteration, "attempt", attempt.Number, "step", string(attempt.Step)}
}

// gone ends what a cell is at that was taken away from under us, and forgets it.
func (c *Cells) gone(_ context.Context, event deleteEvent, _ workqueue.TypedRateLimitingInterface[ctrl.Request]) {
	c.runner.ForgetCell(string(event.Object.GetUID()))
}

// ofSameRelease are the cells of other runs that may have to leave the release to this one.
func (c *Cells) ofSameRelease(ctx context.Context, object client.Object) []ctrl.Request {
	cell, ok := object.(*soakv1alpha1.SoakCell)
	if !ok {
		return nil
	}
	return c.requests(ctx, cell.Namespace, cell.Labels[soakv1alpha1.LabelExperiment], func(other *soakv1alpha1.SoakCell) bool {
		return other.Spec.Release == cell.Spec.Release && other.UID != cell.UID
	})
}

// ofRun are the cells of a run.
func (c *Cells) ofRun(ctx context.Context, object client.Object) []ctrl.Request {
	return c.requests(ctx, object.GetNamespace(), object.GetLabels()[soakv1alpha1.LabelExperiment], func(cell *soakv1alpha1.SoakCell) bool {
		return cell.Spec.Run.UID == string(object.GetUID())
	})
}

func (c *Cells) requests(ctx context.Context, namespace, experiment string, concerned func(*soakv1alpha1.SoakCell) bool) []ctrl.Request {
	cells, err := cellsOf(ctx, c.store.Client, namespace, experiment)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Cells cannot be told of a change")
	}
	var requests []ctrl.Request
	for i := range cells {
		if concerned(&cells[i]) {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&cells[i])})
		}
	}
	return requests
}
