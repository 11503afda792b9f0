// Package realnode runs real nodes on this machine: for each a containerd and a kubelet, in a sandbox with a cgroup.
//
// Nodes share the machine's network, on which each has an address of its own; nothing of theirs is outside the cluster's
// folder but a bridge and a cgroup, which [Down] removes. There is no kube-proxy and no DNS: pods reach each other by
// address only, and nothing outside but the API server. Images are imported from files; nothing is pulled.
//
// It needs Linux, root, and two Debian packages; see [Unsupported] and [Missing].
package realnode

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/saltside/soak-operator/hack/cluster/internal/pki"
	"github.com/saltside/soak-operator/hack/cluster/internal/process"
	"github.com/saltside/soak-operator/hack/cluster/internal/sandbox"
)

// Config is what the real nodes of one cluster depend on. All paths are absolute.
type Config struct {
	// Group is the cluster's folder, and Name its name.
	Group process.Group
	Name  string
	// Server is the URL of the API server, whose Authority signs the nodes' certificates.
	Server    string
	Authority *pki.Authority `json:"-"`
	// Service is the address by which pods know the API server.
	Service netip.AddrPort
	// Launcher is an executable that calls [sandbox.Enter] when it is run as "enter <file> -- <command>...", and [Forward] as
	// "forward <interface> <address> <address>".
	Launcher string
	// Kubernetes is the multi-call binary that has the kubelet, and Containerd the folder of containerd, its shim and ctr.
	Kubernetes, Containerd string
	// Programs is the folder of the static executables pause and soak-app, of which the images are made.
	Programs string
	// Count of nodes.
	Count int
}

//go:embed config
var files embed.FS

var templates = template.Must(template.ParseFS(files, "config/*"))

// NodeNames of the cluster: soak-node-a and on.
func (c Config) NodeNames() []string {
	names := make([]string, c.Count)
	for i := range names {
		names[i] = "soak-node-" + string(rune('a'+i))
	}
	return names
}

func (c Config) path(elements ...string) string {
	return filepath.Join(append([]string{string(c.Group), "nodes"}, elements...)...)
}

// Prepare makes the cluster's network and images, and what each node reads. It starts nothing.
func Prepare(config Config) ([]Node, error) {
	nodes, err := prepare(config)
	if err != nil {
		return nil, fmt.Errorf("prepare the real nodes: %w", err)
	}
	return nodes, nil
}

func prepare(config Config) ([]Node, error) {
	if config.Count < 1 || config.Count > Most {
		return nil, fmt.Errorf("%d is not between 1 and %d", config.Count, Most)
	}
	if missing := Missing(); len(missing) > 0 {
		return nil, missing
	}
	if err := os.MkdirAll(config.path("images"), 0o755); err != nil {
		return nil, err
	}
	if err := writeImages(config); err != nil {
		return nil, err
	}
	snapshotter := "overlayfs"
	if err := sandbox.TryOverlay(config.path()); err != nil {
		snapshotter = "native" // copies instead, which works everywhere and takes more of the disk
	}
	block, err := ensureBridge(identity(config.Group), config.Count, config.Service.Addr())
	if err != nil {
		return nil, err
	}
	nodes := saved{Config: config, Block: block}.nodes()
	for _, node := range nodes {
		if err := node.prepare(block, snapshotter); err != nil {
			return nil, fmt.Errorf("%s: %w", node.Name, err)
		}
	}
	return nodes, saved{Config: config, Block: block}.write()
}

// ControllerManagerWrapper is the command line in whose sandbox the controller manager makes volumes: it and the nodes
// must mean the same folder by /tmp/hostpath_pv, and not the machine's.
func ControllerManagerWrapper(config Config) ([]string, error) {
	file := config.path("controller-manager.json")
	if err := os.MkdirAll(config.temporary(), 0o755); err != nil {
		return nil, fmt.Errorf("prepare volumes: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, fmt.Errorf("prepare volumes: %w", err)
	}
	spec := sandbox.Spec{Mounts: []sandbox.Mount{{Source: config.temporary(), Target: "/tmp"}}, Keep: config.keep()}
	if err := spec.Write(file); err != nil {
		return nil, fmt.Errorf("prepare volumes: %w", err)
	}
	return config.enter(file), nil
}

// temporary is the folder that all nodes see as /tmp.
func (c Config) temporary() string { return c.path("tmp") }

func (c Config) enter(file string) []string { return []string{c.Launcher, "enter", file, "--"} }

// keep are the folders that a node needs at their place, wherever on the machine that is.
func (c Config) keep() []string {
	return []string{string(c.Group), filepath.Dir(c.Launcher), filepath.Dir(c.Kubernetes), c.Containerd}
}

// cgroup is that of all nodes of the cluster.
func cgroup(group process.Group) sandbox.Cgroup { return sandbox.Cgroup("/" + identity(group)) }

// Down kills whatever runs on the real nodes of the cluster and removes what they have outside its folder. It needs to
// know nothing but the folder, so that it works after a crash too. Without real nodes it does nothing.
func Down(ctx context.Context, group process.Group) error {
	// In this order: the interfaces of pods go with their processes.
	err := cgroup(group).Remove(ctx)
	if err := errors.Join(err, removeBridge(ctx, identity(group))); err != nil {
		return fmt.Errorf("remove the real nodes: %w", err)
	}
	return nil
}

// settings are what the configuration files are rendered from.
type settings struct {
	Name, Folder, Bridge, Cgroup string
	Containerd, CNI, Runc        string
	Snapshotter, Pause           string
	Authority, Certificate, Key  string
	Address, FirstPod, LastPod   netip.Addr
	Block, Service               netip.Prefix
}

func (s settings) render(name string) (string, error) {
	var out strings.Builder
	if err := templates.ExecuteTemplate(&out, name, s); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return out.String(), nil
}
