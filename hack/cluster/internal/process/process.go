// Package process starts, finds, signals and ends the processes of a cluster.
//
// It keeps no list of process numbers that a crash could leave stale: every process is started with its cluster's
// folder and its own name in the environment, and is found again by them in /proc. So what a launcher that was killed
// left behind is found as surely as what it recorded. It knows nothing of Kubernetes.
package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// The environment variables that mark a process. A child inherits both, so that helpers of a component
// (such as containerd's shims) are found with their cluster; see [Group.Main] for telling them apart.
const (
	groupVariable = "SOAK_CLUSTER_DIR"
	nameVariable  = "SOAK_CLUSTER_PROCESS"
)

// Spec says how to start one process.
type Spec struct {
	// Name is unique in its cluster, for example kube-apiserver.
	Name string `json:"name"`
	// Executable is the absolute path of the file that the process is an image of once it runs.
	Executable string `json:"executable"`
	// Args are the arguments, without the executable's own name.
	Args []string `json:"args"`
	// Wrapper, when set, is a command line that replaces itself with Executable and Args, which are appended to it.
	Wrapper []string `json:"wrapper,omitempty"`
	// Env is added to the launcher's own environment.
	Env []string `json:"env,omitempty"`
}

// Group is all processes of one cluster. Its value is the cluster's folder, an absolute path.
type Group string

// Process is one running process of a group.
type Process struct {
	PID  int
	Name string
	// Executable is the file the process was started for, and Image the one it is running now.
	Executable, Image string
}

// LogFile is where the process of that name writes its standard output and error.
func (g Group) LogFile(name string) string {
	return filepath.Join(string(g), "logs", name+".log")
}

// Start starts a process in a session of its own, so that a Ctrl-C meant for the launcher does not reach it.
// The channel is closed when it has ended; it stays silent when the launcher ends first, which the process outlives.
func (g Group) Start(spec Spec) (ended <-chan struct{}, err error) {
	logFile := g.LogFile(spec.Name)
	if err := os.MkdirAll(filepath.Dir(logFile), 0o755); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	defer log.Close() //nolint:errcheck // the process holds its own copy; nothing was written through this one

	argv := append(append([]string{}, spec.Wrapper...), append([]string{spec.Executable}, spec.Args...)...)
	cmd := exec.CommandContext(context.Background(), argv[0], argv[1:]...)
	cmd.Env = append(append(os.Environ(), spec.Env...),
		groupVariable+"="+string(g), nameVariable+"="+spec.Name+":"+spec.Executable)
	cmd.Dir = string(g)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // how it ended is in its log; that it ended is what the channel says
	}()
	return done, nil
}

// All lists the running processes of the group, helpers included, in the order of their numbers.
func (g Group) All() ([]Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []Process
	for _, entry := range entries {
		if p, ok := g.read(entry.Name()); ok {
			found = append(found, p)
		}
	}
	return found, nil
}

// Main finds the process that was started under that name, not the helpers that it has started in turn.
func (g Group) Main(name string) (Process, bool, error) {
	all, err := g.All()
	if err != nil {
		return Process{}, false, err
	}
	for _, p := range all {
		if p.Name == name && p.Image == p.Executable {
			return p, true, nil
		}
	}
	return Process{}, false, nil
}

// read looks at one entry of /proc. Processes of others cannot be read, and one may end meanwhile: neither is ours.
func (g Group) read(entry string) (Process, bool) {
	var p Process
	if _, err := fmt.Sscanf(entry, "%d", &p.PID); err != nil {
		return p, false
	}
	environ, err := os.ReadFile(filepath.Join("/proc", entry, "environ"))
	if err != nil {
		return p, false
	}
	ours := false
	for variable := range strings.SplitSeq(string(environ), "\x00") {
		key, value, _ := strings.Cut(variable, "=")
		switch key {
		case groupVariable:
			ours = value == string(g)
		case nameVariable:
			p.Name, p.Executable, _ = strings.Cut(value, ":")
		}
	}
	if !ours {
		return p, false
	}
	image, err := os.Readlink(filepath.Join("/proc", entry, "exe"))
	if err != nil {
		return p, false
	}
	// A component that was rebuilt since is still the same process.
	p.Image = strings.TrimSuffix(image, " (deleted)")
	return p, true
}
