package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/saltside/soak-operator/hack/cluster"
	"github.com/saltside/soak-operator/hack/operator"
)

// name of the demo's own cluster.
const name = "demo"

// ground is what the demo takes place on: a cluster, and the operator as a process beside it.
type ground struct {
	*cluster.Cluster
	options options
	// root of the repository.
	root string
	// turn is held open as long as the demo runs: see takeTurn.
	turn *os.File
	// began is set once there may be a cluster of ours, and applied once the experiment is there, which has to be deleted
	// before the operator goes.
	began, applied bool
	// folder of the operator's log and kubeconfig.
	folder   string
	operator *operator.Process
}

// borrowed tells whether the cluster is somebody else's.
func (g *ground) borrowed() bool { return g.options.kubeconfig != "" }

// prepare starts what the demo needs. Whatever it returns has to be left, even with an error.
func prepare(ctx context.Context, o options, screen *screen) (*ground, error) {
	g := &ground{options: o}
	var err error
	if g.root, err = operator.Root(ctx); err != nil {
		return g, err
	}
	if err := g.takeTurn(ctx); err != nil {
		return g, err
	}
	began := time.Now()
	binary := filepath.Join(g.root, "bin", "manager")
	if err := operator.Build(ctx, binary); err != nil {
		return g, err
	}
	screen.say("  Done in %s.", took(began))
	if err := g.findCluster(ctx, screen); err != nil {
		return g, err
	}
	screen.say("Installing the operator's kinds and rights, and starting it as a process of this machine.")
	began = time.Now()
	kubeconfig, err := operator.Install(ctx, g.Cluster)
	if err != nil {
		return g, err
	}
	g.operator, err = operator.Start(ctx, operator.Options{Binary: binary, Kubeconfig: kubeconfig, Folder: g.folder})
	if err != nil {
		return g, err
	}
	screen.say("  Done in %s.", took(began))
	return g, nil
}

// takeTurn makes sure that no other demo runs in this checkout, nor was kept: it would lose its cluster to this one.
func (g *ground) takeTurn(ctx context.Context) error {
	if g.borrowed() {
		return nil
	}
	var err error
	if g.turn, err = os.Open(filepath.Join(g.root, "hack", "demo")); err != nil {
		return err
	}
	if err := syscall.Flock(int(g.turn.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.New("another demo is running here: wait until it has ended")
	}
	// What is left of a broken one is cleared away when the next is started.
	if old, err := cluster.Open(ctx, name); err == nil {
		if missing, err := old.Missing(); err != nil {
			return err
		} else if len(missing) == 0 {
			return fmt.Errorf("the cluster of another demo is there: 'make cluster-down NAME=%s' removes it", name)
		}
	}
	return nil
}

// findCluster starts a cluster, or borrows the one that the user has named.
func (g *ground) findCluster(ctx context.Context, screen *screen) error {
	if g.borrowed() {
		screen.say("Using the cluster of %s. Nothing is broken there, and its nodes need the image soak.local/app:1.", g.options.kubeconfig)
		lent, err := cluster.Borrow(ctx, g.options.kubeconfig)
		if err != nil {
			return err
		}
		g.folder, err = os.MkdirTemp("", "soak-demo-")
		g.Cluster = lent
		return err
	}
	screen.say("Starting a Kubernetes cluster with %s nodes.", g.options.nodes)
	began := time.Now()
	g.began = true
	started, err := cluster.Start(ctx, cluster.Options{Name: name, Nodes: g.options.nodes, Log: screen})
	if err != nil {
		return err
	}
	g.Cluster, g.folder = started, started.Folder()
	screen.say("  Done in %s.", took(began))
	return nil
}
