package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/cluster"
	"github.com/saltside/soak-operator/hack/cluster/clustertest"
	"github.com/saltside/soak-operator/hack/operator"
)

// shutdownLimit is how long the operator may take to end.
const shutdownLimit = 30 * time.Second

// bench is a cluster with the operator on it.
type bench struct {
	cluster *cluster.Cluster
	client  client.WithWatch // the administrator's
	options operator.Options
	process *operator.Process
	metrics string // where the operator serves them, if it does
}

// binary is the operator, built once; with the race detector, as the tests are.
var binary = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "soak-e2e-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(folder, "manager")
	return program, operator.Build(context.Background(), program, raceFlag...)
})

// kinds are those that the tests know. Scheme builders are not made for being used side by side.
var kinds = sync.OnceValues(func() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	return scheme, errors.Join(soakv1alpha1.AddToScheme(scheme), clientgoscheme.AddToScheme(scheme))
})

// shared is the bench that tests use side by side, once one has asked for it.
var shared struct {
	sync.Mutex
	*bench
}

// onSharedBench returns it, with simulated nodes.
func onSharedBench(t *testing.T) *bench {
	t.Helper()
	target := clustertest.Shared(t, simulatedNodes)
	shared.Lock()
	defer shared.Unlock()
	if shared.bench != nil {
		return shared.bench
	}
	made, err := newBench(target)
	if err != nil {
		t.Fatal(err)
	}
	made.serveMetrics(t)
	if err := made.start(); err != nil {
		t.Fatal(err)
	}
	shared.bench = made
	return made
}

// onBench returns one that the test has for itself.
func onBench(t *testing.T, nodes string) *bench {
	t.Helper()
	own, err := newBench(clustertest.Start(t, nodes))
	if err != nil {
		t.Fatal(err)
	}
	if err := own.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.stop(); err != nil {
			t.Error(err)
		}
		own.keepLog(t)
	})
	return own
}

func newBench(target *cluster.Cluster) (*bench, error) {
	ctx := context.Background()
	program, err := binary()
	if err != nil {
		return nil, err
	}
	kubeconfig, err := operator.Install(ctx, target)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(filepath.Dir(program), "bench-")
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", target.Kubeconfig())
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	scheme, err := kinds()
	if err != nil {
		return nil, err
	}
	admin, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	return &bench{
		cluster: target, client: admin,
		options: operator.Options{Binary: program, Kubeconfig: kubeconfig, Folder: folder},
	}, err
}

// serveMetrics from the next start on.
func (b *bench) serveMetrics(t *testing.T) {
	t.Helper()
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	b.metrics = address
	b.options.Arguments = append(b.options.Arguments, "--metrics-bind-address="+address)
}

// restart the operator, with other options if change makes them so.
func (b *bench) restart(t *testing.T, change func(*operator.Options)) {
	t.Helper()
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	change(&b.options)
	if err := b.start(); err != nil {
		t.Fatal(err)
	}
}

// onlyOne is an operator that needs no lease: there is never a second one.
func onlyOne(options *operator.Options) {
	options.Arguments = append(options.Arguments, "--leader-elect=false")
}

func (b *bench) start() (err error) {
	b.process, err = operator.Start(context.Background(), b.options)
	return err
}

func (b *bench) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	return b.process.Stop(ctx)
}

// keepLog says where the operator's log is if the test has failed.
func (b *bench) keepLog(t *testing.T) {
	if t.Failed() {
		t.Logf("the operator's log: %s", b.process.Log())
	}
}

// kubectl runs kubectl as the administrator; it must succeed.
func (b *bench) kubectl(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := b.cluster.Kubectl(t.Context(), arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	code := m.Run()
	if shared.bench != nil {
		if err := shared.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "the operator did not end well:", err, shared.process.Log())
			code = 1
		}
	}
	if program, err := binary(); err == nil && code == 0 {
		_ = os.RemoveAll(filepath.Dir(program)) // Only a temporary folder is left if it fails.
	}
	os.Exit(code)
}
