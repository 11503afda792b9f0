package charts

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/saltside/soak-operator/hack/operator"
)

// The operator runs as its users have it: as two pods that may do nothing but what the chart lets them, of an image as
// the Dockerfile makes it. It delivers the sample, goes on when its leader is gone, and leaves nothing behind.
func TestOperatorInPods(t *testing.T) {
	b := newBench(t, "real:1")
	b.giveImage()
	b.helm("install", name, chart, "--set", "image.tag=dev", "--wait", "--timeout", "2m")
	b.want("2", "get", "deployment", name, "--namespace", name, "-o", "jsonpath={.status.readyReplicas}")
	if output := b.helm("test", name, "--logs", "--timeout", "1m"); !strings.Contains(output, "POD LOGS: soak-operator-test") {
		t.Errorf("helm test printed %s", output)
	}

	b.applySample()
	b.kubectl("wait", "soak/classifieds", "--namespace", "soak", "--for=jsonpath={.status.tally.passed}=1", "--timeout=5m")
	leader := b.leader()
	b.kubectl("delete", "pod", leader, "--namespace", name)
	b.kubectl("wait", "soak/classifieds", "--namespace", "soak", "--for=condition=Finished", "--timeout=5m")
	b.want("2 0 0", "get", "soak/classifieds", "--namespace", "soak",
		"-o", "jsonpath={.status.tally.passed} {.status.tally.failed} {.status.tally.errored}")
	if now := b.leader(); now == leader {
		t.Errorf("%s leads still", leader)
	}

	b.kubectl("delete", "soak", "--all", "--namespace", "soak", "--timeout=3m")
	b.helm("uninstall", name, "--wait", "--timeout", "1m")
	b.want("", "get", "all,configmaps,secrets,pvc", "--namespace", "sandbox", "--selector", "soak.saltside.io/cell", "-o", "name")
}

// giveImage builds the operator as the Dockerfile does, and gives it to the nodes.
func (b bench) giveImage() {
	b.t.Helper()
	b.t.Setenv("CGO_ENABLED", "0")
	program := filepath.Join(b.t.TempDir(), "manager")
	if err := operator.Build(b.t.Context(), program, "-trimpath", "-ldflags=-s -w"); err != nil {
		b.t.Fatal(err)
	}
	if err := b.cluster.GiveImage(b.t.Context(), program, name+":dev"); err != nil {
		b.t.Fatal(err)
	}
}

// applySample gives the cluster config/samples, for two iterations.
func (b bench) applySample() {
	b.t.Helper()
	samples := filepath.Join(config, "samples")
	b.kubectl("apply", "-f", filepath.Join(samples, "experiment", "namespaces.yaml"))
	folder := b.t.TempDir()
	b.helm("package", filepath.Join(samples, "classifieds"), "--destination", folder)
	b.kubectl("create", "configmap", "classifieds-chart", "--namespace", "soak", "--from-file="+folder)
	b.kubectl("apply", "-k", filepath.Join(samples, "experiment"))
	b.kubectl("patch", "soak/classifieds", "--namespace", "soak", "--type=merge", "--patch", `{"spec": {"stop": {"maxIterations": 2}}}`)
}

// leader is the pod that acts.
func (b bench) leader() string {
	b.t.Helper()
	holder := b.kubectl("get", "lease", name, "--namespace", name, "-o", "jsonpath={.spec.holderIdentity}")
	pod, _, _ := strings.Cut(holder, "_")
	return pod
}
