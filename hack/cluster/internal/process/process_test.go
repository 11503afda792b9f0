package process

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shell finds the file that sh really is, because a process is known by the file it runs.
func shell(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "readlink /proc/$$/exe")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func start(t *testing.T, name, script string) (Group, <-chan struct{}) {
	t.Helper()
	group := Group(t.TempDir())
	ended, err := group.Start(Spec{Name: name, Executable: shell(t), Args: []string{"-c", script}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := group.KillAll(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return group, ended
}

func TestProcessIsFoundByItsMark(t *testing.T) {
	group, _ := start(t, "one", "sleep 100 & wait")
	other, _ := start(t, "two", "sleep 100")
	main := await(t, group, "one")
	if main.Name != "one" || main.PID == 0 {
		t.Errorf("found %+v", main)
	}
	if _, found, err := other.Main("one"); err != nil || found {
		t.Errorf("found one in the other group (%v)", err)
	}
}

func TestOutputIsLogged(t *testing.T) {
	group, ended := start(t, "talker", "echo out; echo error >&2")
	<-ended
	if log, err := os.ReadFile(group.LogFile("talker")); err != nil || string(log) != "out\nerror\n" {
		t.Errorf("the log holds %q (%v)", log, err)
	}
}

func TestStopThawsAndAsks(t *testing.T) {
	group, ended := start(t, "polite", `trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.05; done`)
	awaitReady(t, group, "polite")
	if err := group.Signal("polite", unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := group.Stop(t.Context(), "polite", 10*time.Second); err != nil {
		t.Fatal(err)
	}
	<-ended
	if log, err := os.ReadFile(group.LogFile("polite")); err != nil || string(log) != "ready\nbye\n" {
		t.Errorf("the log holds %q (%v)", log, err)
	}
}

func TestStopKillsWhoDoesNotListen(t *testing.T) {
	group, ended := start(t, "deaf", `trap '' TERM; echo ready; while :; do sleep 0.05; done`)
	awaitReady(t, group, "deaf")
	if err := group.Stop(t.Context(), "deaf", 200*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	<-ended
}

func TestKillAllTakesHelpersToo(t *testing.T) {
	group, ended := start(t, "parent", "sleep 100 & sleep 100 & wait")
	await(t, group, "parent")
	if err := group.KillAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-ended
	if all, err := group.All(); err != nil || len(all) > 0 {
		t.Errorf("left: %v (%v)", all, err)
	}
}

func TestSignalToNobody(t *testing.T) {
	group := Group(t.TempDir())
	if err := group.Signal("nobody", unix.SIGSTOP); !errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v", err)
	}
	if err := group.Kill("nobody"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("kill: %v", err)
	}
	if err := group.Stop(t.Context(), "nobody", time.Second); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// await looks until the process is there: between the start and the change to another image it is not yet itself.
func await(t *testing.T, group Group, name string) Process {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		p, found, err := group.Main(name)
		if err != nil {
			t.Fatal(err)
		}
		if found {
			return p
		}
		select {
		case <-deadline:
			t.Fatalf("%s is not found", name)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// awaitReady looks until the process says that it is ready for signals.
func awaitReady(t *testing.T, group Group, name string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		log, err := os.ReadFile(group.LogFile(name))
		if err != nil {
			t.Fatal(err)
		}
		if string(log) == "ready\n" {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s is not ready", name)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
