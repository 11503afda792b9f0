package e2e

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// What makes a difference starts a new run, with a tally of its own; what makes none does not.
func TestNewRuns(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.putSecret("web: {replicas: 1}")
	e.Spec.ValuesFrom = []soakv1alpha1.ValuesReference{{Kind: soakv1alpha1.ValuesKindSecret, Name: "values"}}
	e.Spec.Stop.MaxIterations = 1000
	e.apply()
	number := int32(1)
	passedIn(e, number)

	for _, test := range []struct {
		what   string
		change func()
	}{
		{"the same, in other words", func() { e.Spec.Timeouts.Install = "20000ms" }},
		{"a default that is said", func() { e.Spec.TestPolicy = soakv1alpha1.TestPolicyRequired }},
		{"another stop rule", func() { e.Spec.Stop.MaxIterations = 2000 }},
	} {
		test.change()
		e.apply()
		object := e.await("the status is of "+test.what, func(object *soakv1alpha1.SoakExperiment) bool {
			return object.Status.ObservedGeneration == object.Generation
		})
		if object.Status.Run.Number != number {
			t.Errorf("%s has started run %d", test.what, object.Status.Run.Number)
		}
	}
	for _, test := range []struct {
		what   string
		change func()
	}{
		{"other values", func() { e.Spec.Values = values(t, "{terminationGracePeriodSeconds: 1}") }},
		{"another id", func() { e.Spec.Run.ID = "2" }},
		{"the annotation", func() { e.Annotations = map[string]string{soakv1alpha1.AnnotationRestartedAt: "now"} }},
		{"another secret", func() { e.putSecret("web: {replicas: 2}") }},
		{"another chart", func() { e.putChart(withTemplate("more.yaml", "")) }},
		{"another market", func() { e.Spec.Markets = append(e.Spec.Markets, soakv1alpha1.Market{Name: "bikroy"}) }},
	} {
		test.change()
		e.apply()
		number++
		e.await("a run after "+test.what, func(object *soakv1alpha1.SoakExperiment) bool {
			return object.Status.Run.Number >= number
		})
		passedIn(e, number)
	}
	if runs := e.runs(); len(runs) < 2 {
		t.Errorf("%d runs are kept", len(runs))
	}
}

// passedIn waits until a run has counted an iteration, which must have passed.
func passedIn(e *experiment, number int32) {
	e.t.Helper()
	object := e.await(fmt.Sprintf("run %d has counted", number), func(object *soakv1alpha1.SoakExperiment) bool {
		tally := object.Status.Tally
		return object.Status.Run.Number == number && tally != nil && tally.Passed+tally.Failed+tally.Errored > 0
	})
	if object.Status.Tally.Failed+object.Status.Tally.Errored > 0 {
		e.t.Errorf("run %d: %+v", number, object.Status.Tally)
	}
}

func (e *experiment) putSecret(content string) {
	e.t.Helper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "values", Namespace: e.Namespace},
		StringData: map[string]string{"values.yaml": content},
	}
	err := e.bench.client.Create(e.t.Context(), secret)
	if err != nil {
		err = e.bench.client.Update(e.t.Context(), secret)
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

var applies = flag.Int("applies", 10, "how often TestApplyAgain applies the same manifest, once a second")

// GitOps tools apply the same again and again. It starts no run, and nobody writes anything for it.
func TestApplyAgain(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.apply()
	e.awaitFinished()
	e.awaitCleaned()
	before := e.await("it is as it was", finished)
	versions := e.versions()
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for range *applies {
		<-again.C
		e.apply()
	}
	after := e.await("it is as it was", finished)
	if after.ResourceVersion != before.ResourceVersion || after.Generation != before.Generation {
		t.Errorf("the experiment was written: %s, then %s", before.ResourceVersion, after.ResourceVersion)
	}
	if now := e.versions(); now != versions {
		t.Errorf("something was written:\n%s\nthen\n%s", versions, now)
	}
}

// versions of all our objects.
func (e *experiment) versions() string {
	e.t.Helper()
	return e.bench.kubectl(e.t, "get", "soak,soakruns,soakcells", "-n", e.Namespace,
		"-o", `jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}`)
}

func TestSuspend(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]soakv1alpha1.SuspendPolicy{
		"finish": soakv1alpha1.SuspendPolicyFinishIteration, "stop": soakv1alpha1.SuspendPolicyStop,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, onSharedBench(t))
			e.Spec.Stop.MaxIterations = 3
			e.Spec.SuspendPolicy = policy
			e.apply()
			e.awaitStep(soakv1alpha1.StepInstall)
			suspend := true
			e.Spec.Suspend = &suspend
			e.apply()
			object := e.await("suspended", func(object *soakv1alpha1.SoakExperiment) bool {
				return meta.IsStatusConditionTrue(object.Status.Conditions, soakv1alpha1.ConditionSuspended)
			})
			e.await("at rest", func(*soakv1alpha1.SoakExperiment) bool {
				for _, cell := range e.cells() {
					if cell.Status.Attempt.Number != 0 {
						return false
					}
				}
				return true
			})
			if object.Status.Summary.Verdict != "Suspended" {
				t.Errorf("verdict %q", object.Status.Summary.Verdict)
			}
			e.Spec.Suspend = nil
			e.apply()
			e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 3})
		})
	}
}

// An experiment that is deleted takes its releases with it, whatever it was at.
func TestDelete(t *testing.T) {
	t.Parallel()
	for _, step := range []soakv1alpha1.Step{soakv1alpha1.StepClean, soakv1alpha1.StepBuild, soakv1alpha1.StepInstall, soakv1alpha1.StepTest} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, onSharedBench(t))
			e.Spec.Stop.MaxIterations = 1000
			e.apply()
			e.await("an iteration is counted", func(object *soakv1alpha1.SoakExperiment) bool {
				return object.Status.Tally != nil && object.Status.Tally.Passed > 0
			})
			e.awaitStep(step)
			e.bench.kubectl(t, "delete", "soak", e.Name, "-n", e.Namespace, "--timeout=60s")
			e.wantNothingLeft()
			if left := e.versions(); left != "" {
				t.Errorf("there is still %s", left)
			}
		})
	}
}

// A missing right is named, and once it is given the experiment goes on.
func TestMissingRight(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	e := newExperiment(t, b)
	b.kubectl(t, "delete", "rolebinding", account, "-n", e.Namespace)
	b.kubectl(t, "create", "role", account, "-n", e.Namespace, "--verb=get", "--resource=configmaps")
	b.kubectl(t, "create", "rolebinding", account, "-n", e.Namespace, "--role="+account, "--serviceaccount="+e.Namespace+":"+account)
	e.apply()
	object := e.await("stalled", func(object *soakv1alpha1.SoakExperiment) bool {
		return meta.IsStatusConditionTrue(object.Status.Conditions, soakv1alpha1.ConditionStalled)
	})
	message := meta.FindStatusCondition(object.Status.Conditions, soakv1alpha1.ConditionStalled).Message
	for _, word := range []string{"list", "secrets", e.Namespace, account} {
		if !strings.Contains(message, word) {
			t.Errorf("the message does not name %s: %s", word, message)
		}
	}
	b.kubectl(t, "create", "rolebinding", "more", "-n", e.Namespace, "--clusterrole=admin", "--serviceaccount="+e.Namespace+":"+account)
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 1, Retried: 1})
}

// Nothing is done in a namespace whose owners have not said that it may, or do not say so any more.
func TestNamespaceConsent(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	e := newExperiment(t, b)
	e.Spec.Stop.MaxIterations = 1000
	e.apply()
	e.awaitConsent()
	passedIn(e, 1)
	e.awaitConsent()
	e.bench.kubectl(t, "delete", "soak", e.Name, "-n", e.Namespace, "--timeout=60s")
	e.wantNothingLeft()
}

// awaitConsent takes the label from the namespace until the experiment says that it misses it.
func (e *experiment) awaitConsent() {
	e.t.Helper()
	label := soakv1alpha1.LabelAllowedFrom
	e.bench.kubectl(e.t, "label", "namespace", e.Namespace, label+"-")
	object := e.await("stalled", func(object *soakv1alpha1.SoakExperiment) bool {
		return meta.IsStatusConditionTrue(object.Status.Conditions, soakv1alpha1.ConditionStalled)
	})
	told := meta.FindStatusCondition(object.Status.Conditions, soakv1alpha1.ConditionStalled)
	command := "kubectl label namespace " + e.Namespace + " " + label + "=" + e.Namespace
	if told.Reason != "NamespaceNotAllowed" || !strings.Contains(told.Message, command) {
		e.t.Errorf("condition %+v, want the command %q", told, command)
	}
	e.bench.kubectl(e.t, "label", "namespace", e.Namespace, label+"="+e.Namespace)
}

// What it refers to is not there yet.
func TestMissingChart(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	e := newExperiment(t, b)
	b.kubectl(t, "delete", "configmap", chartName, "-n", e.Namespace)
	e.apply()
	object := e.await("stalled", func(object *soakv1alpha1.SoakExperiment) bool {
		return meta.IsStatusConditionTrue(object.Status.Conditions, soakv1alpha1.ConditionStalled)
	})
	if message := meta.FindStatusCondition(object.Status.Conditions, soakv1alpha1.ConditionStalled).Message; !strings.Contains(message, chartName) {
		t.Errorf("the message does not name the ConfigMap: %s", message)
	}
	e.putChart(nil)
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 1})
}

// What a pod leaves in the way of Clean is named, and the iteration has failed.
func TestStuckFinalizer(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	e := newExperiment(t, b)
	e.Spec.Stop.MaxIterations = 3
	e.Spec.Timeouts.Clean = "8s"
	e.apply()
	held := ""
	e.follow(patience, &corev1.PodList{}, func(event watch.Event) bool {
		pod, ok := event.Object.(*corev1.Pod)
		if ok {
			held = pod.Name
		}
		return ok && strings.Contains(pod.Name, "-web-") && pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil &&
			b.hold(e, pod.Name)
	}, "a pod of the release is held")
	e.await("an iteration has failed", func(object *soakv1alpha1.SoakExperiment) bool {
		return object.Status.Tally != nil && object.Status.Tally.Failed > 0
	})
	e.wantFailure(soakv1alpha1.StepClean, "PodsNotDeleted", "Pod/shop-ikman-sandbox-web-")
	for _, run := range e.runs() {
		if !strings.Contains(run.Status.LastFailure.Message, "example.com/held") {
			t.Errorf("the finalizer is not named: %s", run.Status.LastFailure.Message)
		}
	}
	b.kubectl(t, "patch", "-n", e.Namespace, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`, "pod", held)
}

// hold keeps a pod from going.
func (b *bench) hold(e *experiment, pod string) bool {
	_, err := b.cluster.Kubectl(e.t.Context(), "patch", "pod", pod, "-n", e.Namespace, "--type=merge",
		"-p", `{"metadata":{"finalizers":["example.com/held"],"labels":{"held":"true"}}}`)
	return err == nil
}
