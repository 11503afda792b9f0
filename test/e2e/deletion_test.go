package e2e

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// What blocks a deletion is named, with how to mend it; and when it is mended the deletion ends, with nothing left.
func TestBlockedDeletion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		block  func(*experiment)
		mend   func(*experiment)
		reason string
		names  []string // what the condition names
	}{
		// As GitOps tools do, which prune in any order.
		"the account's rights are gone": {
			block: func(e *experiment) { e.kubectl("delete", "rolebinding", account) },
			mend: func(e *experiment) {
				e.kubectl("create", "rolebinding", account, "--clusterrole=admin", "--serviceaccount="+e.Namespace+":"+account)
			},
			reason: "Forbidden", names: []string{account, "may not", "secrets"},
		},
		"a pod is held": {
			block:  func(e *experiment) { e.hold("pod", webPods) },
			mend:   func(e *experiment) { e.release("pod") },
			reason: "PodsNotDeleted", names: []string{"Pod/shop-ikman-sandbox-web-", "example.com/held"},
		},
		"a claim is held": {
			block:  func(e *experiment) { e.hold("pvc", soakv1alpha1.LabelCell) },
			mend:   func(e *experiment) { e.release("pvc") },
			reason: "ResourcesNotDeleted", names: []string{"PersistentVolumeClaim/", "example.com/held"},
		},
		"the consent is gone": {
			block: func(e *experiment) {
				e.bench.kubectl(e.t, "label", "namespace", e.Namespace, soakv1alpha1.LabelAllowedFrom+"-")
			},
			mend: func(e *experiment) {
				e.bench.kubectl(e.t, "label", "namespace", e.Namespace, soakv1alpha1.LabelAllowedFrom+"="+e.Namespace)
			},
			reason: "NamespaceNotAllowed", names: []string{"kubectl label namespace"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newDeployed(t, onSharedBench(t))
			test.block(e)
			e.kubectl("delete", "soak", e.Name, "--wait=false")
			e.awaitStalled(test.reason, test.names...)
			test.mend(e)
			e.awaitGone()
			e.wantNothingLeft()
		})
	}
}

// A step that is at work when the experiment is deleted is stopped, and what blocks the Clean after it is named. Build is
// looked at where the operator is frozen in it.
func TestBlockedDeletionAtWork(t *testing.T) {
	t.Parallel()
	for step, test := range map[soakv1alpha1.Step]struct {
		values    string
		iteration int32
	}{
		soakv1alpha1.StepClean:   {iteration: 2}, // which finds what is held, and waits for it
		soakv1alpha1.StepInstall: {values: "{web: {startDelay: 60s}}", iteration: 1},
		soakv1alpha1.StepTest:    {values: "{test: {startDelay: 60s}}", iteration: 1},
	} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, onSharedBench(t))
			e.Spec.Stop.MaxIterations = 1000
			e.Spec.IterationInterval = intervalForHands
			e.Spec.Timeouts = soakv1alpha1.Timeouts{Clean: "8s", Install: "100s", Test: "100s"}
			if test.values != "" {
				e.Spec.Values = values(t, test.values)
			}
			e.apply()
			if test.iteration > 1 {
				passedIn(e, 1)
			} else {
				e.awaitStep(step)
				e.awaitPod("-web-")
			}
			e.hold("pod", webPods)
			e.awaitStepOf(step, test.iteration)
			e.kubectl("delete", "soak", e.Name, "--wait=false")
			e.awaitStalled("PodsNotDeleted", "Pod/shop-ikman-sandbox-web-", "example.com/held")
			e.release("pod")
			e.awaitGone()
			e.wantNothingLeft()
		})
	}
}

// The namespace of the releases is deleted, and then the experiment, which is in another one: it is gone when that is.
func TestDeletionAwaitsTheNamespace(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	e, target := newWithTarget(t, b)
	e.Spec.CleanupPolicy = soakv1alpha1.CleanupPolicyNever
	e.apply()
	e.awaitFinished()
	pods := strings.Fields(b.kubectl(t, "get", "pod", "-n", target, "-l", soakv1alpha1.LabelCell, "-o", "name"))
	if len(pods) == 0 {
		t.Fatal("it has no pod")
	}
	b.kubectl(t, "patch", pods[0], "-n", target, "--type=merge", "-p", `{"metadata":{"finalizers":["example.com/held"]}}`)
	b.kubectl(t, "delete", "namespace", target, "--wait=false")
	e.kubectl("delete", "soak", e.Name, "--wait=false")
	e.awaitStalled("NamespaceMissing", target, "is being deleted")
	b.kubectl(t, "patch", pods[0], "-n", target, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	e.awaitGone()
	b.kubectl(t, "wait", "--for=delete", "namespace/"+target, "--timeout=5s") // which it is by then
}

// An experiment that is told to let go does so at once, and says what remains.
func TestAbandonedDeletionListsWhatRemains(t *testing.T) {
	t.Parallel()
	e := newDeployed(t, onSharedBench(t))
	e.hold("pod", webPods)
	e.kubectl("delete", "soak", e.Name, "--wait=false")
	e.awaitStalled("PodsNotDeleted", "example.com/held")
	e.kubectl("annotate", "soak", e.Name, soakv1alpha1.AnnotationAbandon+"=the node is lost")
	e.awaitGone()
	told := false
	e.follow(patience, &corev1.EventList{}, func(event watch.Event) bool {
		seen, ok := event.Object.(*corev1.Event)
		told = told || ok && seen.Reason == "Abandoned" && strings.Contains(seen.Message, "release shop-ikman-sandbox in namespace "+e.Namespace)
		return told
	}, "an event that says what remains")
	e.release("pod")
}

// A record that Helm cannot read any more keeps nothing from being cleaned.
func TestDeletionWithUnreadableRecord(t *testing.T) {
	t.Parallel()
	e := newDeployed(t, onSharedBench(t))
	e.kubectl("patch", "secret", "sh.helm.release.v1.shop-ikman-sandbox.v1", "--type=merge", "-p", `{"stringData":{"release":"nonsense"}}`)
	e.kubectl("delete", "soak", e.Name, "--timeout=60s")
	e.wantNothingLeft()
}

// A namespace that goes takes the experiment in it along: its cells cannot be cleaned with an account that is gone first.
func TestDeletionOfTheNamespace(t *testing.T) {
	t.Parallel()
	e := newDeployed(t, onSharedBench(t))
	e.bench.kubectl(t, "delete", "namespace", e.Namespace, "--timeout=100s")
}

// The operator is killed while it cleans up after an experiment: the next one goes on with it.
func TestDeletionOutlivesTheOperator(t *testing.T) {
	t.Parallel()
	b := onBench(t, simulatedNodes)
	e := newDeployed(t, b)
	e.hold("pod", webPods)
	e.kubectl("delete", "soak", e.Name, "--wait=false")
	e.follow(patience, &corev1.PodList{}, func(event watch.Event) bool {
		pod, ok := event.Object.(*corev1.Pod)
		return ok && pod.DeletionTimestamp != nil
	}, "a pod goes")
	b.process.Kill()
	e.release("pod")
	if err := b.start(); err != nil {
		t.Fatal(err)
	}
	e.awaitGone()
	e.wantNothingLeft()
}

const webPods = "app=shop-ikman-sandbox-web"

// newDeployed returns an experiment that has finished and left its release.
func newDeployed(t *testing.T, b *bench) *experiment {
	t.Helper()
	e := newExperiment(t, b)
	e.Spec.CleanupPolicy = soakv1alpha1.CleanupPolicyNever
	e.Spec.Timeouts.Clean = "8s"
	e.apply()
	e.awaitFinished()
	e.wantRelease()
	return e
}

// kubectl in the experiment's namespace.
func (e *experiment) kubectl(arguments ...string) string {
	e.t.Helper()
	return e.bench.kubectl(e.t, append(arguments, "-n", e.Namespace)...)
}

// hold keeps objects from going, until they are released.
func (e *experiment) hold(kind, selector string) {
	e.t.Helper()
	names := strings.Fields(e.kubectl("get", kind, "-l", selector, "-o", "name"))
	if len(names) == 0 {
		e.t.Fatalf("there is no %s with %s", kind, selector)
	}
	for _, name := range names {
		e.kubectl("patch", name, "--type=merge", "-p", `{"metadata":{"finalizers":["example.com/held"]}}`)
	}
}

func (e *experiment) release(kind string) {
	e.t.Helper()
	for name := range strings.FieldsSeq(e.kubectl("get", kind, "-o", "name")) {
		e.kubectl("patch", name, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	}
}

// awaitGone waits until the experiment is no more, nor anything of ours that it had.
func (e *experiment) awaitGone() {
	e.t.Helper()
	e.kubectl("wait", "--for=delete", "soak/"+e.Name, "--timeout=120s")
	if left := e.versions(); left != "" {
		e.t.Errorf("there is still %s", left)
	}
}
