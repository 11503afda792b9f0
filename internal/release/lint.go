package release

import (
	"fmt"
	"os"
	"path"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/lint/support"
)

// lint checks the chart as helm lint does, with the values. Errors count, warnings do not.
//
// Helm lints folders, so the chart is unpacked into one. Its schema is left out: the values have been checked against
// it, and the linter would fetch what it refers to.
func lint(source *chart.Chart, values map[string]any, namespace string, version chartutil.KubeVersion) (problems []error, err error) {
	folder, err := os.MkdirTemp("", "chart-")
	if err != nil {
		return nil, fmt.Errorf("unpack the chart: %w", err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // it is a temporary folder
	// What the chart calls its files must not lead out of the folder.
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("unpack the chart: %w", err)
	}
	defer root.Close() //nolint:errcheck // nothing is written to it
	for _, file := range source.Raw {
		if file.Name == chartutil.SchemafileName {
			continue
		}
		if err := root.MkdirAll(path.Dir(file.Name), 0o700); err != nil {
			return nil, fmt.Errorf("unpack the chart: %w", err)
		}
		if err := root.WriteFile(file.Name, file.Data, 0o600); err != nil {
			return nil, fmt.Errorf("unpack the chart: %w", err)
		}
	}
	linter := action.NewLint()
	linter.Namespace, linter.KubeVersion, linter.SkipSchemaValidation = namespace, &version, true
	result := linter.Run([]string{folder}, values)
	for _, message := range result.Messages {
		if message.Severity >= support.ErrorSev {
			problems = append(problems, fmt.Errorf("%s: %w", message.Path, message.Err))
		}
	}
	if len(problems) == 0 {
		problems = result.Errors
	}
	return problems, nil
}
