package e2e

import (
	"context"
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/release"
)

// sharedRelease is the name that the releases of both experiments have.
const sharedRelease = "shared"

// intoTarget makes an experiment install a release of that name into a namespace, for which its account gets the rights.
func (e *experiment) intoTarget(namespace string) {
	e.t.Helper()
	e.Spec.ReleaseName = sharedRelease
	e.Spec.Environments[0].Namespace = namespace
	e.bench.kubectl(e.t, "create", "rolebinding", "from-"+e.Namespace, "-n", namespace, "--clusterrole=admin",
		"--serviceaccount="+e.Namespace+":"+account)
}

// newWithTarget returns an experiment that installs into a namespace of its own, which lets it in.
func newWithTarget(t *testing.T, b *bench) (e *experiment, target string) {
	t.Helper()
	e = newExperiment(t, b)
	target = newTarget(t, b, e)
	e.intoTarget(target)
	return e, target
}

// newTarget makes a namespace that lets in experiments from another.
func newTarget(t *testing.T, b *bench, from *experiment) string {
	t.Helper()
	namespace := from.Namespace + "-target"
	b.kubectl(t, "create", "namespace", namespace)
	t.Cleanup(func() {
		if _, err := b.cluster.Kubectl(context.Background(), "delete", "namespace", namespace, "--wait=false", "--ignore-not-found"); err != nil {
			t.Error(err)
		}
	})
	b.allow(t, namespace, from.Namespace)
	return namespace
}

// allow a namespace's experiments into another, and no others any more.
func (b *bench) allow(t *testing.T, namespace, from string) {
	t.Helper()
	b.kubectl(t, "label", "namespace", namespace, soakv1alpha1.LabelAllowedFrom+"="+from, "--overwrite")
}

// installed are the objects of the release in a namespace, as kind/name.
func (b *bench) installed(t *testing.T, namespace string) []string {
	t.Helper()
	return strings.Fields(b.kubectl(t, "get", "secrets,services,deployments,statefulsets,jobs,pvc,pods", "-n", namespace,
		"-l", soakv1alpha1.LabelCell, "-o", "name"))
}

// A namespace lets in the experiments of one other namespace. An experiment of a third has no say in it, and when it is
// let in instead, the release of the first is still not its own.
func TestSafetyTwoNamespaces(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	first, target := newWithTarget(t, b)
	second := newExperiment(t, b)
	second.intoTarget(target)
	first.Spec.Stop.MaxIterations, first.Spec.CleanupPolicy = 2, soakv1alpha1.CleanupPolicyNever
	first.apply()
	second.apply()
	second.awaitStalled("NamespaceNotAllowed", target, soakv1alpha1.LabelAllowedFrom, first.Namespace, second.Namespace)
	first.wantTally(first.awaitFinished(), soakv1alpha1.Tally{Passed: 2})
	theirs := b.remember(t, target, b.installed(t, target)...)
	b.allow(t, target, second.Namespace)
	second.awaitStalled(release.ReasonReleaseConflict, sharedRelease, target, "Uninstall it")
	theirs.wantSame()
}

// Of two experiments whose releases have the same name, the second waits until the first is out of the way: it never takes
// the release between two iterations of the first, which counts as if it were alone.
func TestSafetyTwoExperiments(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	first, target := newWithTarget(t, b)
	first.Spec.Stop.MaxIterations = 4
	// Cleaning takes so long that the second one comes upon it.
	first.Spec.Values = values(t, "{web: {stopDelay: 4s}, terminationGracePeriodSeconds: 15}")
	second := &experiment{t: t, bench: b}
	first.DeepCopyInto(&second.SoakExperiment)
	second.Name, second.Spec.Stop.MaxIterations = "second", 1
	owners := first.followOwners(target)
	first.apply()
	passedIn(first, 1)
	first.awaitStepOf(soakv1alpha1.StepClean, 2)
	second.apply()
	first.wantTally(first.awaitFor(2*patience, "finished", finished), soakv1alpha1.Tally{Passed: 4})
	for _, cell := range first.cellsOf("shop") {
		if attempts := cell.Status.Attempts; attempts != nil && attempts.Errored > 0 {
			t.Errorf("the other experiment has cost %d attempts: %s", attempts.Errored, cell.Status.LastFailure.Message)
		}
	}
	if seen := owners(); len(seen) != 1 || seen["shop"] < 4 {
		t.Errorf("the release was of %d experiments by turns while the first one ran: %v", len(seen), seen)
	}
	// It has come upon the first one, and has its turn when that is done.
	second.wantTally(second.awaitFinished(), soakv1alpha1.Tally{Passed: 1, Retried: 1})
}

// cellsOf an experiment of the namespace.
func (e *experiment) cellsOf(name string) []soakv1alpha1.SoakCell {
	e.t.Helper()
	var found []soakv1alpha1.SoakCell
	var list soakv1alpha1.SoakCellList
	if err := e.bench.client.List(e.t.Context(), &list); err != nil {
		e.t.Fatal(err)
	}
	for _, cell := range list.Items {
		if cell.Namespace == e.Namespace && cell.Labels[soakv1alpha1.LabelExperiment] == name {
			found = append(found, cell)
		}
	}
	return found
}

// followOwners follows whose the records in a namespace are, until it is asked: how many were seen of each experiment.
func (e *experiment) followOwners(namespace string) func() map[string]int {
	e.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := &count{t: e.t, stop: stop}
	e.t.Cleanup(c.end)
	seen := map[string]int{}
	place := &experiment{t: e.t, bench: e.bench}
	place.Namespace = namespace
	c.observe(ctx, place, &corev1.SecretList{}, func(event watch.Event) {
		c.lock.Lock()
		defer c.lock.Unlock()
		if secret, ok := event.Object.(*corev1.Secret); ok && event.Type == watch.Added && strings.HasPrefix(secret.Name, recordPrefix) {
			seen[secret.Labels[soakv1alpha1.LabelExperiment]]++
		}
	})
	return func() map[string]int {
		c.lock.Lock()
		defer c.lock.Unlock()
		return maps.Clone(seen)
	}
}
