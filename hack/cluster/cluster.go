// Package cluster runs a Kubernetes of our own on this machine, from Go modules alone: for the demo, the tests and the
// benchmarks. It needs Linux and Go; real nodes need root too.
//
// A cluster is a folder and the processes marked with it: nothing else tells what runs, so that a launcher may be killed at
// any time and [Open] and [Cluster.Stop] still find all there is. Several clusters run side by side.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"github.com/saltside/soak-operator/hack/cluster/internal/controlplane"
	"github.com/saltside/soak-operator/hack/cluster/internal/filelock"
	"github.com/saltside/soak-operator/hack/cluster/internal/process"
	"github.com/saltside/soak-operator/hack/cluster/internal/realnode"
)

// Options say which cluster to start.
type Options struct {
	// Name of the cluster: lower-case letters, digits and dashes, 20 at most.
	Name string
	// Nodes it has.
	Nodes Nodes
	// Log is told what takes time and why. Nil means nobody.
	Log io.Writer
}

// Cluster is one that is running, or was.
type Cluster struct {
	state    state
	group    process.Group
	borrowed bool
}

// ErrBorrowed is returned for what only a cluster that was started here can do.
var ErrBorrowed = errors.New("this cluster was not started by us")

var namePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?$`)

// Start starts the cluster and returns when its nodes are ready. If a whole cluster of that name runs with the same
// nodes already, that one is returned; what is left of a broken one is cleared away first.
//
// When it fails or the context ends, no process is left; the error names the log to read.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	if !namePattern.MatchString(options.Name) {
		return nil, fmt.Errorf("cluster name %q: use lower-case letters, digits and dashes, 20 at most", options.Name)
	}
	if options.Log == nil {
		options.Log = io.Discard
	}
	home, err := findHome(ctx)
	if err != nil {
		return nil, err
	}
	release, err := filelock.Take(ctx, home.lock(options.Name))
	if err != nil {
		return nil, err
	}
	defer release()

	if c, err := home.open(options.Name); err == nil {
		if whole, err := c.running(ctx); err != nil {
			return nil, err
		} else if whole && c.state.Nodes == options.Nodes {
			return c, nil
		} else if whole {
			return nil, fmt.Errorf("cluster %s is running with --nodes=%s: stop it first", options.Name, c.state.Nodes)
		}
	}
	if err := wipe(ctx, home.cluster(options.Name), options.Name); err != nil {
		return nil, err
	}
	return start(ctx, home, options)
}

// Open returns the cluster of that name, whether or not all of it is running.
func Open(ctx context.Context, name string) (*Cluster, error) {
	home, err := findHome(ctx)
	if err != nil {
		return nil, err
	}
	return home.open(name)
}

// List names the clusters that have a folder.
func List(ctx context.Context) ([]string, error) {
	home, err := findHome(ctx)
	if err != nil {
		return nil, err
	}
	return home.names()
}

// Borrow makes a cluster of somebody else's known by its kubeconfig. It is never stopped, and it takes no faults.
func Borrow(ctx context.Context, kubeconfig string) (*Cluster, error) {
	home, err := findHome(ctx)
	if err != nil {
		return nil, err
	}
	if kubeconfig, err = filepath.Abs(kubeconfig); err != nil {
		return nil, err
	}
	if _, err := os.Stat(kubeconfig); err != nil {
		return nil, fmt.Errorf("borrow a cluster: %w", err)
	}
	tools, err := home.tools(ctx, io.Discard)
	if err != nil {
		return nil, err
	}
	return &Cluster{borrowed: true, state: state{Kubeconfig: kubeconfig, Tools: tools}}, nil
}

// Remove ends every process of the cluster of that name and removes its folder, in whatever state it is.
// That there is none is no error.
func Remove(ctx context.Context, name string) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("cluster name %q: use lower-case letters, digits and dashes, 20 at most", name)
	}
	home, err := findHome(ctx)
	if err != nil {
		return err
	}
	release, err := filelock.Take(ctx, home.lock(name))
	if err != nil {
		return err
	}
	defer release()
	return wipe(ctx, home.cluster(name), name)
}

// Stop is [Remove] for this cluster. One that was borrowed is left alone.
func (c *Cluster) Stop(ctx context.Context) error {
	if c.borrowed {
		return nil
	}
	return Remove(ctx, c.state.Name)
}

// wipe kills rather than asks: nothing of a cluster is kept, and so the way after a crash is the way after success.
func wipe(ctx context.Context, folder, name string) error {
	if err := kill(ctx, process.Group(folder)); err != nil {
		return fmt.Errorf("stop cluster %s: %w", name, err)
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("remove cluster %s: %w", name, err)
	}
	return nil
}

// kill ends every process of a cluster, and what its real nodes have outside its folder.
func kill(ctx context.Context, group process.Group) error {
	if err := group.KillAll(ctx); err != nil {
		return err
	}
	return realnode.Down(ctx, group)
}

// Name of the cluster; empty for one that was borrowed.
func (c *Cluster) Name() string { return c.state.Name }

// Folder that holds all of the cluster.
func (c *Cluster) Folder() string { return string(c.group) }

// Nodes that the cluster was started with.
func (c *Cluster) Nodes() Nodes { return c.state.Nodes }

// Kubeconfig is the file that gives its administrator access.
func (c *Cluster) Kubeconfig() string { return c.state.Kubeconfig }

// Tools is a folder with kubectl and helm, for the PATH.
func (c *Cluster) Tools() string { return c.state.Tools }

// LogFile is where the process of that name writes.
func (c *Cluster) LogFile(name string) string { return c.group.LogFile(name) }

// AuditLog is the file with one line of JSON for each request that the API server has answered.
func (c *Cluster) AuditLog() string { return controlplane.AuditLog(c.Folder()) }
