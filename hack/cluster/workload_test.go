package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/saltside/soak-operator/hack/cluster"
	"github.com/saltside/soak-operator/hack/cluster/clustertest"
)

const (
	everything = "testdata/everything"
	appImage   = "soak.local/app:1"
)

// kinds of nodes that the same chart must behave alike on.
var kinds = []string{"simulated:4", "real:1"}

// onEachKind runs the test in a namespace of its own on a shared cluster of each kind of nodes.
func onEachKind(t *testing.T, test func(t *testing.T, k kube)) {
	for _, nodes := range kinds {
		t.Run(nodes, func(t *testing.T) {
			test(t, newKube(t, clustertest.Shared(t, nodes)))
		})
	}
}

// kube runs kubectl and helm in one namespace.
type kube struct {
	t         *testing.T
	cluster   *cluster.Cluster
	namespace string
}

var namespaces atomic.Int32

func newKube(t *testing.T, c *cluster.Cluster) kube {
	t.Helper()
	k := kube{t: t, cluster: c, namespace: fmt.Sprintf("test-%d", namespaces.Add(1))}
	k.ok("create", "namespace", k.namespace)
	t.Cleanup(func() {
		// Stuck pods are part of some tests, and nobody else will let them go.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, args := range [][]string{
			{"delete", "pods", "--all", "--namespace", k.namespace, "--force", "--grace-period=0", "--wait=false"},
			{"delete", "namespace", k.namespace, "--wait=false"},
		} {
			if _, err := c.Kubectl(ctx, args...); err != nil {
				t.Errorf("clean up: %v", err)
			}
		}
	})
	return k
}

// in is the same for a subtest.
func (k kube) in(t *testing.T) kube {
	k.t = t
	return k
}

// try runs kubectl and returns what it printed.
func (k kube) try(args ...string) (string, error) {
	return k.cluster.Kubectl(k.t.Context(), append([]string{"--namespace", k.namespace}, args...)...)
}

// ok runs kubectl, which must succeed.
func (k kube) ok(args ...string) string {
	k.t.Helper()
	out, err := k.try(args...)
	if err != nil {
		k.t.Fatal(err)
	}
	return out
}

func (k kube) tryHelm(args ...string) (string, error) {
	return k.cluster.Helm(k.t.Context(), append([]string{"--namespace", k.namespace}, args...)...)
}

func (k kube) okHelm(args ...string) string {
	k.t.Helper()
	out, err := k.tryHelm(args...)
	if err != nil {
		k.t.Fatal(err)
	}
	return out
}

// want fails the test unless kubectl prints exactly that.
func (k kube) want(want string, args ...string) {
	k.t.Helper()
	if got := k.ok(args...); got != want {
		k.t.Errorf("kubectl %s: got %q, want %q", strings.Join(args, " "), got, want)
	}
}

// A chart with a Deployment, a StatefulSet with a claim, a Job hook and a test hook goes through its whole life.
func TestHelmLifecycle(t *testing.T) {
	onEachKind(t, func(t *testing.T, k kube) {
		k.okHelm("install", "shop", everything, "--wait", "--timeout", "2m")
		k.want("2", "get", "deployment/shop-web", "-o", "jsonpath={.status.readyReplicas}")
		k.want("1", "get", "statefulset/shop-store", "-o", "jsonpath={.status.readyReplicas}")
		k.want("Bound", "get", "pvc/data-shop-store-0", "-o", "jsonpath={.status.phase}")
		k.want("1", "get", "job/shop-setup", "-o", "jsonpath={.status.succeeded}")

		args := []string{"test", "shop", "--timeout", "1m"}
		if k.cluster.Nodes().Kind != cluster.Simulated {
			args = append(args, "--logs") // a simulated pod has none
		}
		out := k.okHelm(args...)
		if !strings.Contains(out, "Phase:          Succeeded") {
			t.Errorf("helm test printed %s", out)
		}
		if k.cluster.Nodes().Kind != cluster.Simulated && !strings.Contains(out, "the shop answers") {
			t.Errorf("helm test printed no log of the test pod: %s", out)
		}

		k.okHelm("uninstall", "shop", "--wait", "--timeout", "2m")
		k.ok("wait", "--for=delete", "pod", "--selector=app", "--timeout=1m")
		volume := k.ok("get", "pvc/data-shop-store-0", "-o", "jsonpath={.spec.volumeName}")
		k.ok("delete", "pvc/data-shop-store-0", "--timeout=1m")
		k.ok("wait", "--for=delete", "pv/"+volume, "--timeout=1m")
	})
}

func TestChartWhoseTestFails(t *testing.T) {
	onEachKind(t, func(t *testing.T, k kube) {
		k.okHelm("install", "shop", everything, "--wait", "--timeout", "2m", "--set", "test.outcome=exit-3")
		if out, err := k.tryHelm("test", "shop", "--timeout", "1m"); err == nil {
			t.Errorf("helm test succeeded: %s", out)
		}
		k.want("Failed 3", "get", "pod/shop-answers", "-o", "jsonpath={.status.phase} {.status.containerStatuses[0].state.terminated.exitCode}")
	})
}

func TestPodThatNeverBecomesReady(t *testing.T) {
	onEachKind(t, func(t *testing.T, k kube) {
		if out, err := k.tryHelm("install", "shop", everything, "--wait", "--timeout", "10s", "--set", "web.outcome=never-ready"); err == nil {
			t.Errorf("helm install succeeded: %s", out)
		}
		k.want("Running False Running False ", "get", "pods", "--selector=app=shop-web",
			"-o", `jsonpath={range .items[*]}{.status.phase} {.status.conditions[?(@.type=="Ready")].status} {end}`)
		k.want("1", "get", "statefulset/shop-store", "-o", "jsonpath={.status.readyReplicas}")
	})
}

// A finalizer holds a pod that its node is done with, on either kind of nodes; a node that cannot stop a pod is
// played by a simulated one.
func TestPodStuckTerminating(t *testing.T) {
	onEachKind(t, func(t *testing.T, k kube) {
		k.okHelm("install", "shop", everything, "--wait", "--timeout", "2m", "--set", "web.replicas=1,web.stopDelay=stuck,terminationGracePeriodSeconds=1")
		pod := strings.TrimSpace(k.ok("get", "pods", "--selector=app=shop-web", "-o", "name"))
		if k.cluster.Nodes().Kind != cluster.Simulated {
			k.ok("patch", pod, "--type=merge", "--patch", `{"metadata":{"finalizers":["soak.saltside.io/test"]}}`)
		}
		k.okHelm("uninstall", "shop")
		k.ok("wait", "--for=delete", "pod", "--selector=app=shop-store", "--timeout=1m")
		if out, err := k.try("wait", "--for=delete", pod, "--timeout=5s"); err == nil {
			t.Errorf("%s is gone: %s", pod, out)
		}
		if k.ok("get", pod, "-o", "jsonpath={.metadata.deletionTimestamp}") == "" {
			t.Errorf("%s is not being deleted", pod)
		}
		if k.cluster.Nodes().Kind != cluster.Simulated {
			k.ok("patch", pod, "--type=merge", "--patch", `{"metadata":{"finalizers":null}}`)
			k.ok("wait", "--for=delete", pod, "--timeout=1m")
		}
	})
}

// What else a simulated pod can be told to do.
func TestSimulatedScripts(t *testing.T) {
	k := newKube(t, clustertest.Shared(t, "simulated:4"))
	const status = `jsonpath={.status.phase} {.status.containerStatuses[0].state.waiting.reason}{.status.containerStatuses[0].state.terminated.exitCode}`
	for name, test := range map[string]struct {
		script  []string // annotations, without their prefix
		restart string
		wait    string
		want    string
	}{
		"crash-loop":   {script: []string{"outcome=crash-loop"}, restart: "Always", wait: "jsonpath={.status.containerStatuses[0].restartCount}=1", want: "Running CrashLoopBackOff"},
		"image-pull":   {script: []string{"outcome=image-pull"}, restart: "Always", wait: "jsonpath={.status.startTime}", want: "Pending ImagePullBackOff"},
		"exit-1":       {script: []string{"outcome=exit-1"}, restart: "Never", wait: "jsonpath={.status.phase}=Failed", want: "Failed 1"},
		"ends":         {script: nil, restart: "Never", wait: "jsonpath={.status.phase}=Succeeded", want: "Succeeded 0"},
		"hangs":        {script: []string{"outcome=hang"}, restart: "Never", wait: "condition=Ready", want: "Running "},
		"runs-a-while": {script: []string{"run-duration=1h"}, restart: "Never", wait: "condition=Ready", want: "Running "},
	} {
		t.Run(name, func(t *testing.T) {
			k := k.in(t)
			args := []string{"run", name, "--image=any", "--restart=" + test.restart}
			for _, line := range test.script {
				args = append(args, "--annotations=simulated.soak.saltside.io/"+line)
			}
			k.ok(args...)
			k.ok("wait", "--for="+test.wait, "pod/"+name, "--timeout=20s")
			k.want(test.want, "get", "pod/"+name, "-o", status)
		})
	}
}

// Delays are kept, give or take the second that Kubernetes' times are counted in.
func TestSimulatedDelays(t *testing.T) {
	k := newKube(t, clustertest.Shared(t, "simulated:4"))
	const delay = 3 * time.Second
	k.ok("run", "slow", "--image=any", "--annotations=simulated.soak.saltside.io/start-delay=3s", "--annotations=simulated.soak.saltside.io/stop-delay=3s")
	took(t, "start", delay, func() { k.ok("wait", "--for=condition=Ready", "pod/slow", "--timeout=20s") })
	k.ok("delete", "pod/slow", "--wait=false")
	took(t, "stop", delay, func() { k.ok("wait", "--for=delete", "pod/slow", "--timeout=20s") })
}

func took(t *testing.T, what string, want time.Duration, do func()) {
	t.Helper()
	started := time.Now()
	do()
	if got := time.Since(started); got < want-time.Second || got > want+5*time.Second {
		t.Errorf("%s took %s, want about %s", what, got, want)
	}
}

// The logs of a simulated pod do not exist, and a request for them must not hang.
func TestSimulatedLogsFailAtOnce(t *testing.T) {
	k := newKube(t, clustertest.Shared(t, "simulated:4"))
	k.ok("run", "silent", "--image=any")
	k.ok("wait", "--for=condition=Ready", "pod/silent", "--timeout=20s")
	started := time.Now()
	if out, err := k.try("logs", "silent"); err == nil {
		t.Errorf("logs: %s", out)
	}
	if got := time.Since(started); got > 5*time.Second {
		t.Errorf("logs failed after %s", got)
	}
}
