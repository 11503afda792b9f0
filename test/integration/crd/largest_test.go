package crd_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// name returns a name of the greatest length, that differs from others in its end.
func name(length, i int) string {
	return fmt.Sprintf("%s%04d", strings.Repeat("x", length-4), i)
}

// matrix returns an experiment with as many markets and environments, of which the last cells are overridden and
// excluded, as many as may be, and with as many of everything else as may be.
func matrix(t *testing.T, markets, environments int) *unstructured.Unstructured {
	t.Helper()
	o := object(t, experiment)
	o.SetName(name(52, 0))
	filler := map[string]any{"filler": strings.Repeat("x", 1000)}
	rows, columns, references := []any{}, []any{}, []any{}
	excluded, overridden := []any{}, []any{}
	for i := range markets {
		rows = append(rows, map[string]any{"name": name(63, i), "values": filler})
	}
	for i := range environments {
		columns = append(columns, map[string]any{"name": name(63, i), "namespace": name(63, i), "values": filler})
	}
	for i := range 250 {
		cell := map[string]any{"market": name(63, markets-1-i%markets), "environment": name(63, environments-1-i/markets)}
		excluded = append(excluded, cell)
		overridden = append(overridden, map[string]any{"market": cell["market"], "environment": cell["environment"], "values": filler})
	}
	for i := range 16 {
		references = append(references, map[string]any{"kind": "Secret", "name": name(253, i), "key": name(253, i)})
	}
	spec := map[string]any{
		"markets": rows, "environments": columns, "exclude": excluded, "overrides": overridden, "valuesFrom": references,
		"values":             map[string]any{"filler": strings.Repeat("x", 100_000)},
		"serviceAccountName": name(253, 0),
		"chart":              map[string]any{"configMap": map[string]any{"name": name(253, 0), "key": name(253, 0)}},
		"releaseName":        strings.Repeat("x", 128-len("{market}")) + "{market}",
		"matrixValues":       map[string]any{"marketPath": name(253, 0), "environmentPath": name(253, 1)},
		"run":                map[string]any{"id": name(63, 0), "description": name(1024, 0)},
		"allow":              []any{"ClusterScoped", "CustomResourceDefinitions", "LoadBalancers"},
	}
	o.Object["spec"] = spec
	return o
}

// The largest experiments are within the limits of what the API server spends on rules, when they are accepted as well
// as when they are not.
func TestLargestExperiment(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for title, test := range map[string]struct {
		markets, environments int
		want                  string
	}{
		"most markets":      {250, 5, "<nil>"},
		"most environments": {78, 16, "<nil>"},
		"a cell too many":   {139, 9, "spec.markets: Invalid value: markets times environments, without what exclude lists, must be at most 1000 cells: split the experiment"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			o := matrix(t, test.markets, test.environments)
			experiments := s.resource("soakexperiments")
			dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict}
			_, err := experiments.Create(t.Context(), o, dryRun)
			if got := refusal(err); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestLargestExperimentWithWrongNames(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	o := matrix(t, 250, 5)
	for _, list := range []string{"exclude", "overrides"} {
		cells, _, err := unstructured.NestedSlice(o.Object, "spec", list)
		if err != nil {
			t.Fatal(err)
		}
		for i := range cells {
			cell, ok := cells[i].(map[string]any)
			if !ok {
				t.Fatal(cells[i])
			}
			cell["market"] = name(63, 1000+i)
		}
		if err := unstructured.SetNestedSlice(o.Object, cells, "spec", list); err != nil {
			t.Fatal(err)
		}
	}
	first := strings.Repeat("x", 59) + "1000"
	want := "spec.exclude: Invalid value: exclude names the market " + first + ", which is not in markets: remove it or add the market\n" +
		"spec.overrides: Invalid value: overrides names the market " + first + ", which is not in markets: remove it or add the market"
	_, err := s.resource("soakexperiments").Create(t.Context(), o, metav1.CreateOptions{})
	if got := refusal(err); got != want {
		t.Errorf(" got %s\nwant %s", got, want)
	}
}

// A run is checked whole at every write of its status, too.
func TestLargestRun(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	runs := s.resource("soakruns")
	o := object(t, run)
	spec, _, err := unstructured.NestedMap(create(t, s.resource("soakexperiments"), matrix(t, 250, 5)).Object, "spec")
	if err != nil {
		t.Fatal(err)
	}
	for _, notAnInput := range []string{"run", "stop", "suspendPolicy", "cleanupPolicy", "cleanupDelay", "runHistoryLimit", "deletionPolicy"} {
		delete(spec, notAnInput)
	}
	if err := unstructured.SetNestedMap(o.Object, spec, "spec", "inputs"); err != nil {
		t.Fatal(err)
	}
	o = create(t, runs, o)

	o = with(t, o, "status: {iteration: 1, tally: {passed: 0, failed: 0, errored: 0, retried: 0}}")
	if o, err = runs.UpdateStatus(t.Context(), o, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if o, err = runs.Update(t.Context(), with(t, o, "spec: {end: Restarted}"), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	want := "spec.inputs: Invalid value: inputs never change: a new run starts with new inputs"
	_, err = runs.Update(t.Context(), with(t, o, "spec: {inputs: {values: {filler: none}}}"), metav1.UpdateOptions{})
	if got := refusal(err); got != want {
		t.Errorf(" got %s\nwant %s", got, want)
	}
}
