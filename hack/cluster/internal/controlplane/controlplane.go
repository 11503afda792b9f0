// Package controlplane says how etcd, kube-apiserver, kube-controller-manager and kube-scheduler are run for one cluster:
// their folder, certificates and flags. It starts nothing.
//
// All of it listens on the loopback interface only, asks for certificates on every port, and lives in the cluster's folder.
package controlplane

import (
	_ "embed"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	"github.com/saltside/soak-operator/hack/cluster/internal/pki"
	"github.com/saltside/soak-operator/hack/cluster/internal/process"
)

// The names of the processes, in the order in which they are started.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
)

const loopback = "127.0.0.1"

// Service is the address of the service "kubernetes", by which pods know the API server: the first of the range.
var Service = netip.MustParseAddrPort("10.96.0.1:443")

const serviceRange = "10.96.0.0/16"

//go:embed audit-policy.yaml
var auditPolicy []byte

// Config is what the control plane of one cluster depends on.
type Config struct {
	// Folder of the cluster, and its Name, which is the kubeconfigs' context too.
	Folder, Name string
	// Executable is the multi-call binary of the components.
	Executable string
	// Ports of etcd (for clients, and for the peers it does not have) and of the API server.
	Ports Ports
	// HostPathVolumes, when set, makes claims into folders of this machine, for pods that really run. It is the command
	// line in whose view of the file system that happens; see [process.Spec.Wrapper].
	HostPathVolumes []string
}

// Ports that the control plane listens on.
type Ports struct{ Etcd, EtcdPeer, APIServer int }

// ControlPlane is one that is ready to be started.
type ControlPlane struct {
	Config
	// Authority has signed all certificates of the cluster.
	Authority *pki.Authority
	// etcd has an authority of its own: a client certificate of the cluster must not open its store.
	etcdAuthority                      *pki.Authority
	etcd, server, kubeletClient, token pki.Pair
}

// Server is the URL of the API server.
func (c Config) Server() string {
	return "https://" + net.JoinHostPort(loopback, strconv.Itoa(c.Ports.APIServer))
}

// Kubeconfig is the file of a cluster folder that the cluster's administrator uses.
func Kubeconfig(folder string) string { return filepath.Join(folder, "kubeconfig") }

// AuditLog is the file of a cluster folder in which each request stands.
func AuditLog(folder string) string { return filepath.Join(folder, "audit.log") }

// Prepare makes the certificates and files of a control plane.
func Prepare(config Config) (*ControlPlane, error) {
	c := &ControlPlane{Config: config}
	steps := []func() error{c.issueCertificates, c.writeKubeconfigs, func() error {
		return os.WriteFile(c.path("audit-policy.yaml"), auditPolicy, 0o600)
	}}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("prepare the control plane: %w", err)
		}
	}
	return c, nil
}

func (c *ControlPlane) path(name string) string { return filepath.Join(c.Folder, name) }

func (c *ControlPlane) issueCertificates() (err error) {
	if c.Authority, err = pki.NewAuthority(c.path("pki"), "kubernetes-ca"); err != nil {
		return err
	}
	if c.etcdAuthority, err = pki.NewAuthority(c.path("pki/etcd"), "etcd-ca"); err != nil {
		return err
	}
	if c.etcd, err = c.etcdAuthority.Issue("etcd", pki.Subject{User: "etcd", Hosts: []string{loopback}}); err != nil {
		return err
	}
	hosts := []string{loopback, "localhost", Service.Addr().String(), "kubernetes.default.svc"}
	if c.server, err = c.Authority.Issue("kube-apiserver", pki.Subject{User: "kube-apiserver", Hosts: hosts}); err != nil {
		return err
	}
	if c.kubeletClient, err = c.Authority.Issue("kubelet-client", pki.Subject{User: "kube-apiserver", Group: "system:masters"}); err != nil {
		return err
	}
	c.token, err = c.Authority.Issue("service-account", pki.Subject{User: "service-accounts"})
	return err
}

func (c *ControlPlane) writeKubeconfigs() error {
	for file, subject := range map[string]pki.Subject{
		Kubeconfig(c.Folder):                     {User: "admin", Group: "system:masters"},
		c.componentKubeconfig(ControllerManager): {User: "system:kube-controller-manager"},
		c.componentKubeconfig(Scheduler):         {User: "system:kube-scheduler"},
	} {
		if err := c.Authority.Kubeconfig(file, c.Name, c.Server(), subject); err != nil {
			return err
		}
	}
	return nil
}

func (c *ControlPlane) componentKubeconfig(name string) string {
	return c.path("pki/" + name + ".kubeconfig")
}

// Processes says how each component is started; they must be started in this order.
func (c *ControlPlane) Processes() []process.Spec {
	// Memory for time: what the collector of garbage would take is a sixth of the API server's work.
	seldom := "GOGC=400"
	// Whatever the API server calls (kubelets, webhooks) is on this machine: never by way of a proxy.
	direct := "NO_PROXY=*"
	components := []process.Spec{
		{Name: Etcd, Executable: c.Executable, Args: append([]string{Etcd}, c.etcdFlags()...)},
		{Name: APIServer, Executable: c.Executable, Args: append([]string{APIServer}, c.apiServerFlags()...), Env: []string{direct}},
		{Name: ControllerManager, Executable: c.Executable, Wrapper: c.HostPathVolumes, Args: append([]string{ControllerManager}, c.controllerManagerFlags()...)},
		{Name: Scheduler, Executable: c.Executable, Args: append([]string{Scheduler}, c.schedulerFlags()...)},
	}
	for i := range components {
		components[i].Env = append(components[i].Env, seldom)
	}
	return components
}
