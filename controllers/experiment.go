package controllers

import (
	"context"
	"errors"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// References looks up what the inputs of an experiment refer to.
type References interface {
	// Resolve finds the chart and takes the digests of values, with that salt, or with a new one if it is empty. What the
	// user has to mend is in what it returns; an error is what may go away by itself.
	Resolve(ctx context.Context, namespace string, inputs *soakv1alpha1.Inputs, salt string) (plan.References, error)
}

// Experiments drives experiments: it keeps one run going that is of the definition as it is now.
type Experiments struct {
	store      *Store
	references References
}

const (
	// lookUpLimit is how long it may take to look up what a definition refers to.
	lookUpLimit = 15 * time.Second
	// questionLimit is how many questions a decision may have: more than there are.
	questionLimit = 4
)

// +kubebuilder:rbac:groups=soak.saltside.io,resources=soakexperiments,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=soak.saltside.io,resources=soakexperiments/status,verbs=update
// +kubebuilder:rbac:groups=soak.saltside.io,resources=soakexperiments/finalizers,verbs=update

// AddExperiments adds the controller of experiments to a manager.
func AddExperiments(manager ctrl.Manager, store *Store, references References) error {
	return newController(manager, "experiment").
		For(&soakv1alpha1.SoakExperiment{}).
		Watches(&soakv1alpha1.SoakRun{}, handler.EnqueueRequestsFromMapFunc(experimentOf)).
		Watches(&soakv1alpha1.SoakCell{}, handler.EnqueueRequestsFromMapFunc(experimentOf)).
		Complete(&Experiments{store: store, references: references})
}

// Reconcile implements [reconcile.Reconciler].
func (e *Experiments) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	in, err := e.observe(ctx, e.store.Client, request.NamespacedName)
	if err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	decision := plan.Experiment(in)
	for range questionLimit {
		if decision.Question == nil {
			return after(decision.RequeueAfter, e.carryOut(ctx, in.Experiment, decision))
		}
		if in, err = e.answer(ctx, in, *decision.Question); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
		decision = plan.Experiment(in)
	}
	return ctrl.Result{}, errors.New("decide on an experiment: it was asked again for what was answered")
}

func (e *Experiments) observe(ctx context.Context, from client.Reader, key client.ObjectKey) (plan.ExperimentInput, error) {
	in := plan.ExperimentInput{Experiment: &soakv1alpha1.SoakExperiment{}, Live: from == e.store.Live, Now: time.Now()}
	err := from.Get(ctx, key, in.Experiment)
	if err != nil {
		return in, err
	}
	if in.Runs, err = runsOf(ctx, from, key.Namespace, key.Name); err != nil {
		return in, err
	}
	in.Cells, err = cellsOf(ctx, from, key.Namespace, key.Name)
	return in, err
}

// answer a question of the planner.
func (e *Experiments) answer(ctx context.Context, in plan.ExperimentInput, question plan.Question) (plan.ExperimentInput, error) {
	if question.Live {
		live, err := e.observe(ctx, e.store.Live, client.ObjectKeyFromObject(in.Experiment))
		if err == nil && live.Experiment.Generation == in.Experiment.Generation {
			live.References = in.References
		}
		if err != nil || !question.References {
			return live, err
		}
		in = live
	}
	limited, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	references, err := e.references.Resolve(limited, in.Experiment.Namespace, &in.Experiment.Spec.Inputs, question.Salt)
	in.References = &references
	return in, err
}

// carryOut writes what was decided, in its order.
func (e *Experiments) carryOut(ctx context.Context, experiment *soakv1alpha1.SoakExperiment, decision plan.ExperimentDecision) error {
	log := ctrl.LoggerFrom(ctx)
	if err := e.store.changeFinalizer(ctx, experiment, decision.Finalizer); err != nil {
		return err
	}
	if err := each(ctx, decision.Update, e.store.update); err != nil {
		return err
	}
	if decision.Create != nil {
		if err := e.store.create(ctx, decision.Create); err != nil {
			return err
		}
	}
	if err := each(ctx, decision.Delete, e.store.delete); err != nil {
		return err
	}
	if decision.Status != nil {
		experiment.Status = *decision.Status
		if err := e.store.Client.Status().Update(ctx, experiment); err != nil {
			return err
		}
		log.V(1).Info("Decided on experiment", "why", decision.Why)
	}
	e.store.tell(log, experiment, decision.Events)
	return nil
}
