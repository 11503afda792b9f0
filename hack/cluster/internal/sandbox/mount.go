package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// unshare gives this thread a mount namespace of its own, with the mounts of the spec.
func (s Spec) unshare() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	// From here on nothing that is mounted may reach the machine.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := s.mount(); err != nil {
		return err
	}
	// Among the processes of the namespace, mounts are shared, as containers with mount propagation need.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("make the mounts shared: %w", err)
	}
	return nil
}

// place is a folder or file held open, so that it can still be named when something is mounted over its path.
type place struct {
	path   string
	handle int
}

func (p place) String() string { return fmt.Sprintf("/proc/self/fd/%d", p.handle) }

func open(path string) (place, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return place{}, err
	}
	handle, err := unix.Open(resolved, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return place{}, fmt.Errorf("open %s: %w", resolved, err)
	}
	return place{path: resolved, handle: handle}, nil
}

// mount makes the mounts. The handles it opens are closed when this process becomes the command.
func (s Spec) mount() error {
	sources := make([]place, len(s.Mounts))
	targets := make([]string, len(s.Mounts))
	for i, m := range s.Mounts {
		var err error
		if targets[i], err = filepath.EvalSymlinks(m.Target); err != nil {
			return fmt.Errorf("mount over %s: %w", m.Target, err)
		}
		if m.Source == "" {
			continue
		}
		if sources[i], err = open(m.Source); err != nil {
			return fmt.Errorf("mount over %s: %w", m.Target, err)
		}
	}
	var keep []place
	for _, path := range s.Keep {
		p, err := open(path)
		if os.IsNotExist(err) {
			continue // nothing to hide
		}
		if err != nil {
			return fmt.Errorf("keep %s visible: %w", path, err)
		}
		if covered(p.path, targets) {
			keep = append(keep, p)
		}
	}
	for i, m := range s.Mounts {
		var err error
		if m.Source == "" {
			err = unix.Mount("tmpfs", targets[i], "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755")
		} else {
			err = unix.Mount(sources[i].String(), targets[i], "", unix.MS_BIND|unix.MS_REC, "")
		}
		if err != nil {
			return fmt.Errorf("mount %q over %s: %w", m.Source, m.Target, err)
		}
	}
	for _, p := range keep {
		if err := os.MkdirAll(p.path, 0o755); err != nil {
			return fmt.Errorf("keep %s visible: %w", p.path, err)
		}
		if err := unix.Mount(p.String(), p.path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("keep %s visible: %w", p.path, err)
		}
	}
	return nil
}

// covered tells whether a mount over one of the targets hides the path. A target itself is never kept.
func covered(path string, targets []string) bool {
	for _, target := range targets {
		if strings.HasPrefix(path, target+"/") {
			return true
		}
	}
	return false
}

// setNamespace moves this thread into the mount namespace.
func setNamespace(namespace *os.File) error {
	// The kernel refuses as long as the working folder is shared with the other threads.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("leave the threads' common folder: %w", err)
	}
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("join the node's mount namespace: %w", err)
	}
	return nil
}

// namespaceOf is the identity of a mount namespace, by a link below /proc: of a process, or of a handle.
// It is empty when the process is gone.
func namespaceOf(link string) string {
	identity, _ := os.Readlink(filepath.Join("/proc", link)) // a process that is gone has none
	return identity
}
