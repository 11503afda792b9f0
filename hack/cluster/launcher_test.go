package cluster_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/saltside/soak-operator/hack/cluster"
	"github.com/saltside/soak-operator/hack/cluster/clustertest"
	"github.com/saltside/soak-operator/hack/cluster/internal/process"
)

// launch starts the launcher's own command, as a user does.
func launch(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	launcher, err := cluster.Launcher(context.Background()) // also called to clean up, when the test's own context is over
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(context.Background(), launcher, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &out
}

func finish(t *testing.T, args ...string) string {
	t.Helper()
	cmd, out := launch(t, args...)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("cluster %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out.String()
}

// folderOf finds a cluster's folder beside that of another, because it may be broken in any way.
func folderOf(t *testing.T, name string) process.Group {
	t.Helper()
	return process.Group(filepath.Join(filepath.Dir(clustertest.Shared(t, "simulated:4").Folder()), name))
}

// wantNothing fails the test if anything of the cluster is left.
func wantNothing(t *testing.T, group process.Group) {
	t.Helper()
	all, err := group.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		t.Errorf("%s (process %d) is left", p.Name, p.PID)
	}
	if _, err := os.Stat(string(group)); !os.IsNotExist(err) {
		t.Errorf("%s is left (%v)", group, err)
	}
}

// A launcher that is killed at any moment of a start leaves nothing that down does not find, and nothing in the way
// of the next start.
func TestLauncherKilled(t *testing.T) {
	t.Parallel()
	const name = "test-killed"
	group := folderOf(t, name)
	t.Cleanup(func() { finish(t, "down", "--name", name) })
	for _, after := range []time.Duration{100 * time.Millisecond, 400 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second} {
		up, _ := launch(t, "up", "--name", name, "--nodes", "simulated:1")
		<-time.After(after) // the moment is the point; there is nothing to wait for
		if err := up.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = up.Wait() // killed
		finish(t, "down", "--name", name)
		wantNothing(t, group)
	}
	// Not taken down in between.
	up, _ := launch(t, "up", "--name", name, "--nodes", "simulated:1")
	<-time.After(2 * time.Second)
	if err := up.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = up.Wait() // killed
	finish(t, "up", "--name", name, "--nodes", "simulated:1")
	finish(t, "down", "--name", name)
	wantNothing(t, group)
}

// A real node has mounts, network interfaces, cgroups and processes of its own making; none outlives it, even when all
// there is was killed, one of them frozen.
func TestRealNodesLeaveNothing(t *testing.T) {
	if reason := (cluster.Nodes{Kind: cluster.Real, Count: 1}).Unsupported(t.Context()); reason != "" {
		t.Skip(reason)
	}
	const name = "test-real"
	group := folderOf(t, name)
	t.Cleanup(func() { finish(t, "down", "--name", name) })
	before := traces(t)
	finish(t, "up", "--name", name, "--nodes", "real:1")
	c, err := cluster.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Kubectl(t.Context(), "run", "left", "--image="+appImage, "--", "hang"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Kubectl(t.Context(), "wait", "--for=condition=Ready", "pod/left", "--timeout=1m"); err != nil {
		t.Fatal(err)
	}
	if during := traces(t); during == before {
		t.Error("a running node left no trace: the comparison compares nothing")
	}
	if err := c.Freeze("kubelet-soak-node-a"); err != nil {
		t.Fatal(err)
	}
	for _, victim := range []string{"containerd-soak-node-a", "kube-apiserver", "etcd"} {
		if err := c.Kill(victim); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, "down", "--name", name)
	wantNothing(t, group)
	if after := traces(t); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// traces are the mounts, network interfaces, network namespaces and cgroups of this machine that bear a sign of ours.
func traces(t *testing.T) string {
	t.Helper()
	var found []string
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "test-real") || strings.Contains(line, "/netns/") {
			found = append(found, line)
		}
	}
	for _, pattern := range []string{"/sys/class/net/*", "/run/netns/*", "/run/containerd/*", "/var/lib/kubelet/*", "/tmp/hostpath_pv/*", "/sys/fs/cgroup/soak*", "/sys/fs/cgroup/*/soak*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	return strings.Join(found, "\n")
}

// Ctrl-C during a start ends every process before the launcher ends.
func TestLauncherInterrupted(t *testing.T) {
	t.Parallel()
	const name = "test-interrupted"
	group := folderOf(t, name)
	t.Cleanup(func() { finish(t, "down", "--name", name) })
	up, out := launch(t, "up", "--name", name, "--nodes", "simulated:1")
	waitFor(t, "the API server to be started", func() bool { _, found, _ := group.Main("kube-apiserver"); return found })
	if err := up.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := up.Wait(); err == nil {
		t.Errorf("the launcher succeeded: %s", out)
	}
	if all, err := group.All(); err != nil || len(all) > 0 {
		t.Errorf("left: %v (%v)", all, err)
	}
}

// A component that dies during the start ends it, and the error names the log that tells why.
func TestFailedStart(t *testing.T) {
	t.Parallel()
	const name = "test-failed"
	group := folderOf(t, name)
	t.Cleanup(func() { finish(t, "down", "--name", name) })
	up, out := launch(t, "up", "--name", name, "--nodes", "simulated:1")
	waitFor(t, "etcd to be started", func() bool { _, found, _ := group.Main("etcd"); return found })
	if err := group.Signal("etcd", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := up.Wait(); err == nil {
		t.Errorf("the launcher succeeded: %s", out)
	}
	if want := "etcd has ended; its log is " + group.LogFile("etcd"); !strings.Contains(out.String(), want) {
		t.Errorf("got %q, want it to contain %q", out, want)
	}
	if _, err := os.Stat(group.LogFile("etcd")); err != nil {
		t.Errorf("the log: %v", err)
	}
	if all, err := group.All(); err != nil || len(all) > 0 {
		t.Errorf("left: %v (%v)", all, err)
	}
}

// Two clusters share nothing: what one loses, the other keeps.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	one, two := newKube(t, clustertest.Shared(t, "simulated:4")), newKube(t, clustertest.Start(t, "simulated:1"))
	one.ok("create", "configmap", "mine")
	if out, err := two.try("get", "configmap/mine"); err == nil {
		t.Errorf("found in the other cluster: %s", out)
	}
	again := finish(t, "up", "--name", two.cluster.Name(), "--nodes", "simulated:1")
	if !strings.Contains(again, two.cluster.Kubeconfig()) {
		t.Errorf("up on a running cluster printed %q", again)
	}
	if listed := finish(t, "list"); !strings.Contains(listed, one.cluster.Name()+"\tsimulated:4\n") || !strings.Contains(listed, two.cluster.Name()+"\tsimulated:1\n") {
		t.Errorf("list printed %q", listed)
	}
	three := "test-third"
	finish(t, "up", "--name", three, "--nodes", "none")
	finish(t, "down", "--name", three)
	wantNothing(t, folderOf(t, three))
	two.ok("get", "configmaps")
	one.ok("get", "configmap/mine")
}

// The guard's whole reason: a test that is killed takes its cluster with it.
func TestKilledTestLeavesNothing(t *testing.T) {
	t.Parallel()
	if os.Getenv("SOAK_CLUSTER_TEST_VICTIM") != "" {
		c := clustertest.Start(t, "none")
		fmt.Println("victim:" + c.Name())
		select {} // until it is killed
	}
	shared := clustertest.Shared(t, "simulated:4")
	victim := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	victim.Env = append(os.Environ(), "SOAK_CLUSTER_TEST_VICTIM=1")
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	var read strings.Builder
	buffer := make([]byte, 4096)
	name := ""
	for name == "" {
		n, err := out.Read(buffer)
		if err != nil {
			t.Fatalf("%v: %s", err, read.String())
		}
		read.Write(buffer[:n])
		if _, rest, found := strings.Cut(read.String(), "victim:"); found && strings.Contains(rest, "\n") {
			name, _, _ = strings.Cut(rest, "\n")
		}
	}
	group := process.Group(filepath.Join(filepath.Dir(shared.Folder()), name))
	if all, err := group.All(); err != nil || len(all) == 0 {
		t.Fatalf("the victim has no processes (%v)", err)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // so that Wait can close it
	_ = victim.Wait()           // killed
	waitFor(t, "the guard to remove the cluster", func() bool { _, err := os.Stat(string(group)); return os.IsNotExist(err) })
	wantNothing(t, group)
}

func TestBadArguments(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"up", "--nodes", "simulated:0"}, "between 1 and 50"},
		{[]string{"up", "--nodes", "real:99"}, "between 1 and"},
		{[]string{"up", "--nodes", "virtual:1"}, "use none, simulated:N or real:N"},
		{[]string{"up", "--name", "Not A Name"}, "lower-case letters"},
		{[]string{"down", "--name", "../../etc"}, "lower-case letters"},
		{[]string{"freeze", "--name", "no-such", "etcd"}, `no cluster "no-such"`},
		{[]string{"freeze"}, "takes 1 operands"},
		{[]string{"fly"}, "unknown command"},
	} {
		cmd, out := launch(t, test.args...)
		if err := cmd.Wait(); err == nil || !strings.Contains(out.String(), test.want) {
			t.Errorf("cluster %v: %v, printed %q, want an error with %q", test.args, err, out, test.want)
		}
	}
}

// waitFor looks again and again for what nothing announces.
func waitFor(t *testing.T, what string, look func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for again := time.NewTicker(20 * time.Millisecond); ; {
		if look() {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
