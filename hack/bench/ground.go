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

const (
	// name of the cluster.
	name = "bench"
	// What config/samples makes, by its names.
	experimentNamespace, releaseNamespace = "soak", "sandbox"
	chartConfigMap                        = "classifieds-chart"
	// leaveLimit is how long it may take to remove all that there is.
	leaveLimit = 3 * time.Minute
)

// ground is what the two are measured on: a cluster, and the operator as a process beside it.
type ground struct {
	*cluster.Cluster
	// root of the repository, and the chart in it.
	root, chart string
	// turn is held open as long as this runs: see takeTurn.
	turn *os.File
	// began is set once there may be a cluster.
	began    bool
	operator *operator.Process
}

// prepare starts what is needed. Whatever it returns has to be left, even with an error.
func prepare(ctx context.Context, nodes cluster.Nodes) (*ground, error) {
	g := &ground{}
	var err error
	if g.root, err = operator.Root(ctx); err != nil {
		return g, err
	}
	g.chart = filepath.Join(g.root, "config", "samples", "classifieds")
	if err := g.takeTurn(ctx); err != nil {
		return g, err
	}
	fmt.Printf("Starting the operator on a cluster with %s nodes; what has not been built yet takes minutes.\n", nodes)
	binary := filepath.Join(g.root, "bin", "manager")
	if err := operator.Build(ctx, binary); err != nil {
		return g, err
	}
	g.began = true
	if g.Cluster, err = cluster.Start(ctx, cluster.Options{Name: name, Nodes: nodes, Log: os.Stdout}); err != nil {
		return g, err
	}
	kubeconfig, err := operator.Install(ctx, g.Cluster)
	if err != nil {
		return g, err
	}
	if err := g.applySample(ctx); err != nil {
		return g, err
	}
	g.operator, err = operator.Start(ctx, operator.Options{Binary: binary, Kubeconfig: kubeconfig, Folder: g.Folder()})
	return g, err
}

// takeTurn makes sure that no other benchmark runs in this checkout: each would be in the way of the other.
func (g *ground) takeTurn(ctx context.Context) error {
	var err error
	if g.turn, err = os.Open(filepath.Join(g.root, "hack", "bench")); err != nil {
		return err
	}
	if err := syscall.Flock(int(g.turn.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.New("another benchmark is running here: wait until it has ended")
	}
	// What is left of a broken one is cleared away when the next is started.
	if old, err := cluster.Open(ctx, name); err == nil {
		if missing, err := old.Missing(); err != nil {
			return err
		} else if len(missing) == 0 {
			return fmt.Errorf("there is a cluster of that name already: 'make cluster-down NAME=%s' removes it", name)
		}
	}
	return nil
}

// applySample gives the cluster the namespaces, the account and the chart of config/samples.
func (g *ground) applySample(ctx context.Context) error {
	samples := filepath.Join(g.root, "config", "samples", "experiment")
	for _, file := range []string{"namespaces.yaml", "account.yaml"} {
		if _, err := g.Kubectl(ctx, "apply", "-f", filepath.Join(samples, file)); err != nil {
			return err
		}
	}
	return operator.ApplyChart(ctx, g.Cluster, g.chart, experimentNamespace, chartConfigMap)
}

// leave removes all that there is. After a failure the logs are kept.
func (g *ground) leave(ctx context.Context, failure error) error {
	ctx, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	if !g.began {
		return nil
	}
	if g.operator != nil {
		g.operator.Kill() // What it holds goes with the cluster.
	}
	if failure != nil && !errors.Is(failure, errInterrupted) {
		if g.Cluster == nil {
			return nil // The failure tells of logs that are left.
		}
		g.keepLogs()
	}
	return cluster.Remove(ctx, name)
}

// keepLogs puts the logs where they outlive the cluster, and says where that is.
func (g *ground) keepLogs() {
	kept, err := g.KeepLogs()
	for _, log := range []string{"operator.log", "loop.log"} {
		if err != nil {
			break
		}
		var content []byte
		if content, err = os.ReadFile(filepath.Join(g.Folder(), log)); err == nil {
			err = os.WriteFile(filepath.Join(kept, log), content, 0o600)
		} else if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		fmt.Println("Some of the logs are lost:", err)
	}
	fmt.Println("The logs of the cluster, the operator and the shell loop:", kept)
}
