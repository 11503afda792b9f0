package e2e

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// Each rule that ends a run is named as the reason for which it is finished.
func TestStopRules(t *testing.T) {
	t.Parallel()
	failures := int32(2)
	for reason, test := range map[string]struct {
		rules  soakv1alpha1.StopRules
		values string
		unlet  bool // that is, the namespace does not let it in
		want   func(soakv1alpha1.Tally) bool
	}{
		plan.ReasonMaxIterations: {
			rules: soakv1alpha1.StopRules{MaxIterations: 2},
			want:  func(tally soakv1alpha1.Tally) bool { return tally == soakv1alpha1.Tally{Passed: 2} },
		},
		plan.ReasonMaxDuration: {
			rules: soakv1alpha1.StopRules{MaxDuration: "10s"},
			want:  func(tally soakv1alpha1.Tally) bool { return tally.Failed == 0 && tally.Errored == 0 },
		},
		plan.ReasonConsecutiveFailures: {
			rules:  soakv1alpha1.StopRules{ConsecutiveFailures: &failures},
			values: "{test: {outcome: exit-1}}",
			want:   func(tally soakv1alpha1.Tally) bool { return tally == soakv1alpha1.Tally{Failed: 2} },
		},
		plan.ReasonErroredFor: {
			rules: soakv1alpha1.StopRules{ErroredFor: "20s"},
			unlet: true,
			want:  func(tally soakv1alpha1.Tally) bool { return tally == soakv1alpha1.Tally{Errored: 2} }, // the second of them twenty seconds after the first at the least
		},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, onSharedBench(t))
			e.Spec.Stop = test.rules
			if test.values != "" {
				e.Spec.Values = values(t, test.values)
			}
			if test.unlet {
				e.bench.kubectl(t, "label", "namespace", e.Namespace, soakv1alpha1.LabelAllowedFrom+"-")
			}
			e.apply()
			object := e.awaitFor(2*patience, "finished", finished) // ErroredFor takes over a minute of back-off
			e.wantConditions(object, map[string]string{soakv1alpha1.ConditionFinished: "True " + reason})
			if inconclusive := object.Status.Summary.Verdict == "Inconclusive"; inconclusive != test.unlet {
				t.Errorf("the verdict is %s", object.Status.Summary.Verdict)
			}
			if object.Status.Tally == nil || !test.want(*object.Status.Tally) {
				t.Errorf("the tally is %+v", object.Status.Tally)
			}
			if test.unlet {
				e.bench.allow(t, e.Namespace, e.Namespace)
			}
			e.awaitCleaned()
			e.wantNothingLeft()
		})
	}
}

// What becomes of the releases of a run that has finished is as the policy says, and a deletion is as the other one says.
func TestCleanupPolicies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cleanup  soakv1alpha1.CleanupPolicy
		deletion soakv1alpha1.DeletionPolicy
		delay    soakv1alpha1.Duration
		values   string
		kept     bool // when it has finished
		orphaned bool // when it is deleted
	}{
		"always":                       {cleanup: soakv1alpha1.CleanupPolicyAlways},
		"never":                        {cleanup: soakv1alpha1.CleanupPolicyNever, kept: true},
		"on pass, when it has failed":  {cleanup: soakv1alpha1.CleanupPolicyOnPass, values: "{test: {outcome: exit-1}}", kept: true},
		"after a delay":                {cleanup: soakv1alpha1.CleanupPolicyAlways, delay: "1h", kept: true},
		"never, not even when deleted": {cleanup: soakv1alpha1.CleanupPolicyNever, deletion: soakv1alpha1.DeletionPolicyOrphan, kept: true, orphaned: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, onSharedBench(t))
			e.Spec.CleanupPolicy, e.Spec.DeletionPolicy = test.cleanup, test.deletion
			if test.delay != "" {
				e.Spec.CleanupDelay = test.delay
			}
			if test.values != "" {
				e.Spec.Values = values(t, test.values)
			}
			e.apply()
			e.awaitFinished()
			if test.kept {
				e.wantRelease()
			} else {
				e.awaitCleaned()
				e.wantNothingLeft()
			}
			e.bench.kubectl(t, "delete", "soak", e.Name, "-n", e.Namespace, "--timeout=60s")
			if test.orphaned {
				e.wantRelease()
			} else {
				e.wantNothingLeft()
			}
		})
	}
}

// wantRelease checks that the release is there, whole.
func (e *experiment) wantRelease() {
	e.t.Helper()
	found := e.bench.kubectl(e.t, "get", "secrets,deployments", "-n", e.Namespace, "-l", soakv1alpha1.LabelCell, "-o", "name")
	for _, name := range []string{"secret/sh.helm.release.v1.", "deployment.apps/shop-ikman-sandbox-web"} {
		if !strings.Contains(found, name) {
			e.t.Errorf("no %s is left, only %s", name, found)
		}
	}
}

// A run that has finished never changes again, whatever is said of the experiment; of those before it so many are kept as
// the limit says, and no more.
func TestFinishedRunsStayAndOldOnesGo(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	limit := int32(2)
	e.Spec.RunHistoryLimit = &limit
	e.apply()
	passedIn(e, 1)
	e.awaitFinished()
	e.awaitCleaned()
	first := e.runs()[0]
	e.Spec.Stop.MaxIterations = 100
	e.apply()
	e.await("the change is seen", func(object *soakv1alpha1.SoakExperiment) bool {
		return object.Status.ObservedGeneration == object.Generation
	})
	if now := e.runs()[0]; now.Status.Tally == nil || *now.Status.Tally != *first.Status.Tally || now.Status.FinishTime == nil ||
		!now.Status.FinishTime.Equal(first.Status.FinishTime) {
		t.Errorf("a run that has finished has changed: %+v", now.Status)
	}
	e.Spec.Stop.MaxIterations = 1
	for number := int32(2); number <= 5; number++ {
		e.Spec.Run.ID = fmt.Sprint(number)
		e.apply()
		passedIn(e, number)
	}
	e.awaitFinished()
	e.await("old runs are gone", func(*soakv1alpha1.SoakExperiment) bool { return len(e.runs()) <= int(limit)+1 })
	for _, run := range e.runs() {
		if run.Spec.Number < 5-limit {
			t.Errorf("run %d is still there", run.Spec.Number)
		}
	}
	e.awaitCleaned()
	e.wantNothingLeft()
}

// A run that was restored from a backup without its experiment begins nothing: the release may be somebody's by now.
func TestRunWithoutItsExperimentIsLeftAlone(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.apply()
	e.awaitFinished()
	restored := &soakv1alpha1.SoakRun{Spec: e.runs()[0].Spec}
	restored.Name, restored.Namespace = "shop-7", e.Namespace
	restored.Spec.Experiment.UID = "00000000-0000-0000-0000-000000000000"
	restored.Spec.Number = 7
	if err := e.bench.client.Create(e.t.Context(), restored); err != nil {
		t.Fatal(err)
	}
	e.Spec.Run.ID = "2" // By the time that another run has counted, it has long been looked at.
	e.apply()
	passedIn(e, 2)
	if found := e.kubectl("get", "soakrun", restored.Name, "-o", "jsonpath={.status}{.metadata.finalizers}"); found != "" {
		t.Errorf("something was done about it: %s", found)
	}
	for name, cell := range e.cells() {
		if cell.Spec.Run.Name == restored.Name {
			t.Errorf("it has cell %s", name)
		}
	}
	e.kubectl("delete", "soakrun", restored.Name, "--timeout=30s")
}

// Whoever is on call holds an experiment without a change of its spec, which Git would take back.
func TestHold(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Stop.MaxIterations = 1000
	e.apply()
	passedIn(e, 1)
	e.bench.kubectl(t, "annotate", "soak", e.Name, "-n", e.Namespace, soakv1alpha1.AnnotationHold+"=looking at a failure")
	object := e.await("held", func(object *soakv1alpha1.SoakExperiment) bool {
		return meta.IsStatusConditionTrue(object.Status.Conditions, soakv1alpha1.ConditionSuspended)
	})
	told := meta.FindStatusCondition(object.Status.Conditions, soakv1alpha1.ConditionSuspended)
	if !strings.Contains(told.Message, "looking at a failure") {
		t.Errorf("nobody says why: %+v", told)
	}
	e.apply() // as Git does, which knows nothing of the annotation
	before := e.await("still held", func(object *soakv1alpha1.SoakExperiment) bool {
		return meta.IsStatusConditionTrue(object.Status.Conditions, soakv1alpha1.ConditionSuspended)
	}).Status.Tally.Passed
	e.bench.kubectl(t, "annotate", "soak", e.Name, "-n", e.Namespace, soakv1alpha1.AnnotationHold+"-")
	e.await("it goes on", func(object *soakv1alpha1.SoakExperiment) bool { return object.Status.Tally.Passed > before })
}

// Markets and environments that come and go while a run is at work end it, for another, and leave nothing of those that went.
func TestMarketsComeAndGo(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Stop.MaxIterations = 1000
	e.Spec.Markets = []soakv1alpha1.Market{{Name: "ikman"}, {Name: "bikroy"}}
	e.apply()
	e.awaitStep(soakv1alpha1.StepInstall)
	e.Spec.Markets = []soakv1alpha1.Market{{Name: "ikman"}, {Name: "tonaton"}}
	e.apply()
	passedIn(e, 2)
	e.awaitNone("bikroy")

	e.Spec.Environments = append(e.Spec.Environments, e.Spec.Environments[0])
	e.Spec.Environments[1].Name = "canary"
	e.apply()
	passedIn(e, 3)
	if cells := e.cells(); cells["tonaton/canary"].Status.Tally == nil {
		t.Error("the environment that came has counted nothing")
	}
	e.Spec.Environments = e.Spec.Environments[1:]
	e.apply()
	passedIn(e, 4)
	e.awaitNone("sandbox")
}

// awaitNone waits until nothing is left that has such a name in its own.
func (e *experiment) awaitNone(name string) {
	e.t.Helper()
	e.await("nothing of "+name+" is left", func(*soakv1alpha1.SoakExperiment) bool {
		return !strings.Contains(e.kubectl("get", "all,secrets,pvc", "-o", "name"), name)
	})
}
