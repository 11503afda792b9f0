package plan

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// inputsForm is the version of the form that inputs are brought into before their digest is taken. Digests of different
// versions cannot be compared; the inputs of a run are kept, so that theirs can be taken anew.
const inputsForm = "v1"

// inputDefaults are what the CRD fills in: to say it or not makes no difference. A test compares them with the CRD.
var inputDefaults = map[string]any{
	"releaseName":                 defaultReleaseName,
	"testPolicy":                  "Required",
	"persistentVolumeClaimPolicy": "Delete",
	"infrastructureErrorPolicy":   "Retry",
	"parallelism":                 int64(1),
	"iterationInterval":           defaultIterationInterval.String(),
	"timeouts.clean":              defaultCleanTimeout.String(),
	"timeouts.build":              defaultBuildTimeout.String(),
	"timeouts.install":            defaultInstallTimeout.String(),
	"timeouts.test":               defaultTestTimeout.String(),
	"valuesFrom[].key":            "values.yaml",
	"environments[].steps":        []any{"Clean", "Build", "Install", "Test"},
}

// inputDurations are the lengths of time: 300s is 5m.
var inputDurations = []string{"iterationInterval", "timeouts.clean", "timeouts.build", "timeouts.install", "timeouts.test"}

// inputLists are the lists whose order means nothing, and what their items are told apart by.
var inputLists = map[string][]string{
	"markets":      {"name"},
	"environments": {"name"},
	"overrides":    {"market", "environment"},
	"exclude":      {"market", "environment"},
	"allow":        nil,
}

// InputsDigest is the digest of inputs in a form in which only what makes a difference differs. What starts a new run
// for other reasons, such as another run.id, is not in it.
//
// A field that is added to the inputs later is left out of the form where it is not set, so that the digest of what is
// there already stays as it is; one that has a default needs an entry in inputDefaults.
//
// It fails for values that are no JSON.
func InputsDigest(namespace string, inputs *soakv1alpha1.Inputs) (string, error) {
	form, err := canonicalInputs(namespace, inputs)
	if err != nil {
		return "", fmt.Errorf("take the digest of the inputs: %w", err)
	}
	sum := sha256.Sum256(form)
	return inputsForm + ":sha256:" + hex.EncodeToString(sum[:]), nil
}

func canonicalInputs(namespace string, inputs *soakv1alpha1.Inputs) ([]byte, error) {
	written, err := json.Marshal(inputs)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(written))
	decoder.UseNumber()
	var tree map[string]any
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	form := canonicalForm{namespace: namespace}
	form.object("", tree)
	return json.Marshal(tree)
}

// canonicalForm brings the inputs of an experiment in a namespace into their form, in place.
type canonicalForm struct {
	namespace string
}

// object brings each field into its form, and drops what is not set or is as it would be if it were not.
func (f canonicalForm) object(path string, fields map[string]any) {
	for name, value := range fields {
		at := strings.TrimPrefix(path+"."+name, ".")
		value = f.field(at, value)
		if f.isDefault(at, value) {
			delete(fields, name)
			continue
		}
		fields[name] = value
	}
}

func (f canonicalForm) field(path string, value any) any {
	if path == "values" || strings.HasSuffix(path, "].values") {
		return canonicalValues(value)
	}
	switch value := value.(type) {
	case map[string]any:
		f.object(path, value)
		return value
	case []any:
		return f.list(path, value)
	case string:
		if slices.Contains(inputDurations, path) {
			if length, err := soakv1alpha1.Duration(value).Parse(); err == nil {
				return length.String()
			}
		}
		return value
	default:
		return canonicalValues(value)
	}
}

func (f canonicalForm) list(path string, items []any) []any {
	for i, item := range items {
		items[i] = f.field(path+"[]", item)
	}
	if path == "overrides" { // One without values overrides nothing.
		items = slices.DeleteFunc(items, func(item any) bool { return fieldOf(item, "values") == nil })
	}
	if path == "environments[].steps" {
		slices.SortStableFunc(items, func(a, b any) int { return cmp.Compare(stepOrder(a), stepOrder(b)) })
	}
	if keys, anyOrder := inputLists[path]; anyOrder {
		slices.SortStableFunc(items, func(a, b any) int { return strings.Compare(identity(a, keys), identity(b, keys)) })
	}
	return items
}

func (f canonicalForm) isDefault(path string, value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		if value == "" || (path == "environments[].namespace" && value == f.namespace) {
			return true
		}
	case map[string]any:
		if len(value) == 0 {
			return true
		}
	case []any:
		if len(value) == 0 {
			return true
		}
	}
	byDefault, there := inputDefaults[path]
	return there && reflect.DeepEqual(byDefault, value)
}

// canonicalValues are a chart's values as Helm sees them: numbers by what they are worth, not by how they are written.
// Inside of them nothing can be left out: null takes a value away, and an empty object is one.
func canonicalValues(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, field := range value {
			value[name] = canonicalValues(field)
		}
		return value
	case []any:
		for i, item := range value {
			value[i] = canonicalValues(item)
		}
		return value
	case json.Number:
		return canonicalNumber(value)
	default:
		return value
	}
}

// exactFloats is up to where a float64 is a whole number exactly.
const exactFloats = 1 << 53

func canonicalNumber(number json.Number) any {
	if whole, err := number.Int64(); err == nil {
		return whole
	}
	float, err := number.Float64()
	if err != nil {
		return number
	}
	if float == math.Trunc(float) && math.Abs(float) <= exactFloats {
		return int64(float)
	}
	return float
}

func stepOrder(step any) int {
	return slices.IndexFunc(allSteps, func(known soakv1alpha1.Step) bool { return step == string(known) })
}

// identity of an item of a list: what its keys hold, or itself if it is a word.
func identity(item any, keys []string) string {
	if len(keys) == 0 {
		return fmt.Sprint(item)
	}
	words := make([]string, len(keys))
	for i, key := range keys {
		words[i] = fmt.Sprint(fieldOf(item, key))
	}
	return strings.Join(words, "\x00")
}

func fieldOf(item any, name string) any {
	if fields, ok := item.(map[string]any); ok {
		return fields[name]
	}
	return nil
}
