package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/saltside/soak-operator/hack/cluster"
	"github.com/saltside/soak-operator/hack/cluster/clustertest"
)

const ready = `jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Ready")].reason}`

// A node goes bad under running pods: it becomes NotReady, what is placed on it hangs, and once it is good again all of
// it goes on by itself.
func TestNodeGoesBadAndRecovers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		nodes, node, limit string
		cause              cluster.Cause
		want               string
	}{
		{"simulated:2", "soak-node-1", "30s", cluster.ContainerRuntime, "False KubeletNotReady"},
		{"simulated:2", "soak-node-1", "2m", cluster.Kubelet, "Unknown NodeStatusUnknown"},
		{"real:2", "soak-node-a", "6m", cluster.ContainerRuntime, "False KubeletNotReady"},
		{"real:2", "soak-node-b", "2m", cluster.Kubelet, "Unknown NodeStatusUnknown"},
	} {
		t.Run(test.nodes+"/"+string(test.cause), func(t *testing.T) {
			t.Parallel()
			c := clustertest.Start(t, test.nodes)
			k := newKube(t, c)
			place := `--overrides={"spec":{"nodeName":"` + test.node + `","terminationGracePeriodSeconds":1}}`
			image := "--image=" + appImage
			k.ok("run", "before", image, place, "--", "serve")
			k.ok("wait", "--for=condition=Ready", "pod/before", "--timeout=1m")

			if err := c.MakeBad(t.Context(), test.node, test.cause); err != nil {
				t.Fatal(err)
			}
			condition, _, _ := strings.Cut(test.want, " ")
			k.ok("wait", "--for=condition=Ready="+condition, "node/"+test.node, "--timeout="+test.limit)
			k.want(test.want, "get", "node/"+test.node, "-o", ready)
			k.ok("run", "during", image, place, "--", "serve")
			k.ok("delete", "pod/before", "--wait=false")
			if out, err := k.try("wait", "--for=delete", "pod/before", "--timeout=5s"); err == nil {
				t.Errorf("a pod on a bad node is gone: %s", out)
			}
			k.want("Pending", "get", "pod/during", "-o", "jsonpath={.status.phase}")
			if beside := map[string]string{"soak-node-a": "soak-node-b", "soak-node-1": "soak-node-2"}[test.node]; beside != "" {
				k.ok("wait", "--for=condition=Ready", "node/"+beside, "--timeout=1s")
			}

			if err := c.MakeGood(t.Context(), test.node); err != nil {
				t.Fatal(err)
			}
			k.ok("wait", "--for=condition=Ready", "node/"+test.node, "--timeout=2m")
			k.ok("wait", "--for=delete", "pod/before", "--timeout=2m")
			k.ok("wait", "--for=condition=Ready", "pod/during", "--timeout=2m")
		})
	}
}

// Every process can be frozen, stopped, killed and started again, and nothing that was stored is lost.
func TestProcessFaults(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t, "simulated:1")
	k := newKube(t, c)
	k.ok("create", "configmap", "kept")
	freezeServer(t, k)
	stopScheduler(t, k)
	killAll(t, k)

	if err := c.Freeze("kube-proxy"); err == nil || !strings.Contains(err.Error(), "kube-apiserver") {
		t.Errorf("got %v, want an error that names the processes there are", err)
	}
	if err := c.MakeBad(t.Context(), "soak-node-9", cluster.Kubelet); err == nil {
		t.Error("an unknown node went bad")
	}
	if err := c.MakeBad(t.Context(), "soak-node-1", "bad luck"); err == nil || !strings.Contains(err.Error(), "kubelet") {
		t.Errorf("got %v, want an error that names the causes there are", err)
	}
}

func freezeServer(t *testing.T, k kube) {
	t.Helper()
	if err := k.cluster.Freeze("kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	if out, err := k.try("get", "configmap/kept", "--request-timeout=2s"); err == nil {
		t.Errorf("a frozen API server answered %s", out)
	}
	if err := k.cluster.Thaw("kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	k.ok("get", "configmap/kept", "--request-timeout=20s")
}

func stopScheduler(t *testing.T, k kube) {
	t.Helper()
	if err := k.cluster.StopProcess(t.Context(), "kube-scheduler"); err != nil {
		t.Fatal(err)
	}
	if missing, err := k.cluster.Missing(); err != nil || len(missing) != 1 || missing[0] != "kube-scheduler" {
		t.Errorf("missing %v (%v), want the scheduler", missing, err)
	}
	k.ok("run", "waiting", "--image="+appImage)
	if out, err := k.try("wait", "--for=condition=PodScheduled", "pod/waiting", "--timeout=3s"); err == nil {
		t.Errorf("a pod was placed without a scheduler: %s", out)
	}
	if err := k.cluster.Restart(t.Context(), "kube-scheduler"); err != nil {
		t.Fatal(err)
	}
	k.ok("wait", "--for=condition=Ready", "pod/waiting", "--timeout=1m")
}

func killAll(t *testing.T, k kube) {
	t.Helper()
	for _, name := range k.cluster.Processes() {
		if err := k.cluster.Kill(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range k.cluster.Processes() {
		if err := k.cluster.Restart(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if missing, err := k.cluster.Missing(); err != nil || len(missing) > 0 {
		t.Errorf("missing %v (%v)", missing, err)
	}
	k.ok("get", "configmap/kept")
	k.ok("run", "after", "--image="+appImage)
	k.ok("wait", "--for=condition=Ready", "pod/after", "--timeout=2m")
}

// Each request stands in the audit log with who made it, and no content of a Secret does.
func TestAuditLog(t *testing.T) {
	c := clustertest.Shared(t, "simulated:4")
	if c.Name() == "" {
		t.Skip("a borrowed cluster keeps its own audit log")
	}
	k := newKube(t, c)
	k.ok("create", "secret", "generic", "word", "--from-literal=pass=open-sesame-7141")
	content, err := os.ReadFile(c.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(content), "open-sesame-7141") || strings.Contains(string(content), "b3Blbi1zZXNhbWUtNzE0MQ") {
		t.Error("the audit log holds a secret")
	}
	for line := range strings.Lines(string(content)) {
		var entry struct {
			Verb      string
			User      struct{ Username string }
			ObjectRef struct{ Resource, Namespace, Name string }
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if entry.Verb == "create" && entry.ObjectRef.Resource == "secrets" && entry.ObjectRef.Namespace == k.namespace && entry.User.Username == "admin" {
			return
		}
	}
	t.Error("the audit log does not say who created the secret")
}

// A cluster of somebody else's is used, never stopped and never broken.
func TestBorrowedCluster(t *testing.T) {
	lender := clustertest.Shared(t, "simulated:4")
	borrowed, err := cluster.Borrow(t.Context(), lender.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	newKube(t, borrowed).ok("get", "serviceaccounts")
	if err := borrowed.Freeze("kube-apiserver"); !errors.Is(err, cluster.ErrBorrowed) {
		t.Errorf("freeze: %v", err)
	}
	if err := borrowed.MakeBad(t.Context(), "soak-node-1", cluster.Kubelet); !errors.Is(err, cluster.ErrBorrowed) {
		t.Errorf("make bad: %v", err)
	}
	if err := borrowed.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
	newKube(t, lender).ok("get", "namespaces")
	if _, err := cluster.Borrow(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a kubeconfig that is not there was borrowed")
	}
}

func TestThousandPods(t *testing.T) {
	t.Parallel()
	k := newKube(t, clustertest.Start(t, "simulated:4"))
	started := time.Now()
	k.ok("create", "deployment", "many", "--image="+appImage, "--replicas=1000")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if _, err := k.cluster.Kubectl(ctx, "--namespace", k.namespace, "wait", "--for=jsonpath={.status.readyReplicas}=1000", "deployment/many", "--timeout=3m"); err != nil {
		t.Fatal(err)
	}
	t.Logf("1000 pods on 4 nodes ready in %s", time.Since(started).Round(100*time.Millisecond))
	k.ok("delete", "deployment/many", "--cascade=foreground", "--timeout=3m")
	t.Logf("and gone after %s", time.Since(started).Round(100*time.Millisecond))
}

// The processes of a real node are started again one by one, and its pods go on.
func TestRealNodeRestarts(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t, "real:1")
	k := newKube(t, c)
	k.ok("run", "steady", "--image="+appImage, "--", "serve")
	k.ok("wait", "--for=condition=Ready", "pod/steady", "--timeout=1m")
	const container = "jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}"
	before := k.ok("get", "pod/steady", "-o", container)
	for _, name := range []string{"containerd-soak-node-a", "kubelet-soak-node-a"} {
		if err := c.Kill(name); err != nil {
			t.Fatal(err)
		}
		if err := c.Restart(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	k.ok("run", "after", "--image="+appImage, "--", "serve")
	k.ok("wait", "--for=condition=Ready", "pod/after", "--timeout=1m")
	k.want(before, "get", "pod/steady", "-o", container)
}
