// Command chart writes what charts/soak-operator has in common with other files, so that each thing is said once: its
// kinds and roles are those of config, and the comments on its values are its README and the descriptions in its schema.
//
// It is run in the root of the repository, by "make manifests".
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	config = "config"
	chart  = "charts/soak-operator"
)

func main() {
	if err := errors.Join(writeObjects(), writeWords()); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

// writeObjects makes templates of what is generated into config, and of the roles beside it.
func writeObjects() error {
	templates := filepath.Join(chart, "templates")
	for _, target := range []string{"crds", "roles"} {
		folder := filepath.Join(templates, target)
		if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o755)); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		source, target, condition string
		annotations               map[string]string
	}{
		// They are templates, because Helm never upgrades what is in the folder crds.
		{"crd/bases/*.yaml", "crds", ".Values.crds.install", map[string]string{"helm.sh/resource-policy": "keep"}},
		{"rbac/*role.yaml", "roles", ".Values.rbac.create", nil},
		// The last that fits a file counts.
		{"rbac/metrics_reader_role.yaml", "roles", "and .Values.rbac.create .Values.metrics.enabled", nil},
	} {
		files, err := filepath.Glob(filepath.Join(config, part.source))
		if err != nil {
			return err
		}
		for _, file := range files {
			made, err := templateOf(file, part.condition, part.annotations)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if err := os.WriteFile(filepath.Join(templates, part.target, filepath.Base(file)), made, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeWords puts the comments on the values to where else they are read.
func writeWords() error {
	content, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return err
	}
	values, err := parseValues(content)
	if err != nil {
		return fmt.Errorf("values.yaml: %w", err)
	}
	for name, change := range map[string]func([]byte, []value) ([]byte, error){
		"README.md":          withTable,
		"values.schema.json": withDescriptions,
	} {
		file := filepath.Join(chart, name)
		before, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		after, err := change(before, values)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(file, after, 0o644); err != nil {
			return err
		}
	}
	return nil
}
