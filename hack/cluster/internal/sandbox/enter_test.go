package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// enterVariable makes the test's own executable the command that enters a sandbox.
const enterVariable = "SANDBOX_TEST_ENTER"

func TestMain(m *testing.M) {
	if file := os.Getenv(enterVariable); file != "" {
		fmt.Fprintln(os.Stderr, Enter(context.Background(), file, os.Args[1:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// requireSandboxes skips the test where the machine does not allow any.
func requireSandboxes(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if err := Try(func() error { return nil }); err != nil {
		t.Skipf("needs namespaces: %v", err)
	}
	if err := TryCgroup(t.Context()); err != nil {
		t.Skipf("needs cgroups: %v", err)
	}
}

// fixture is a sandbox whose /run is empty and whose /tmp is a folder of the test's, which is below /tmp itself.
type fixture struct {
	folder, file string
	cgroup       Cgroup
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	requireSandboxes(t)
	folder := t.TempDir()
	f := fixture{folder: folder, file: filepath.Join(folder, "sandbox.json"), cgroup: Cgroup(fmt.Sprintf("/soaktest%d", os.Getpid()))}
	if err := os.Mkdir(filepath.Join(folder, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.cgroup.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	spec := Spec{
		Mounts: []Mount{{Target: "/run"}, {Source: filepath.Join(folder, "tmp"), Target: "/tmp"}},
		Keep:   []string{folder},
		Cgroup: f.cgroup + "/node/system",
	}
	if err := spec.Write(f.file); err != nil {
		t.Fatal(err)
	}
	return f
}

// command is a shell script in the sandbox.
func (f fixture) command(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), executable, "sh", "-c", script)
	cmd.Env = append(os.Environ(), enterVariable+"="+f.file)
	cmd.Dir = f.folder
	return cmd
}

func (f fixture) run(t *testing.T, script string) string {
	t.Helper()
	output, err := f.command(t, script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", script, err, output)
	}
	return strings.TrimSpace(string(output))
}

// start runs a script and returns its process when it has written its first line.
func (f fixture) start(t *testing.T, script string) *os.Process {
	t.Helper()
	cmd := f.command(t, script)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() }) // it was killed, so the wait fails
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return cmd.Process
}

func TestEnter(t *testing.T) {
	f := newFixture(t)
	first := f.start(t, "echo first >/run/soak-test; echo there >/tmp/file; echo started; exec sleep 100")

	if _, err := os.Stat("/run/soak-test"); !os.IsNotExist(err) {
		t.Errorf("what the sandbox wrote to /run is on the machine: %v", err)
	}
	if content, err := os.ReadFile(filepath.Join(f.folder, "tmp/file")); err != nil || string(content) != "there\n" {
		t.Errorf("what the sandbox wrote to /tmp: %q, %v", content, err)
	}
	if got := f.run(t, "cat /run/soak-test"); got != "first" {
		t.Errorf("a second process sees %q of the first's", got)
	}
	if got := f.run(t, "pwd; ls sandbox.json"); got != f.folder+"\nsandbox.json" {
		t.Errorf("the command's folder: %q", got)
	}
	if pids, err := (f.cgroup + "/node/system").Processes(); err != nil || !slices.Equal(pids, []int{first.Pid}) {
		t.Errorf("processes in the cgroup: %v, %v; want %d", pids, err, first.Pid)
	}

	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := f.run(t, "ls /run"); got != "" {
		t.Errorf("after the last process ended, /run still has %q", got)
	}
}

func TestMountsStayInside(t *testing.T) {
	f := newFixture(t)
	before, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	f.start(t, "mkdir /run/volume && mount -t tmpfs volume /run/volume && echo started; exec sleep 100")
	after, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if string(after) != string(before) {
		t.Errorf("the machine's mounts were\n%s\nand are\n%s", before, after)
	}
	if got := f.run(t, "grep -c ^volume /proc/self/mounts"); got != "1" {
		t.Errorf("a second process sees the first's volume %s times", got)
	}
}

func TestRemove(t *testing.T) {
	f := newFixture(t)
	// One that takes no SIGTERM, with a child, and one that was frozen.
	f.start(t, "trap '' TERM; sleep 100 & echo started; wait")
	frozen := f.start(t, "echo started; exec sleep 100")
	f.run(t, fmt.Sprintf("kill -STOP %d", frozen.Pid))

	if err := f.cgroup.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := f.cgroup.tree()
	if err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
	if err := f.cgroup.Remove(t.Context()); err != nil {
		t.Errorf("remove again: %v", err)
	}
}

func TestCovered(t *testing.T) {
	targets := []string{"/tmp", "/var/lib"}
	for path, want := range map[string]bool{
		"/tmp/cluster": true, "/var/lib/cluster": true, "/tmp": false, "/tmpfile": false, "/var": false, "/home/cluster": false,
	} {
		if got := covered(path, targets); got != want {
			t.Errorf("%s: got %t, want %t", path, got, want)
		}
	}
}

// Whoever comes while another is still on its way in must end up in the same place.
func TestManyEnterAtOnce(t *testing.T) {
	f := newFixture(t)
	f.start(t, "echo in; exec sleep 60")
	var wait sync.WaitGroup
	namespaces := make([]string, 8)
	for i := range namespaces {
		wait.Go(func() {
			output, err := f.command(t, "readlink /proc/self/ns/mnt").CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, output)
			}
			namespaces[i] = string(output)
		})
	}
	wait.Wait()
	if different := slices.Compact(slices.Sorted(slices.Values(namespaces))); len(different) != 1 {
		t.Errorf("they are in %v", different)
	}
}

// The first ones race for making it; all that stay must be in one.
func TestFirstOnesEnterAtOnce(t *testing.T) {
	f := newFixture(t)
	var wait sync.WaitGroup
	namespaces := make([]string, 8)
	for i := range namespaces {
		wait.Go(func() {
			process := f.start(t, "echo in; exec sleep 60")
			namespaces[i], _ = os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", process.Pid)) // compared below
		})
	}
	wait.Wait()
	if different := slices.Compact(slices.Sorted(slices.Values(namespaces))); len(different) != 1 || different[0] == "" {
		t.Errorf("they are in %v", different)
	}
}
