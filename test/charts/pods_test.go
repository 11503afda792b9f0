package charts

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/saltside/soak-operator/hack/operator"
)

// The operator runs as its users have it: as two pods that may do nothing but what the chart lets them, of an image as
// the Dockerfile makes it. It delivers the sample, and counts on when its leader is killed, when the chart is upgraded
// and when it was uninstalled for a while; in the end it leaves nothing behind.
func TestOperatorInPods(t *testing.T) {
	b := newBench(t, "real:1")
	b.giveImage()
	b.helm("install", name, chart, "--set", "image.tag=dev", "--wait", "--timeout", "2m")
	b.want("2", "get", "deployment", name, "--namespace", name, "-o", "jsonpath={.status.readyReplicas}")
	if output := b.helm("test", name, "--logs", "--timeout", "1m"); !strings.Contains(output, "POD LOGS: soak-operator-test") {
		t.Errorf("helm test printed %s", output)
	}

	b.applySample()
	b.awaitPassed("1")
	leader := b.leader()
	b.kubectl("delete", "pod", leader, "--namespace", name, "--force", "--grace-period=0")
	b.awaitPassed("2")
	if now := b.leader(); now == leader {
		t.Errorf("%s leads still", leader)
	}

	b.helm("upgrade", name, chart, "--reuse-values", "--set", "maxConcurrentOperations=5", "--wait", "--timeout", "2m")
	b.awaitPassed("3")
	b.helm("uninstall", name, "--wait", "--timeout", "1m")
	b.want("3", "get", "soak/classifieds", "--namespace", "soak", "-o", "jsonpath={.status.tally.passed}")
	b.helm("install", name, chart, "--set", "image.tag=dev", "--wait", "--timeout", "2m")
	b.kubectl("wait", "soak/classifieds", "--namespace", "soak", "--for=condition=Finished", "--timeout=5m")
	b.want("4 0 0", "get", "soak/classifieds", "--namespace", "soak",
		"-o", "jsonpath={.status.tally.passed} {.status.tally.failed} {.status.tally.errored}")

	b.kubectl("delete", "soak", "--all", "--namespace", "soak", "--timeout=3m")
	b.helm("uninstall", name, "--wait", "--timeout", "1m")
	b.want("", "get", "all,configmaps,secrets,pvc", "--namespace", "sandbox", "--selector", "soak.saltside.io/cell", "-o", "name")
}

// awaitPassed waits until so many iterations have passed.
func (b bench) awaitPassed(count string) {
	b.t.Helper()
	b.kubectl("wait", "soak/classifieds", "--namespace", "soak", "--for=jsonpath={.status.tally.passed}="+count, "--timeout=5m")
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

// applySample gives the cluster config/samples, for four iterations.
func (b bench) applySample() {
	b.t.Helper()
	samples := filepath.Join(config, "samples")
	b.kubectl("apply", "-f", filepath.Join(samples, "experiment", "namespaces.yaml"))
	folder := b.t.TempDir()
	b.helm("package", filepath.Join(samples, "classifieds"), "--destination", folder)
	b.kubectl("create", "configmap", "classifieds-chart", "--namespace", "soak", "--from-file="+folder)
	b.kubectl("apply", "-k", filepath.Join(samples, "experiment"))
	b.kubectl("patch", "soak/classifieds", "--namespace", "soak", "--type=merge", "--patch", `{"spec": {"stop": {"maxIterations": 4}}}`)
}

// leader is the pod that acts.
func (b bench) leader() string {
	b.t.Helper()
	holder := b.kubectl("get", "lease", name, "--namespace", name, "-o", "jsonpath={.spec.holderIdentity}")
	pod, _, _ := strings.Cut(holder, "_")
	return pod
}
