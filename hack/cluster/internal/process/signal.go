package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNotRunning is returned for a signal to a process that is not there.
var ErrNotRunning = errors.New("not running")

// Signal sends a signal to the process started under that name.
func (g Group) Signal(name string, signal unix.Signal) error {
	p, found, err := g.Main(name)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%s: %w", name, ErrNotRunning)
	}
	if err := unix.Kill(p.PID, signal); err != nil {
		return fmt.Errorf("signal %s (process %d): %w", name, p.PID, err)
	}
	return nil
}

// Kill ends the process started under that name, without asking it. It returns when the process is gone: one that is going
// has its ports for as long as it takes the kernel to clear away its memory, and cannot be found by its name any more.
func (g Group) Kill(name string) error {
	p, found, err := g.Main(name)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%s: %w", name, ErrNotRunning)
	}
	gone, err := kill(context.Background(), p.PID, killed)
	if err == nil && !gone {
		err = fmt.Errorf("it is still there %s after SIGKILL", killed)
	}
	if err != nil {
		return fmt.Errorf("kill %s (process %d): %w", name, p.PID, err)
	}
	return nil
}

// Stop ends the process of that name: asks it, thawed if it was frozen, and kills it when the grace is over.
// It returns when the process is gone. One that is not running is no error.
func (g Group) Stop(ctx context.Context, name string, grace time.Duration) error {
	p, found, err := g.Main(name)
	if err != nil || !found {
		return err
	}
	handle, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stop %s (process %d): %w", name, p.PID, err)
	}
	defer unix.Close(handle) //nolint:errcheck // a handle for reading only

	for _, attempt := range []struct {
		signal unix.Signal
		wait   time.Duration
	}{{unix.SIGTERM, grace}, {unix.SIGKILL, killed}} {
		// A frozen process takes the signal only when it is thawed; SIGKILL does not need it, and it does no harm.
		for _, signal := range []unix.Signal{attempt.signal, unix.SIGCONT} {
			if err := unix.PidfdSendSignal(handle, signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("stop %s (process %d): %w", name, p.PID, err)
			}
		}
		gone, err := waitExit(ctx, handle, attempt.wait)
		if err != nil {
			return fmt.Errorf("stop %s (process %d): %w", name, p.PID, err)
		}
		if gone {
			return nil
		}
	}
	return fmt.Errorf("stop %s: process %d is still there %s after SIGKILL", name, p.PID, killed)
}

// killed is how long the kernel may take to clear away a killed process.
const killed = 10 * time.Second

// KillAll kills whatever of the group still runs, helpers included, until a look finds nothing.
func (g Group) KillAll(ctx context.Context) error {
	deadline := time.Now().Add(killed)
	for {
		all, err := g.All()
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d (%s) is still there %s after SIGKILL", all[0].PID, all[0].Name, killed)
		}
		for _, p := range all {
			if _, err := kill(ctx, p.PID, time.Second); err != nil {
				return fmt.Errorf("kill %s (process %d): %w", p.Name, p.PID, err)
			}
		}
	}
}

// kill ends a process and tells whether it was gone within the limit.
func kill(ctx context.Context, pid int, limit time.Duration) (gone bool, err error) {
	handle, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(handle) //nolint:errcheck // a handle for reading only
	if err := unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return false, err
	}
	return waitExit(ctx, handle, limit)
}

// waitExit waits until the process behind the handle has ended, or the time or the context is over.
func waitExit(ctx context.Context, handle int, limit time.Duration) (bool, error) {
	deadline := time.Now().Add(limit)
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		// In short turns, because a poll cannot be woken by a context; the exit itself wakes it at once.
		turn := min(time.Until(deadline), 100*time.Millisecond)
		if turn <= 0 {
			return false, nil
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, int(turn.Milliseconds())+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false, err
		}
		if n > 0 {
			return true, nil
		}
	}
}
