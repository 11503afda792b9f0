package e2e

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/release"
)

// letGo lets an experiment go with all that it has installed, and returns what that is.
func (e *experiment) letGo() *foreign {
	e.t.Helper()
	e.Spec.CleanupPolicy = soakv1alpha1.CleanupPolicyNever
	e.apply()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 1})
	e.kubectl("annotate", "soak", e.Name, soakv1alpha1.AnnotationAbandon+"=kept for a look")
	e.kubectl("delete", "soak", e.Name, "--timeout=60s")
	return e.bench.remember(e.t, e.Namespace, append([]string{
		"secret/" + recordPrefix + releaseName + ".v1", "service/" + releaseName + "-web", "deployment/" + releaseName + "-web",
		"statefulset/" + releaseName + "-store", "job/" + releaseName + "-setup", "pvc/data-" + releaseName + "-store-0",
	}, e.pods()...)...)
}

// adopt does what the experiment says it needs to take what it had before for its own.
func (e *experiment) adopt() {
	e.t.Helper()
	var command string
	e.await("it says how it adopts what it had", func(object *soakv1alpha1.SoakExperiment) bool {
		told := meta.FindStatusCondition(object.Status.Conditions, soakv1alpha1.ConditionStalled)
		if told != nil {
			_, command, _ = strings.Cut(told.Message, "kubectl ")
		}
		return command != ""
	})
	e.bench.kubectl(e.t, strings.Fields(command)...)
}

// An experiment that is applied anew, with all that it had installed still there, is another one: it neither takes over
// what it finds nor deletes it. It says how it may be let, and then does.
func TestSafetyRestoredExperiment(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	left := e.letGo()
	e.apply()
	e.awaitStalled(release.ReasonReleaseConflict, releaseName, e.Namespace, "another UID", soakv1alpha1.AnnotationAdopt)
	e.awaitAttempt(2)
	left.wantSame()

	e.adopt()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 1, Retried: 1})
	e.kubectl("delete", "soak", e.Name, "--timeout=60s")
	e.wantNothingLeft()
}

// What was left is adopted without its release record as well, whether that is asked for when it is in the way, or from the
// beginning.
func TestSafetyRestoredWithoutRecord(t *testing.T) {
	t.Parallel()
	for _, early := range []bool{false, true} {
		t.Run(fmt.Sprintf("early=%t", early), func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, onSharedBench(t))
			e.letGo()
			e.kubectl("delete", "secret", recordPrefix+releaseName+".v1")
			if early {
				e.adoptFromTheBeginning()
				e.apply()
			} else {
				left := e.bench.remember(t, e.Namespace, append([]string{"deployment/" + releaseName + "-web", "pvc/data-" + releaseName + "-store-0"}, e.pods()...)...)
				e.apply()
				e.awaitStalled(release.ReasonObjectConflict, "another UID", soakv1alpha1.AnnotationAdopt)
				left.wantSame()
				e.adopt()
			}
			e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 1, Retried: 1})
			e.kubectl("delete", "soak", e.Name, "--timeout=60s")
			e.wantNothingLeft()
		})
	}
}

// adoptFromTheBeginning has the experiment ask for what there is, before it is applied.
func (e *experiment) adoptFromTheBeginning() {
	e.t.Helper()
	uid := e.kubectl("get", "deployment/"+releaseName+"-web", "-o", `jsonpath={.metadata.labels.soak\.saltside\.io/experiment-uid}`)
	if uid == "" {
		e.t.Fatal("what was left does not say for whom it was created")
	}
	e.Annotations = map[string]string{soakv1alpha1.AnnotationAdopt: uid}
}

// A release of another name, whose objects have the names of ours, is not taken apart without Helm: it is in the way until somebody has uninstalled it.
func TestSafetyRestoredUnderAnotherName(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.letGo()
	e.adoptFromTheBeginning()
	e.Spec.ReleaseName = "other"
	e.apply()
	e.awaitStalled(release.ReasonReleaseConflict, releaseName, e.Namespace, "Uninstall it")
	if e.kubectl("get", "secret", recordPrefix+releaseName+".v1", "-o", "name") == "" {
		t.Error("its record is gone")
	}
	e.helm("uninstall", releaseName, "--wait")
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 1, Retried: 1})
	e.kubectl("delete", "soak", e.Name, "--timeout=60s")
	e.wantNothingLeft()
}

// Asking for what it has anyway changes nothing.
func TestSafetyAdoptsItself(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Stop.MaxIterations = 1000
	e.apply()
	passedIn(e, 1)
	e.kubectl("annotate", "soak", e.Name, soakv1alpha1.AnnotationAdopt+"="+e.kubectl("get", "soak", e.Name, "-o", "jsonpath={.metadata.uid}"))
	object := e.await("it goes on", func(object *soakv1alpha1.SoakExperiment) bool { return object.Status.Tally.Passed > 3 })
	if attempts := object.Status.Attempts; attempts != nil && attempts.Errored > 0 || object.Status.Tally.Failed+object.Status.Tally.Errored > 0 {
		t.Errorf("the tally is %+v, thrown away %+v", object.Status.Tally, attempts)
	}
}

// An experiment that what was left keeps from being deleted is let go by adopting it.
func TestSafetyRestoredThenDeleted(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	left := e.letGo()
	e.apply()
	e.awaitStalled(release.ReasonReleaseConflict, "another UID")
	e.kubectl("delete", "soak", e.Name, "--wait=false")
	e.await("its deletion is blocked", func(object *soakv1alpha1.SoakExperiment) bool {
		told := meta.FindStatusCondition(object.Status.Conditions, soakv1alpha1.ConditionStalled)
		return object.DeletionTimestamp != nil && told != nil && told.Reason == release.ReasonReleaseConflict
	})
	left.wantSame()
	e.adopt()
	e.awaitGone()
	e.wantNothingLeft()
}

// Nobody adopts what belongs to an experiment of another name, whatever UID is asked for.
func TestSafetyAdoptsNothingOfOthers(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.CleanupPolicy = soakv1alpha1.CleanupPolicyNever
	e.apply()
	theirs := string(e.awaitFinished().UID)
	kept := e.bench.remember(t, e.Namespace, append([]string{
		"secret/" + recordPrefix + releaseName + ".v1", "deployment/" + releaseName + "-web", "pvc/data-" + releaseName + "-store-0",
	}, e.pods()...)...)

	thief := *e
	thief.SoakExperiment = *e.DeepCopy()
	thief.Name = "thief"
	thief.Annotations = map[string]string{soakv1alpha1.AnnotationAdopt: theirs}
	thief.Spec.ReleaseName = releaseName // which is the place that the other one has
	thief.apply()
	thief.awaitStalled(release.ReasonReleaseConflict, releaseName, "is not of this cell", "Uninstall it")
	thief.awaitAttempt(2)
	kept.wantSame()
	thief.kubectl("annotate", "soak", thief.Name, soakv1alpha1.AnnotationAbandon+"=it is theirs")
	thief.kubectl("delete", "soak", thief.Name, "--timeout=60s")
	kept.wantSame()
}
