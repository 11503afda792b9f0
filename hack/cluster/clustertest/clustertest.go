// Package clustertest gives a test a cluster in a line.
//
// A cluster never outlives the process of its test, however that ends: a guard that holds the other end of a pipe removes
// it when the pipe closes.
package clustertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/saltside/soak-operator/hack/cluster"
)

// KubeconfigVariable is the environment variable that makes tests run on a cluster that is there already: a kind cluster
// or any other that may be filled with test objects. Tests that need to break a cluster, or another kind of nodes than
// they can ask for there, skip.
const KubeconfigVariable = "SOAK_CLUSTER_KUBECONFIG"

// stopLimit is how long the removal of a cluster may take.
const stopLimit = 2 * time.Minute

// Start starts a cluster for this test alone and removes it when the test ends. If the test failed, the logs are kept
// and named. nodes is as [cluster.ParseNodes] reads it. The test is skipped where such nodes cannot be had.
func Start(t testing.TB, nodes string) *cluster.Cluster {
	t.Helper()
	if os.Getenv(KubeconfigVariable) != "" {
		t.Skipf("%s is set, and this test needs a cluster of its own", KubeconfigVariable)
	}
	c := start(t, nodes)
	t.Cleanup(func() {
		if t.Failed() {
			keepLogs(t, c)
		}
		ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
		defer cancel()
		if err := c.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return c
}

var (
	sharedLock sync.Mutex
	shared     = map[string]*cluster.Cluster{}
)

// Shared returns a cluster with such nodes that all tests of this process use, one after the other or at once. It is
// started for the first that asks, and removed when the process ends. With [KubeconfigVariable] set it is that cluster.
func Shared(t testing.TB, nodes string) *cluster.Cluster {
	t.Helper()
	sharedLock.Lock()
	defer sharedLock.Unlock()
	c, found := shared[nodes]
	if !found {
		if kubeconfig := os.Getenv(KubeconfigVariable); kubeconfig != "" {
			borrowed, err := cluster.Borrow(t.Context(), kubeconfig)
			if err != nil {
				t.Fatal(err)
			}
			c = borrowed
		} else {
			c = start(t, nodes)
		}
		shared[nodes] = c
	}
	t.Cleanup(func() {
		if t.Failed() && c.Name() != "" {
			keepLogs(t, c)
		}
	})
	return c
}

var started atomic.Int32

func start(t testing.TB, nodes string) *cluster.Cluster {
	t.Helper()
	parsed, err := cluster.ParseNodes(nodes)
	if err != nil {
		t.Fatal(err)
	}
	if reason := parsed.Unsupported(t.Context()); reason != "" {
		t.Skipf("%s nodes: %s", nodes, reason)
	}
	name := fmt.Sprintf("test-%d-%d", os.Getpid(), started.Add(1))
	if err := guard(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Start(t.Context(), cluster.Options{Name: name, Nodes: parsed, Log: progress{t}})
	if err != nil {
		if broken, openErr := cluster.Open(t.Context(), name); openErr == nil {
			keepLogs(t, broken) // the guard is about to remove the folder that the error names
		}
		t.Fatal(err)
	}
	return c
}

// progress tells a person who waits for a build what is going on; a test's own log comes too late for that.
type progress struct{ t testing.TB }

func (p progress) Write(line []byte) (int, error) {
	p.t.Logf("%s", line)
	return os.Stderr.Write(line)
}

// guard starts a process that removes the cluster when this one is gone.
func guard(ctx context.Context, name string) error {
	launcher, err := cluster.Launcher(ctx)
	if err != nil {
		return err
	}
	// Never closed here: it closes with this process.
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("guard cluster %s: %w", name, err)
	}
	defer read.Close() //nolint:errcheck // the guard has its own copy
	// It outlives the test, that is what it is for.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), launcher, "guard", name)
	cmd.Stdin = read
	// A Ctrl-C that ends the test must not end its guard.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("guard cluster %s: %w", name, err)
	}
	pipes.Lock()
	defer pipes.Unlock()
	pipes.open = append(pipes.open, write)
	return cmd.Process.Release()
}

// pipes keeps the write ends from being closed by the garbage collector, which would remove a cluster in use.
var pipes struct {
	sync.Mutex
	open []*os.File
}

// keepLogs copies the logs out of the cluster's folder and says where they are.
func keepLogs(t testing.TB, c *cluster.Cluster) {
	t.Helper()
	kept, err := c.KeepLogs()
	if err != nil {
		t.Errorf("keep the logs of cluster %s: %v", c.Name(), err)
		return
	}
	files, err := filepath.Glob(filepath.Join(kept, "*"))
	if err != nil {
		t.Error(err)
	}
	t.Logf("logs of cluster %s: %s (%d files)", c.Name(), kept, len(files))
}
