package cluster

import (
	"bytes"
	"context"
	_ "embed"
	"path/filepath"

	"github.com/saltside/soak-operator/hack/cluster/internal/build"
	"github.com/saltside/soak-operator/hack/cluster/internal/controlplane"
	"github.com/saltside/soak-operator/hack/cluster/internal/process"
	"github.com/saltside/soak-operator/hack/cluster/internal/realnode"
	"github.com/saltside/soak-operator/hack/cluster/internal/simulated"
)

// nodeSet is what the kinds of nodes differ in while a cluster is started.
type nodeSet interface {
	// prepare writes all that the processes read.
	prepare(*controlplane.ControlPlane) error
	// processes that play the nodes.
	processes() []process.Spec
	// start starts the processes, once the API server is ready, and names the nodes that will be.
	start(context.Context, *launch) ([]string, error)
}

// newNodes builds what the nodes are played with. kubernetes is the multi-call binary. For nodes that can mount folders it
// returns how the control plane makes them; see [controlplane.Config.HostPathVolumes].
func (l *launch) newNodes(ctx context.Context, kubernetes string) (_ nodeSet, hostPathVolumes []string, _ error) {
	folders := map[string]string{}
	needed := map[string][]build.Component{
		Simulated: {build.KWOK},
		Real:      {build.Containerd, build.Programs, build.Launcher},
	}[l.state.Nodes.Kind]
	if l.state.Nodes.Kind == Real {
		if err := realnode.Missing().Install(ctx, l.log); err != nil {
			return nil, nil, err
		}
	}
	for _, component := range needed {
		var err error
		if folders[component.Name], err = l.home.builder(l.log).Get(ctx, component); err != nil {
			return nil, nil, err
		}
	}
	switch l.state.Nodes.Kind {
	case Simulated:
		return &simulatedNodes{simulated.Config{
			Folder: l.Folder(), Name: l.Name(), Count: l.state.Nodes.Count,
			Executable: filepath.Join(folders[build.KWOK.Name], "kwok"),
		}}, nil, nil
	case Real:
		config := realnode.Config{
			Group: l.group, Name: l.Name(), Count: l.state.Nodes.Count, Kubernetes: kubernetes,
			Containerd: folders[build.Containerd.Name], Programs: folders[build.Programs.Name],
			Launcher: filepath.Join(folders[build.Launcher.Name], launcherName), Service: controlplane.Service,
		}
		hostPathVolumes, err := realnode.ControllerManagerWrapper(config)
		return &realNodes{config: config}, hostPathVolumes, err
	default:
		return noNodes{}, nil, nil
	}
}

type noNodes struct{}

func (noNodes) prepare(*controlplane.ControlPlane) error         { return nil }
func (noNodes) processes() []process.Spec                        { return nil }
func (noNodes) start(context.Context, *launch) ([]string, error) { return nil, nil }

type simulatedNodes struct{ simulated.Config }

func (n *simulatedNodes) processes() []process.Spec { return n.Processes() }

func (n *simulatedNodes) prepare(controlPlane *controlplane.ControlPlane) error {
	n.Server, n.Authority = controlPlane.Server(), controlPlane.Authority
	return n.Prepare()
}

func (n *simulatedNodes) start(ctx context.Context, l *launch) ([]string, error) {
	for _, spec := range n.Processes() {
		if err := l.startProcess(ctx, spec); err != nil {
			return nil, err
		}
	}
	// A kubelet registers its node by itself; kwok does not.
	objects, err := n.Objects()
	if err != nil {
		return nil, err
	}
	return n.NodeNames(), l.Apply(ctx, bytes.NewReader(objects))
}

//go:embed storageclass.yaml
var hostPathClass []byte

type realNodes struct {
	config realnode.Config
	nodes  []realnode.Node
}

func (n *realNodes) prepare(controlPlane *controlplane.ControlPlane) (err error) {
	n.config.Server, n.config.Authority = controlPlane.Server(), controlPlane.Authority
	n.nodes, err = realnode.Prepare(n.config)
	return err
}

func (n *realNodes) processes() []process.Spec {
	specs := []process.Spec{n.config.Forwarder()}
	for _, node := range n.nodes {
		specs = append(specs, node.Processes()...)
	}
	return specs
}

func (n *realNodes) start(ctx context.Context, l *launch) ([]string, error) {
	if err := l.startProcess(ctx, n.config.Forwarder()); err != nil {
		return nil, err
	}
	for _, node := range n.nodes {
		if err := node.Start(ctx); err != nil {
			return nil, err
		}
	}
	return n.config.NodeNames(), l.Apply(ctx, bytes.NewReader(hostPathClass))
}
