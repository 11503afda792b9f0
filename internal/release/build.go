package release

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"helm.sh/helm/v3/pkg/time"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// inventoryLimit is how many kinds of objects a chart may create: as many as a cell's status holds.
const inventoryLimit = 256

// build renders the chart as Helm's install would, checks it, and seals what came out.
func (o *operation) build(source *chart.Chart, values map[string]any) (*chart.Chart, plan.Outcome) {
	sealed, inventory, err := o.sealed(source, values)
	if err != nil {
		return nil, o.explain(err, unexpected)
	}
	outcome := o.succeeded()
	outcome.Inventory = inventory
	return sealed, outcome
}

func (o *operation) sealed(source *chart.Chart, values map[string]any) (*chart.Chart, []soakv1alpha1.InventoryItem, error) {
	work := cloneChart(source)
	if err := installable(work); err != nil {
		return nil, nil, because(failed(ReasonChartInvalid, "%v", err))
	}
	// Asked for anew: a chart may render by what kinds there are.
	known, err := o.catalogue(true)
	if err != nil {
		return nil, nil, err
	}
	rendered, err := o.render(work, values, *known.capabilities)
	if err != nil {
		return nil, nil, err
	}
	problems, err := lint(source, cloneValues(values), o.target.Namespace, known.capabilities.KubeVersion)
	if err != nil {
		return nil, nil, err
	}
	if len(problems) > 0 {
		return nil, nil, because(failed(ReasonChartInvalid, "helm lint: %v", errors.Join(problems...)))
	}
	hooks, sorted, err := releaseutil.SortManifests(rendered, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, nil, because(failed(ReasonRenderFailed, "%v", err))
	}
	inventory, err := o.inspect(work, documentsOf(hooks, sorted))
	if err != nil {
		return nil, nil, err
	}
	sealed, err := seal(work, rendered)
	if err != nil {
		return nil, nil, err
	}
	return sealed, inventory, fits(sealed, hooks, sorted)
}

// installable tells whether a chart is one, and complete.
func installable(work *chart.Chart) error {
	if err := work.Validate(); err != nil { // which cleans up the metadata while it is at it
		return err
	}
	if kind := work.Metadata.Type; kind != "" && kind != "application" {
		return fmt.Errorf("chart %s is of type %s: only applications can be installed", work.Name(), kind)
	}
	return action.CheckDependencies(work, work.Metadata.Dependencies)
}

// render renders the chart with the rights of the service account, so that lookup finds what that may read.
func (o *operation) render(work *chart.Chart, values map[string]any, capabilities chartutil.Capabilities) (map[string]string, error) {
	if wanted := work.Metadata.KubeVersion; wanted != "" && !chartutil.IsCompatibleRange(wanted, capabilities.KubeVersion.String()) {
		return nil, because(failed(ReasonChartInvalid, "chart %s wants Kubernetes %s, the server is %s", work.Name(), wanted, capabilities.KubeVersion.String()))
	}
	values = cloneValues(values)
	if err := chartutil.ProcessDependenciesWithMerge(work, values); err != nil {
		return nil, because(failed(ReasonChartInvalid, "%v", err))
	}
	options := chartutil.ReleaseOptions{Name: o.target.Release, Namespace: o.target.Namespace, Revision: 1, IsInstall: true}
	input, err := chartutil.ToRenderValuesWithSchemaValidation(work, values, options, &capabilities, true)
	if err != nil {
		return nil, because(failed(ReasonValuesInvalid, "%v", err))
	}
	all, ok := input["Values"].(chartutil.Values)
	if !ok {
		return nil, fmt.Errorf("values are a %T", input["Values"])
	}
	if err := checkSchema(work, all); err != nil {
		return nil, because(failed(ReasonValuesInvalid, "%v", err))
	}
	config, err := getter{o}.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	files, err := engine.New(config).Render(work, input)
	if err != nil {
		return nil, because(o.explain(err, func(err error) plan.Outcome { return failed(ReasonRenderFailed, "%v", err) }))
	}
	return manifests(files), nil
}

// inspect checks each object that was rendered, and returns the kinds that there are.
func (o *operation) inspect(work *chart.Chart, documents []document) ([]soakv1alpha1.InventoryItem, error) {
	defined, err := o.definitions(work)
	if err != nil {
		return nil, err
	}
	var items []soakv1alpha1.InventoryItem
	for _, document := range documents {
		objects, err := document.objects()
		if err != nil {
			return nil, because(failed(ReasonRenderFailed, "%v", err))
		}
		for _, object := range objects {
			kind := object.GroupVersionKind()
			namespaced, err := o.scopeOf(kind, defined)
			if meta.IsNoMatchError(err) {
				return nil, because(failed(ReasonKindUnknown, "%s: %v", document.path, err))
			}
			if err != nil {
				return nil, err
			}
			if outcome, ok := o.target.allowed(object, namespaced); !ok {
				return nil, because(outcome)
			}
			item, counts, err := o.inventoryItem(kind)
			if err != nil {
				return nil, err
			}
			if !counts && defined[kind] != "" {
				item, counts = newItem(kind, namespaced, o.target.Namespace), true
			}
			if counts && !slices.Contains(items, item) {
				items = append(items, item)
			}
		}
	}
	if len(items) > inventoryLimit {
		return nil, because(hopeless(ReasonNotAllowed, "the chart creates %d kinds of objects, %d are allowed", len(items), inventoryLimit))
	}
	slices.SortFunc(items, func(a, b soakv1alpha1.InventoryItem) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	return items, nil
}

// inventoryItem is where objects of a kind are, for those kinds that can be counted and deleted, and are to be.
func (o *operation) inventoryItem(kind schema.GroupVersionKind) (item soakv1alpha1.InventoryItem, counts bool, err error) {
	mapping, err := o.mapping(kind)
	if meta.IsNoMatchError(err) {
		return item, false, nil
	}
	if err != nil {
		return item, false, err
	}
	known, err := o.catalogue(false)
	if err != nil {
		return item, false, err
	}
	return newItem(kind, isNamespaced(mapping), o.target.Namespace), known.countable[kind] && !isDefinition(kind.GroupKind()), nil
}

func isNamespaced(mapping *meta.RESTMapping) bool {
	return mapping.Scope.Name() == meta.RESTScopeNameNamespace
}

func newItem(kind schema.GroupVersionKind, namespaced bool, namespace string) soakv1alpha1.InventoryItem {
	item := soakv1alpha1.InventoryItem{Group: kind.Group, Version: kind.Version, Kind: kind.Kind}
	if namespaced {
		item.Namespace = namespace
	}
	return item
}

// fits returns an error if Helm cannot keep the release in a Secret.
func fits(sealed *chart.Chart, hooks []*release.Hook, sorted []releaseutil.Manifest) error {
	var manifest strings.Builder
	for _, m := range sorted {
		fmt.Fprintf(&manifest, "---\n# Source: %s\n%s\n", m.Name, m.Content)
	}
	size, err := recordSize(&release.Release{
		Chart: sealed, Hooks: hooks, Manifest: manifest.String(), Config: map[string]any{},
		Info: &release.Info{FirstDeployed: time.Now(), LastDeployed: time.Now()},
	})
	if err != nil {
		return err
	}
	if size > recordLimit {
		return because(failed(ReasonReleaseTooLarge,
			"the release record would need %d KiB, and Helm keeps it in a Secret, which holds %d KiB: the chart renders too much",
			size>>10, recordLimit>>10))
	}
	return nil
}
