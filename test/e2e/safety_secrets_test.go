package e2e

import (
	"os"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/release"
)

// What fails for a value that comes from a Secret is told without it, whoever quotes it.
func TestSafetySecretsAreUntold(t *testing.T) {
	t.Parallel()
	const word = "between us: 'hunter2'"
	for name, try := range map[string]struct {
		chart  func(*chart.Chart)
		step   soakv1alpha1.Step
		reason string
	}{
		"schema": {
			chart: func(c *chart.Chart) {
				c.Schema = []byte(`{"properties": {"db": {"properties": {"password": {"pattern": "^[a-z]+$"}}}}}`)
			},
			step: soakv1alpha1.StepBuild, reason: release.ReasonValuesInvalid,
		},
		"template": {
			chart: withTemplate("broken.yaml", `{{ fail (printf "cannot log in with %q" .Values.db.password) }}`),
			step:  soakv1alpha1.StepBuild, reason: release.ReasonRenderFailed,
		},
		"object": {
			chart: withTemplate("labelled.yaml", `{apiVersion: v1, kind: ConfigMap, metadata: {name: labelled, labels: {with: {{ .Values.db.password | quote }}}}}`),
			step:  soakv1alpha1.StepInstall, reason: release.ReasonObjectRejected,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, onSharedBench(t))
			e.putChart(try.chart)
			e.putSecret(`{db: {password: "` + word + `"}}`)
			e.Spec.ValuesFrom = []soakv1alpha1.ValuesReference{{Kind: soakv1alpha1.ValuesKindSecret, Name: "values"}}
			e.apply()
			e.awaitFinished()
			e.wantFailure(try.step, try.reason, "")
			e.wantUntold("hunter2")
			if cause := e.runs()[0].Status.LastFailure.Message; !strings.Contains(cause, "***") {
				t.Errorf("it says %q: the secret was not about to be told, and the test has tested nothing", cause)
			}
		})
	}
}

// wantUntold checks that a word is in nothing that the operator tells.
func (e *experiment) wantUntold(word string) {
	e.t.Helper()
	log, err := os.ReadFile(e.bench.process.Log())
	if err != nil {
		e.t.Fatal(err)
	}
	if strings.Contains(string(log), word) || strings.Contains(e.kubectl("get", "soak,soakruns,soakcells,events,configmaps", "-o", "yaml"), word) {
		e.t.Errorf("%s is told", word)
	}
}
