package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Try runs something in a mount namespace and a network namespace that vanish with it, to learn whether it works here.
// Threads that it starts are not in them.
func Try(do func() error) error {
	result := make(chan error, 1)
	go func() {
		// Never unlocked: so the thread, which nothing else may use any more, ends with this goroutine.
		runtime.LockOSThread()
		result <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("make a mount namespace and a network namespace: %w", err)
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return fmt.Errorf("make the mounts private: %w", err)
			}
			return do()
		}()
	}()
	return <-result
}

// TryCgroup makes a cgroup and removes it.
func TryCgroup(ctx context.Context) error {
	c := Cgroup(fmt.Sprintf("/soaktry%d/node", os.Getpid()))
	err := c.Create()
	return errors.Join(err, Cgroup(filepath.Dir(string(c))).Remove(ctx))
}

// TryOverlay mounts an overlay file system in the folder, which the folder's own file system must be good for.
func TryOverlay(folder string) error {
	base, err := os.MkdirTemp(folder, "overlay-")
	if err != nil {
		return fmt.Errorf("try an overlay: %w", err)
	}
	defer os.RemoveAll(base) //nolint:errcheck // only empty folders, in one that is removed with the cluster
	var options []string
	for _, name := range []string{"lowerdir", "upperdir", "workdir", "merged"} {
		if err := os.Mkdir(filepath.Join(base, name), 0o755); err != nil {
			return fmt.Errorf("try an overlay: %w", err)
		}
		if name != "merged" {
			options = append(options, name+"="+filepath.Join(base, name))
		}
	}
	return Try(func() error {
		if err := unix.Mount("overlay", filepath.Join(base, "merged"), "overlay", 0, strings.Join(options, ",")); err != nil {
			return fmt.Errorf("mount an overlay in %s: %w", folder, err)
		}
		return nil
	})
}
