package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/controllers"
	"github.com/saltside/soak-operator/internal/chart"
	soakmetrics "github.com/saltside/soak-operator/internal/metrics"
	"github.com/saltside/soak-operator/internal/operation"
	"github.com/saltside/soak-operator/internal/release"
)

// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=system,resources=leases,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=system,resources=leases,resourceNames=soak-operator,verbs=get;update

const (
	name = "soak-operator"

	// leaseDuration is how long after the last renewal another manager may take over. This one stops acting when it
	// could not renew for renewDeadline.
	leaseDuration, renewDeadline, retryPeriod = 15 * time.Second, 10 * time.Second, 2 * time.Second

	// operationGrace is how long a step may go on after its time is over before that is told as a mistake.
	operationGrace = 15 * time.Second
	// shutdownLimit is how long all that goes on has to end; a pod is killed after 30 s.
	shutdownLimit = 25 * time.Second
	// readyLimit is how long a readiness probe may wait for an answer.
	readyLimit = time.Second
)

// run runs the manager until the context ends or it does not lead any more.
func run(ctx context.Context, options options, log logr.Logger) error {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = options.kubeconfig
	connection, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("find the API server: give --kubeconfig, or run in a pod: %w", err)
	}
	connection.UserAgent = name + "/" + version()
	connection.QPS = -1 // The API server's own flow control knows better.
	log.Info("The manager starts", "version", version(), "server", connection.Host, "maxConcurrentOperations", options.maxConcurrentOperations)

	namespace, err := ownNamespace(options.leaderElectionNamespace)
	if err != nil {
		return err
	}
	managed := managerOptions(options, log)
	helmOptions := release.Options{}
	if options.leaderElect {
		lease, err := newFence(connection, namespace)
		if err != nil {
			return fmt.Errorf("elect a leader: %w", err)
		}
		managed.LeaderElection, managed.LeaderElectionResourceLockInterface = true, lease
		helmOptions.Fence = lease.check
		connection = rest.CopyConfig(connection)
		connection.Wrap(lease.guard)
	}
	m, err := ctrl.NewManager(connection, managed)
	if err != nil {
		return fmt.Errorf("set up the manager: %w", err)
	}
	charts := chart.New(connection)
	consent := &consent{reader: m.GetAPIReader(), own: namespace}
	store := &controllers.Store{Client: m.GetClient(), Live: m.GetAPIReader(), Recorder: m.GetEventRecorder(name)}
	durations := soakmetrics.NewSteps()
	err = errors.Join(
		metrics.Registry.Register(soakmetrics.NewResults(m.GetClient(), log.WithName("metrics"))),
		metrics.Registry.Register(durations),
		metrics.Registry.Register(collectors.NewBuildInfoCollector()),
		controllers.AddExperiments(m, store, charts),
		controllers.AddRuns(m, store),
		controllers.AddCells(m, store, newSteps(charts, release.New(connection, helmOptions), consent, durations), operation.Options{
			Limit: options.maxConcurrentOperations,
			Grace: operationGrace,
			Log:   log.WithName("operation"),
		}),
		m.AddHealthzCheck("ping", healthz.Ping),
		m.AddReadyzCheck("caches", cachesSynced(m)),
	)
	if err != nil {
		return fmt.Errorf("set up the manager: %w", err)
	}
	return m.Start(ctx)
}

func managerOptions(options options, log logr.Logger) ctrl.Options {
	scheme := runtime.NewScheme()
	utilruntime.Must(soakv1alpha1.AddToScheme(scheme))
	warm := true
	duration, renew, retry, shutdown := leaseDuration, renewDeadline, retryPeriod, shutdownLimit
	return ctrl.Options{
		Scheme: scheme,
		Logger: log,
		Metrics: metricsserver.Options{
			BindAddress: options.metricsAddress, SecureServing: true, FilterProvider: filters.WithAuthenticationAndAuthorization,
		},
		HealthProbeBindAddress:        options.healthProbeAddress,
		GracefulShutdownTimeout:       &shutdown,
		LeaderElectionReleaseOnCancel: true, // Operations have ended by then, and the process is about to.
		LeaseDuration:                 &duration,
		RenewDeadline:                 &renew,
		RetryPeriod:                   &retry,
		// A manager that waits to lead knows all it needs to know already.
		Controller: config.Controller{EnableWarmup: &warm},
		Cache:      cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
	}
}

// cachesSynced says whether the caches hold all that there is.
func cachesSynced(m manager.Manager) healthz.Checker {
	return func(request *http.Request) error {
		ctx, cancel := context.WithTimeout(request.Context(), readyLimit)
		defer cancel()
		if !m.GetCache().WaitForCacheSync(ctx) {
			return errors.New("the caches are not synced: see the log")
		}
		return nil
	}
}
