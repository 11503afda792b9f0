package release

import (
	"bytes"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v3/pkg/chart"
)

// checkSchema validates values against the schemas of a chart and of those that it depends on, as Helm does, but for
// references: a schema may only refer to itself. Helm would fetch whatever a chart names, files of this machine too.
func checkSchema(source *chart.Chart, values map[string]any) error {
	if source.Schema != nil {
		if err := validate(source.Schema, values); err != nil {
			return fmt.Errorf("chart %s: %w", source.Name(), err)
		}
	}
	for _, dependency := range source.Dependencies() {
		given, found := values[dependency.Name()]
		if !found || given == nil {
			continue
		}
		inner, ok := given.(map[string]any)
		if !ok {
			return fmt.Errorf("chart %s: the values of chart %s must be a map, not a %T", source.Name(), dependency.Name(), given)
		}
		if err := checkSchema(dependency, inner); err != nil {
			return err
		}
	}
	return nil
}

// schemaLocation is where a schema is said to be. Nothing is ever loaded from there.
const schemaLocation = "chart:///values.schema.json"

func validate(schemaJSON []byte, values map[string]any) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil { // the compiler's answer to some broken schemas
			err = fmt.Errorf("values.schema.json is invalid: %v", recovered)
		}
	}()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaJSON))
	if err != nil {
		return fmt.Errorf("values.schema.json is invalid: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	if err := compiler.AddResource(schemaLocation, document); err != nil {
		return fmt.Errorf("values.schema.json is invalid: %w", err)
	}
	compiled, err := compiler.Compile(schemaLocation)
	if err != nil {
		return fmt.Errorf("values.schema.json is invalid: %w", err)
	}
	return compiled.Validate(values)
}

// noLoader loads nothing.
type noLoader struct{}

// Load implements [jsonschema.URLLoader].
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("a schema may only refer to itself, not to %s", url)
}
