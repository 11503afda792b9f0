package charts

import (
	"testing"

	"github.com/saltside/soak-operator/hack/cluster"
	"github.com/saltside/soak-operator/hack/cluster/clustertest"
)

const (
	chart  = "../../charts/soak-operator"
	config = "../../config"
	// name of the release, of its namespace, and of what is in it.
	name = "soak-operator"
)

// bench is a cluster with a namespace for the operator, in which the strictest rules for pods are enforced.
type bench struct {
	t       *testing.T
	cluster *cluster.Cluster
}

// newBench starts a cluster: there can be only one operator in each.
func newBench(t *testing.T, nodes string) bench {
	t.Helper()
	b := bench{t, clustertest.Start(t, nodes)}
	b.kubectl("create", "namespace", name)
	b.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
	return b
}

// kubectl must succeed. It returns what was printed.
func (b bench) kubectl(arguments ...string) string {
	b.t.Helper()
	output, err := b.cluster.Kubectl(b.t.Context(), arguments...)
	if err != nil {
		b.t.Fatal(err)
	}
	return output
}

// helm must succeed in the operator's namespace. It returns what was printed.
func (b bench) helm(command string, arguments ...string) string {
	b.t.Helper()
	output, err := b.cluster.Helm(b.t.Context(), append([]string{command, "--namespace", name}, arguments...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	return output
}

// want fails the test unless kubectl prints exactly that.
func (b bench) want(want string, arguments ...string) {
	b.t.Helper()
	if got := b.kubectl(arguments...); got != want {
		b.t.Errorf("kubectl %q: got %q, want %q", arguments, got, want)
	}
}
