package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/saltside/soak-operator/hack/operator"
)

// What config/samples makes, by its names.
const (
	namespace      = "soak"
	experimentName = "classifieds"
	chartConfigMap = "classifieds-chart"
)

// applySample gives the cluster config/samples, as a user would: the chart first, so that the experiment finds it.
func applySample(ctx context.Context, g *ground, screen *screen) error {
	screen.say("Applying config/samples: the chart classifieds, and an experiment that delivers it in four markets.")
	samples := filepath.Join(g.root, "config", "samples")
	if out, err := g.Kubectl(ctx, "get", "soak", experimentName, "-n", namespace, "--ignore-not-found", "-o", "name"); err != nil {
		return err
	} else if out != "" {
		return fmt.Errorf("the experiment is there already: 'kubectl delete soak %s -n %s' removes it", experimentName, namespace)
	}
	if _, err := g.Kubectl(ctx, "apply", "-f", filepath.Join(samples, "experiment", "namespaces.yaml")); err != nil {
		return err
	}
	if err := operator.ApplyChart(ctx, g.Cluster, filepath.Join(samples, "classifieds"), namespace, chartConfigMap); err != nil {
		return fmt.Errorf("put the chart into a ConfigMap: %w", err)
	}
	_, err := g.Kubectl(ctx, "apply", "-k", filepath.Join(samples, "experiment"))
	g.applied = err == nil
	return err
}

// deleteExperiment deletes the experiment and looks whether anything of it is left.
func (g *ground) deleteExperiment(ctx context.Context, screen *screen) error {
	screen.say("Deleting the experiment, which cleans its releases away.")
	began := time.Now()
	if _, err := g.Kubectl(ctx, "delete", "soak/"+experimentName, "-n", namespace, "--timeout=2m"); err != nil {
		return err
	}
	left, err := leftovers(ctx, g)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("the experiment has left behind: %s", strings.Join(left, ", "))
	}
	screen.say("  Done in %s. Nothing of it is left.", took(began))
	_, err = g.Kubectl(ctx, "delete", "configmap", chartConfigMap, "-n", namespace)
	return err
}

// leftovers are the objects of any kind that still carry the label of a cell.
func leftovers(ctx context.Context, g *ground) ([]string, error) {
	kinds, err := g.Kubectl(ctx, "api-resources", "--namespaced", "--verbs=list", "-o", "name")
	if err != nil {
		return nil, err
	}
	found, err := g.Kubectl(ctx, "get", strings.Join(strings.Fields(kinds), ","), "-A", "-l", "soak.saltside.io/cell", "-o", "name")
	return strings.Fields(found), err
}
