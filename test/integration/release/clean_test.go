package release_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/cluster/clustertest"
	"github.com/saltside/soak-operator/internal/plan"
	"github.com/saltside/soak-operator/internal/release"
)

// short is how long a step may take that is meant to run out of time.
const short = 4 * time.Second

func TestCleanOfNothingSucceeds(t *testing.T) {
	f := newFixture(t)
	f.want(f.clean(limit), plan.Succeeded, "")
}

func TestH4StuckPodIsNamedAndNotForgotten(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), values{"web": values{"stopDelay": "stuck"}})
	for range 2 { // Helm has purged the release the first time, and the second must not believe that
		outcome := f.clean(short)
		f.want(outcome, plan.Failed, release.ReasonPodsNotDeleted, "Pod/shop-web-", "on node "+outcome.Node, "is being deleted since 2")
		if outcome.Node == "" || !strings.HasPrefix(outcome.Object, "Pod/shop-web-") {
			t.Errorf("culprit is %q on node %q", outcome.Object, outcome.Node)
		}
	}
	f.in("delete", "pods", "--all", "--force", "--grace-period=0")
	f.want(f.clean(limit), plan.Succeeded, "")
	f.isClean()
}

func TestH4StuckFinalizerIsNamed(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), values{"web": values{"finalizers": []any{"example.com/held"}}})
	outcome := f.clean(short)
	f.want(outcome, plan.Failed, release.ReasonResourcesNotDeleted, "Deployment/shop-web", "example.com/held", "is being deleted since 2")
	if outcome.Object != "Deployment/shop-web" {
		t.Errorf("culprit is %q", outcome.Object)
	}
	f.in("patch", "deployment", "shop-web", "--type=json", `--patch=[{"op":"remove","path":"/metadata/finalizers"}]`)
	f.want(f.clean(limit), plan.Succeeded, "")
	f.isClean()
}

func TestH4HeldReleaseRecordIsNamed(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), nil)
	f.in("patch", "secret", "sh.helm.release.v1.shop.v1", "--type=merge",
		`--patch={"metadata":{"finalizers":["example.com/held"]},"stringData":{"release":"nonsense"}}`)
	f.want(f.clean(short), plan.Failed, release.ReasonReleaseNotPurged, "sh.helm.release.v1.shop.v1", "example.com/held")
	f.in("patch", "secret", "sh.helm.release.v1.shop.v1", "--type=json", `--patch=[{"op":"remove","path":"/metadata/finalizers"}]`)
	f.want(f.clean(limit), plan.Succeeded, "")
}

func TestH7CleanReturnsOnlyWhenPodsAreGone(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), values{"web": values{"stopDelay": "3s"}})
	start := time.Now()
	f.want(f.clean(limit), plan.Succeeded, "")
	if took := time.Since(start); took < 3*time.Second {
		t.Errorf("clean took %s, the pod 3 s to go", took)
	}
	f.isClean()
}

func TestH8ClaimsAndHooksAreSwept(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, map[string]string{"templates/hooked.yaml": `
apiVersion: v1
kind: Secret
metadata:
  name: hooked
  annotations: {helm.sh/hook: pre-install}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: kept
  annotations: {helm.sh/resource-policy: keep}
`}), values{"store": values{"enabled": true}, "setup": values{"outcome": "exit-0"}})
	for _, kind := range []string{"persistentvolumeclaims", "jobs", "secrets"} {
		if f.ours(kind) == "" {
			t.Fatalf("there are no %s of ours to sweep", kind)
		}
	}
	f.want(f.clean(limit), plan.Succeeded, "")
	f.isClean()
}

func TestKeptClaimsSurviveAndAreUsedAgain(t *testing.T) {
	f := newFixture(t)
	f.target.PersistentVolumeClaimPolicy = soakv1alpha1.PersistentVolumeClaimPolicyKeep
	claim := map[string]string{"templates/claim.yaml": `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: files}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: none
  volumeName: files-{{ .Release.Namespace }}
  resources: {requests: {storage: 1Mi}}
`}
	f.atEnd("delete", "persistentvolume", "files-"+f.target.Namespace, "--wait=false")
	f.apply(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: files-` + f.target.Namespace + `}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: none
  capacity: {storage: 1Mi}
  hostPath: {path: /nowhere}
`)
	f.installed(shop(t, claim), nil)
	uid := f.in("get", "persistentvolumeclaim", "files", "--output=jsonpath={.metadata.uid}")
	f.want(f.clean(limit), plan.Succeeded, "")
	f.target.Attempt = 2
	f.installed(shop(t, claim), nil)
	if again := f.in("get", "persistentvolumeclaim", "files", "--output=jsonpath={.metadata.uid}"); again != uid {
		t.Errorf("the claim was made anew")
	}
	f.target.PersistentVolumeClaimPolicy = soakv1alpha1.PersistentVolumeClaimPolicyDelete
	f.want(f.clean(limit), plan.Succeeded, "")
	f.isClean()
}

func TestH12ReleaseInAnyStateIsCleaned(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"pending-install", "uninstalling", "failed", "superseded", "pending-upgrade", "uninstalled"} {
		t.Run(status, func(t *testing.T) {
			f := newFixture(t)
			f.installed(shop(t, nil), nil)
			f.rewriteRecord(func(record map[string]any) {
				record["info"].(map[string]any)["status"] = status //nolint:errcheck,forcetypeassert // Helm's own
			}, status)
			f.want(f.clean(limit), plan.Succeeded, "")
			f.isClean()
		})
	}
}

func TestUnreadableReleaseRecordIsCleaned(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), nil)
	f.in("patch", "secret", "sh.helm.release.v1.shop.v1", "--type=merge", `--patch={"stringData":{"release":"nonsense"}}`)
	f.want(f.clean(limit), plan.Succeeded, "", "could not be read")
	f.isClean()
}

func TestH22FailingDeleteHookDoesNotBlockClean(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), values{"teardown": values{"outcome": "exit-3"}})
	f.want(f.clean(limit), plan.Succeeded, "", "Job/shop-teardown failed", "exit code 3", "without hooks")
	f.isClean()
}

func TestH22HangingDeleteHookDoesNotBlockClean(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), values{"teardown": values{"outcome": "hang"}})
	f.want(f.clean(12*time.Second), plan.Succeeded, "", "Job/shop-teardown had not ended in time", "without hooks")
	f.isClean()
}

func TestReleaseOfSomebodyElseIsLeftAlone(t *testing.T) {
	f := newFixture(t)
	if _, err := f.cluster.Helm(t.Context(), "install", "shop", "../../charts/shop", "--namespace", f.target.Namespace, "--wait"); err != nil {
		t.Fatal(err)
	}
	before := f.in("get", everything, "--output=jsonpath={range .items[*]}{.metadata.uid}{.metadata.resourceVersion} {end}")
	outcome := f.clean(limit)
	f.want(outcome, plan.Errored, release.ReasonReleaseConflict, "release shop", "not of this cell")
	if !outcome.UserMustAct {
		t.Error("trying again will not help, and the outcome does not say so")
	}
	f.want(f.install(f.built(shop(t, nil), nil), limit), plan.Errored, release.ReasonReleaseConflict)
	if after := f.in("get", everything, "--output=jsonpath={range .items[*]}{.metadata.uid}{.metadata.resourceVersion} {end}"); after != before {
		t.Errorf("objects were %s and are %s", before, after)
	}
}

func TestLaterAttemptIsLeftAlone(t *testing.T) {
	f := newFixture(t)
	f.target.Run, f.target.Attempt = 2, 1
	f.installed(shop(t, nil), nil)
	for _, older := range []struct{ run, attempt int32 }{{1, 9}, {2, 0}} {
		f.target.Run, f.target.Attempt = older.run, older.attempt
		f.want(f.clean(limit), plan.Errored, release.ReasonSuperseded, "run 2, attempt 1")
	}
	f.target.Run, f.target.Attempt = 2, 2
	f.want(f.clean(limit), plan.Succeeded, "")
}

// Objects that look like ours in all but the label of the cell.
func TestNearlyIdenticalObjectsAreLeftAlone(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), nil)
	f.apply(`
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: shop-web-canary
    labels: {soak.saltside.io/cell: ` + f.target.Cell + `x, soak.saltside.io/experiment: shop, app.kubernetes.io/managed-by: Helm}
    annotations: {meta.helm.sh/release-name: shop, meta.helm.sh/release-namespace: ` + f.target.Namespace + `}
- apiVersion: v1
  kind: Secret
  metadata:
    name: sh.helm.release.v1.shop-canary.v1
    labels: {owner: helm, name: shop-canary, status: deployed, version: "1"}
  type: helm.sh/release.v1
- apiVersion: v1
  kind: Pod
  metadata: {name: shop-web-canary, labels: {app: shop-web-canary}}
  spec: {containers: [{name: web, image: "soak.local/app:1"}]}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: {name: data-shop-store-0}
  spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
`)
	canaries := func() string {
		return f.in("get", "configmap/shop-web-canary", "secret/sh.helm.release.v1.shop-canary.v1", "pod/shop-web-canary",
			"persistentvolumeclaim/data-shop-store-0", "--output=jsonpath={range .items[*]}{.metadata.uid} {.metadata.deletionTimestamp}{end}")
	}
	before := canaries()
	f.want(f.clean(limit), plan.Succeeded, "")
	f.isClean()
	if after := canaries(); after != before {
		t.Errorf("canaries were %s and are %s", before, after)
	}
}

func TestH21ObjectThatWasReplacedIsLeftAloneByClean(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), nil)
	f.in("delete", "configmap", "shop-web")
	f.in("create", "configmap", "shop-web", "--from-literal=owner=somebody-else")
	f.want(f.clean(limit), plan.Succeeded, "", "ConfigMap/shop-web is not of this cell")
	f.in("get", "configmap", "shop-web")
}

func TestH1MissingRightIsNamed(t *testing.T) {
	f := newFixture(t)
	f.in("delete", "rolebinding", "runner")
	outcome := f.clean(limit)
	f.want(outcome, plan.Errored, release.ReasonForbidden, "service account "+f.target.Namespace+"/runner may not list secrets in namespace "+f.target.Namespace)
	if !outcome.UserMustAct {
		t.Error("trying again will not help, and the outcome does not say so")
	}
}

func TestMissingRightToDeleteIsNamed(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), nil)
	f.in("delete", "rolebinding", "runner")
	f.in("create", "role", "runner", "--verb=get,list,watch,create,update,patch", "--resource=*.*")
	f.in("create", "rolebinding", "runner", "--role=runner", "--serviceaccount="+f.target.Namespace+":runner")
	f.want(f.clean(limit), plan.Errored, release.ReasonForbidden, "may not delete")
}

func TestH1FrozenServerIsNotAPass(t *testing.T) {
	c := clustertest.Start(t, "simulated:1")
	f := newFixtureOn(t, c)
	f.installed(shop(t, nil), values{"web": values{"stopDelay": "stuck"}})
	ended := make(chan plan.Outcome)
	go func() { ended <- f.helm.Clean(f.within(6*time.Second), f.target, f.inventory) }()
	f.eventually(func() bool {
		return f.in("get", "pods", "--output=jsonpath={.items[*].metadata.deletionTimestamp}") != ""
	})
	if err := c.Freeze("kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	outcome := <-ended
	if err := c.Thaw("kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	if outcome.Result != plan.Errored {
		t.Fatalf("outcome is %+v, want Errored", outcome)
	}

	// Dead from the start, it is no better: an API that cannot be read is not an empty one.
	if err := c.Freeze("kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	outcome = f.clean(short)
	if err := c.Thaw("kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	if outcome.Result != plan.Errored {
		t.Fatalf("outcome is %+v, want Errored", outcome)
	}
}

func TestFencedProcessChangesNothing(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), nil)
	before := f.ours(everything)
	fenced := release.New(f.config, release.Options{Fence: func() error { return errors.New("the lease is lost") }})
	f.want(fenced.Clean(f.within(limit), f.target, f.inventory), plan.Errored, release.ReasonFenced, "the lease is lost")
	if after := f.ours(everything); after != before {
		t.Errorf("objects were %s and are %s", before, after)
	}
}

func TestCleanCanBeStopped(t *testing.T) {
	f := newFixture(t)
	f.installed(shop(t, nil), values{"web": values{"stopDelay": "stuck"}})
	ctx, cancel := context.WithCancelCause(f.within(limit))
	stopped := make(chan time.Time, 1)
	time.AfterFunc(2*time.Second, func() { stopped <- time.Now(); cancel(errors.New("suspended")) })
	f.want(f.helm.Clean(ctx, f.target, f.inventory), plan.Stopped, release.ReasonStopped, "suspended")
	if took := time.Since(<-stopped); took > time.Second {
		t.Errorf("it took %s to stop", took)
	}
}

// rewriteRecord changes the release record as a crash would have left it.
func (f *fixture) rewriteRecord(change func(map[string]any), status string) {
	f.t.Helper()
	encoded := f.in("get", "secret", "sh.helm.release.v1.shop.v1", "--output=jsonpath={.data.release}")
	record := decodeRecord(f.t, encoded)
	change(record)
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"status": status}},
		"data":     map[string]any{"release": encodeRecord(f.t, record)},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.in("patch", "secret", "sh.helm.release.v1.shop.v1", "--type=merge", "--patch="+string(patch))
}
