package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/release"
)

// Objects of somebody else. A gate and a suspension keep them from moving by themselves.
const (
	theirService = `
apiVersion: v1
kind: Service
metadata: {name: shop-ikman-sandbox-web, namespace: NAMESPACE}
spec: {selector: {app: theirs}, ports: [{port: 81}]}
`
	theirJob = `
apiVersion: batch/v1
kind: Job
metadata: {name: %s, namespace: NAMESPACE}
spec:
  suspend: true
  template:
    spec: {restartPolicy: Never, containers: [{name: theirs, image: soak.local/app:1}]}
`
	theirPod = `
apiVersion: v1
kind: Pod
metadata: {name: shop-ikman-sandbox-answers, namespace: NAMESPACE}
spec:
  schedulingGates: [{name: example.com/not-yet}]
  containers: [{name: theirs, image: soak.local/app:1}]
`
	theirClaim = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-shop-ikman-sandbox-store-0, namespace: NAMESPACE, labels: {of: somebody}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
`
)

// An object that has the name of one of the chart's stays as it is, be it that of a hook which is to be deleted before it
// is created. Nothing is installed, and the experiment can be deleted without it.
func TestSafetyObjectThatWasThereFirst(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ yaml, object string }{
		"service": {theirService, "Service/shop-ikman-sandbox-web"},
		"hook":    {fmt.Sprintf(theirJob, "shop-ikman-sandbox-setup"), "Job/shop-ikman-sandbox-setup"},
		"test":    {theirPod, "Pod/shop-ikman-sandbox-answers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, onSharedBench(t))
			theirs := e.createByHand(test.yaml, test.object)
			e.apply()
			e.awaitStalled(release.ReasonObjectConflict, test.object, e.Namespace, "Delete it")
			e.awaitAttempt(2)
			theirs.wantSame()
			e.wantNothingLeft()
			e.deleteWhole()
			theirs.wantSame()
		})
	}
}

// A claim that has the name of one that a StatefulSet would make holds somebody's data: the release must not get it.
func TestSafetyClaimOfSomebody(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.createByHand(theirClaim, "pvc/data-shop-ikman-sandbox-store-0")
	uid := e.bench.kubectl(t, "get", "pvc", "data-shop-ikman-sandbox-store-0", "-n", e.Namespace, "-o", "jsonpath={.metadata.uid} {.metadata.labels}")
	e.Spec.InfrastructureErrorPolicy = soakv1alpha1.InfrastructureErrorPolicyFail
	e.apply()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Failed: 1})
	e.wantFailure(soakv1alpha1.StepInstall, release.ReasonObjectConflict, "PersistentVolumeClaim/data-shop-ikman-sandbox-store-0")
	e.awaitCleaned()
	if is := e.bench.kubectl(t, "get", "pvc", "data-shop-ikman-sandbox-store-0", "-n", e.Namespace, "-o", "jsonpath={.metadata.uid} {.metadata.labels}"); is != uid {
		t.Errorf("the claim was %s, and is %s", uid, is)
	}
}

// An object comes up while the release is being installed: after it was looked whether the names are free.
func TestSafetyObjectDuringInstall(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Values = values(t, "{setup: {startDelay: 6s}}") // The Service is created after that hook.
	e.apply()
	e.awaitPod("-setup-")
	theirs := e.createByHand(theirService, "service/shop-ikman-sandbox-web")
	e.awaitStalled(release.ReasonObjectConflict, "Service/shop-ikman-sandbox-web", e.Namespace, "Delete it")
	theirs.wantSame()
	e.deleteWhole()
	theirs.wantSame()
}

// laterHook runs after the hook of the chart, and is to replace what there is of its name.
const laterHook = `
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-later
  annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: "5", helm.sh/hook-delete-policy: before-hook-creation}
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {simulated.soak.saltside.io/outcome: exit-0}}
    spec:
      restartPolicy: Never
      containers: [{name: later, image: soak.local/app:1, args: [exit, --code=0]}]
`

// The name of a hook is taken while the hook before it runs.
func TestSafetyHookDuringInstall(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.putChart(withTemplate("later.yaml", laterHook))
	e.Spec.Values = values(t, "{setup: {startDelay: 6s}}")
	e.apply()
	e.awaitPod("-setup-")
	theirs := e.createByHand(fmt.Sprintf(theirJob, "shop-ikman-sandbox-later"), "job/shop-ikman-sandbox-later")
	e.awaitStalled(release.ReasonObjectConflict, "Job/shop-ikman-sandbox-later", e.Namespace, "Delete it")
	theirs.wantSame()
	e.deleteWhole()
	theirs.wantSame()
}

// The name of a test's pod is taken while the release is being installed.
func TestSafetyPodBeforeTest(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Values = values(t, "{web: {startDelay: 6s}}")
	e.Spec.InfrastructureErrorPolicy = soakv1alpha1.InfrastructureErrorPolicyFail
	e.apply()
	e.awaitPod("-web-")
	theirs := e.createByHand(theirPod, "pod/shop-ikman-sandbox-answers")
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Failed: 1})
	e.wantFailure(soakv1alpha1.StepTest, release.ReasonObjectConflict, "Pod/shop-ikman-sandbox-answers")
	e.awaitCleaned()
	e.wantNothingLeft()
	theirs.wantSame()
}

// The name of a hook of Clean is taken by somebody between two iterations: Clean does without the hook.
func TestSafetyHookOfClean(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.putChart(withTemplate("farewell.yaml", strings.ReplaceAll(failingHook, "exit-1", "exit-0")))
	e.Spec.Stop.MaxIterations, e.Spec.IterationInterval = 2, intervalForHands
	e.apply()
	passedIn(e, 1)
	resume := e.pause()
	theirs := e.createByHand(fmt.Sprintf(theirJob, "shop-ikman-sandbox-farewell"), "job/shop-ikman-sandbox-farewell")
	resume()
	e.awaitStalled(release.ReasonObjectConflict, "Job/shop-ikman-sandbox-farewell", e.Namespace, "Delete it")
	theirs.wantSame()
	e.wantNothingLeft()
	e.deleteWhole()
	theirs.wantSame()
}

// awaitPod waits until there is a pod with such a part in its name.
func (e *experiment) awaitPod(part string) {
	e.t.Helper()
	e.follow(patience, &corev1.PodList{}, func(event watch.Event) bool {
		pod, ok := event.Object.(*corev1.Pod)
		return ok && event.Type != watch.Deleted && strings.Contains(pod.Name, part)
	}, "a pod "+part)
}

// canaries have names that begin or end as those of the release do, and labels that are nearly those of the cell. The
// finalizer would hold up whoever deleted one.
const canaries = `
apiVersion: v1
kind: ConfigMap
metadata: {name: shop-ikman-sandbox, namespace: NAMESPACE, labels: {soak.saltside.io/cell: OTHER, soak.saltside.io/experiment: shop, soak.saltside.io/run: "1"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: shop-ikman-sandbox-web, namespace: NAMESPACE, labels: {soak.saltside.io/cell.x: CELL, cell: CELL, soak.saltside.io/experiment: shop, soak.saltside.io/run: "1", soak.saltside.io/attempt: "1"}}
---
apiVersion: v1
kind: Service
metadata:
  name: shop-ikman-sandbox-web2
  namespace: NAMESPACE
  labels: {app.kubernetes.io/instance: shop-ikman-sandbox, app.kubernetes.io/managed-by: Helm, soak.saltside.io/cell: OTHER}
  annotations: {meta.helm.sh/release-name: shop-ikman-sandbox, meta.helm.sh/release-namespace: NAMESPACE, soak.saltside.io/cell: CELL}
spec: {selector: {app: shop-ikman-sandbox-web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: a-shop-ikman-sandbox-answers, namespace: NAMESPACE, labels: {app: shop-ikman-sandbox-web, app.kubernetes.io/instance: shop-ikman-sandbox}}
spec:
  schedulingGates: [{name: example.com/not-yet}]
  containers: [{name: theirs, image: soak.local/app:1}]
---
apiVersion: v1
kind: Secret
type: helm.sh/release.v1
metadata: {name: sh.helm.release.v1.shop-ikman-sandbox2.v1, namespace: NAMESPACE, labels: {owner: helm, name: shop-ikman-sandbox2, status: deployed, version: "1"}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-shop-ikman-sandbox-store-1, namespace: NAMESPACE, labels: {app: shop-ikman-sandbox-store}}
spec: {storageClassName: "", accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: shop-ikman-sandbox-setup-2, namespace: NAMESPACE, annotations: {helm.sh/hook: pre-install, helm.sh/hook-delete-policy: before-hook-creation}}
spec:
  suspend: true
  template:
    metadata: {labels: {soak.saltside.io/experiment: shop}}
    spec: {restartPolicy: Never, containers: [{name: theirs, image: soak.local/app:1}]}
`

// What is nearly ours is not: it outlives two iterations, and the experiment.
func TestSafetyCanaries(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Stop.MaxIterations, e.Spec.IterationInterval = 3, intervalForHands
	e.apply()
	passedIn(e, 1)
	cell := e.cells()["ikman/sandbox"].Labels[soakv1alpha1.LabelCell]
	if cell == "" {
		t.Fatal("the cell has no label")
	}
	resume := e.pause()
	// The cell label of another: with one letter more, in an experiment of the same name.
	yaml := strings.NewReplacer("OTHER", cell+"0", "CELL", cell).Replace(canaries)
	theirs := e.createByHand(yaml, "configmap/shop-ikman-sandbox", "configmap/shop-ikman-sandbox-web", "service/shop-ikman-sandbox-web2",
		"pod/a-shop-ikman-sandbox-answers", "secret/sh.helm.release.v1.shop-ikman-sandbox2.v1", "pvc/data-shop-ikman-sandbox-store-1",
		"job/shop-ikman-sandbox-setup-2")
	resume()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 3})
	theirs.wantSame()
	e.bench.kubectl(t, "delete", "soak", e.Name, "-n", e.Namespace, "--timeout=60s")
	if left := e.versions(); left != "" {
		t.Errorf("there is still %s", left)
	}
	theirs.wantSame()
}
