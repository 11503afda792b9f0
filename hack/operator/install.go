package operator

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/saltside/soak-operator/hack/cluster"
)

const (
	// Namespace of the operator, and the name of its service account.
	Namespace, account = "soak-operator", "soak-operator"
	// tokenDuration is how long the operator can run here before it has to be installed anew.
	tokenDuration = "48h"
)

// Root is the folder of this repository's module.
func Root(ctx context.Context) (string, error) {
	output, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/saltside/soak-operator").Output()
	if err != nil {
		return "", fmt.Errorf("find the root of the module: %w", err)
	}
	return strings.TrimSpace(string(output)), nil
}

// Build builds the operator as the file binary. Flags are further ones for go build, such as -race.
func Build(ctx context.Context, binary string, flags ...string) error {
	root, err := Root(ctx)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "go", append(append([]string{"build", "-o", binary}, flags...), "./cmd/manager")...)
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build the operator: %w\n%s", err, output)
	}
	return nil
}

// Install gives the cluster the kinds of the operator, its account and its rights, and returns the content of a
// kubeconfig with which to be that account.
func Install(ctx context.Context, target *cluster.Cluster) ([]byte, error) {
	root, err := Root(ctx)
	if err != nil {
		return nil, err
	}
	for _, part := range []string{"crd", "rbac"} {
		if _, err := target.Kubectl(ctx, "apply", "--server-side", "--force-conflicts", "-k", filepath.Join(root, "config", part)); err != nil {
			return nil, fmt.Errorf("install %s: %w", part, err)
		}
	}
	if _, err := target.Kubectl(ctx, "wait", "--for=condition=Established", "--timeout=30s",
		"crd/soakexperiments.soak.saltside.io", "crd/soakruns.soak.saltside.io", "crd/soakcells.soak.saltside.io"); err != nil {
		return nil, fmt.Errorf("wait for the kinds: %w", err)
	}
	return Kubeconfig(ctx, target, Namespace, account)
}

// Kubeconfig returns the content of one with which to be a service account of the cluster.
func Kubeconfig(ctx context.Context, target *cluster.Cluster, namespace, account string) ([]byte, error) {
	token, err := target.Kubectl(ctx, "create", "token", account, "--namespace", namespace, "--duration", tokenDuration)
	if err != nil {
		return nil, fmt.Errorf("get a token: %w", err)
	}
	content, err := os.ReadFile(target.Kubeconfig())
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.Load(content)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	current := config.Contexts[config.CurrentContext]
	if current == nil {
		return nil, fmt.Errorf("the kubeconfig %s has no current context", target.Kubeconfig())
	}
	config.AuthInfos = map[string]*clientcmdapi.AuthInfo{account: {Token: strings.TrimSpace(token)}}
	config.Contexts = map[string]*clientcmdapi.Context{account: {Cluster: current.Cluster, AuthInfo: account}}
	config.CurrentContext = account
	return clientcmd.Write(*config)
}
