package e2e

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/release"
)

const (
	recordPrefix = "sh.helm.release.v1."
	// intervalForHands is long enough for a person's doings to begin between two iterations.
	intervalForHands = "20s"
)

// A release of somebody else that was there first stays as it is, and once it is gone the experiment goes on.
func TestSafetyReleaseThatWasThereFirst(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	theirs := e.installByHand()
	e.apply()
	e.awaitStalled(release.ReasonReleaseConflict, releaseName, e.Namespace, "Uninstall it")
	e.awaitAttempt(2)
	theirs.wantSame()
	e.helm("uninstall", releaseName, "--wait")
	e.bench.kubectl(t, "delete", "pvc", "data-"+releaseName+"-store-0", "-n", e.Namespace)
	e.bench.kubectl(t, "delete", "job", releaseName+"-setup", "-n", e.Namespace)
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 1, Retried: 1})
}

// What the failure says when errors count as failures; and an experiment in whose way a release of somebody else is can
// be deleted once it is told so, without the release.
func TestSafetyReleaseConflictFails(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.helm("install", releaseName, otherChart(t))
	theirs := e.bench.remember(t, e.Namespace, "secret/"+recordPrefix+releaseName+".v1", "configmap/precious")
	e.Spec.InfrastructureErrorPolicy = soakv1alpha1.InfrastructureErrorPolicyFail
	e.apply()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Failed: 1})
	e.wantFailure(soakv1alpha1.StepClean, release.ReasonReleaseConflict, "Release/"+releaseName)
	theirs.wantSame()
	e.bench.kubectl(t, "delete", "soak", e.Name, "-n", e.Namespace, "--wait=false")
	e.awaitStalled(release.ReasonReleaseConflict, releaseName, "Uninstall it")
	e.bench.kubectl(t, "annotate", "soak", e.Name, "-n", e.Namespace, soakv1alpha1.AnnotationAbandon+"=it is theirs")
	e.bench.kubectl(t, "wait", "--for=delete", "soak/"+e.Name, "-n", e.Namespace, "--timeout=60s")
	theirs.wantSame()
}

// Somebody takes our release away between two iterations, and installs another of the same name.
func TestSafetyReleaseBetweenIterations(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Stop.MaxIterations, e.Spec.IterationInterval = 2, intervalForHands
	e.apply()
	passedIn(e, 1)
	resume := e.pause()
	e.helm("uninstall", releaseName, "--wait")
	e.helm("install", releaseName, otherChart(t))
	theirs := e.bench.remember(t, e.Namespace, "secret/"+recordPrefix+releaseName+".v1", "configmap/precious")
	resume()
	e.awaitStalled(release.ReasonReleaseConflict, releaseName, e.Namespace, "Uninstall it")
	e.awaitAttempt(3)
	theirs.wantSame()
	e.helm("uninstall", releaseName, "--wait")
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 2, Retried: 1})
}

// Somebody installs a release of the same name while Clean waits for the pods of ours to go.
func TestSafetyReleaseDuringClean(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Stop.MaxIterations = 2
	e.Spec.Values = values(t, "{web: {stopDelay: 8s}, terminationGracePeriodSeconds: 15}")
	packed := otherChart(t)
	e.apply()
	e.awaitNoRecord()
	e.helm("install", releaseName, packed)
	theirs := e.bench.remember(t, e.Namespace, "secret/"+recordPrefix+releaseName+".v1", "configmap/precious")
	e.awaitStalled(release.ReasonReleaseConflict, releaseName, e.Namespace, "Uninstall it")
	theirs.wantSame()
	e.helm("uninstall", releaseName, "--wait")
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 2, Retried: 1})
}

// A Secret that has the labels of a record, but is none, and comes up while Clean waits, is nobody's to delete.
func TestSafetySecretLikeARecordDuringClean(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Stop.MaxIterations = 2
	e.Spec.Values = values(t, "{web: {stopDelay: 8s}, terminationGracePeriodSeconds: 15}")
	e.apply()
	e.awaitNoRecord()
	theirs := e.createByHand(`
apiVersion: v1
kind: Secret
metadata: {name: backup-of-a-record, namespace: NAMESPACE, labels: {owner: helm, name: `+releaseName+`}}
`, "secret/backup-of-a-record")
	e.follow(patience, &soakv1alpha1.SoakCellList{}, func(event watch.Event) bool {
		cell, ok := event.Object.(*soakv1alpha1.SoakCell)
		return ok && cell.Status.Attempt.Iteration == 2 && (cell.Status.Attempt.Step != soakv1alpha1.StepClean ||
			meta.IsStatusConditionTrue(cell.Status.Conditions, soakv1alpha1.ConditionStalled))
	}, "Clean has ended, be it that it leaves the Secret alone or that it says that it is in the way")
	theirs.wantSame()
}

// A Secret that has the name of a record, but not its labels, is not ours to overwrite, and nothing is installed.
func TestSafetySecretNamedAsARecord(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	theirs := e.createByHand(`
apiVersion: v1
kind: Secret
metadata: {name: `+recordPrefix+releaseName+`.v1, namespace: NAMESPACE}
`, "secret/"+recordPrefix+releaseName+".v1")
	e.Spec.InfrastructureErrorPolicy = soakv1alpha1.InfrastructureErrorPolicyFail
	e.apply()
	object := e.awaitFinished()
	e.wantTally(object, soakv1alpha1.Tally{Failed: 1})
	theirs.wantSame()
	e.wantFailure(soakv1alpha1.StepInstall, release.ReasonReleaseConflict, releaseName)
	e.awaitCleaned()
	e.wantNothingLeft()
	theirs.wantSame()
}

// awaitNoRecord waits until the record of our release is deleted after it was there.
func (e *experiment) awaitNoRecord() {
	e.t.Helper()
	e.follow(patience, &corev1.SecretList{}, func(event watch.Event) bool {
		secret, ok := event.Object.(*corev1.Secret)
		return ok && event.Type == watch.Deleted && strings.HasPrefix(secret.Name, recordPrefix)
	}, "the record is deleted")
}

// Somebody upgrades our release to a chart of theirs. What that has brought stays.
func TestSafetyUpgradeByHand(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Stop.MaxIterations, e.Spec.IterationInterval = 2, intervalForHands
	e.apply()
	passedIn(e, 1)
	resume := e.pause()
	e.helm("upgrade", releaseName, otherChart(t))
	theirs := e.bench.remember(t, e.Namespace, "configmap/precious")
	resume()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 2})
	e.awaitCleaned()
	theirs.wantSame()
	e.wantNothingLeft()
}
