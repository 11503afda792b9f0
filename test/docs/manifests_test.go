package docs

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// parse reads a manifest or a part of one, in which no field may be said twice.
func parse(t *testing.T, place, text string) map[string]any {
	t.Helper()
	fields := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(text), &fields); err != nil {
		t.Fatalf("%s: %v", place, err)
	}
	return fields
}

// manifests of a page: whole ones as they are, and fields of a spec as part of the first experiment of the page.
func (p page) manifests(t *testing.T) (places []string, manifests []map[string]any) {
	t.Helper()
	var first map[string]any
	for _, f := range p.fences() {
		if f.language != "yaml" {
			continue
		}
		for text := range strings.SplitSeq(f.text(), "\n---\n") {
			fields := parse(t, f.place, text)
			if _, whole := fields["apiVersion"]; !whole {
				if first == nil {
					t.Fatalf("%s: there is no experiment yet that this could be part of", f.place)
				}
				fields = merged(first, map[string]any{"spec": fields})
			} else if first == nil && fields["kind"] == "SoakExperiment" {
				first = fields
			}
			places, manifests = append(places, f.place), append(manifests, fields)
		}
	}
	return places, manifests
}

// merged lays fields over others: maps are merged, all else is replaced.
func merged(under, over map[string]any) map[string]any {
	result := maps.Clone(under)
	for key, value := range over {
		below, isMap := result[key].(map[string]any)
		inner, overIsMap := value.(map[string]any)
		if isMap && overIsMap {
			value = merged(below, inner)
		}
		result[key] = value
	}
	return result
}

// dryRun has the API server check a manifest, each of whose fields it must know, and returns what it has against it.
func (p *place) dryRun(manifest map[string]any) error {
	p.t.Helper()
	_, err := p.applyWith(manifest, "--dry-run=server")
	return err
}

func (p *place) applyWith(manifest map[string]any, flags string) (string, error) {
	p.t.Helper()
	text, err := yaml.Marshal(manifest)
	if err != nil {
		p.t.Fatal(err)
	}
	file := filepath.Join(p.t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(file, bytes.TrimSpace([]byte(p.localized(string(text)))), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return p.run(p.t.Context(), "kubectl apply --server-side --validate=strict "+flags+" -f "+file)
}

// The API server accepts what the pages say.
func TestManifests(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, file := range []string{api, operations} {
		places, manifests := readPage(t, file).manifests(t)
		if file == api && len(manifests) == 0 {
			t.Errorf("%s shows no manifest", file)
		}
		for i, manifest := range manifests {
			if err := p.dryRun(manifest); err != nil {
				t.Errorf("%s: %v", places[i], err)
			}
		}
	}
}

// What the API server does not know, or what its rules forbid, is found.
func TestManifestsAreChecked(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	_, manifests := readPage(t, api).manifests(t)
	for refusal, fragment := range map[string]string{
		".spec.nonsense: field not declared in schema":          "nonsense: true",
		".spec.stop.maxIteration: field not declared in schema": "stop: {maxIteration: 1}",
		`Unsupported value: "Sometimes"`:                        "cleanupPolicy: Sometimes",
		"exclude must leave at least one cell":                  "exclude: [{market: tonaton, environment: sandbox}]",
	} {
		spec := parse(t, refusal, fragment)
		err := p.dryRun(merged(manifests[0], map[string]any{"spec": spec}))
		if err == nil || !strings.Contains(err.Error(), refusal) {
			t.Errorf("%s: %v, want it to be refused with %s", fragment, err, refusal)
		}
	}
}
