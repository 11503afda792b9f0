package e2e

import (
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/release"
)

const simulatedNodes = "simulated:4"

// Two markets, three times: all pass, each is counted once, and nothing is left.
func TestPass(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Markets = []soakv1alpha1.Market{{Name: "ikman"}, {Name: "tonaton"}}
	e.Spec.Parallelism, e.Spec.Stop.MaxIterations = 2, 3
	counts := e.countReleases()
	e.apply()
	object := e.awaitFinished()
	e.wantTally(object, soakv1alpha1.Tally{Passed: 3})
	e.wantConditions(object, map[string]string{
		soakv1alpha1.ConditionReady:     "True",
		soakv1alpha1.ConditionFinished:  "True MaxIterations",
		soakv1alpha1.ConditionSucceeded: "True",
		soakv1alpha1.ConditionSuspended: "False",
		soakv1alpha1.ConditionStalled:   "False",
	})
	if object.Status.History != "3P" || object.Status.Summary.Rate != "100.0%" || object.Status.Summary.Verdict != "Passed" {
		t.Errorf("history %q, summary %+v", object.Status.History, object.Status.Summary)
	}
	for name, cell := range e.cells() {
		if cell.Status.Tally == nil || *cell.Status.Tally != (soakv1alpha1.Tally{Passed: 3}) {
			t.Errorf("cell %s: %+v", name, cell.Status.Tally)
		}
	}
	e.awaitCleaned()
	e.wantNothingLeft()
	counts.want(map[string]int{"ikman/sandbox": 3, "tonaton/sandbox": 3})
	if output := e.bench.kubectl(t, "wait", "soak/shop", "--for=condition=Finished", "--timeout=1s", "-n", e.Namespace); !strings.Contains(output, "met") {
		t.Errorf("kubectl wait: %s", output)
	}
}

// failureCase is what fails, and how it is named.
type failureCase struct {
	values string
	chart  func(*chart.Chart)
	step   soakv1alpha1.Step
	reason string
	object string
}

// What fails is named: the step, the reason, and the object that did it.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]failureCase{
		"test that fails": {
			values: "{test: {outcome: exit-1}}",
			step:   soakv1alpha1.StepTest, reason: release.ReasonTestFailed, object: "Pod/shop-ikman-sandbox-answers",
		},
		"pod that never becomes ready": {
			values: "{web: {replicas: 1, outcome: never-ready}}",
			step:   soakv1alpha1.StepInstall, reason: "NotReady", object: "Pod/shop-ikman-sandbox-web-",
		},
		"container that crashes": {
			values: "{web: {replicas: 1, outcome: crash-loop}}",
			step:   soakv1alpha1.StepInstall, reason: "CrashLoopBackOff", object: "Pod/",
		},
		"image that is not there": {
			values: "{web: {replicas: 1, outcome: image-pull}}",
			step:   soakv1alpha1.StepInstall, reason: "ImagePullBackOff", object: "Pod/",
		},
		"install hook that fails": {
			values: "{setup: {outcome: exit-3}}",
			step:   soakv1alpha1.StepInstall, reason: release.ReasonHookFailed, object: "shop-ikman-sandbox-setup",
		},
		"chart that does not render": {
			chart: withTemplate("broken.yaml", `{{ fail "the site has no name" }}`),
			step:  soakv1alpha1.StepBuild, reason: release.ReasonRenderFailed,
		},
		"values that the schema refuses": {
			values: "{web: {replicas: many}}",
			chart: func(c *chart.Chart) {
				c.Schema = []byte(`{"properties": {"web": {"properties": {"replicas": {"type": "integer"}}}}}`)
			},
			step: soakv1alpha1.StepBuild, reason: release.ReasonValuesInvalid,
		},
		"chart without a test": {
			chart: func(c *chart.Chart) {
				for _, file := range c.Templates {
					if strings.Contains(file.Name, "/tests/") {
						file.Data = nil
					}
				}
			},
			step: soakv1alpha1.StepTest, reason: release.ReasonNoTests,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, onSharedBench(t))
			e.Spec.Timeouts.Install = "8s"
			if test.values != "" {
				e.Spec.Values = values(t, test.values)
			}
			if test.chart != nil {
				e.putChart(test.chart)
			}
			e.apply()
			object := e.awaitFinished()
			e.wantTally(object, soakv1alpha1.Tally{Failed: 1})
			e.wantFailure(test.step, test.reason, test.object)
			e.awaitCleaned()
			e.wantNothingLeft()
		})
	}
}

// wantFailure checks what the run says of its last failure, and that the experiment's cause tells the same.
func (e *experiment) wantFailure(step soakv1alpha1.Step, reason, object string) {
	e.t.Helper()
	for _, run := range e.runs() {
		failure := run.Status.LastFailure
		if failure.Step != step || failure.Reason != reason || !strings.Contains(failure.Object, object) {
			e.t.Errorf("the failure is %+v, want %s, %s, %s", failure, step, reason, object)
		}
		if failure.Message == "" || run.Status.Summary.Cause == "" {
			e.t.Errorf("nothing explains %+v", run.Status)
		}
	}
}

// wantConditions checks conditions against their status, and the reason if one is said after it.
func (e *experiment) wantConditions(object *soakv1alpha1.SoakExperiment, want map[string]string) {
	e.t.Helper()
	for kind, said := range want {
		status, reason, _ := strings.Cut(said, " ")
		condition := meta.FindStatusCondition(object.Status.Conditions, kind)
		if condition == nil || condition.Status != metav1.ConditionStatus(status) || (reason != "" && condition.Reason != reason) {
			e.t.Errorf("condition %s is %+v, want %s", kind, condition, said)
		}
	}
}
