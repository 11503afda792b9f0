// Package pki makes the certificates of one cluster and the kubeconfig files that carry them.
//
// The keys live as long as the cluster's folder and are readable by its owner only.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"text/template"
	"time"
)

// lifetime of everything made here. A cluster for development outlives no year.
const lifetime = 365 * 24 * time.Hour

// Authority signs the certificates of a cluster.
type Authority struct {
	folder      string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// Pair names the files of a certificate and its key, both PEM.
type Pair struct{ Certificate, Key string }

// Subject is whom a certificate speaks for. In Kubernetes the user is the common name and a group the organisation.
type Subject struct {
	User, Group string
	// Hosts are names and addresses, for a server's certificate.
	Hosts []string
}

// NewAuthority makes an authority that keeps its own certificate and all that it signs in the folder.
func NewAuthority(folder, name string) (*Authority, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make authority %s: %w", name, err)
	}
	template := certificate(Subject{User: name})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	a := &Authority{folder: folder, certificate: template}
	key, err := a.issue(name, template, true)
	if err != nil {
		return nil, err
	}
	a.key = key
	return a, nil
}

// Certificate is the file of the authority's own certificate, which its clients trust.
func (a *Authority) Certificate() string {
	return filepath.Join(a.folder, a.certificate.Subject.CommonName+".crt")
}

// Pair is the authority's own, for a component that signs in its name.
func (a *Authority) Pair() Pair { return a.pair(a.certificate.Subject.CommonName) }

// Issue signs a certificate, good for servers and for clients, and writes it under that file name.
func (a *Authority) Issue(name string, subject Subject) (Pair, error) {
	_, err := a.issue(name, certificate(subject), false)
	return a.pair(name), err
}

func (a *Authority) pair(name string) Pair {
	base := filepath.Join(a.folder, name)
	return Pair{Certificate: base + ".crt", Key: base + ".key"}
}

func certificate(subject Subject) *x509.Certificate {
	c := &x509.Certificate{
		Subject:     pkix.Name{CommonName: subject.User},
		NotBefore:   time.Now().Add(-time.Hour), // the machine's clock may step back a little
		NotAfter:    time.Now().Add(lifetime),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if subject.Group != "" {
		c.Subject.Organization = []string{subject.Group}
	}
	for _, host := range subject.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, host)
		}
	}
	return c
}

func (a *Authority) issue(name string, template *x509.Certificate, self bool) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key %s: %w", name, err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, fmt.Errorf("make certificate %s: %w", name, err)
	}
	signer := a.key
	if self {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("make certificate %s: %w", name, err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make key %s: %w", name, err)
	}
	pair := a.pair(name)
	if err := os.WriteFile(pair.Certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return nil, fmt.Errorf("write certificate: %w", err)
	}
	if err := os.WriteFile(pair.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		return nil, fmt.Errorf("write key: %w", err)
	}
	return key, nil
}

var kubeconfig = template.Must(template.New("kubeconfig").Parse(`apiVersion: v1
kind: Config
clusters:
- name: {{.Cluster}}
  cluster:
    server: {{.Server}}
    certificate-authority-data: {{.Authority}}
users:
- name: {{.User}}
  user:
    client-certificate-data: {{.Certificate}}
    client-key-data: {{.Key}}
contexts:
- name: {{.Cluster}}
  context: {cluster: {{.Cluster}}, user: {{.User}}}
current-context: {{.Cluster}}
`))

// Kubeconfig signs a client certificate for the subject and writes a self-contained kubeconfig for the server's URL.
func (a *Authority) Kubeconfig(file, cluster, server string, subject Subject) error {
	pair, err := a.Issue("client-"+filepath.Base(file), subject)
	if err != nil {
		return err
	}
	data := map[string]string{"Cluster": cluster, "Server": server, "User": subject.User}
	for field, path := range map[string]string{"Authority": a.Certificate(), "Certificate": pair.Certificate, "Key": pair.Key} {
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("write kubeconfig: %w", err)
		}
		data[field] = base64.StdEncoding.EncodeToString(content)
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	if err := kubeconfig.Execute(out, data); err != nil {
		_ = out.Close() // the first error says more
		return fmt.Errorf("write kubeconfig %s: %w", file, err)
	}
	return out.Close()
}
