package e2e

import (
	"syscall"
	"testing"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/release"
)

// freezeLimit is how many iterations may pass until the operator is frozen in the step that is wanted.
const freezeLimit = 20

// What comes up between a Clean that was proven and the Install after it is seen by Install: nothing is installed then.
// The operator is frozen there, so that it is certain to come up just then.
func TestSafetyBetweenCleanAndInstall(t *testing.T) { //nolint:tparallel // one after the other: they freeze the same operator
	t.Parallel()
	b := onBench(t, simulatedNodes)
	b.restart(t, onlyOne) // It would give up its lease while it is frozen.
	t.Run("release", func(t *testing.T) {
		e, packed := newExperiment(t, b), otherChart(t)
		var theirs *foreign
		e.atBuild(func() {
			e.helm("install", releaseName, packed)
			theirs = b.remember(t, e.Namespace, "secret/"+recordPrefix+releaseName+".v1", "configmap/precious")
		})
		e.awaitStalled(release.ReasonReleaseConflict, releaseName, e.Namespace, "Uninstall it")
		theirs.wantSame()
		e.wantNothingLeft()
	})
	t.Run("object", func(t *testing.T) {
		e := newExperiment(t, b)
		var theirs *foreign
		e.atBuild(func() { theirs = e.createByHand(theirService, "service/shop-ikman-sandbox-web") })
		e.awaitStalled(release.ReasonObjectConflict, "Service/shop-ikman-sandbox-web", e.Namespace, "Delete it")
		theirs.wantSame()
		e.wantNothingLeft()
		e.deleteWhole()
		theirs.wantSame()
	})
	t.Run("deletion", func(t *testing.T) {
		e := newExperiment(t, b)
		e.atBuild(func() {
			e.kubectl("delete", "rolebinding", account)
			e.kubectl("delete", "soak", e.Name, "--wait=false")
		})
		e.awaitStalled("Forbidden", account, "may not") // read the chart, if Build has yet to, or Secrets
		e.kubectl("create", "rolebinding", account, "--clusterrole=admin", "--serviceaccount="+e.Namespace+":"+account)
		e.awaitGone()
		e.wantNothingLeft()
	})
	t.Run("consent", func(t *testing.T) {
		e := newExperiment(t, b)
		e.atBuild(func() { b.kubectl(t, "label", "namespace", e.Namespace, soakv1alpha1.LabelAllowedFrom+"-") })
		e.awaitStalled("NamespaceNotAllowed", e.Namespace, soakv1alpha1.LabelAllowedFrom)
		e.wantNothingLeft()
		b.allow(t, e.Namespace, e.Namespace)
		e.deleteWhole()
	})
}

// atBuild applies the experiment, and does something while the operator is frozen in Build.
func (e *experiment) atBuild(do func()) {
	e.t.Helper()
	e.Spec.Stop.MaxIterations = 1000
	e.apply()
	for iteration := range int32(freezeLimit) {
		e.awaitStepOf(soakv1alpha1.StepBuild, iteration+1)
		e.signal(syscall.SIGSTOP)
		frozen := e.cells()["ikman/sandbox"].Status.Attempt.Step == soakv1alpha1.StepBuild
		if frozen {
			do()
		}
		e.signal(syscall.SIGCONT)
		if frozen {
			return
		}
	}
	e.t.Fatal("the operator was never frozen in Build: the test has tested nothing")
}

func (e *experiment) signal(signal syscall.Signal) {
	e.t.Helper()
	if err := e.bench.process.Signal(signal); err != nil {
		e.t.Fatal(err)
	}
}
