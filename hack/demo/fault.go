package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/cluster"
)

// breakAfter is how many iterations pass before the fault.
const breakAfter = 4

// fault is what goes wrong on the way: the container runtime of a node locks up, until an iteration has failed of it.
// Pods that are on the node then can be neither started nor stopped, so that none of them may be in the way of the next
// iteration, which begins by deleting what the one before has left, but all of them are.
type fault struct {
	ground *ground
	stage  stage
	// tried is how many iterations were counted when it was last tried.
	tried int32
	// failed is how many iterations have failed so far, of whatever.
	failed int32
	// node that went bad; empty until one does.
	node string
	// iteration that failed of it, and the cause that the experiment's status told then.
	iteration int32
	cause     string
}

type stage int

const (
	before stage = iota
	during
	after
)

// planned tells whether there is to be a fault: not in a cluster of somebody else's.
func (f *fault) planned() bool { return !f.ground.borrowed() }

// react does what is due now that so much was counted, and tells of each iteration that has failed.
func (f *fault) react(ctx context.Context, status *soakv1alpha1.SoakExperimentStatus, screen *screen) error {
	tally := status.Tally
	if tally == nil {
		return nil
	}
	counted := tally.Passed + tally.Failed + tally.Errored
	if tally.Failed > f.failed {
		f.failed = tally.Failed
		if f.stage == during {
			f.iteration, f.cause = counted, status.Summary.Cause
			screen.say("Iteration %d has failed. The container runtime of %s works again.\n", counted, f.node)
			return f.end(ctx)
		}
		screen.say("Iteration %d has failed, which was not planned: %s\n", counted, status.Summary.Cause)
	}
	if f.planned() && f.stage == before && counted >= breakAfter && counted > f.tried {
		f.tried = counted
		return f.begin(ctx, screen)
	}
	return nil
}

// begin makes the node bad that has most of the pods. A scheduler need not spread them: any other one may have none.
func (f *fault) begin(ctx context.Context, screen *screen) error {
	pods, err := podsByNode(ctx, f.ground)
	if err != nil || len(pods) == 0 {
		return err
	}
	nodes := slices.Sorted(maps.Keys(pods))
	f.node = slices.MaxFunc(nodes, func(a, b string) int { return cmp.Compare(pods[a], pods[b]) })
	f.stage = during
	if err := f.ground.MakeBad(ctx, f.node, cluster.ContainerRuntime); err != nil {
		return fmt.Errorf("make %s bad: %w", f.node, err)
	}
	if pods, err = podsByNode(ctx, f.ground); err != nil {
		return err
	}
	if pods[f.node] == 0 { // They were deleted meanwhile, and nothing will be placed there.
		err := f.end(ctx)
		f.stage, f.node = before, ""
		return err
	}
	screen.say("%d iterations are over. Now the container runtime of %s locks up, where %d pods are.\n", f.tried, f.node, pods[f.node])
	return nil
}

// end makes the node good again, if it is bad.
func (f *fault) end(ctx context.Context) error {
	if f.stage != during {
		return nil
	}
	f.stage = after
	if err := f.ground.MakeGood(ctx, f.node); err != nil {
		return fmt.Errorf("make %s good: %w", f.node, err)
	}
	return nil
}

// podsByNode counts the pods of all cells that are on each node and have not ended.
func podsByNode(ctx context.Context, g *ground) (map[string]int, error) {
	output, err := g.Kubectl(ctx, "get", "pods", "-A", "-l", soakv1alpha1.LabelCell, "-o", "custom-columns=:.spec.nodeName", "--no-headers",
		"--field-selector", "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed")
	if err != nil {
		return nil, err
	}
	pods := map[string]int{}
	for node := range strings.FieldsSeq(output) {
		pods[node]++
	}
	return pods, nil
}
