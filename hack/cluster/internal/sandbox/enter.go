package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/saltside/soak-operator/hack/cluster/internal/filelock"
)

// Enter moves this process into the sandbox of that file and makes it the command. It returns only when that failed.
// The command starts in the folder that it was entered from. It needs root.
func Enter(ctx context.Context, file string, command []string) error {
	if len(command) == 0 {
		return errors.New("enter sandbox: no command was given")
	}
	// The namespace is one thread's; the command inherits it, because it is this thread that becomes it.
	runtime.LockOSThread()
	// Two that come at once must not both be the first. The lock is let go by becoming the command, and not before: until
	// then, others see the namespace of this process's first thread, which need not be this one.
	unlock, err := filelock.Take(ctx, file+".lock")
	if err != nil {
		return fmt.Errorf("enter sandbox %s: %w", file, err)
	}
	defer unlock()
	if err := enter(file); err != nil {
		return fmt.Errorf("enter sandbox %s: %w", file, err)
	}
	executable, err := exec.LookPath(command[0])
	if err != nil {
		return fmt.Errorf("enter sandbox %s: %w", file, err)
	}
	if err := unix.Exec(executable, command, os.Environ()); err != nil {
		return fmt.Errorf("enter sandbox %s: run %s: %w", file, executable, err)
	}
	return nil
}

func enter(file string) error {
	spec, err := read(file)
	if err != nil {
		return err
	}
	folder, err := os.Getwd()
	if err != nil {
		return err
	}
	if spec.Cgroup == "" {
		err = spec.unshare()
	} else {
		err = spec.join(file)
	}
	if err != nil {
		return err
	}
	// A change of namespace leaves the process with a folder of the old one.
	return os.Chdir(folder)
}

// join enters the cgroup and the one mount namespace of its processes, which the first of them makes.
func (s Spec) join(file string) error {
	record := file + ".namespace"
	handle, found, err := s.Cgroup.namespace(record)
	if err != nil {
		return err
	}
	if err := s.Cgroup.join(); err != nil {
		return err
	}
	if found {
		defer handle.Close() //nolint:errcheck // a handle for reading only
		return setNamespace(handle)
	}
	if err := s.unshare(); err != nil {
		return err
	}
	return os.WriteFile(record, []byte(namespaceOf("thread-self/ns/mnt")), 0o600)
}

// namespace finds the mount namespace that was recorded, by a living process of the cgroup that is in it.
// Any will do: when a runtime or an agent was killed, it is the processes that watch over its containers.
func (c Cgroup) namespace(record string) (*os.File, bool, error) {
	recorded, err := os.ReadFile(record)
	if os.IsNotExist(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	pids, err := c.Processes()
	if err != nil {
		return nil, false, err
	}
	for _, pid := range pids {
		handle, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "ns/mnt"))
		if err != nil {
			continue // it has just ended
		}
		// Asked after the handle was got: the process may have changed between the two, but then this one is open.
		if namespaceOf(fmt.Sprintf("self/fd/%d", handle.Fd())) == string(recorded) {
			return handle, true, nil
		}
		_ = handle.Close() // nothing was written
	}
	return nil, false, nil
}
