package release

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
)

// notesSuffix is that of templates that are shown and not installed.
const notesSuffix = "NOTES.txt"

// recordMargin is how much of a Secret is left for what Helm writes into the record later: the state of the release
// and of its hooks.
const recordMargin = 16 << 10

// literal escapes what a template would not print as it is.
var literal = strings.NewReplacer("{{", `{{"{{"}}`)

// seal makes a chart of what a chart has rendered. It renders to the same files under the same names, so that Helm
// finds the same objects and hooks in it, in the same order, whatever the values are and whenever it is asked.
//
// The metadata are the same, but for the dependencies, which have been rendered too; crds folders are kept as they are.
func seal(source *chart.Chart, rendered map[string]string) (*chart.Chart, error) {
	metadata := *source.Metadata
	metadata.Dependencies = nil
	sealed := &chart.Chart{Metadata: &metadata, Values: map[string]any{}}
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		inside, ok := strings.CutPrefix(name, source.Name()+"/")
		if !ok {
			return nil, fmt.Errorf("template %s is not in chart %s", name, source.Name())
		}
		sealed.Templates = append(sealed.Templates, &chart.File{Name: inside, Data: []byte(literal.Replace(rendered[name]))})
	}
	for i, definition := range source.CRDObjects() {
		// Those of dependencies may have the same names.
		name := fmt.Sprintf("crds/%04d-%s", i, path.Base(definition.Name))
		sealed.Files = append(sealed.Files, &chart.File{Name: name, Data: definition.File.Data})
	}
	again, err := render(sealed)
	if err != nil {
		return nil, fmt.Errorf("render the sealed chart: %w", err)
	}
	if !maps.Equal(again, rendered) {
		return nil, fmt.Errorf("the sealed chart %s does not render what it was made from", source.Name())
	}
	return sealed, nil
}

// render renders a sealed chart.
func render(sealed *chart.Chart) (map[string]string, error) {
	values, err := chartutil.ToRenderValuesWithSchemaValidation(sealed, map[string]any{}, chartutil.ReleaseOptions{}, nil, true)
	if err != nil {
		return nil, err
	}
	return engine.Render(sealed, values)
}

// manifests are the rendered files that Helm would read objects from.
func manifests(files map[string]string) map[string]string {
	kept := map[string]string{}
	for name, content := range files {
		if !strings.HasSuffix(name, notesSuffix) && !strings.HasPrefix(path.Base(name), "_") && strings.TrimSpace(content) != "" {
			kept[name] = content
		}
	}
	return kept
}

// recordSize is how many bytes the release record will need in its Secret. It encodes as Helm does.
func recordSize(record *release.Release) (int, error) {
	encoded, err := json.Marshal(lean(record))
	if err != nil {
		return 0, err
	}
	var compressed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	if _, err := writer.Write(encoded); err != nil {
		return 0, err
	}
	if err := writer.Close(); err != nil {
		return 0, err
	}
	return base64.StdEncoding.EncodedLen(compressed.Len()) + recordMargin, nil
}

// recordLimit is how many bytes a Secret may hold.
const recordLimit = corev1.MaxSecretSize
