package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/operator"
)

// Whatever somebody writes into a field is refused with a message, or driven to a state that can be read. The operator
// does not panic over it, is not kept busy by it, and what makes sense goes on beside it.
func TestAbsurdObjects(t *testing.T) {
	t.Parallel()
	b := onBench(t, simulatedNodes)
	b.restart(t, func(*operator.Options) { b.serveMetrics(t) })
	e := newExperiment(t, b)
	e.Spec.Environments[0].Steps = []soakv1alpha1.Step{soakv1alpha1.StepBuild}
	e.apply()
	e.awaitFinished()
	cells := slices.Collect(maps.Values(e.cells()))

	alone := timeOf(newExperiment(t, b))

	accepted := e.createAbsurd("SoakExperiment", "soakexperiments", &e.Spec)
	run := e.runs()[0]
	e.createAbsurd("SoakRun", "soakruns", &run.Spec)
	e.createAbsurd("SoakCell", "soakcells", &cells[0].Spec)

	for _, name := range accepted {
		e.awaitReadable(name)
	}
	e.wantNoPanic()
	stuck := e.keepStuck()
	e.wantLittleDone()
	beside := timeOf(newExperiment(t, b))
	if beside > 5*alone+10*time.Second { // Loose, as the machine has other things to do at times; a worker that is kept busy takes far longer.
		t.Errorf("an experiment takes %s beside %d stuck ones, and %s without", beside, stuck, alone)
	}
	e.wantNoPanic()
	t.Logf("%d absurd experiments were accepted and are readable; %d of them are stuck; another takes %s beside them, and took %s alone",
		len(accepted), stuck, beside, alone)
}

// timeOf is how long an experiment of three iterations takes.
func timeOf(e *experiment) time.Duration {
	e.t.Helper()
	e.Spec.Stop.MaxIterations = 3
	began := time.Now()
	e.apply()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 3})
	took := time.Since(began)
	e.awaitCleaned()
	return took
}

// createAbsurd creates objects of a kind that make no sense, and returns the names of those that are accepted.
func (e *experiment) createAbsurd(kind, plural string, spec any) []string {
	e.t.Helper()
	sane, err := runtime.DefaultUnstructuredConverter.ToUnstructured(spec)
	if err != nil {
		e.t.Fatal(err)
	}
	var accepted []string
	all := mutants(e.t, plural, sane)
	for i, mutant := range all {
		object := &unstructured.Unstructured{Object: map[string]any{"spec": mutant.spec}}
		object.SetGroupVersionKind(soakv1alpha1.GroupVersion.WithKind(kind))
		object.SetName(fmt.Sprintf("absurd-%d", i))
		object.SetNamespace(e.Namespace)
		err := e.bench.client.Create(e.t.Context(), object)
		switch {
		case err == nil:
			accepted = append(accepted, object.GetName())
		case !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), "spec"):
			e.t.Errorf("%s with %s is refused without a word on the field: %v", kind, mutant.what, err)
		}
	}
	if len(accepted) == len(all) {
		e.t.Errorf("no %s was refused", kind)
	}
	e.t.Logf("%s: %d of %d were accepted", kind, len(accepted), len(all))
	return accepted
}

// awaitReadable waits until an experiment of that name says how it is, for its definition as it is.
func (e *experiment) awaitReadable(name string) {
	e.t.Helper()
	other := *e
	other.Name = name
	object := other.await(name+" says how it is", func(object *soakv1alpha1.SoakExperiment) bool {
		return object.Name == name && object.Status.ObservedGeneration == object.Generation && object.Status.Summary.Verdict != ""
	})
	stalled := meta.FindStatusCondition(object.Status.Conditions, soakv1alpha1.ConditionStalled)
	if stalled == nil || stalled.Message == "" || object.Status.Summary.Status == "" {
		e.t.Errorf("%s is not told how it is: %+v", name, object.Status)
	}
}

func (e *experiment) wantNoPanic() {
	e.t.Helper()
	log, err := os.ReadFile(e.bench.process.Log())
	if err != nil {
		e.t.Fatal(err)
	}
	if at := strings.Index(strings.ToLower(string(log)), "panic"); at >= 0 {
		e.t.Errorf("it has panicked: %.2000s", log[at:])
	}
}

// keepStuck deletes the experiments that make progress, and returns how many do not.
func (e *experiment) keepStuck() int {
	e.t.Helper()
	var list soakv1alpha1.SoakExperimentList
	if err := e.bench.client.List(e.t.Context(), &list, client.InNamespace(e.Namespace)); err != nil {
		e.t.Fatal(err)
	}
	stuck := 0
	var others []string
	for i := range list.Items {
		if meta.IsStatusConditionTrue(list.Items[i].Status.Conditions, soakv1alpha1.ConditionStalled) {
			stuck++
		} else {
			others = append(others, "soak/"+list.Items[i].Name)
		}
	}
	e.kubectl(append([]string{"delete", "--timeout=200s"}, others...)...)
	if stuck == 0 {
		e.t.Error("nothing is stuck: the test has tested nothing")
	}
	return stuck
}

// wantLittleDone looks for ten seconds how often each controller is called for what is stuck: once a second would be the
// most for each. It is less, so that one that loops alone is seen as well.
func (e *experiment) wantLittleDone() {
	e.t.Helper()
	const quiet = 10 * time.Second
	token := e.allowMetrics("default")
	before := e.reconciles(token)
	pause := time.NewTimer(quiet)
	<-pause.C
	after := e.reconciles(token)
	for _, controller := range []string{"experiment", "run", "cell"} {
		stuck := len(strings.Fields(e.kubectl("get", "soak"+controller+"s", "-o", "name")))
		done := after[controller] - before[controller]
		if limit := int(quiet/time.Second) + 6*stuck; done > limit {
			e.t.Errorf("the controller of %ss was called %d times in %s for %d objects, at most %d are due", controller, done, quiet, stuck, limit)
		}
		if before[controller] == 0 {
			e.t.Errorf("the controller of %ss was never called: the test has tested nothing", controller)
		}
		e.t.Logf("%d %ss: the controller was called %d times in %s", stuck, controller, done, quiet)
	}
}

// reconciles that each controller has done so far, by its name.
func (e *experiment) reconciles(token string) map[string]int {
	e.t.Helper()
	status, metrics := e.bench.scrape(e.t, token)
	if status != http.StatusOK {
		e.t.Fatalf("status %d of metrics", status)
	}
	counts := map[string]int{}
	for _, line := range reconcileTotal.FindAllStringSubmatch(metrics, -1) {
		count, err := strconv.Atoi(line[2])
		if err != nil {
			e.t.Fatal(err)
		}
		counts[line[1]] += count
	}
	return counts
}

var reconcileTotal = regexp.MustCompile(`(?m)^controller_runtime_reconcile_total\{controller="(\w+)",result="\w+"\} (\d+)$`)
