package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/saltside/soak-operator/hack/cluster/internal/realnode"
	"github.com/saltside/soak-operator/hack/cluster/internal/simulated"
)

// Kinds of nodes.
const (
	// Simulated nodes report what a kubelet would, and run nothing.
	Simulated = "simulated"
	// Real nodes run pods, with a kubelet and containerd. They need root.
	Real = "real"
)

// Nodes says which nodes a cluster has, and how many. The zero value is a control plane without nodes.
type Nodes struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
}

// String is the form that [ParseNodes] reads.
func (n Nodes) String() string {
	if n == (Nodes{}) {
		return "none"
	}
	return n.Kind + ":" + strconv.Itoa(n.Count)
}

// ParseNodes reads "none", "simulated:4" or "real:1". A kind alone means one node.
func ParseNodes(s string) (Nodes, error) {
	if s == "none" {
		return Nodes{}, nil
	}
	kind, number, counted := strings.Cut(s, ":")
	most, known := map[string]int{Simulated: simulated.Most, Real: realnode.Most}[kind]
	if !known {
		return Nodes{}, fmt.Errorf("nodes %q: use none, %s:N or %s:N", s, Simulated, Real)
	}
	count := 1
	if counted {
		var err error
		if count, err = strconv.Atoi(number); err != nil || count < 1 || count > most {
			return Nodes{}, fmt.Errorf("nodes %q: the number of %s nodes is between 1 and %d", s, kind, most)
		}
	}
	return Nodes{Kind: kind, Count: count}, nil
}

// Unsupported is empty when this machine can run such nodes, else the reason why not. It tries what they need.
func (n Nodes) Unsupported(ctx context.Context) string {
	if n.Kind != Real {
		return ""
	}
	return realnode.Unsupported(ctx)
}
