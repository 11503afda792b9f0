// Package sandbox gives the processes of a node a view of the file system of their own, and puts them in a cgroup.
//
// A process enters by being started through a command that calls [Enter], which becomes the process. What a node mounts
// (volumes, containers' file systems, network namespaces) is in a private mount namespace and vanishes with its last
// process, even after a SIGKILL; what it writes to /run, /var/lib and the like is in folders given for it. So a node can
// leave nothing behind on the machine, and two nodes do not meet. The network is the machine's own.
//
// It isolates from mistakes, not from attackers: everything in it is root on this machine. It knows nothing of Kubernetes.
package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
)

// Spec says what processes in the sandbox see and where they are counted.
type Spec struct {
	// Mounts are made in this order, when the namespace is.
	Mounts []Mount `json:"mounts"`
	// Keep are folders that stay visible at their place when a mount covers it, such as those of executables.
	Keep []string `json:"keep,omitempty"`
	// Cgroup, when set, is joined by every process that enters, and all of its processes share one mount namespace.
	// Without it each process has a namespace of its own, alike but for what is mounted later.
	Cgroup Cgroup `json:"cgroup,omitempty"`
}

// Mount covers Target, an existing folder or file, with the folder or file Source, or with empty memory if there is none.
type Mount struct {
	Source string `json:"source,omitempty"`
	Target string `json:"target"`
}

// Write keeps the spec in the file, for Enter.
func (s Spec) Write(file string) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write sandbox: %w", err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return fmt.Errorf("write sandbox: %w", err)
	}
	return nil
}

func read(file string) (s Spec, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(content, &s); err != nil {
		return s, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}
