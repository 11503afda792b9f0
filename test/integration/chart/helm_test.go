package chart_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// The layers of one cell, as a user writes them.
var layers = struct{ base, from, environment, market, override string }{
	base: `{big: 1000000, small: 3, huge: 12345678901234567890, ratio: 1.5, web: {port: 8080, image: {tag: v2}}, hosts: [c], gone: {a: 1}}`,
	from: "password: " + canary + "\nweb: {limits: {cpu: 2, memory: 1000000}}\n" +
		"store: {class: null, limits: {cpu: null}}\nyes: no\noctal: 0755\n",
	environment: `{web: {image: {name: other}, probe: null}, gone: null, global: {tier: test}}`,
	market:      `{web: {port: null, list: [{a: 1}, {a: 2}]}, store: {size: 1000000}}`,
	override:    `{web: {image: {tag: v3}}, hosts: [d, e], gone: {b: 2}}`,
}

const (
	marketPath      = "global.site.market"
	environmentPath = "web.list[1].stage"
)

// What the chart renders with our values is what it renders with those that helm is given in files. They go the whole way:
// the definition is stored by the API server, and read back.
func TestValuesAreThoseOfHelm(t *testing.T) {
	f := newFixture(t)
	f.withSecret()
	f.apply(secretOf(layers.from))
	f.kubectl("apply", "--filename", "../../../config/crd/bases")
	f.kubectl("wait", "--for=condition=Established", "--timeout=1m", "--filename", "../../../config/crd/bases")
	f.in("create", "--filename", f.file("experiment.yaml", []byte(`
apiVersion: soak.saltside.io/v1alpha1
kind: SoakExperiment
metadata: {name: shop}
spec:
  serviceAccountName: runner
  chart: {configMap: {name: shop-chart, key: shop.tgz}}
  values: `+layers.base+`
  valuesFrom: [{kind: Secret, name: shared}]
  matrixValues: {marketPath: `+marketPath+`, environmentPath: "`+environmentPath+`"}
  environments: [{name: sandbox, values: `+layers.environment+`}]
  markets: [{name: ikman, values: `+layers.market+`}]
  overrides: [{market: ikman, environment: sandbox, values: `+layers.override+`}]
`)))
	var experiment soakv1alpha1.SoakExperiment
	if err := json.Unmarshal([]byte(f.in("get", "soakexperiment", "shop", "--output=json")), &experiment); err != nil {
		t.Fatal(err)
	}
	f.inputs = &experiment.Spec.Inputs
	loaded, outcome := f.charts.Load(t.Context(), f.run(), "ikman", "sandbox")
	if outcome.Result != plan.Succeeded {
		t.Fatalf("outcome is %+v", outcome)
	}
	args := []string{"template", "shop", f.file("shop.tgz", packaged(t, "1.0.0")), "--namespace", f.namespace,
		"--set-string", marketPath + "=ikman", "--set-string", environmentPath + "=sandbox"}
	for _, layer := range []string{layers.base, layers.from, layers.environment, layers.market, layers.override} {
		args = append(args, "--values", f.file("values.yaml", []byte(layer)))
	}
	helms, err := f.cluster.Helm(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	rendered := render(t, loaded.Chart, loaded.Values, f.namespace)
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		ours := "# Source: " + name + "\n" + strings.TrimSpace(rendered[name]) + "\n"
		if !strings.Contains(helms, ours) {
			t.Errorf("we render\n%s\nhelm\n%s", ours, helms)
		}
	}
	for _, part := range []string{"big: 1e+06", "  huge: 12345678901234567000\n", "      market: ikman\n", "      stage: sandbox\n", "  gone:\n    b: 2\n"} {
		if len(rendered) != 2 || !strings.Contains(rendered["shop/templates/values.yaml"], part) {
			t.Errorf("there is no %q in %v", part, rendered)
		}
	}
}

// render renders a chart as helm template does.
func render(t *testing.T, source *chart.Chart, values map[string]any, namespace string) map[string]string {
	t.Helper()
	if err := chartutil.ProcessDependenciesWithMerge(source, values); err != nil {
		t.Fatal(err)
	}
	options := chartutil.ReleaseOptions{Name: "shop", Namespace: namespace, Revision: 1, IsInstall: true}
	input, err := chartutil.ToRenderValues(source, values, options, chartutil.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := engine.Render(source, input)
	if err != nil {
		t.Fatal(err)
	}
	return rendered
}
