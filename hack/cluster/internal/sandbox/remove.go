package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long the kernel may take to clear away what was killed.
const patience = 15 * time.Second

// Remove kills all processes of the cgroup and of those below it, and removes them. One that is not there is no error.
func (c Cgroup) Remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("something is still there after %s", patience))
	defer cancel()
	for {
		done, err := c.remove()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("remove cgroup %s: %w", c, errors.Join(context.Cause(ctx), err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// remove makes one attempt, and says what was in its way.
func (c Cgroup) remove() (done bool, err error) {
	folders, err := c.tree()
	if err != nil {
		return false, err
	}
	for _, folder := range folders {
		// A frozen process of cgroup v1 would not notice that it was killed.
		_ = writeExisting(filepath.Join(folder, "freezer.state"), "THAWED") // if it stays frozen, it stays, and is reported
	}
	pids, err := processes(folders)
	if err != nil {
		return false, err
	}
	for _, pid := range pids {
		if err := c.kill(pid); err != nil {
			return false, err
		}
	}
	if len(pids) > 0 {
		return false, fmt.Errorf("processes %v were killed and are still there", pids)
	}
	for _, folder := range folders {
		if err := unix.Rmdir(folder); err != nil && !errors.Is(err, unix.ENOENT) {
			return false, fmt.Errorf("remove %s: %w", folder, err)
		}
	}
	return true, nil
}

func writeExisting(file, content string) error {
	out, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = out.WriteString(content)
	return errors.Join(err, out.Close())
}

// kill kills a process that was seen in the cgroup, if it still is.
func (c Cgroup) kill(pid int) error {
	handle, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("kill process %d: %w", pid, err)
	}
	defer unix.Close(handle) //nolint:errcheck // a handle for reading only
	// Its number may have gone to another process before the handle was opened; from now on it cannot.
	membership, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	if err != nil || !c.holds(string(membership)) {
		return nil // gone, or another one
	}
	if err := unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill process %d: %w", pid, err)
	}
	return nil
}

// holds tells from a process's /proc/PID/cgroup whether it is in the cgroup or below it.
func (c Cgroup) holds(membership string) bool {
	for line := range strings.Lines(membership) {
		// The path may start above the root of what is mounted, when this machine is a container itself.
		if strings.Contains(strings.TrimSuffix(line, "\n")+"/", string(c)+"/") {
			return true
		}
	}
	return false
}
