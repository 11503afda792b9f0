package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/saltside/soak-operator/hack/cluster"
)

const (
	// leaveLimit is how long it may take to remove all that there is.
	leaveLimit = 3 * time.Minute
	// stopLimit is how long the operator may take to end when it is asked to.
	stopLimit = 30 * time.Second
)

// leave removes all that the demo has brought, or says how the user can. failure is what the demo has ended with.
func (g *ground) leave(ctx context.Context, failure error, screen *screen) error {
	ctx, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	interrupted := errors.Is(failure, errInterrupted)
	switch {
	case g.Cluster == nil && g.began && interrupted:
		return cluster.Remove(ctx, name)
	case g.Cluster == nil:
		return nil // If there is anything, it is logs that the failure tells of.
	case g.options.keep:
		screen.say("%s", g.tour())
		return nil
	}
	// In a cluster of ours nothing has to be deleted: but that it can be is part of the demo.
	var left error
	if g.applied && (failure == nil || g.borrowed()) {
		left = g.deleteExperiment(ctx, screen)
	}
	left = errors.Join(left, g.stopOperator(ctx))
	if !interrupted && (failure != nil || left != nil) {
		g.keepLogs(screen)
	}
	left = errors.Join(left, g.remove(ctx, screen))
	if failure == nil && left == nil {
		screen.say("%s", advice())
	}
	return left
}

func (g *ground) stopOperator(ctx context.Context) error {
	if g.operator == nil {
		return nil
	}
	select {
	case <-g.operator.Ended():
		return nil // Whatever it ended of is known.
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if err := g.operator.Stop(ctx); err != nil {
		g.operator.Kill()
		return fmt.Errorf("stop the operator: %w", err)
	}
	return nil
}

// remove ends the cluster, unless it is somebody else's.
func (g *ground) remove(ctx context.Context, screen *screen) error {
	if g.borrowed() {
		screen.say("The operator has ended. This removes what is still installed of it, unless you use it otherwise:\n" +
			"  kubectl delete -k config/crd && kubectl delete -k config/rbac && kubectl delete -f config/samples/experiment/namespaces.yaml")
		return os.RemoveAll(g.folder)
	}
	if err := g.Stop(ctx); err != nil {
		return err
	}
	screen.say("The operator has ended, and the cluster is removed.")
	return nil
}

// keepLogs puts the logs where they outlive the cluster, and says where that is.
func (g *ground) keepLogs(screen *screen) {
	log := filepath.Join(g.folder, "operator.log")
	if g.borrowed() {
		kept := g.folder + ".log" // The folder itself is removed.
		if os.Rename(log, kept) == nil {
			screen.say("The log of the operator: %s", kept)
		}
		return
	}
	kept, err := g.KeepLogs()
	if err != nil {
		screen.say("The logs are lost: %v", err)
		return
	}
	content, err := os.ReadFile(log)
	if err == nil {
		err = os.WriteFile(filepath.Join(kept, filepath.Base(log)), content, 0o600)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		screen.say("The log of the operator is lost: %v", err)
	}
	screen.say("The logs of the cluster and of the operator: %s", kept)
}
