package crd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func write(t *testing.T, manifest []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(file, manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const progress = `
  conditions:
  - {type: Ready, status: "True", reason: Running, message: "", lastTransitionTime: 2026-01-02T03:04:05Z}
  - {type: Finished, status: "True", reason: MaxIterations, message: "", lastTransitionTime: 2026-01-02T03:04:05Z}
  iteration: 30
  tally: {passed: 28, failed: 1, errored: 2, retried: 3}
  summary: {verdict: Running, rate: 96.6%, atLeast: 84.7%, streak: 1F, cause: TestFailed, status: installing}
`

// Everything a person looks for in the morning is in a column.
func TestColumns(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for plural, manifest := range map[string]*unstructured.Unstructured{
		"soakexperiments": with(t, object(t, experiment), "status:"+progress+
			"  run: {name: shop-3, number: 3, chart: {name: shop, version: 1.4.0, digest: 'sha256:"+strings.Repeat("0", 64)+"'}}"),
		"soakruns": with(t, object(t, run), "status:"+progress),
		"soakcells": with(t, with(t, object(t, cell), "spec: {iteration: 30}"), `
status:
  attempt: {purpose: Iteration, iteration: 30, number: 31, step: Install, startTime: 2026-01-02T03:04:05Z, stepStartTime: 2026-01-02T03:04:05Z}
  tally: {passed: 28, failed: 1, errored: 2, retried: 3}
  streak: 1F
  lastFailure: {step: Test, reason: TestFailed, message: it did, node: worker-3, time: 2026-01-02T03:04:05Z}
`),
	} {
		status := unstructuredStatus(t, manifest)
		if plural != "soakcells" {
			status["lastIterationTime"] = time.Now().Add(-3*time.Hour - time.Minute).UTC().Format(time.RFC3339)
		}
		created := create(t, s.resource(plural), manifest)
		created.Object["status"] = status
		if _, err := s.resource(plural).UpdateStatus(t.Context(), created, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for command, want := range map[string][2]string{
		"soak": {
			"NAME VERDICT RUN ITERATION PASSED FAILED ERRORED STREAK RATE LAST AGE",
			"shop Running 3 30 28 1 2 1F 96.6% 3h1m AGE",
		},
		"soak -o wide": {
			"NAME VERDICT RUN ITERATION PASSED FAILED ERRORED STREAK RATE LAST AGE AT-LEAST RETRIED CAUSE CHART READY STATUS",
			"shop Running 3 30 28 1 2 1F 96.6% 3h1m AGE 84.7% 3 TestFailed 1.4.0 True installing",
		},
		"soakrun": {
			"NAME VERDICT RUN ITERATION PASSED FAILED ERRORED STREAK RATE STOPPED-BY LAST AGE",
			"shop-3 Running 3 30 28 1 2 1F 96.6% MaxIterations 3h1m AGE",
		},
		"soakrun -o wide": {
			"NAME VERDICT RUN ITERATION PASSED FAILED ERRORED STREAK RATE STOPPED-BY LAST AGE AT-LEAST RETRIED CAUSE CHART READY STATUS",
			"shop-3 Running 3 30 28 1 2 1F 96.6% MaxIterations 3h1m AGE 84.7% 3 TestFailed 1.4.0 True installing",
		},
		"soakcell": {
			"NAME MARKET ENVIRONMENT STEP ITERATION PASSED FAILED ERRORED STREAK NODE AGE",
			"shop-3-tonaton-sandbox tonaton sandbox Install 30 28 1 2 1F worker-3 AGE",
		},
	} {
		lines := strings.Split(strings.TrimSpace(s.kubectl(t, append([]string{"get"}, strings.Fields(command)...)...)), "\n")
		if len(lines) != 2 {
			t.Fatalf("get %s: %q", command, lines)
		}
		header, row := strings.Fields(lines[0]), strings.Fields(lines[1])
		for i, column := range header {
			if column == "AGE" && i < len(row) {
				row[i] = "AGE"
			}
		}
		for i, got := range [][]string{header, row} {
			if got := strings.Join(got, " "); got != want[i] {
				t.Errorf("get %s\n got %s\nwant %s", command, got, want[i])
			}
		}
	}
	if all := s.kubectl(t, "get", "soak,soakrun,soakcell", "--output=name"); strings.Count(all, "\n") != 3 {
		t.Errorf("get soak,soakrun,soakcell: %s", all)
	}
}

func unstructuredStatus(t *testing.T, o *unstructured.Unstructured) map[string]any {
	t.Helper()
	status, ok := o.Object["status"].(map[string]any)
	if !ok {
		t.Fatal("no status")
	}
	return status
}

// kubectl explain is the manual that is always at hand.
func TestExplain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for path, want := range map[string][]string{
		"soakexperiment":                              {"SoakExperiment says what is delivered over and over, where, and until when."},
		"soakexperiment.spec":                         {"releaseName is the pattern of the releases' names.", "markets of the matrix.", "suspend holds the run"},
		"soakexperiment.spec.timeouts":                {"clean is how long it may take until nothing of the release is left."},
		"soakexperiment.spec.stop":                    {"maxDuration ends the run after that time. 0s means never."},
		"soakexperiment.spec.environments.steps":      {"steps that are done in this environment, in their order."},
		"soakexperiment.spec.environments.namespace":  {"namespace of the releases; that of the experiment unless said."},
		"soakexperiment.spec.chart":                   {"configMap holds the packaged chart in its binaryData."},
		"soakexperiment.spec.valuesFrom":              {"key in its data, which holds YAML."},
		"soakexperiment.spec.matrixValues.marketPath": {"such as global.market."},
		"soakexperiment.status.tally":                 {"retried is how many"},
		"soakrun.spec":                                {"inputs of the run: the experiment's, as they were when the run started."},
		"soakcell.spec":                               {"iteration that the cell should have done;"},
	} {
		// The server publishes a new schema some time after it has accepted it.
		again := time.NewTicker(200 * time.Millisecond)
		late := time.After(time.Minute)
		for {
			out, err := s.cluster.Kubectl(t.Context(), "explain", path)
			text := strings.Join(strings.Fields(out), " ")
			missing := ""
			for _, sentence := range want {
				if !strings.Contains(text, sentence) {
					missing = sentence
				}
			}
			if err == nil && missing == "" {
				break
			}
			select {
			case <-again.C:
				continue
			case <-late:
				t.Fatalf("explain %s does not say %q: %v\n%s", path, missing, err, out)
			}
		}
	}
}

// Every field, however deep, says what it is.
func TestEveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, plural := range []string{"soakexperiments", "soakruns", "soakcells"} {
		definition := object(t, s.kubectl(t, "get", "crd", plural+".soak.saltside.io", "--output=yaml"))
		versions, _, err := unstructured.NestedSlice(definition.Object, "spec", "versions")
		if err != nil || len(versions) != 1 {
			t.Fatal(versions, err)
		}
		version, _ := versions[0].(map[string]any)
		schema, _, err := unstructured.NestedMap(version, "schema", "openAPIV3Schema")
		if err != nil {
			t.Fatal(err)
		}
		describe(t, plural, schema)
	}
}

func describe(t *testing.T, path string, schema map[string]any) {
	t.Helper()
	properties, _ := schema["properties"].(map[string]any)
	if items, ok := schema["items"].(map[string]any); ok {
		properties, _ = items["properties"].(map[string]any)
	}
	for field, value := range properties {
		property, _ := value.(map[string]any)
		if property["description"] == nil && field != "metadata" {
			t.Errorf("%s.%s has no description", path, field)
		}
		describe(t, path+"."+field, property)
	}
}
