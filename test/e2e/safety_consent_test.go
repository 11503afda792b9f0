package e2e

import (
	"context"
	"strings"
	"testing"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/operator"
)

// When a namespace does not let experiments in any more, nothing is done there from the next step on: what is there stays
// as it is, be it our own, and an experiment that is deleted waits for it. When it lets them in again, all goes on.
func TestSafetyConsentTakenAway(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	e, target := newWithTarget(t, b)
	e.Spec.Stop.MaxIterations = 2
	e.Spec.Values = values(t, "{web: {startDelay: 3s}}")
	e.apply()
	passedIn(e, 1)
	e.awaitStepOf(soakv1alpha1.StepInstall, 2)
	b.kubectl(t, "label", "namespace", target, soakv1alpha1.LabelAllowedFrom+"-")
	command := "kubectl label namespace " + target + " " + soakv1alpha1.LabelAllowedFrom + "=" + e.Namespace
	e.awaitStalled("NamespaceNotAllowed", target, soakv1alpha1.LabelAllowedFrom, command)
	ours := b.remember(t, target, b.installed(t, target)...)
	e.awaitTried(2)
	ours.wantSame()
	b.allow(t, target, e.Namespace)
	object := e.awaitFinished()
	e.wantTally(object, soakv1alpha1.Tally{Passed: 2, Retried: 1})
}

// An experiment that is deleted while it may not act waits, says why, and goes once it may.
func TestSafetyDeletedWithoutConsent(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	e, target := newWithTarget(t, b)
	e.Spec.CleanupPolicy = soakv1alpha1.CleanupPolicyNever
	e.apply()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 1})
	b.allow(t, target, "somebody-else")
	ours := b.remember(t, target, b.installed(t, target)...)
	b.kubectl(t, "delete", "soak", e.Name, "-n", e.Namespace, "--wait=false")
	e.awaitStalled("NamespaceNotAllowed", target, soakv1alpha1.LabelAllowedFrom, "somebody-else", "--overwrite")
	ours.wantSame()
	b.allow(t, target, e.Namespace)
	b.kubectl(t, "wait", "--for=delete", "soak/"+e.Name, "-n", e.Namespace, "--timeout=60s")
	if left := b.installed(t, target); len(left) > 0 {
		t.Errorf("there is still %v", left)
	}
}

// The operator's own namespace lets nobody in, whatever label it has and whoever has rights there.
func TestSafetyOwnNamespace(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	e := newExperiment(t, b)
	b.allow(t, operator.Namespace, e.Namespace)
	t.Cleanup(func() {
		for _, arguments := range [][]string{
			{"label", "namespace", operator.Namespace, soakv1alpha1.LabelAllowedFrom + "-"},
			{"delete", "rolebinding", "from-" + e.Namespace, "-n", operator.Namespace},
		} {
			if _, err := b.cluster.Kubectl(context.Background(), arguments...); err != nil {
				t.Error(err)
			}
		}
	})
	e.intoTarget(operator.Namespace)
	e.apply()
	e.awaitStalled("NamespaceNotAllowed", operator.Namespace, "name another one in environments")
	if found := b.installed(t, operator.Namespace); len(found) > 0 {
		t.Errorf("there is %v", found)
	}
	e.Spec.Environments[0].Namespace = "kube-public"
	if err := e.applyOnce(); err == nil || !strings.Contains(err.Error(), "kube-*") {
		t.Errorf("a namespace of the cluster's own was accepted: %v", err)
	}
}

// awaitTried waits until so many attempts at the iteration in progress were thrown away.
func (e *experiment) awaitTried(errored int32) {
	e.t.Helper()
	e.await("another attempt was thrown away", func(object *soakv1alpha1.SoakExperiment) bool {
		for _, cell := range e.cells() {
			if cell.Status.Attempts != nil && cell.Status.Attempts.Errored >= errored {
				return true
			}
		}
		return object.Status.Attempts != nil && object.Status.Attempts.Errored >= errored
	})
}
