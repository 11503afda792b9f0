package e2e

import (
	"flag"
	"testing"
	"time"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/release"
)

const (
	realNode = "real:1"
	// iterationLimit is how long an iteration of four markets may take on one real node.
	iterationLimit = 3 * time.Minute
)

var realIterations = flag.Int("real-iterations", 2, "how many iterations TestRealNode does")

// Four markets on a real node, with real pods: as many passed as were seen to pass.
func TestRealNode(t *testing.T) {
	t.Parallel()
	b := onBench(t, realNode)
	t.Run("passes", func(t *testing.T) {
		t.Parallel()
		e := newExperiment(t, b)
		want := map[string]int{}
		e.Spec.Markets = nil
		for _, market := range []string{"efritin", "tonaton", "ikman", "bikroy"} {
			e.Spec.Markets = append(e.Spec.Markets, soakv1alpha1.Market{Name: market})
			want[market+"/sandbox"] = *realIterations
		}
		e.Spec.Parallelism, e.Spec.Stop.MaxIterations = 4, int32(*realIterations)
		e.Spec.Timeouts = soakv1alpha1.Timeouts{Clean: "2m", Build: "1m", Install: "2m", Test: "2m"}
		releases, results := e.countReleases(), e.followResults()
		e.apply()
		object := e.awaitFor(time.Duration(*realIterations)*iterationLimit, "finished", finished)
		e.wantTally(object, soakv1alpha1.Tally{Passed: int32(*realIterations)})
		releases.want(want)
		results.want(want)
		e.awaitCleaned()
		e.wantNothingLeft()
		t.Logf("%d iterations of four markets: tally %+v, seen to pass %v", *realIterations, *object.Status.Tally, releases.iterations())
	})
	for name, test := range map[string]failureCase{
		"test that fails": {
			values: "{test: {outcome: exit-1}}",
			step:   soakv1alpha1.StepTest, reason: release.ReasonTestFailed, object: "Pod/shop-ikman-sandbox-answers",
		},
		"pod that never becomes ready": {
			values: "{web: {replicas: 1, outcome: never-ready}}",
			step:   soakv1alpha1.StepInstall, reason: release.ReasonNotReady, object: "Pod/shop-ikman-sandbox-web-",
		},
		"image that is not there": {
			chart: withTemplate("missing.yaml", missingImage),
			step:  soakv1alpha1.StepInstall, reason: "ErrImageNeverPull", object: "Pod/shop-ikman-sandbox-missing-",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, b)
			e.Spec.Timeouts = soakv1alpha1.Timeouts{Clean: "2m", Build: "1m", Install: "45s", Test: "1m"}
			if test.values != "" {
				e.Spec.Values = values(t, test.values)
			}
			if test.chart != nil {
				e.putChart(test.chart)
			}
			e.apply()
			e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Failed: 1})
			e.wantFailure(test.step, test.reason, test.object)
			e.awaitCleaned()
			e.wantNothingLeft()
		})
	}
}

// missingImage is a workload whose image nobody has.
const missingImage = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-missing
spec:
  selector:
    matchLabels: {app: {{ .Release.Name }}-missing}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}-missing}
    spec:
      containers:
      - {name: web, image: soak.local/missing:1, imagePullPolicy: Never}
`
