package realnode

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/saltside/soak-operator/hack/cluster/internal/pki"
	"github.com/saltside/soak-operator/hack/cluster/internal/process"
)

// prepared is a node whose files are written, in a folder of the test's.
func prepared(t *testing.T) Node {
	t.Helper()
	folder := t.TempDir()
	authority, err := pki.NewAuthority(filepath.Join(folder, "pki"), "test-ca")
	if err != nil {
		t.Fatal(err)
	}
	config := Config{
		Group: process.Group(folder), Name: "test", Server: "https://127.0.0.1:6443", Authority: authority,
		Launcher: "/bin/cluster", Kubernetes: "/lib/kubernetes/kubernetes", Containerd: "/lib/containerd", Count: 2,
		Service: netip.MustParseAddrPort("10.96.0.1:443"),
	}
	s := saved{Config: config, Block: netip.MustParsePrefix("198.18.16.0/20")}
	node := s.nodes()[1]
	if err := node.prepare(s.Block, "overlayfs"); err != nil {
		t.Fatal(err)
	}
	if err := s.write(); err != nil {
		t.Fatal(err)
	}
	return node
}

func TestNodeConfigs(t *testing.T) {
	node := prepared(t)
	cgroup := "/" + identity(node.config.Group) + "/soak-node-b"
	for file, wants := range map[string][]string{
		"containerd.toml": {
			`runtime_path = "/lib/containerd/containerd-shim-runc-v2"`, `snapshotter = "overlayfs"`,
			`sandbox = "soak.local/pause:1"`, `conf_dir = "` + node.path() + `/cni"`,
		},
		"kubelet.yaml": {"\naddress: 198.18.17.1\n", "\ncgroupRoot: " + cgroup + "\n", "tlsCertFile: " + string(node.config.Group)},
		"sandbox.json": {`"cgroup": "` + cgroup + `/system"`, `"target": "/var/lib"`, `"/lib/containerd"`},
	} {
		content, err := os.ReadFile(node.path(file))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(content), want) {
				t.Errorf("%s lacks %q:\n%s", file, want, content)
			}
		}
		if strings.Contains(string(content), "<no value>") {
			t.Errorf("%s is not filled in:\n%s", file, content)
		}
	}

	content, err := os.ReadFile(node.path("cni", "10-soak.conflist"))
	if err != nil {
		t.Fatal(err)
	}
	var network struct {
		Plugins []struct {
			Bridge string
			IPAM   struct {
				Ranges [][]struct{ Subnet, RangeStart, RangeEnd string }
				Routes []struct{ Dst string }
			}
		}
	}
	if err := json.Unmarshal(content, &network); err != nil {
		t.Fatalf("%v:\n%s", err, content)
	}
	plugin := network.Plugins[0]
	pods := plugin.IPAM.Ranges[0][0]
	if plugin.Bridge != identity(node.config.Group) || pods.Subnet != "198.18.16.0/20" || pods.RangeStart != "198.18.17.2" || pods.RangeEnd != "198.18.17.254" {
		t.Errorf("network: %+v", network)
	}
	if routes := plugin.IPAM.Routes; len(routes) != 1 || routes[0].Dst != "10.96.0.1/32" {
		t.Errorf("routes: %+v", routes)
	}
}

func TestProcesses(t *testing.T) {
	node := prepared(t)
	processes := node.Processes()
	if len(processes) != 2 {
		t.Fatalf("processes: %+v", processes)
	}
	wrapper := []string{"/bin/cluster", "enter", node.path("sandbox.json"), "--"}
	for i, want := range []process.Spec{
		{Name: "containerd-soak-node-b", Executable: "/lib/containerd/containerd"},
		{Name: "kubelet-soak-node-b", Executable: "/lib/kubernetes/kubernetes"},
	} {
		got := processes[i]
		if got.Name != want.Name || got.Executable != want.Executable || !slices.Equal(got.Wrapper, wrapper) {
			t.Errorf("got %+v, want %s of %s in %q", got, want.Name, want.Executable, wrapper)
		}
	}
}

func TestLoad(t *testing.T) {
	if nodes, err := Load(process.Group(t.TempDir()), "/bin/cluster"); err != nil || len(nodes) > 0 {
		t.Errorf("from nothing: %v, %v", nodes, err)
	}
	node := prepared(t)
	nodes, err := Load(node.config.Group, "/new/cluster")
	if err != nil || len(nodes) != 2 {
		t.Fatalf("%v, %v", nodes, err)
	}
	if got := nodes[1].Processes()[0].Wrapper[0]; got != "/new/cluster" {
		t.Errorf("launcher: %s", got)
	}
	if nodes[1].Name != "soak-node-b" || nodes[1].Address != node.Address || !slices.Equal(nodes[1].Processes()[1].Args, node.Processes()[1].Args) {
		t.Errorf("got %+v, want %+v", nodes[1], node)
	}
}

func TestMissingTools(t *testing.T) {
	const want = "this machine lacks runc (to start containers) and the CNI plugins bridge, host-local and loopback (to give pods a network); " +
		"on Debian and Ubuntu: apt-get install --no-install-recommends runc containernetworking-plugins"
	if got := (Tools{runcTool, cniTool}).Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
