package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Cgroup is the path of a cgroup below the root of every hierarchy that is mounted, for example /soak/node/system.
//
// There is one hierarchy with cgroup v2, one for each controller with v1, and all of these in the hybrid layout. A node's
// processes are in all of them, so that a kubelet finds its controllers whatever the layout, and so that none is overlooked.
type Cgroup string

// hierarchies lists where cgroup hierarchies are mounted.
func hierarchies() ([]string, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("find cgroup hierarchies: %w", err)
	}
	return parseHierarchies(string(content)), nil
}

// parseHierarchies reads /proc/self/mountinfo; see proc_pid_mountinfo(5).
func parseHierarchies(mountinfo string) (found []string) {
	for line := range strings.Lines(mountinfo) {
		mount, filesystem, _ := strings.Cut(line, " - ")
		fields := strings.Fields(mount)
		if len(fields) < 5 || !strings.HasPrefix(filesystem, "cgroup") {
			continue
		}
		// One that is mounted twice is listed once.
		if point := fields[4]; !slices.Contains(found, point) {
			found = append(found, point)
		}
	}
	return found
}

// folders are those of the cgroup in each hierarchy, whether they exist or not.
func (c Cgroup) folders() ([]string, error) {
	if path := string(c); len(path) < 2 || path[0] != '/' || filepath.Clean(path) != path {
		return nil, fmt.Errorf("%q is not a cgroup of ours", c)
	}
	points, err := hierarchies()
	for i := range points {
		points[i] = filepath.Join(points[i], string(c))
	}
	return points, err
}

// Create makes the cgroup, and those above it, in every hierarchy.
// Processes may join it, but with cgroup v2 not one that has others below it.
func (c Cgroup) Create() error {
	points, err := hierarchies()
	if err == nil && len(points) == 0 {
		err = errors.New("no cgroup hierarchy is mounted; mount one at /sys/fs/cgroup")
	}
	if err != nil {
		return fmt.Errorf("create cgroup %s: %w", c, err)
	}
	for _, point := range points {
		parent := point
		for name := range strings.SplitSeq(strings.Trim(string(c), "/"), "/") {
			folder := filepath.Join(parent, name)
			if err := createBelow(parent, folder); err != nil {
				return fmt.Errorf("create cgroup %s: %w", c, err)
			}
			parent = folder
		}
	}
	return nil
}

func createBelow(parent, folder string) error {
	version2, err := passOn(parent)
	if err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o755); err != nil && !os.IsExist(err) {
		return err
	}
	if version2 {
		return nil
	}
	// The cpuset controller of v1 lets nobody in before it is told which processors and memory there are.
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		content, err := os.ReadFile(filepath.Join(parent, file))
		if os.IsNotExist(err) {
			return nil // the hierarchy of another controller
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, file), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// required controllers are those that containers are limited with; without the others they run as well.
var required = []string{"cpu", "cpuset", "memory", "pids"}

// passOn makes the controllers of a cgroup v2 folder available to those below it, which v1 does by itself.
func passOn(folder string) (version2 bool, err error) {
	controllers, err := os.ReadFile(filepath.Join(folder, "cgroup.controllers"))
	if os.IsNotExist(err) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	control := filepath.Join(folder, "cgroup.subtree_control")
	passed, err := os.ReadFile(control)
	if err != nil {
		return true, err
	}
	for controller := range strings.FieldsSeq(string(controllers)) {
		if slices.Contains(strings.Fields(string(passed)), controller) {
			continue
		}
		err := os.WriteFile(control, []byte("+"+controller), 0o644)
		if err != nil && slices.Contains(required, controller) {
			return true, fmt.Errorf("pass on the %s controller: %w", controller, err)
		}
	}
	return true, nil
}

// join creates the cgroup and moves this process, with all of its threads, into it.
func (c Cgroup) join() error {
	if err := c.Create(); err != nil {
		return err
	}
	folders, err := c.folders()
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if err := os.WriteFile(filepath.Join(folder, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
			return fmt.Errorf("join cgroup %s: %w", c, err)
		}
	}
	return nil
}

// Processes lists the numbers of those in the cgroup itself, in any hierarchy.
func (c Cgroup) Processes() ([]int, error) {
	folders, err := c.folders()
	if err != nil {
		return nil, err
	}
	return processes(folders)
}

func processes(folders []string) (pids []int, err error) {
	for _, folder := range folders {
		content, err := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
		if os.IsNotExist(err) || errors.Is(err, unix.ENODEV) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("list processes of a cgroup: %w", err)
		}
		for line := range strings.FieldsSeq(string(content)) {
			// A zero stands for a process that this one cannot see.
			if pid, err := strconv.Atoi(line); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// tree lists the folders of the cgroup and all below it, in every hierarchy, the deepest first.
func (c Cgroup) tree() (found []string, err error) {
	roots, err := c.folders()
	if err != nil {
		return nil, err
	}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil // never made, or removed meanwhile
			}
			if err == nil && entry.IsDir() {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("list cgroups: %w", err)
		}
	}
	slices.Reverse(found)
	return found, nil
}
