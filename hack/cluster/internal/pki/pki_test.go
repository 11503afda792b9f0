package pki

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// A server and a client that trust the authority talk to each other; the client is known by its user and group.
func TestIssuedCertificatesAreTrusted(t *testing.T) {
	authority, err := NewAuthority(t.TempDir(), "test-ca")
	if err != nil {
		t.Fatal(err)
	}
	server, err := authority.Issue("server", Subject{User: "server", Hosts: []string{"127.0.0.1", "soak-node-a"}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := authority.Issue("client", Subject{User: "admin", Group: "system:masters"})
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	ca, err := os.ReadFile(authority.Certificate())
	if err != nil || !pool.AppendCertsFromPEM(ca) {
		t.Fatalf("read authority: %v", err)
	}

	for _, host := range []string{"127.0.0.1", "soak-node-a"} {
		left, right := net.Pipe()
		listener := tls.Server(left, &tls.Config{Certificates: []tls.Certificate{load(t, server)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool})
		dialer := tls.Client(right, &tls.Config{Certificates: []tls.Certificate{load(t, client)}, RootCAs: pool, ServerName: host})
		failed := make(chan error, 1)
		go func() { failed <- dialer.HandshakeContext(t.Context()) }()
		if err := listener.HandshakeContext(t.Context()); err != nil {
			t.Fatalf("%s: server: %v", host, err)
		}
		if err := <-failed; err != nil {
			t.Fatalf("%s: client: %v", host, err)
		}
		subject := listener.ConnectionState().PeerCertificates[0].Subject
		if subject.CommonName != "admin" || len(subject.Organization) != 1 || subject.Organization[0] != "system:masters" {
			t.Errorf("%s: client is %v", host, subject)
		}
	}
}

func TestKeysAreForTheOwnerOnly(t *testing.T) {
	authority, err := NewAuthority(filepath.Join(t.TempDir(), "pki"), "test-ca")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := authority.Kubeconfig(file, "test", "https://127.0.0.1:1", Subject{User: "admin"}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, authority.Pair().Key} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
}

func load(t *testing.T, pair Pair) tls.Certificate {
	t.Helper()
	certificate, err := tls.LoadX509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}
