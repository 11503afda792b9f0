package e2e

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/release"
)

// The namespace of the releases is deleted while one is being installed. The experiment says so, and when it is back it
// goes on.
func TestNamespaceDeletedDuringInstall(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	e, target := newWithTarget(t, b)
	e.Spec.Values = values(t, "{web: {startDelay: 15s}}")
	e.Spec.Timeouts.Install = "40s"
	e.Spec.Stop.MaxIterations = 1000
	e.apply()
	e.awaitStep(soakv1alpha1.StepInstall)
	b.kubectl(t, "delete", "namespace", target, "--timeout=60s")
	e.await("how to mend it", func(object *soakv1alpha1.SoakExperiment) bool {
		told := meta.FindStatusCondition(object.Status.Conditions, soakv1alpha1.ConditionStalled)
		return told != nil && told.Reason == release.ReasonNamespaceMissing &&
			strings.Contains(told.Message, "kubectl label namespace "+target+" "+soakv1alpha1.LabelAllowedFrom)
	})
	b.kubectl(t, "create", "namespace", target)
	b.allow(t, target, e.Namespace)
	b.kubectl(t, "create", "rolebinding", "from-"+e.Namespace, "-n", target, "--clusterrole=admin", "--serviceaccount="+e.Namespace+":"+account)
	object := e.await("it goes on", func(object *soakv1alpha1.SoakExperiment) bool {
		return object.Status.Tally != nil && object.Status.Tally.Passed > 0
	})
	// Whether the iteration had failed by then is a matter of what the namespace lost first.
	if tally := object.Status.Tally; tally.Failed > 1 || tally.Errored != 0 {
		t.Errorf("the tally is %+v", tally)
	}
}

// A node is drained under a test. The pod that was to answer never did: that is no pass, and the node is named.
func TestNodeDrainedDuringTest(t *testing.T) {
	t.Parallel()
	b := onBench(t, simulatedNodes)
	e := newExperiment(t, b)
	e.Spec.Values = values(t, "{test: {outcome: exit-0, startDelay: 60s}}")
	e.Spec.Timeouts.Test = "100s"
	e.apply()
	node := ""
	e.follow(patience, &corev1.PodList{}, func(event watch.Event) bool {
		pod, ok := event.Object.(*corev1.Pod)
		if ok && strings.HasSuffix(pod.Name, "-answers") {
			node = pod.Spec.NodeName
		}
		return node != ""
	}, "the pod of the test is on a node")
	b.kubectl(t, "drain", node, "--force", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=60s")
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Failed: 1})
	e.wantFailure(soakv1alpha1.StepTest, release.ReasonTestDeleted, "Pod/shop-ikman-sandbox-answers")
	for _, run := range e.runs() {
		if run.Status.LastFailure.Node != node {
			t.Errorf("the failure is on node %q, want %q", run.Status.LastFailure.Node, node)
		}
	}
}

// A quota that has no room for the release is named as what keeps it from being ready.
func TestQuota(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Timeouts.Install = "8s"
	e.kubectl("create", "quota", "small", "--hard=pods=1")
	e.apply()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Failed: 1})
	failure := e.runs()[0].Status.LastFailure
	if failure.Step != soakv1alpha1.StepInstall || !strings.Contains(failure.Message, "exceeded quota: small") {
		t.Errorf("the failure is %+v", failure)
	}
}

// The account's rights are taken away and given back in the middle of a run. What could not be judged is not counted.
func TestRightsTakenAwayAndGivenBack(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Stop.MaxIterations = 4
	e.apply()
	passedIn(e, 1)
	e.kubectl("delete", "rolebinding", account)
	e.awaitStalled(release.ReasonForbidden, account, "may not")
	e.kubectl("create", "rolebinding", account, "--clusterrole=admin", "--serviceaccount="+e.Namespace+":"+account)
	object := e.awaitFinished()
	if tally := object.Status.Tally; tally.Passed != 4 || tally.Failed != 0 || tally.Errored != 0 {
		t.Errorf("the tally is %+v", tally)
	}
	if meta.IsStatusConditionTrue(object.Status.Conditions, soakv1alpha1.ConditionStalled) {
		t.Error("it still says that it is stalled")
	}
	e.awaitCleaned()
	e.wantNothingLeft()
}
