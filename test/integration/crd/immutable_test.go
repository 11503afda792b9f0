package crd_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const run = `
apiVersion: soak.saltside.io/v1alpha1
kind: SoakRun
metadata: {name: shop-3}
spec:
  experiment: {name: shop, uid: 1f0c}
  number: 3
  run: {id: "3", description: a new node}
  inputs:
    serviceAccountName: soak-runner
    chart: {configMap: {name: shop-chart, key: shop-1.4.0.tgz}}
    markets: [{name: tonaton}, {name: ikman}]
    environments: [{name: sandbox}]
  pins:
    inputs: v1:sha256:0000000000000000000000000000000000000000000000000000000000000000
    chart: {name: shop, version: 1.4.0, digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}
    salt: 5a17
`

const cell = `
apiVersion: soak.saltside.io/v1alpha1
kind: SoakCell
metadata: {name: shop-3-tonaton-sandbox}
spec:
  run: {name: shop-3, uid: 2e1d}
  market: tonaton
  environment: sandbox
  release: {namespace: sandbox, name: shop-tonaton-sandbox}
  steps: [Clean, Build, Install, Test]
  mode: Iterate
`

// change is what becomes of an object and what is said to it.
type change struct{ before, patch, want string }

func TestRunNeverChanges(t *testing.T) {
	t.Parallel()
	const (
		inputs = "spec.inputs: Invalid value: inputs never change: a new run starts with new inputs"
		pins   = "spec.pins: Invalid value: pins never change: a new run starts with new inputs"
		id     = "spec.run: Invalid value: run.id never changes: another id starts a new run"
		end    = "spec.end: Invalid value: end never changes: a run that was ended stays ended"
	)
	checkChanges(t, "soakruns", run, map[string]change{
		"experiment":         {"", "spec: {experiment: {uid: 2f}}", "spec.experiment: Invalid value: experiment never changes"},
		"number":             {"", "spec: {number: 4}", "spec.number: Invalid value: 4: number never changes"},
		"input":              {"", "spec: {inputs: {parallelism: 2}}", inputs},
		"market added":       {"", "spec: {inputs: {markets: [{name: tonaton}, {name: ikman}, {name: bikroy}]}}", inputs},
		"value added":        {"", "spec: {inputs: {values: {a: 1}}}", inputs},
		"value changed":      {"spec: {inputs: {values: {a: {b: 1}}}}", "spec: {inputs: {values: {a: {b: 2}}}}", inputs},
		"input removed":      {"spec: {inputs: {values: {a: 1}}}", "spec: {inputs: {values: null}}", inputs},
		"chart pin":          {"", "spec: {pins: {chart: {version: 1.4.1}}}", pins},
		"id":                 {"", `spec: {run: {id: "4"}}`, id},
		"id added":           {"spec: {run: null}", `spec: {run: {id: "4"}}`, id},
		"id removed":         {"", "spec: {run: {id: null}}", id},
		"end":                {"spec: {end: Restarted}", "spec: {end: InputsChanged}", end},
		"end removed":        {"spec: {end: Restarted}", "spec: {end: null}", end},
		"end set":            {"", "spec: {end: Restarted}", "<nil>"},
		"description":        {"", "spec: {run: {description: an old node}}", "<nil>"},
		"description added":  {"spec: {run: null}", "spec: {run: {description: an old node}}", "<nil>"},
		"suspended":          {"", "spec: {suspend: true}", "<nil>"},
		"stop rules":         {"", "spec: {stop: {maxIterations: 10}}", "<nil>"},
		"cleanup":            {"", "spec: {cleanupPolicy: Never, cleanupDelay: 1h}", "<nil>"},
		"everything repeats": {"", "{}", "<nil>"},
	})
}

func TestCellNeverChanges(t *testing.T) {
	t.Parallel()
	const (
		identity = "spec: Invalid value: run, market, environment, release and steps never change: only iteration and mode do"
		back     = "spec.iteration: Invalid value: iteration never goes back"
	)
	checkChanges(t, "soakcells", cell, map[string]change{
		"run":               {"", "spec: {run: {uid: 2f}}", identity},
		"market":            {"", "spec: {market: ikman}", identity},
		"environment":       {"", "spec: {environment: production}", identity},
		"release name":      {"", "spec: {release: {name: other}}", identity},
		"release namespace": {"", "spec: {release: {namespace: other}}", identity},
		"steps":             {"", "spec: {steps: [Clean, Build, Install]}", identity},
		"order of steps":    {"", "spec: {steps: [Clean, Build, Test, Install]}", identity},
		"iteration back":    {"spec: {iteration: 2}", "spec: {iteration: 1}", back},
		"iteration removed": {"spec: {iteration: 2}", "spec: {iteration: null}", back},
		"iteration again":   {"spec: {iteration: 2}", "spec: {iteration: 2}", "<nil>"},
		"first iteration":   {"", "spec: {iteration: 1}", "<nil>"},
		"next iteration":    {"spec: {iteration: 2}", "spec: {iteration: 3}", "<nil>"},
		"mode":              {"", "spec: {mode: CleanUp}", "<nil>"},
	})
}

// checkChanges creates an object for each change and makes it.
func checkChanges(t *testing.T, plural, manifest string, changes map[string]change) {
	t.Helper()
	s := newServer(t)
	for title, c := range changes {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			before := with(t, object(t, manifest), c.before)
			before.SetName("")
			before.SetGenerateName("changed-")
			after := with(t, create(t, s.resource(plural), before), c.patch)
			_, err := s.resource(plural).Update(t.Context(), after, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationStrict})
			if got := refusal(err); got != c.want {
				t.Errorf(" got %s\nwant %s", got, c.want)
			}
		})
	}
}

// What has been counted when a run finishes is what will ever have been counted.
func TestFinishedRunNeverChanges(t *testing.T) {
	t.Parallel()
	const (
		counted    = "status:\n  tally: {passed: 2, failed: 1, errored: 0, retried: 0}\n  history: 2P1F\n"
		uncounted  = "status:\n  iteration: 1\n"
		finishTime = "  finishTime: 2026-01-02T03:04:05Z\n"
		want       = "status: Invalid value: finishTime, tally and history never change once the run has finished"
	)
	s := newServer(t)
	for title, c := range map[string]change{
		"counts while it runs":   {counted, "status: {tally: {passed: 3}, history: 2P1F1P}", "<nil>"},
		"finishes":               {counted, "status:\n" + finishTime, "<nil>"},
		"tally":                  {counted + finishTime, "status: {tally: {passed: 3}}", want},
		"tally removed":          {counted + finishTime, "status: {tally: null}", want},
		"history":                {counted + finishTime, "status: {history: 3P}", want},
		"history removed":        {counted + finishTime, "status: {history: null}", want},
		"time":                   {counted + finishTime, "status: {finishTime: 2026-01-02T03:04:06Z}", want},
		"time removed":           {counted + finishTime, "status: {finishTime: null}", want},
		"a tally that came late": {uncounted + finishTime, "status: {tally: {passed: 1, failed: 0, errored: 0, retried: 0}}", want},
		"says what it cleans":    {counted + finishTime, "status: {summary: {status: cleaning up}}", "<nil>"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			o := object(t, run)
			o.SetName("")
			o.SetGenerateName("finished-")
			o, err := updateStatus(t, s, with(t, create(t, s.resource("soakruns"), o), c.before))
			if err != nil {
				t.Fatal(err)
			}
			_, err = updateStatus(t, s, with(t, o, c.patch))
			if got := refusal(err); got != c.want {
				t.Errorf(" got %s\nwant %s", got, c.want)
			}
		})
	}
}

func updateStatus(t *testing.T, s server, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	t.Helper()
	return s.resource("soakruns").UpdateStatus(t.Context(), o, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationStrict})
}
