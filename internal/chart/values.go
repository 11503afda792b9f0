package chart

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"helm.sh/helm/v3/pkg/strvals"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// layers are what the values of the cells of an experiment are merged from.
type layers struct {
	inputs *soakv1alpha1.Inputs
	// from is what valuesFrom refers to, in its order.
	from []map[string]any
	// inline are the values in the inputs themselves, parsed when they are first needed.
	inline map[*apiextensionsv1.JSON]map[string]any
}

func newLayers(namespace string, inputs *soakv1alpha1.Inputs, contents [][]byte) (*layers, error) {
	made := &layers{inputs: inputs, inline: map[*apiextensionsv1.JSON]map[string]any{}}
	for i, content := range contents {
		parsed, err := parseValues(namespace, inputs.ValuesFrom[i], content)
		if err != nil {
			return nil, err
		}
		made.from = append(made.from, parsed)
	}
	return made, nil
}

// parseValues reads values as helm install -f does: with the same parser, into the same types. All numbers are float64.
func parseValues(namespace string, from soakv1alpha1.ValuesReference, content []byte) (map[string]any, error) {
	values := map[string]any{}
	err := yaml.Unmarshal(content, &values)
	if err == nil {
		return values, nil
	}
	what := err.Error()
	if from.Kind != soakv1alpha1.ValuesKindConfigMap { // the parser's messages quote what they are about
		what = "what is wrong is not said here, because it is secret"
		if line := errorLine.FindStringSubmatch(err.Error()); line != nil {
			what = "line " + line[1]
		}
	}
	return nil, mend(ReasonValuesInvalid, "%s %s/%s holds no map of values in YAML: %s", from.Kind, namespace, from.Name, what)
}

// errorLine finds the number that the parser itself has put into its message, and none that it quotes.
var errorLine = regexp.MustCompile(`^error converting YAML to JSON: yaml: (?:unmarshal errors:\s+)?line ([0-9]+): `)

// values of a cell, for the caller to keep.
func (l *layers) values(market, environment string) (map[string]any, error) {
	merged, err := l.merge(market, environment, nil)
	if err != nil {
		return nil, err
	}
	merged = runtime.DeepCopyJSON(merged)
	for _, name := range l.names(market, environment) {
		if err := name.set(merged, market, environment); err != nil {
			return nil, err
		}
	}
	return merged, nil
}

// merge merges the layers of a cell, all of their keys or, if there is a list of keys, those alone. What it returns shares
// maps with the layers.
func (l *layers) merge(market, environment string, keys []string) (map[string]any, error) {
	merged := map[string]any{}
	from := l.from
	for _, layer := range plan.ValuesLayers(l.inputs, market, environment) {
		var values map[string]any
		if layer.From != nil {
			values, from = from[0], from[1:]
		} else if err := l.parseInline(layer, &values); err != nil {
			return nil, err
		}
		if keys != nil {
			values = only(values, keys)
		}
		merged = mergeMaps(merged, values)
	}
	return merged, nil
}

// parseInline reads values of the inputs. They are JSON, whose numbers come out as those of YAML do.
func (l *layers) parseInline(layer plan.ValuesLayer, values *map[string]any) error {
	known, found := l.inline[layer.Values]
	if !found && len(layer.Values.Raw) > 0 {
		if err := json.Unmarshal(layer.Values.Raw, &known); err != nil {
			return mend(ReasonValuesInvalid, "the inline values (%s) are no map: %v", layer.Source, err)
		}
		l.inline[layer.Values] = known
	}
	*values = known
	return nil
}

// mergeMaps lays one map of values over another, as Helm does with those of several -f: maps are merged, all else is
// replaced, and null is a value like any other until the chart's defaults come in. Helm keeps its function to itself;
// chartutil.MergeTables does the same, but logs values that are in conflict, and these may be secret.
func mergeMaps(under, over map[string]any) map[string]any {
	merged := maps.Clone(under)
	for key, value := range over {
		if inner, ok := value.(map[string]any); ok {
			if below, ok := merged[key].(map[string]any); ok {
				merged[key] = mergeMaps(below, inner)
				continue
			}
		}
		merged[key] = value
	}
	return merged
}

func only(values map[string]any, keys []string) map[string]any {
	some := map[string]any{}
	for _, key := range keys {
		if value, there := values[key]; there {
			some[key] = value
		}
	}
	return some
}

// matrixName is a name that is set at a path of the values, as helm install --set-string does.
type matrixName struct {
	field, path, name string
}

// names are what matrixValues wants to be set in a cell.
func (l *layers) names(market, environment string) []matrixName {
	var names []matrixName
	if path := l.inputs.MatrixValues.MarketPath; path != "" {
		names = append(names, matrixName{"marketPath", path, market})
	}
	if path := l.inputs.MatrixValues.EnvironmentPath; path != "" {
		names = append(names, matrixName{"environmentPath", path, environment})
	}
	return names
}

func (n matrixName) set(values map[string]any, market, environment string) error {
	if err := strvals.ParseIntoString(n.path+"="+n.name, values); err != nil {
		return mend(ReasonValuesInvalid, "matrixValues.%s: %s cannot be set in %s/%s: the values have something else than a map or a list on the way",
			n.field, n.path, market, environment)
	}
	return nil
}

// key is the top-level one that the path leads through. The error says that the path leads nowhere: Helm does not find
// all that is wrong with one, and then sets nothing.
func (n matrixName) key() (string, error) {
	probe, err := strvals.ParseString(n.path + "=" + n.name)
	if err != nil {
		return "", mend(ReasonValuesInvalid, "matrixValues.%s: %s is no path as helm install --set-string takes it: %v", n.field, n.path, err)
	}
	for key, value := range probe {
		if holds(value, n.name) {
			return key, nil
		}
	}
	return "", mend(ReasonValuesInvalid, "matrixValues.%s: %s is no path as helm install --set-string takes it: it sets nothing", n.field, n.path)
}

func holds(value any, name string) bool {
	switch value := value.(type) {
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(value)), func(inner any) bool { return holds(inner, name) })
	case []any:
		return slices.ContainsFunc(value, func(inner any) bool { return holds(inner, name) })
	default:
		return value == name
	}
}

// check finds a cell whose values cannot be merged, or in which the names cannot be set.
func (l *layers) check(ctx context.Context) error {
	for _, market := range l.inputs.Markets {
		for _, environment := range l.inputs.Environments {
			if slices.Contains(l.inputs.Exclude, soakv1alpha1.Exclusion{Market: market.Name, Environment: environment.Name}) {
				continue
			}
			if ctx.Err() != nil {
				return fmt.Errorf("merge the values: %w", context.Cause(ctx))
			}
			if err := l.checkCell(market.Name, environment.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkCell sets the names in a copy of what is on their way, and of no more: there may be a thousand cells, and a lot of
// values.
func (l *layers) checkCell(market, environment string) error {
	names := l.names(market, environment)
	keys := []string{}
	for _, name := range names {
		key, err := name.key()
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	merged, err := l.merge(market, environment, keys)
	if err != nil {
		return err
	}
	merged = runtime.DeepCopyJSON(merged)
	for _, name := range names {
		if err := name.set(merged, market, environment); err != nil {
			return err
		}
	}
	return nil
}
