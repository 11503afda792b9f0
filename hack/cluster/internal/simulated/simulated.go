// Package simulated plays nodes without a kubelet: each is a KWOK process of its own, as each real node has a kubelet of
// its own. So it can be frozen, killed and made bad alone, and what then happens to its pods is the control plane's doing.
package simulated

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/saltside/soak-operator/hack/cluster/internal/pki"
	"github.com/saltside/soak-operator/hack/cluster/internal/process"
)

// Most is how many nodes one cluster may have; each takes a process of some 50 MB.
const Most = 50

var (
	//go:embed stages/pod.yaml
	podStages []byte
	//go:embed stages/node-good.yaml
	goodNodeStages []byte
	//go:embed stages/node-bad.yaml
	badNodeStages []byte
	//go:embed stages/volumes.yaml
	volumeStages []byte
	//go:embed objects.yaml
	objects string

	objectsTemplate = template.Must(template.New("objects").Parse(objects))
)

// Config is what the simulated nodes of one cluster depend on.
type Config struct {
	// Folder of the cluster, and its Name.
	Folder, Name string
	// Executable is kwok.
	Executable string
	// Server is the URL of the API server, whose Authority signs kwok's certificate.
	Server    string
	Authority *pki.Authority
	// Count of nodes.
	Count int
}

// volumes is the process that provides volumes. It plays no node: none may have this name.
const volumes = "volumes"

// Prepare writes what the processes read.
func (c Config) Prepare() error {
	if c.Count < 1 || c.Count > Most {
		return fmt.Errorf("simulated nodes: %d is not between 1 and %d", c.Count, Most)
	}
	for file, stages := range map[string][][]byte{
		"good":  {goodNodeStages, podStages},
		"bad":   {badNodeStages},
		volumes: {volumeStages},
	} {
		if err := os.WriteFile(c.stages(file), bytes.Join(stages, []byte("---\n")), 0o600); err != nil {
			return fmt.Errorf("simulated nodes: write stages: %w", err)
		}
	}
	return c.Authority.Kubeconfig(c.kubeconfig(), c.Name, c.Server, pki.Subject{User: "kwok", Group: "system:masters"})
}

func (c Config) stages(name string) string { return filepath.Join(c.Folder, "kwok-"+name+".yaml") }

func (c Config) kubeconfig() string { return filepath.Join(c.Folder, "pki", "kwok.kubeconfig") }

// NodeNames of the cluster: soak-node-1 and on.
func (c Config) NodeNames() []string {
	names := make([]string, c.Count)
	for i := range names {
		names[i] = fmt.Sprintf("soak-node-%d", i+1)
	}
	return names
}

// Objects are the nodes and the storage class, to be created once the API server answers: a kubelet registers
// its node by itself, kwok does not.
func (c Config) Objects() ([]byte, error) {
	var out bytes.Buffer
	if err := objectsTemplate.Execute(&out, c.NodeNames()); err != nil {
		return nil, fmt.Errorf("simulated nodes: %w", err)
	}
	return out.Bytes(), nil
}

// Processes says how each node is started, and the provider of volumes.
func (c Config) Processes() []process.Spec {
	specs := []process.Spec{c.process(volumes, -1, c.stages(volumes))}
	for i, node := range c.NodeNames() {
		specs = append(specs, c.process(node, i, c.stages("good")))
	}
	return specs
}

// ProcessName is the name of the process that plays a node.
func ProcessName(node string) string { return "kwok-" + node }

func (c Config) process(node string, index int, stages string) process.Spec {
	return process.Spec{
		Name:       ProcessName(node),
		Executable: c.Executable,
		Args: []string{
			"--kubeconfig=" + c.kubeconfig(),
			"--config=" + stages,
			"--manage-single-node=" + node,
			// Nodes give sign of life through their status. A lease would keep a node whose process was killed and
			// started again from going on until it has run out.
			"--node-lease-duration-seconds=0",
			// Nothing listens there: a request for a pod's logs must fail at once, and on this machine.
			"--node-ip=127.0.0.1",
			fmt.Sprintf("--cidr=10.%d.0.1/16", 64+index+1),
		},
		// kwok looks for a configuration of the user's in the home folder.
		Env: []string{"HOME=" + c.Folder},
	}
}

// Bad says how to start a node's process so that the node is bad: its container runtime does not answer.
func Bad(spec process.Spec) process.Spec { return withStages(spec, "bad") }

// Good says how to start it so that the node is good again.
func Good(spec process.Spec) process.Spec { return withStages(spec, "good") }

func withStages(spec process.Spec, name string) process.Spec {
	args := append([]string{}, spec.Args...)
	for i, arg := range args {
		if path, found := strings.CutPrefix(arg, "--config="); found {
			args[i] = "--config=" + filepath.Join(filepath.Dir(path), "kwok-"+name+".yaml")
		}
	}
	spec.Args = args
	return spec
}
