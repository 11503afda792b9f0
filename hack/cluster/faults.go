package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/saltside/soak-operator/hack/cluster/internal/controlplane"
	"github.com/saltside/soak-operator/hack/cluster/internal/process"
	"github.com/saltside/soak-operator/hack/cluster/internal/realnode"
	"github.com/saltside/soak-operator/hack/cluster/internal/simulated"
)

// grace is how long a process may take to stop by itself.
const grace = 10 * time.Second

// Cause says what goes wrong on a node that is made bad.
type Cause string

const (
	// ContainerRuntime does not answer any more. The kubelet says so: the node is NotReady because its PLEG is not healthy,
	// and pods on it stay as they are. At once on a simulated node, within four minutes on a real one.
	ContainerRuntime Cause = "container-runtime"
	// Kubelet gives no sign of life. The controller manager finds out and sets the node's conditions to Unknown, after
	// its grace period of 50 seconds.
	Kubelet Cause = "kubelet"
)

// Processes names the processes that the cluster should have, in the order in which they were started.
func (c *Cluster) Processes() []string {
	names := make([]string, 0, len(c.state.Processes))
	for _, spec := range c.state.Processes {
		names = append(names, spec.Name)
	}
	return names
}

// Missing names the processes that the cluster should have and that do not run.
func (c *Cluster) Missing() ([]string, error) {
	var missing []string
	for _, name := range c.Processes() {
		_, found, err := c.group.Main(name)
		if err != nil {
			return nil, err
		}
		if !found {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// Freeze halts a process as it is (SIGSTOP): its connections stay open, and nobody answers.
func (c *Cluster) Freeze(name string) error { return c.signal(name, unix.SIGSTOP) }

// Thaw lets a frozen process go on (SIGCONT).
func (c *Cluster) Thaw(name string) error { return c.signal(name, unix.SIGCONT) }

// Kill ends a process at once (SIGKILL), and returns when it is gone. [Cluster.Restart] starts it again.
func (c *Cluster) Kill(name string) error {
	if _, err := c.spec(name); err != nil {
		return err
	}
	return c.group.Kill(name)
}

func (c *Cluster) signal(name string, signal unix.Signal) error {
	if _, err := c.spec(name); err != nil {
		return err
	}
	return c.group.Signal(name, signal)
}

// StopProcess asks a process to end and waits until it has. [Cluster.Restart] starts it again.
func (c *Cluster) StopProcess(ctx context.Context, name string) error {
	if _, err := c.spec(name); err != nil {
		return err
	}
	return c.group.Stop(ctx, name, grace)
}

// Restart starts a process again, after stopping it if it runs. It returns when the API server is ready, a runtime answers
// or a kubelet is healthy; the others take their time.
func (c *Cluster) Restart(ctx context.Context, name string) error {
	spec, err := c.spec(name)
	if err != nil {
		return err
	}
	return c.restart(ctx, spec)
}

func (c *Cluster) restart(ctx context.Context, spec process.Spec) error {
	if err := c.group.Stop(ctx, spec.Name, grace); err != nil {
		return err
	}
	if start, err := c.realNodeStart(ctx, spec.Name); err != nil {
		return err
	} else if start != nil {
		return start(ctx)
	}
	if _, err := c.group.Start(spec); err != nil {
		return err
	}
	if spec.Name == controlplane.APIServer {
		return c.waitForServer(ctx, serverLimit)
	}
	return nil
}

// realNodeStart is how a process of a real node is started: the parts of a node wait for each other.
// It is nil for any other process.
func (c *Cluster) realNodeStart(ctx context.Context, name string) (func(context.Context) error, error) {
	nodes, err := c.realNodes(ctx)
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		switch name {
		case runtimePrefix + node.Name:
			return node.StartContainerd, nil
		case kubeletPrefix + node.Name:
			return node.StartKubelet, nil
		}
	}
	return nil, nil
}

// realNodes of the cluster; none if its nodes are of another kind.
func (c *Cluster) realNodes(ctx context.Context) ([]realnode.Node, error) {
	if c.state.Nodes.Kind != Real {
		return nil, nil
	}
	launcher, err := Launcher(ctx)
	if err != nil {
		return nil, err
	}
	return realnode.Load(c.group, launcher)
}

// The names of a real node's processes, before the node's.
const (
	runtimePrefix = "containerd-"
	kubeletPrefix = "kubelet-"
)

func (c *Cluster) spec(name string) (process.Spec, error) {
	if c.borrowed {
		return process.Spec{}, ErrBorrowed
	}
	i := slices.IndexFunc(c.state.Processes, func(spec process.Spec) bool { return spec.Name == name })
	if i < 0 {
		return process.Spec{}, fmt.Errorf("cluster %s has no process %q; it has %s", c.Name(), name, strings.Join(c.Processes(), ", "))
	}
	return c.state.Processes[i], nil
}

// MakeBad makes a node go bad, and returns without waiting for others to notice.
func (c *Cluster) MakeBad(ctx context.Context, node string, cause Cause) error {
	daemon, err := c.nodeDaemon(node, cause)
	if err != nil {
		return err
	}
	if c.state.Nodes.Kind == Simulated && cause == ContainerRuntime {
		return c.replay(ctx, daemon, simulated.Bad)
	}
	return c.Freeze(daemon)
}

// MakeGood ends what [Cluster.MakeBad] began, and returns without waiting for others to notice.
func (c *Cluster) MakeGood(ctx context.Context, node string) error {
	for _, cause := range []Cause{Kubelet, ContainerRuntime} {
		daemon, err := c.nodeDaemon(node, cause)
		if err != nil {
			return err
		}
		if err := c.Thaw(daemon); err != nil {
			return err
		}
	}
	if c.state.Nodes.Kind == Simulated {
		return c.replay(ctx, simulated.ProcessName(node), simulated.Good)
	}
	return nil
}

// nodeDaemon is the process of a node that the cause is about.
func (c *Cluster) nodeDaemon(node string, cause Cause) (string, error) {
	if cause != ContainerRuntime && cause != Kubelet {
		return "", fmt.Errorf("make node %s bad: cause %q: use %s or %s", node, cause, ContainerRuntime, Kubelet)
	}
	name := simulated.ProcessName(node)
	if c.state.Nodes.Kind == Real {
		name = map[Cause]string{ContainerRuntime: runtimePrefix, Kubelet: kubeletPrefix}[cause] + node
	}
	_, err := c.spec(name)
	return name, err
}

// replay starts a simulated node with other stages, and remembers them for when it is restarted.
func (c *Cluster) replay(ctx context.Context, name string, change func(process.Spec) process.Spec) error {
	spec, err := c.spec(name)
	if err != nil {
		return err
	}
	changed := change(spec)
	if slices.Equal(changed.Args, spec.Args) {
		return nil
	}
	for i := range c.state.Processes {
		if c.state.Processes[i].Name == name {
			c.state.Processes[i] = changed
		}
	}
	if err := c.save(); err != nil {
		return err
	}
	return c.restart(ctx, changed)
}
