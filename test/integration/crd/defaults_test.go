package crd_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// What a user need not write.
const defaults = `
  releaseName: "{experiment}-{market}-{environment}"
  timeouts: {clean: 5m, build: 2m, install: 5m, test: 5m}
  testPolicy: Required
  persistentVolumeClaimPolicy: Delete
  infrastructureErrorPolicy: Retry
  parallelism: 1
  iterationInterval: 10s
  suspendPolicy: FinishIteration
  stop: {maxDuration: 24h, consecutiveFailures: 5, erroredFor: 2h}
  cleanupPolicy: Always
  cleanupDelay: 4h
  runHistoryLimit: 5
  deletionPolicy: Clean
`

func TestDefaults(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for title, test := range map[string]struct{ patch, want string }{
		"nothing written": {"{}", `
spec:
  markets: [{name: tonaton}, {name: ikman}]
  environments:
  - {name: sandbox, namespace: sandbox, steps: [Clean, Build, Install, Test]}
  - {name: production, namespace: production, steps: [Build]}
`},
		"a part written": {
			"spec: {timeouts: {clean: 20s}, stop: {maxDuration: 0s}, valuesFrom: [{kind: Secret, name: a}], environments: [{name: sandbox}]}", `
spec:
  timeouts: {clean: 20s, build: 2m, install: 5m, test: 5m}
  stop: {maxDuration: 0s, consecutiveFailures: 5, erroredFor: 2h}
  valuesFrom: [{kind: Secret, name: a, key: values.yaml}]
  environments: [{name: sandbox, steps: [Clean, Build, Install, Test]}]
`},
		"none written": {"spec: {timeouts: {}, stop: {}}", "{}"},
		"zeros written": {
			"spec: {iterationInterval: 0s, runHistoryLimit: 0, suspend: false, stop: {consecutiveFailures: 0, erroredFor: 0s}}", `
spec:
  iterationInterval: 0s
  runHistoryLimit: 0
  suspend: false
  stop: {maxDuration: 24h, consecutiveFailures: 0, erroredFor: 0s}
`},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			base := with(t, object(t, experiment), "spec:"+defaults)
			base = with(t, base, "spec: {environments: [{name: sandbox, namespace: sandbox, steps: [Clean, Build, Install, Test]}, {name: production, namespace: production, steps: [Build]}]}")
			o := with(t, object(t, experiment), test.patch)
			o.SetName("")
			o.SetGenerateName("defaults-")
			got := create(t, s.resource("soakexperiments"), o)
			want := with(t, base, test.want)
			if diff := cmp.Diff(want.Object["spec"], got.Object["spec"], numbers); diff != "" {
				t.Errorf("the stored spec (+) is not what was expected (-):\n%s", diff)
			}
		})
	}
}

// numbers makes the numbers of YAML and of the API server the same.
var numbers = cmp.FilterValues(func(a, b any) bool { return isNumber(a) && isNumber(b) },
	cmp.Comparer(func(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }))

func isNumber(value any) bool {
	switch value.(type) {
	case int64, float64:
		return true
	}
	return false
}

// A manifest that says what is there already is no new generation, whoever brings it and how often.
func TestSameManifestTwice(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	o := with(t, object(t, experiment), "spec: {values: {b: 1, a: {c: 2.50}}, exclude: [{market: ikman, environment: production}], timeouts: {clean: 300s}}")
	manifest, err := yaml.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, manifest)
	s.kubectl(t, "apply", "--filename", file)
	experiments := s.resource("soakexperiments")
	first, err := experiments.Get(t.Context(), "shop", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for title, again := range map[string]func(){
		"apply":             func() { s.kubectl(t, "apply", "--filename", file) },
		"server-side apply": func() { s.kubectl(t, "apply", "--server-side", "--force-conflicts", "--filename", file) },
		"replace":           func() { s.kubectl(t, "replace", "--filename", file) },
		"a Go client": func() {
			typed := &soakv1alpha1.SoakExperiment{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(first.Object, typed); err != nil {
				t.Fatal(err)
			}
			typed.ResourceVersion = ""
			manifest, err := yaml.Marshal(typed)
			if err != nil {
				t.Fatal(err)
			}
			s.kubectl(t, "replace", "--filename", write(t, manifest))
		},
	} {
		again()
		got, err := experiments.Get(t.Context(), "shop", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got.GetGeneration() != 1 {
			t.Errorf("%s: generation %d: %s", title, got.GetGeneration(), cmp.Diff(first.Object["spec"], got.Object["spec"]))
		}
	}
}
