package realnode

import (
	"context"
	"fmt"
	"os"

	"github.com/saltside/soak-operator/hack/cluster/internal/sandbox"
)

// Unsupported says why this machine cannot run real nodes, or is empty if it can, once no tool is [Missing].
// It tries what a node needs, where nothing of it is left.
func Unsupported(ctx context.Context) (reason string) {
	if os.Geteuid() != 0 {
		return "real nodes need root, for cgroups, mounts and a network bridge"
	}
	if err := sandbox.TryCgroup(ctx); err != nil {
		return fmt.Sprintf("real nodes need cgroups: %v", err)
	}
	if err := sandbox.Try(tryNetwork); err != nil {
		return fmt.Sprintf("real nodes need namespaces and a network bridge: %v", err)
	}
	return ""
}

// tryNetwork makes a bridge and what connects pods to it, in a network namespace of its own.
func tryNetwork() error {
	if err := addLink("soak-bridge", "bridge", nil); err != nil {
		return err
	}
	return addLink("soak-veth", "veth", nil)
}
