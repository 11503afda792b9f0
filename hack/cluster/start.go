package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/saltside/soak-operator/hack/cluster/internal/build"
	"github.com/saltside/soak-operator/hack/cluster/internal/controlplane"
	"github.com/saltside/soak-operator/hack/cluster/internal/filelock"
	"github.com/saltside/soak-operator/hack/cluster/internal/process"
	"github.com/saltside/soak-operator/hack/cluster/internal/simulated"
)

// How long the parts may take to become ready, far beyond what a slow machine needs.
const (
	serverLimit = 2 * time.Minute
	nodesLimit  = 3 * time.Minute
)

// launch is a start in progress.
type launch struct {
	*Cluster
	home         home
	log          io.Writer
	controlPlane *controlplane.ControlPlane
	nodes        nodeSet
	// broken gets the name of a process that ended though it should run.
	broken chan string
}

// nodeSet is what the kinds of nodes differ in.
type nodeSet interface {
	// processes that play the nodes, in the order in which they are started.
	processes() []process.Spec
	// names of the nodes.
	names() []string
	// objects that the API server must be given.
	objects() ([]byte, error)
}

func start(ctx context.Context, h home, options Options) (_ *Cluster, err error) {
	l := &launch{
		Cluster: &Cluster{
			group: process.Group(h.cluster(options.Name)),
			state: state{Name: options.Name, Nodes: options.Nodes, Kubeconfig: controlplane.Kubeconfig(h.cluster(options.Name))},
		},
		home: h, log: options.Log, broken: make(chan string, 1),
	}
	defer func() {
		if err != nil {
			// The folder stays, for its logs; the next start clears it away.
			err = errors.Join(err, l.group.KillAll(context.WithoutCancel(ctx)))
		}
	}()
	if err := l.prepare(ctx); err != nil {
		return nil, fmt.Errorf("start cluster %s: %w", options.Name, err)
	}
	// A process that ends meanwhile ends every wait.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case name := <-l.broken:
			cancel(fmt.Errorf("%s has ended; its log is %s", name, l.LogFile(name)))
		case <-ctx.Done():
		}
	}()
	if err := l.run(ctx); err != nil {
		return nil, fmt.Errorf("start cluster %s: %w", options.Name, err)
	}
	return l.Cluster, nil
}

// prepare builds what is missing and writes all that the processes read. It starts none.
func (l *launch) prepare(ctx context.Context) error {
	kubernetes, err := l.home.builder(l.log).Get(ctx, build.Kubernetes)
	if err != nil {
		return err
	}
	if l.state.Tools, err = l.home.tools(ctx, l.log); err != nil {
		return err
	}
	if err := os.MkdirAll(l.Folder(), 0o700); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	// Ports stay promised to nobody else until the state names them.
	release, err := filelock.Take(ctx, l.home.lock("ports"))
	if err != nil {
		return err
	}
	defer release()
	free, err := l.home.newPorts()
	if err != nil {
		return err
	}
	for _, port := range []*int{&l.state.Ports.Etcd, &l.state.Ports.EtcdPeer, &l.state.Ports.APIServer} {
		if *port, err = free.next(ctx); err != nil {
			return err
		}
	}
	config := controlplane.Config{
		Folder: l.Folder(), Name: l.Name(), Ports: l.state.Ports,
		Executable: filepath.Join(kubernetes, "kubernetes"),
	}
	if l.controlPlane, err = controlplane.Prepare(config); err != nil {
		return err
	}
	if err := l.prepareNodes(ctx); err != nil {
		return err
	}
	l.state.Processes = l.controlPlane.Processes()
	if l.nodes != nil {
		l.state.Processes = append(l.state.Processes, l.nodes.processes()...)
	}
	return l.save()
}

func (l *launch) prepareNodes(ctx context.Context) error {
	if l.state.Nodes.Kind == Simulated {
		folder, err := l.home.builder(l.log).Get(ctx, build.KWOK)
		if err != nil {
			return err
		}
		nodes := simulatedNodes{simulated.Config{
			Folder: l.Folder(), Name: l.Name(), Executable: filepath.Join(folder, "kwok"),
			Server: l.controlPlane.Server(), Authority: l.controlPlane.Authority, Count: l.state.Nodes.Count,
		}}
		l.nodes = nodes
		return nodes.Prepare()
	}
	return nil
}

type simulatedNodes struct{ simulated.Config }

func (n simulatedNodes) processes() []process.Spec { return n.Processes() }
func (n simulatedNodes) names() []string           { return n.NodeNames() }
func (n simulatedNodes) objects() ([]byte, error)  { return n.Objects() }

// run starts the processes and waits until the cluster is of use.
func (l *launch) run(ctx context.Context) error {
	serverUp := false
	for _, spec := range l.state.Processes {
		// All but the store and the API server itself give up when there is no API server.
		if !serverUp && spec.Name != controlplane.Etcd && spec.Name != controlplane.APIServer {
			if err := l.waitForServer(ctx, serverLimit); err != nil {
				return err
			}
			serverUp = true
		}
		ended, err := l.group.Start(spec)
		if err != nil {
			return err
		}
		go l.watch(ctx, spec.Name, ended)
	}
	return l.waitForNodes(ctx)
}

func (l *launch) watch(ctx context.Context, name string, ended <-chan struct{}) {
	select {
	case <-ended:
		select {
		case l.broken <- name:
		default: // one is enough to give up
		}
	case <-ctx.Done():
	}
}

// waitForNodes creates what the nodes need and waits until pods can be placed on them.
func (l *launch) waitForNodes(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, nodesLimit, fmt.Errorf("not ready within %s; the logs are in %s", nodesLimit, filepath.Dir(l.LogFile("any"))))
	defer cancel()
	// The controller manager makes the account without which no pod is admitted.
	waits := [][]string{{"wait", "--for=create", "serviceaccount/default", "--namespace=default"}}
	if l.nodes != nil {
		objects, err := l.nodes.objects()
		if err != nil {
			return err
		}
		if _, err := l.kubectl(ctx, bytes.NewReader(objects), "apply", "--server-side", "-f", "-"); err != nil {
			return err
		}
		for _, node := range l.nodes.names() {
			waits = append(waits,
				[]string{"wait", "--for=create", "node/" + node},
				[]string{"wait", "--for=condition=Ready", "node/" + node})
		}
	}
	for _, args := range waits {
		if _, err := l.kubectl(ctx, nil, append(args, "--timeout="+nodesLimit.String())...); err != nil {
			return err
		}
	}
	return nil
}
