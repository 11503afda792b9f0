package release

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
)

func TestSealedChartRendersWhatItWasMadeFrom(t *testing.T) {
	dependency := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: "v2", Name: "db", Version: "1.0.0"},
		Files:    []*chart.File{{Name: "crds/x.yaml", Data: []byte("of db")}},
	}
	source := &chart.Chart{
		Metadata: &chart.Metadata{
			APIVersion: "v2", Name: "shop", Version: "1.2.3", Dependencies: []*chart.Dependency{{Name: "db", Version: "1.0.0"}},
		},
		Files: []*chart.File{{Name: "crds/x.yaml", Data: []byte("of shop")}, {Name: "README.md", Data: []byte("read me")}},
	}
	source.AddDependency(dependency)
	rendered := map[string]string{
		"shop/templates/plain.yaml":           "a: b\n",
		"shop/templates/braces.yaml":          "a: '{{ .Values.x }} {{- y -}} }} {{{ {{{{ {{/* c */}}'\n",
		"shop/templates/backtick.yaml":        "a: '{{`x`}}'\n",
		"shop/charts/db/templates/store.yaml": "c: d\n",
	}
	sealed, err := seal(source, rendered)
	if err != nil {
		t.Fatal(err)
	}
	again, err := render(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rendered, again); diff != "" {
		t.Error(diff)
	}
	if len(sealed.Dependencies()) != 0 || len(sealed.Metadata.Dependencies) != 0 {
		t.Error("it still has dependencies")
	}
	if sealed.Metadata.Version != "1.2.3" || len(source.Metadata.Dependencies) != 1 {
		t.Errorf("metadata are %+v, those of the source %+v", sealed.Metadata, source.Metadata)
	}
	var definitions []string
	for _, definition := range sealed.CRDObjects() {
		definitions = append(definitions, string(definition.File.Data))
	}
	if want := []string{"of shop", "of db"}; !slices.Equal(definitions, want) {
		t.Errorf("definitions are %q, want %q", definitions, want)
	}
}

func TestManifestsAreWhatHelmReadsObjectsFrom(t *testing.T) {
	got := manifests(map[string]string{
		"shop/templates/web.yaml": "a: b", "shop/templates/NOTES.txt": "thanks", "shop/charts/db/templates/NOTES.txt": "thanks",
		"shop/templates/_x.tpl": "", "shop/templates/empty.yaml": " \n",
	})
	if want := []string{"shop/templates/web.yaml"}; !slices.Equal(slices.Collect(maps.Keys(got)), want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRecordIsKeptWithoutTemplates(t *testing.T) {
	record := &release.Release{Name: "shop", Chart: &chart.Chart{
		Metadata: &chart.Metadata{Name: "shop"}, Templates: []*chart.File{{Name: "a"}}, Files: []*chart.File{{Name: "b"}},
	}}
	kept := lean(record)
	if len(kept.Chart.Templates)+len(kept.Chart.Files) != 0 || kept.Chart.Metadata.Name != "shop" || kept.Name != "shop" {
		t.Errorf("kept is %+v", kept.Chart)
	}
	if len(record.Chart.Templates) != 1 {
		t.Error("the record that Helm works with has been changed")
	}
}

func TestCloneChartSharesNothingThatHelmChanges(t *testing.T) {
	source := &chart.Chart{
		Metadata: &chart.Metadata{Name: "shop", Dependencies: []*chart.Dependency{{Name: "db"}}},
		Values:   map[string]any{"db": map[string]any{"size": 1}, "list": []any{map[string]any{"a": int64(2)}}},
	}
	source.AddDependency(&chart.Chart{Metadata: &chart.Metadata{Name: "db"}, Values: map[string]any{"x": "y"}})
	clone := cloneChart(source)
	clone.Metadata.Dependencies[0].Enabled = true
	clone.Dependencies()[0].Values["x"] = "z"
	clone.Values["db"].(map[string]any)["size"] = 2                  //nolint:errcheck,forcetypeassert // made above
	clone.Values["list"].([]any)[0].(map[string]any)["a"] = int64(3) //nolint:errcheck,forcetypeassert // made above
	clone.SetDependencies()
	want := map[string]any{"db": map[string]any{"size": 1}, "list": []any{map[string]any{"a": int64(2)}}}
	if diff := cmp.Diff(want, source.Values); diff != "" {
		t.Error(diff)
	}
	if source.Metadata.Dependencies[0].Enabled || len(source.Dependencies()) != 1 || source.Dependencies()[0].Values["x"] != "y" {
		t.Error("the source has been changed")
	}
}
