package controlplane

import (
	"net"
	"strconv"
)

// Clients inside the control plane may talk as fast as they like: it serves tests, and a queue of their own
// making would be measured as the operator's time.
const (
	clientQPS   = "1000"
	clientBurst = "2000"
)

func localURL(port int) string {
	return "https://" + net.JoinHostPort(loopback, strconv.Itoa(port))
}

func (c *ControlPlane) etcdFlags() []string {
	client, peer := localURL(c.Ports.Etcd), localURL(c.Ports.EtcdPeer)
	authority := c.etcdAuthority.Certificate()
	return []string{
		"--name=default",
		"--data-dir=" + c.path("etcd"),
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=default=" + peer,
		"--client-cert-auth", "--trusted-ca-file=" + authority,
		"--cert-file=" + c.etcd.Certificate, "--key-file=" + c.etcd.Key,
		"--peer-client-cert-auth", "--peer-trusted-ca-file=" + authority,
		"--peer-cert-file=" + c.etcd.Certificate, "--peer-key-file=" + c.etcd.Key,
		// The data need not survive the machine, only the process; writes are still on their way to the disk when it is killed.
		"--unsafe-no-fsync",
		"--auto-compaction-mode=periodic", "--auto-compaction-retention=5m",
		"--quota-backend-bytes=4294967296",
		"--logger=zap", "--log-level=warn",
	}
}

func (c *ControlPlane) apiServerFlags() []string {
	return []string{
		"--etcd-servers=" + localURL(c.Ports.Etcd),
		"--etcd-cafile=" + c.etcdAuthority.Certificate(), "--etcd-certfile=" + c.etcd.Certificate, "--etcd-keyfile=" + c.etcd.Key,
		"--bind-address=" + loopback, "--advertise-address=" + loopback, "--secure-port=" + strconv.Itoa(c.Ports.APIServer),
		"--endpoint-reconciler-type=none", // a loopback address cannot be an endpoint
		"--service-cluster-ip-range=" + serviceRange,
		"--client-ca-file=" + c.Authority.Certificate(),
		"--tls-cert-file=" + c.server.Certificate, "--tls-private-key-file=" + c.server.Key,
		"--kubelet-client-certificate=" + c.kubeletClient.Certificate, "--kubelet-client-key=" + c.kubeletClient.Key,
		"--kubelet-certificate-authority=" + c.Authority.Certificate(), "--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.token.Certificate, "--service-account-signing-key-file=" + c.token.Key,
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--anonymous-auth=false",
		"--allow-privileged",
		"--audit-policy-file=" + c.path("audit-policy.yaml"), "--audit-log-path=" + AuditLog(c.Folder),
		// A long soak must not fill the disk: four files of 100 MB.
		"--audit-log-maxsize=100", "--audit-log-maxbackup=3",
		"--max-requests-inflight=1000", "--max-mutating-requests-inflight=500",
		// Objects made and deleted for hours, as fast as possible: events are the bulk of the store.
		"--event-ttl=30m",
		"--profiling=false",
	}
}

func (c *ControlPlane) controllerManagerFlags() []string {
	authority := c.Authority.Pair()
	flags := []string{
		"--kubeconfig=" + c.componentKubeconfig(ControllerManager),
		"--service-account-private-key-file=" + c.token.Key,
		"--root-ca-file=" + c.Authority.Certificate(),
		"--cluster-signing-cert-file=" + authority.Certificate, "--cluster-signing-key-file=" + authority.Key,
		"--use-service-account-credentials",
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=" + clientQPS, "--kube-api-burst=" + clientBurst,
		"--pvclaimbinder-sync-period=5s",
		"--profiling=false",
	}
	if len(c.HostPathVolumes) > 0 {
		flags = append(flags, "--enable-hostpath-provisioner")
	}
	return flags
}

func (c *ControlPlane) schedulerFlags() []string {
	return []string{
		"--kubeconfig=" + c.componentKubeconfig(Scheduler),
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=" + clientQPS, "--kube-api-burst=" + clientBurst,
		"--profiling=false",
	}
}
