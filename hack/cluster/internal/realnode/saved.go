package realnode

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"

	"github.com/saltside/soak-operator/hack/cluster/internal/process"
)

// saved is what tells a later launcher of the nodes of a cluster.
type saved struct {
	Config Config
	Block  netip.Prefix
}

func (c Config) savedFile() string { return c.path("nodes.json") }

func (s saved) write() error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.Config.savedFile(), content, 0o600)
}

func (s saved) nodes() []Node {
	nodes := make([]Node, s.Config.Count)
	for i, name := range s.Config.NodeNames() {
		nodes[i] = Node{Name: name, Address: nodeAddress(s.Block, i), config: s.Config}
	}
	return nodes
}

// Load returns the nodes that were prepared in the cluster's folder, none if none were. The launcher is that of now: the
// one that prepared them may have been built anew since.
func Load(group process.Group, launcher string) ([]Node, error) {
	content, err := os.ReadFile(Config{Group: group}.savedFile())
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load the real nodes: %w", err)
	}
	var s saved
	if err := json.Unmarshal(content, &s); err != nil {
		return nil, fmt.Errorf("load the real nodes: %w", err)
	}
	s.Config.Launcher = launcher
	return s.nodes(), nil
}
