package operator

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/saltside/soak-operator/hack/cluster"
)

// ApplyChart packages the chart in a folder, and gives it to the cluster as a ConfigMap of that namespace and name, from
// which experiments take it.
func ApplyChart(ctx context.Context, target *cluster.Cluster, chart, namespace, configMap string) (err error) {
	folder, err := os.MkdirTemp("", "soak-chart-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if _, err := target.Helm(ctx, "package", chart, "--destination", folder); err != nil {
		return err
	}
	manifest, err := target.Kubectl(ctx, "create", "configmap", configMap, "-n", namespace, "--from-file="+folder, "--dry-run=client", "-o", "yaml")
	if err != nil {
		return err
	}
	return target.Apply(ctx, strings.NewReader(manifest))
}
