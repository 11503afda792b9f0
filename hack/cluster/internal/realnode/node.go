package realnode

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/saltside/soak-operator/hack/cluster/internal/pki"
	"github.com/saltside/soak-operator/hack/cluster/internal/sandbox"
)

// Node is one that is ready to be started.
type Node struct {
	Name string
	// Address of the node: its kubelet's, and that of pods on the host network.
	Address netip.Addr
	config  Config
}

// kernelSettings are what a kubelet wants of the kernel, below /proc/sys. It sees them set, and the machine's stay.
var kernelSettings = map[string]int{
	"vm/overcommit_memory":      1,
	"vm/panic_on_oom":           0,
	"kernel/panic":              10,
	"kernel/panic_on_oops":      1,
	"kernel/keys/root_maxkeys":  1000000,
	"kernel/keys/root_maxbytes": 25000000,
}

func (n Node) path(elements ...string) string {
	return n.config.path(append([]string{n.Name}, elements...)...)
}

func (n Node) cgroup() sandbox.Cgroup {
	return sandbox.Cgroup(filepath.Join(string(cgroup(n.config.Group)), n.Name))
}

func (n Node) prepare(block netip.Prefix, snapshotter string) error {
	for _, folder := range []string{n.path("lib"), n.path("log"), n.path("cni"), n.path("sysctl"), n.config.temporary()} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	certificate, err := n.config.Authority.Issue("kubelet-"+n.Name, pki.Subject{
		User: "system:node:" + n.Name, Group: "system:nodes", Hosts: []string{n.Name, n.Address.String()},
	})
	if err != nil {
		return err
	}
	subject := pki.Subject{User: "system:node:" + n.Name, Group: "system:nodes"}
	if err := n.config.Authority.Kubeconfig(n.path("kubelet.kubeconfig"), n.config.Name, n.config.Server, subject); err != nil {
		return err
	}
	if err := n.writeConfigs(settings{
		Name: n.Name, Folder: n.path(), Bridge: identity(n.config.Group), Cgroup: string(n.cgroup()),
		Containerd: n.config.Containerd, CNI: cniFolder(), Runc: runc(), Snapshotter: snapshotter, Pause: PauseImage,
		Authority: n.config.Authority.Certificate(), Certificate: certificate.Certificate, Key: certificate.Key,
		Address: n.Address, FirstPod: n.Address.Next(), LastPod: lastPod(n.Address), Block: block,
		Service: alone(n.config.Service.Addr()),
	}); err != nil {
		return err
	}
	return n.writeSandbox()
}

// lastPod is the last address of the node's /24 but the one for broadcasts.
func lastPod(node netip.Addr) netip.Addr {
	bytes := node.As4()
	bytes[3] = 254
	return netip.AddrFrom4(bytes)
}

func (n Node) writeConfigs(s settings) error {
	for name, file := range map[string]string{
		"containerd.toml": n.path("containerd.toml"),
		"kubelet.yaml":    n.path("kubelet.yaml"),
		"cni.conflist":    n.path("cni", "10-soak.conflist"),
	} {
		content, err := s.render(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// writeSandbox says what the node's processes see: a /run that is empty as after a boot, and no state of this machine.
func (n Node) writeSandbox() error {
	spec := sandbox.Spec{
		Mounts: []sandbox.Mount{
			{Target: "/run"},
			{Source: n.path("lib"), Target: "/var/lib"},
			{Source: n.path("log"), Target: "/var/log"},
			{Source: n.config.temporary(), Target: "/tmp"},
		},
		Keep:   n.config.keep(),
		Cgroup: n.cgroup() + "/system",
	}
	for setting, value := range kernelSettings {
		target, source := filepath.Join("/proc/sys", setting), n.path("sysctl", strings.ReplaceAll(setting, "/", "."))
		if _, err := os.Stat(target); err != nil {
			continue // this kernel does not have it
		}
		if err := os.WriteFile(source, []byte(strconv.Itoa(value)+"\n"), 0o644); err != nil {
			return err
		}
		spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: source, Target: target})
	}
	return spec.Write(n.sandbox())
}

func (n Node) sandbox() string { return n.path("sandbox.json") }
