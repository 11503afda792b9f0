package release

import (
	"container/list"
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/chart"
	"k8s.io/client-go/rest"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// identityLimit is how many service accounts are kept connected.
const identityLimit = 128

// Options of a [Helm].
type Options struct {
	// Fence is asked before each request that changes something, and an error keeps the request from being sent: so
	// that a process that has lost its lease stops at once. Nil lets all pass. It must be quick and safe to call from
	// many goroutines.
	Fence func() error
	// Logs is told the end of what each container of a finished hook or test has written, before Helm deletes the
	// pod. Nil means nobody. It is called while the operation waits, by one goroutine per operation.
	Logs func(Target, ContainerLog)
}

// Helm runs the steps of an iteration. It is safe for use by many goroutines, one operation each.
type Helm struct {
	options    Options
	identities *identities
}

// New returns a Helm that reaches the API server by the configuration, whose user must be allowed to impersonate the
// service accounts of the targets and does nothing in its own name.
func New(config *rest.Config, options Options) *Helm {
	config = rest.CopyConfig(config)
	config.WarningHandler = rest.NoWarnings{}
	return &Helm{options: options, identities: &identities{config: config, limit: identityLimit, order: list.New()}}
}

// Clean takes the release away, whatever state it is in, and proves that nothing of it is left: no release record, and
// no object with the label of the cell among the kinds of the inventory. Pods, claims, Jobs and Secrets always count.
//
// The deadline of the context is how long that may take; what blocks it is named then. It deletes nothing that
// does not carry the cell's label, and no CustomResourceDefinition at all.
func (h *Helm) Clean(ctx context.Context, target Target, inventory []soakv1alpha1.InventoryItem) plan.Outcome {
	return h.operate(ctx, target, soakv1alpha1.StepClean, func(o *operation) plan.Outcome { return o.clean(inventory) })
}

// Build checks the values and the chart, renders it, and checks what came out of it. It returns a chart that installs
// exactly that, and in the outcome the kinds of objects that it will create. It changes nothing in the cluster.
//
// The chart must be as Helm's loader returns it, and is not changed. A template cannot be interrupted: Build
// returns after the context is done only when the rendering is over.
func (h *Helm) Build(ctx context.Context, target Target, source *chart.Chart, values map[string]any) (*chart.Chart, plan.Outcome) {
	var sealed *chart.Chart
	outcome := h.operate(ctx, target, soakv1alpha1.StepBuild, func(o *operation) plan.Outcome {
		var outcome plan.Outcome
		sealed, outcome = o.build(source, values)
		return outcome
	})
	if outcome.Result != plan.Succeeded {
		return nil, outcome
	}
	return sealed, outcome
}

// Install installs a chart that Build has sealed and waits until all of it is ready, as helm install --wait does. It
// succeeds only if the release and each of its objects are of the target's attempt.
func (h *Helm) Install(ctx context.Context, target Target, sealed *chart.Chart) plan.Outcome {
	return h.operate(ctx, target, soakv1alpha1.StepInstall, func(o *operation) plan.Outcome { return o.install(sealed) })
}

// Test runs the test hooks of a release that Install has installed. It succeeds only if each test pod and Job that was
// started for it was seen to succeed; one that was deleted before has not.
func (h *Helm) Test(ctx context.Context, target Target, sealed *chart.Chart) plan.Outcome {
	return h.operate(ctx, target, soakv1alpha1.StepTest, func(o *operation) plan.Outcome { return o.test(sealed) })
}

// operate runs one operation. When it was stopped, nothing but a success counts.
func (h *Helm) operate(ctx context.Context, target Target, step soakv1alpha1.Step, act func(*operation) plan.Outcome) plan.Outcome {
	o, err := h.begin(ctx, target, step)
	if err != nil {
		return plan.Outcome{Result: plan.Errored, Reason: ReasonUnexpected, Message: oneLine(err.Error())}
	}
	defer o.end()
	outcome := act(o)
	if outcome.Result != plan.Succeeded && o.stopped() {
		return plan.Outcome{Result: plan.Stopped, Reason: ReasonStopped, Message: fmt.Sprintf("stopped: %v", context.Cause(ctx))}
	}
	return outcome
}
