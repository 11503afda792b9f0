package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/saltside/soak-operator/hack/cluster/internal/build"
	"github.com/saltside/soak-operator/hack/cluster/internal/controlplane"
	"github.com/saltside/soak-operator/hack/cluster/internal/filelock"
	"github.com/saltside/soak-operator/hack/cluster/internal/process"
)

// How long the parts may take to become ready, far beyond what a slow machine needs.
const (
	serverLimit = 2 * time.Minute
	nodesLimit  = 3 * time.Minute
)

// launch is a start in progress.
type launch struct {
	*Cluster
	home home
	log  io.Writer
	// processes of the control plane.
	processes []process.Spec
	nodes     nodeSet
	// broken gets the name of a process that ended though it should run.
	broken chan string
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
			err = errors.Join(err, kill(context.WithoutCancel(ctx), l.group))
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
	if l.nodes, config.HostPathVolumes, err = l.newNodes(ctx, config.Executable); err != nil {
		return err
	}
	controlPlane, err := controlplane.Prepare(config)
	if err != nil {
		return err
	}
	l.processes = controlPlane.Processes()
	if err := l.nodes.prepare(controlPlane); err != nil {
		return err
	}
	l.state.Processes = append(slices.Clone(l.processes), l.nodes.processes()...)
	return l.save()
}

// run starts the processes and waits until the cluster is of use.
func (l *launch) run(ctx context.Context) error {
	serverUp := false
	for _, spec := range l.processes {
		// All but the store and the API server itself give up when there is no API server.
		if !serverUp && spec.Name != controlplane.Etcd && spec.Name != controlplane.APIServer {
			if err := l.waitForServer(ctx, serverLimit); err != nil {
				return err
			}
			serverUp = true
		}
		if err := l.startProcess(ctx, spec); err != nil {
			return err
		}
	}
	nodes, err := l.nodes.start(ctx, l)
	if err != nil {
		return err
	}
	return l.waitForNodes(ctx, nodes)
}

// startProcess starts a process that must not end while the cluster is being started.
func (l *launch) startProcess(ctx context.Context, spec process.Spec) error {
	ended, err := l.group.Start(spec)
	if err != nil {
		return err
	}
	go l.watch(ctx, spec.Name, ended)
	return nil
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

// waitForNodes waits until pods can be placed on them.
func (l *launch) waitForNodes(ctx context.Context, nodes []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, nodesLimit, fmt.Errorf("not ready within %s; the logs are in %s", nodesLimit, filepath.Dir(l.LogFile("any"))))
	defer cancel()
	// The controller manager makes the account without which no pod is admitted.
	waits := [][]string{{"wait", "--for=create", "serviceaccount/default", "--namespace=default"}}
	for _, node := range nodes {
		waits = append(waits,
			[]string{"wait", "--for=create", "node/" + node},
			[]string{"wait", "--for=condition=Ready", "node/" + node})
	}
	for _, args := range waits {
		if _, err := l.kubectl(ctx, nil, append(args, "--timeout="+nodesLimit.String())...); err != nil {
			return err
		}
	}
	return nil
}
