package build

// Versions of what is built. They are those of the components' go.mod files, which a test compares.
const kubernetesVersion = "v1.36.3"

// The components of a cluster.
var (
	Kubernetes = Component{
		Name:     "kubernetes",
		Purpose:  "etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet and kubectl " + kubernetesVersion + ", in one executable",
		Takes:    "five minutes",
		Module:   "components/kubernetes",
		Packages: []string{"."},
		LDFlags: "-X k8s.io/component-base/version.gitVersion=" + kubernetesVersion +
			" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36",
	}
	KWOK = Component{
		Name:     "kwok",
		Purpose:  "kwok, which plays the simulated nodes",
		Takes:    "a minute",
		Module:   "components/kwok",
		Packages: []string{"sigs.k8s.io/kwok/cmd/kwok"},
	}
	Helm = Component{
		Name:     "helm",
		Purpose:  "the helm command line",
		Takes:    "two minutes",
		Module:   "components/helm",
		Packages: []string{"helm.sh/helm/v3/cmd/helm"},
	}
	Containerd = Component{
		Name:    "containerd",
		Purpose: "containerd and its shim, the container runtime of the real nodes",
		Takes:   "a minute",
		Module:  "components/containerd",
		Packages: []string{
			"github.com/containerd/containerd/v2/cmd/containerd",
			"github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
			"github.com/containerd/containerd/v2/cmd/ctr",
		},
	}
	// Programs are what the images of real nodes hold.
	Programs = Component{
		Name:     "programs",
		Purpose:  "what the pods of real nodes run",
		Takes:    "some seconds",
		Module:   ".",
		Packages: []string{"./images/pause", "./images/soak-app"},
		Static:   true,
	}
	// Launcher is this module's own command, for the parts of a cluster that it plays itself.
	Launcher = Component{
		Name:     "cluster",
		Purpose:  "the launcher of the cluster",
		Takes:    "some seconds",
		Module:   ".",
		Packages: []string{"./cmd/cluster"},
		Static:   true,
	}
)
