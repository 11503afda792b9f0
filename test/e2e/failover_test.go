package e2e

import (
	"context"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/operator"
)

// takeOverLimit is how long it may take until another manager leads: its lease, and some more.
const takeOverLimit = 40 * time.Second

// The manager that leads is frozen in the middle of a step, and thawed when another has long taken over. It must do
// nothing more, and what the other counts is exact.
func TestFrozenLeader(t *testing.T) {
	t.Parallel()
	b := onBench(t, simulatedNodes)
	e := newExperiment(t, b)
	e.Spec.Stop.MaxIterations = 4
	e.Spec.Values = values(t, "{web: {startDelay: 1s}}")
	releases, results := e.countReleases(), e.followResults()
	e.apply()
	e.awaitStepOf(soakv1alpha1.StepInstall, 2)

	first := b.process
	holder := b.leader(t)
	if err := first.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	thaw := func() { _ = first.Signal(syscall.SIGCONT) }
	defer thaw()
	second := b.options
	second.Folder = t.TempDir()
	var err error
	if b.process, err = operator.Start(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	b.awaitOtherLeader(t, holder)
	e.awaitStepOf(soakv1alpha1.StepInstall, 2)
	thaw()
	select {
	case <-first.Ended():
	case <-time.After(takeOverLimit):
		t.Error("the first manager goes on although it does not lead")
		first.Kill()
	}
	object := e.awaitFinished()
	e.wantTally(object, soakv1alpha1.Tally{Passed: 4})
	if object.Status.Attempts == nil || object.Status.Attempts.Interrupted != 1 {
		t.Errorf("attempts thrown away: %+v, want the one that was frozen", object.Status.Attempts)
	}
	releases.want(map[string]int{"ikman/sandbox": 4})
	results.want(map[string]int{"ikman/sandbox": 4})
	e.awaitCleaned()
	e.wantNothingLeft()
}

// leader is who holds the lease.
func (b *bench) leader(t *testing.T) string {
	t.Helper()
	lease := &coordinationv1.Lease{}
	if err := b.client.Get(t.Context(), types.NamespacedName{Namespace: operator.Namespace, Name: "soak-operator"}, lease); err != nil {
		t.Fatal(err)
	}
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

func (b *bench) awaitOtherLeader(t *testing.T, before string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), takeOverLimit)
	defer cancel()
	watcher, err := b.client.Watch(ctx, &coordinationv1.LeaseList{}, client.InNamespace(operator.Namespace))
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		lease, ok := event.Object.(*coordinationv1.Lease)
		if ok && event.Type != watch.Deleted && lease.Spec.HolderIdentity != nil && *lease.Spec.HolderIdentity != before && *lease.Spec.HolderIdentity != "" {
			return
		}
	}
	t.Fatalf("nobody else leads after %s", takeOverLimit)
}
