package release

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/storage"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

const (
	// grace is how long after the end of its context an operation may still read what came of it, and Helm may record it.
	grace = 5 * time.Second
	// requestLimit is how long one request may take, but a watch.
	requestLimit = 30 * time.Second
)

// operation is one call of Clean, Build, Install or Test: its clients and what it has learned. Nothing of it is shared
// with another, and Helm's goroutines under it never outlive it.
type operation struct {
	target   Target
	step     soakv1alpha1.Step
	options  Options
	identity *identity

	// ctx is that of the step: waits end with it. requests end a little later, with late.
	ctx  context.Context //nolint:containedctx // Helm's interfaces take none: the operation is how it reaches them
	late context.Context //nolint:containedctx // the same
	end  context.CancelFunc

	config  *rest.Config
	trouble *trouble

	discovery discovery.DiscoveryInterface
	clientset kubernetes.Interface
	dynamic   dynamic.Interface
	metadata  metadata.Interface
	// The same without a limit to the length of a request, for watches.
	watchDynamic  dynamic.Interface
	watchMetadata metadata.Interface

	// records of the release, by name, as they were read or written last.
	records map[string]*corev1.Secret
	// recorded is the version of the record that was written last, if any was.
	recorded string

	lock   sync.Mutex
	judged *judgement
	passed map[string]bool
	notes  []string
	kinds  *mapper
}

// begin makes the clients of an operation. Its end function must be called.
func (h *Helm) begin(ctx context.Context, target Target, step soakv1alpha1.Step) (*operation, error) {
	if target.Cell == "" || target.Namespace == "" || target.Release == "" {
		return nil, errors.New("a target needs a cell, a namespace and a release")
	}
	identity, err := h.identities.get(target)
	if err != nil {
		return nil, err
	}
	late, end := linger(ctx, grace)
	o := &operation{
		target: target, step: step, options: h.options, identity: identity,
		ctx: ctx, late: late, end: end,
		trouble: &trouble{open: map[string]error{}},
		passed:  map[string]bool{},
	}
	bound := &transport{base: identity.base, until: late, fence: h.options.Fence, trouble: o.trouble}
	// Credentials and TLS are the base's business; and the server's own flow control, which knows each account apart,
	// is worth more than a limit per client.
	o.config = &rest.Config{Host: identity.host, Transport: bound, Timeout: requestLimit, QPS: -1, WarningHandler: rest.NoWarnings{}}
	if err := o.connect(); err != nil {
		end()
		return nil, fmt.Errorf("make clients: %w", err)
	}
	return o, nil
}

func (o *operation) connect() error {
	limited := &http.Client{Transport: o.config.Transport, Timeout: requestLimit}
	unlimited := &http.Client{Transport: o.config.Transport}
	var errs [6]error
	o.discovery, errs[0] = discovery.NewDiscoveryClientForConfigAndClient(o.config, limited)
	o.clientset, errs[1] = kubernetes.NewForConfigAndClient(compact(o.config), limited)
	o.dynamic, errs[2] = dynamic.NewForConfigAndClient(o.config, limited)
	o.metadata, errs[3] = metadata.NewForConfigAndClient(metadata.ConfigFor(o.config), limited)
	o.watchDynamic, errs[4] = dynamic.NewForConfigAndClient(o.config, unlimited)
	o.watchMetadata, errs[5] = metadata.NewForConfigAndClient(metadata.ConfigFor(o.config), unlimited)
	return errors.Join(errs[:]...)
}

// compact is the configuration of a client that exchanges what is not custom in Protobuf: the records are large.
func compact(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	return config
}

// helm returns what one of Helm's actions needs: a configuration that is used for it alone.
func (o *operation) helm() (*action.Configuration, *client, error) {
	getter := getter{o}
	known, err := o.catalogue(false)
	if err != nil {
		return nil, nil, err
	}
	decorated := &client{
		Client: &kube.Client{Factory: newFactory(getter), Log: discard, Namespace: o.target.Namespace},
		o:      o,
		going:  map[*resource.Info]metav1.Object{},
	}
	capabilities := *known.capabilities
	return &action.Configuration{
		RESTClientGetter: getter,
		Releases:         storage.Init(o.recordDriver()),
		KubeClient:       decorated,
		Capabilities:     &capabilities,
		Log:              discard,
		HookOutputFunc:   discardHookOutput,
	}, decorated, nil
}

func (o *operation) catalogue(refresh bool) (*catalogue, error) {
	return o.identity.catalogue(o.late, o.discovery, refresh)
}

// over tells whether the step's context is done, for whatever reason.
func (o *operation) over() bool { return o.ctx.Err() != nil }

// stopped tells whether it is done because it was stopped, and not by its deadline.
func (o *operation) stopped() bool { return o.over() && !o.expired() }

// expired tells whether it is done because of its deadline.
func (o *operation) expired() bool {
	return o.over() && (errors.Is(o.ctx.Err(), context.DeadlineExceeded) || errors.Is(context.Cause(o.ctx), context.DeadlineExceeded))
}

// remaining is what Helm is told as a timeout. Its waits are ours and end with the context; that is only to give it a
// number that is never shorter.
func (o *operation) remaining() time.Duration {
	if deadline, ok := o.ctx.Deadline(); ok {
		return max(time.Until(deadline), time.Second)
	}
	return 24 * time.Hour
}

// note keeps a remark for the outcome.
func (o *operation) note(format string, args ...any) {
	o.lock.Lock()
	defer o.lock.Unlock()
	o.notes = append(o.notes, fmt.Sprintf(format, args...))
}

// judge keeps the first judgement, whatever Helm makes of the error, and returns it as one.
func (o *operation) judge(outcome plan.Outcome) error {
	o.lock.Lock()
	defer o.lock.Unlock()
	if o.judged == nil {
		o.judged = &judgement{outcome}
	}
	return &judgement{outcome}
}
