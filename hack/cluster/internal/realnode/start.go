package realnode

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/saltside/soak-operator/hack/cluster/internal/process"
)

// patience is how long a process may take to answer. It takes a second or two, on a machine that is not busy.
const patience = time.Minute

// Processes of the node, in the order in which they must be started; see [Node.Start].
func (n Node) Processes() []process.Spec { return []process.Spec{n.containerd(), n.kubelet()} }

func (n Node) containerd() process.Spec {
	return process.Spec{
		Name:       "containerd-" + n.Name,
		Executable: filepath.Join(n.config.Containerd, "containerd"),
		Args:       []string{"--config", n.path("containerd.toml")},
		Wrapper:    n.config.enter(n.sandbox()),
		Env:        n.env(),
	}
}

func (n Node) kubelet() process.Spec {
	return process.Spec{
		Name:       "kubelet-" + n.Name,
		Executable: n.config.Kubernetes,
		Args: []string{
			"kubelet",
			"--config=" + n.path("kubelet.yaml"),
			"--kubeconfig=" + n.path("kubelet.kubeconfig"),
			"--hostname-override=" + n.Name,
			"--node-ip=" + n.Address.String(),
		},
		Wrapper: n.config.enter(n.sandbox()),
		Env:     n.env(),
	}
}

// env replaces what holds for the launcher only: in the sandbox, its folder for temporary files may not exist.
func (n Node) env() []string { return []string{"TMPDIR=/tmp"} }

// Start starts the runtime, imports the cluster's own images and starts the kubelet. It returns when that is healthy;
// the node becomes ready a second or two after the API server is.
func (n Node) Start(ctx context.Context) error {
	if err := n.StartContainerd(ctx); err != nil {
		return err
	}
	for _, image := range images {
		if err := n.Import(ctx, n.config.imageFile(image)); err != nil {
			return err
		}
	}
	return n.StartKubelet(ctx)
}

// StartContainerd starts the runtime, which must not be running, and waits until it answers. Pods that still run from
// before go on.
func (n Node) StartContainerd(ctx context.Context) error {
	return n.start(ctx, n.containerd(), func(ctx context.Context) error {
		if output, err := n.ctr(ctx, nil, "version"); err != nil {
			return fmt.Errorf("ctr version: %w: %s", err, output)
		}
		return nil
	})
}

// StartKubelet starts the kubelet, which must not be running, and waits until it is healthy.
func (n Node) StartKubelet(ctx context.Context) error {
	url := "http://" + net.JoinHostPort(n.Address.String(), "10248") + "/healthz"
	// Not by way of a proxy: the address is known here only.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return n.start(ctx, n.kubelet(), func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close() // only the status matters
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", url, response.Status)
		}
		return nil
	})
}

// start starts a process and waits until it answers. One that ends is started again, because a kubelet gives up when the
// runtime answers and is not ready yet.
func (n Node) start(ctx context.Context, spec process.Spec, answers func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it does not answer for %s", patience))
	defer cancel()
	var ended <-chan struct{}
	for {
		if ended == nil {
			var err error
			if ended, err = n.config.Group.Start(spec); err != nil {
				return err
			}
		}
		err := answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("start %s: %w; see %s", spec.Name, errors.Join(context.Cause(ctx), err), n.config.Group.LogFile(spec.Name))
		case <-ended:
			ended = nil
			if err := pause(ctx); err != nil {
				return fmt.Errorf("start %s: %w", spec.Name, err)
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// pause lets the other side come up before another try. There is nothing to watch: it is a socket that is not there yet.
func pause(ctx context.Context) error {
	select {
	case <-time.After(500 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Import gives the node an image from a file, such as one that docker save makes. Pods use it with the pull policy
// Never or IfNotPresent.
func (n Node) Import(ctx context.Context, file string) error {
	in, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("import an image to %s: %w", n.Name, err)
	}
	defer in.Close() //nolint:errcheck // opened for reading only
	// By its standard input, because the node may not see the file.
	if output, err := n.ctr(ctx, in, "images", "import", "-"); err != nil {
		return fmt.Errorf("import %s to %s: %w: %s", file, n.Name, err, output)
	}
	return nil
}

// ctr runs containerd's client in the node.
func (n Node) ctr(ctx context.Context, stdin *os.File, args ...string) (string, error) {
	command := append(n.config.enter(n.sandbox()), filepath.Join(n.config.Containerd, "ctr"), "--namespace", "k8s.io")
	command = append(command, args...)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = string(n.config.Group)
	cmd.Env = append(os.Environ(), n.env()...)
	if stdin != nil {
		cmd.Stdin = stdin
	}
	output, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(output)), err
}
