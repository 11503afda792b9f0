package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/saltside/soak-operator/hack/cluster/internal/controlplane"
)

// Kubectl runs kubectl against the cluster and returns its standard output. An error carries the standard error.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (string, error) {
	return c.kubectl(ctx, nil, args...)
}

// Apply gives the manifests to the API server, as kubectl apply does.
func (c *Cluster) Apply(ctx context.Context, manifests io.Reader) error {
	_, err := c.kubectl(ctx, manifests, "apply", "-f", "-")
	return err
}

// Helm runs helm against the cluster and returns its standard output. An error carries the standard error.
func (c *Cluster) Helm(ctx context.Context, args ...string) (string, error) {
	return c.tool(ctx, "helm", nil, args...)
}

func (c *Cluster) kubectl(ctx context.Context, in io.Reader, args ...string) (string, error) {
	return c.tool(ctx, "kubectl", in, args...)
}

func (c *Cluster) tool(ctx context.Context, name string, in io.Reader, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(c.Tools(), name), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig())
	cmd.Stdin = in
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "),
			errors.Join(context.Cause(ctx), err), strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// waitForServer returns when the API server says that it is ready. A server that does not listen yet cannot be
// watched, and so it is asked again and again.
func (c *Cluster) waitForServer(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("the API server is not ready within %s; its log is %s", limit, c.LogFile(controlplane.APIServer)))
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := c.askServer(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
		}
	}
}

// askServer asks once whether the API server is ready.
func (c *Cluster) askServer(ctx context.Context) error {
	pool := x509.NewCertPool()
	authority, err := os.ReadFile(filepath.Join(c.Folder(), "pki", "kubernetes-ca.crt"))
	if err != nil {
		return err
	}
	pool.AppendCertsFromPEM(authority)
	client := filepath.Join(c.Folder(), "pki", "client-kubeconfig")
	certificate, err := tls.LoadX509KeyPair(client+".crt", client+".key")
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // a frozen server accepts connections and says nothing
	defer cancel()
	url := controlplane.Config{Ports: c.state.Ports}.Server() + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only the status matters
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

// running tells whether every process of the cluster is there and the API server answers.
func (c *Cluster) running(ctx context.Context) (bool, error) {
	missing, err := c.Missing()
	if err != nil || len(missing) > 0 {
		return false, err
	}
	return c.askServer(ctx) == nil, nil
}
