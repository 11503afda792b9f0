package release

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	err = compiled.Validate(values)
	if violation, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return fmt.Errorf("the values do not meet values.schema.json: %s", describeViolation(violation))
	}
	return err
}

// describeViolation tells each of its causes, in the order of where they are: the validator leaves the order to chance, and
// one failure should read the same each time.
func describeViolation(violation *jsonschema.ValidationError) string {
	sortCauses(violation)
	var causes []string
	for _, cause := range violation.Causes {
		causes = append(causes, cause.Error())
	}
	return strings.Join(causes, "; ")
}

func sortCauses(violation *jsonschema.ValidationError) {
	for _, cause := range violation.Causes {
		sortCauses(cause)
	}
	slices.SortFunc(violation.Causes, func(a, b *jsonschema.ValidationError) int {
		return cmp.Or(slices.Compare(a.InstanceLocation, b.InstanceLocation), strings.Compare(a.Error(), b.Error()))
	})
}

// noLoader loads nothing.
type noLoader struct{}

// Load implements [jsonschema.URLLoader].
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("a schema may only refer to itself, not to %s", url)
}
