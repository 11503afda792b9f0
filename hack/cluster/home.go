package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/saltside/soak-operator/hack/cluster/internal/build"
	"github.com/saltside/soak-operator/hack/cluster/internal/controlplane"
	"github.com/saltside/soak-operator/hack/cluster/internal/process"
)

// modulePath of hack/cluster.
const modulePath = "github.com/saltside/soak-operator/hack/cluster"

// home is the folder of this module, with everything that was made from it below .local.
type home string

// findHome asks the go command, because the working folder is that of whichever package is tested.
func findHome(ctx context.Context) (home, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", modulePath)
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return "", fmt.Errorf("find the folder of hack/cluster (run this inside the repository): %w", err)
	}
	return home(strings.TrimSpace(string(out))), nil
}

func (h home) local(elements ...string) string {
	return filepath.Join(append([]string{string(h), ".local"}, elements...)...)
}

func (h home) cluster(name string) string { return h.local("clusters", name) }

func (h home) lock(name string) string { return h.local("locks", name) }

// names of the clusters that have a folder.
func (h home) names() ([]string, error) {
	entries, err := os.ReadDir(h.local("clusters"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, nil
}

func (h home) builder(log io.Writer) build.Builder {
	return build.Builder{Source: string(h), Target: h.local("bin"), Log: log, InUse: h.inUse}
}

// inUse tells whether a cluster was started from executables in that folder, and may want to start them again.
func (h home) inUse(folder string) (bool, error) {
	names, err := h.names()
	if err != nil {
		return false, err
	}
	for _, name := range names {
		content, err := os.ReadFile(stateFile(h.cluster(name)))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
		if strings.Contains(string(content), folder) {
			return true, nil
		}
	}
	return false, nil
}

// tools is a folder with kubectl and helm, built once.
func (h home) tools(ctx context.Context, log io.Writer) (string, error) {
	folder := h.local("tools")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of tools: %w", err)
	}
	for tool, from := range map[string]struct {
		component  build.Component
		executable string
	}{
		"kubectl": {build.Kubernetes, "kubernetes"}, // acts as what it is called by
		"helm":    {build.Helm, "helm"},
	} {
		built, err := h.builder(log).Get(ctx, from.component)
		if err != nil {
			return "", err
		}
		if err := link(filepath.Join(built, from.executable), filepath.Join(folder, tool)); err != nil {
			return "", fmt.Errorf("link %s: %w", tool, err)
		}
	}
	return folder, nil
}

// link makes name a symbolic link to target, replacing another one in one step for whoever uses it now.
func link(target, name string) error {
	if current, err := os.Readlink(name); err == nil && current == target {
		return nil
	}
	fresh := fmt.Sprintf("%s.%d", name, os.Getpid())
	if err := os.Symlink(target, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, name)
}

// state is what a cluster's folder remembers of how it was started.
type state struct {
	Name       string
	Nodes      Nodes
	Kubeconfig string
	Tools      string
	Ports      controlplane.Ports
	// Processes in the order in which they are started.
	Processes []process.Spec
}

func stateFile(folder string) string { return filepath.Join(folder, "cluster.json") }

func (h home) open(name string) (*Cluster, error) {
	folder := h.cluster(name)
	content, err := os.ReadFile(stateFile(folder))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no cluster %q", name)
	}
	if err != nil {
		return nil, fmt.Errorf("open cluster %s: %w", name, err)
	}
	c := &Cluster{group: process.Group(folder)}
	if err := json.Unmarshal(content, &c.state); err != nil {
		return nil, fmt.Errorf("open cluster %s: %s: %w", name, stateFile(folder), err)
	}
	return c, nil
}

// save replaces the state in one step, so that a launcher killed meanwhile leaves a whole one.
func (c *Cluster) save() error {
	content, err := json.MarshalIndent(c.state, "", "  ")
	if err != nil {
		return fmt.Errorf("save the state of cluster %s: %w", c.Name(), err)
	}
	fresh := stateFile(c.Folder()) + ".new"
	if err := os.WriteFile(fresh, content, 0o600); err != nil {
		return fmt.Errorf("save the state of cluster %s: %w", c.Name(), err)
	}
	return os.Rename(fresh, stateFile(c.Folder()))
}
