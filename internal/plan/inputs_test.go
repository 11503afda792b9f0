package plan_test

import (
	"encoding/json"
	"os"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// someInputs set everything that can be listed.
const someInputs = `{
  "serviceAccountName": "soak-runner",
  "chart": {"configMap": {"name": "classifieds-chart", "key": "classifieds-1.4.0.tgz"}},
  "values": {"replicas": 1, "image": {"tag": "1.4"}},
  "valuesFrom": [{"kind": "Secret", "name": "shared"}, {"kind": "ConfigMap", "name": "later"}],
  "markets": [{"name": "tonaton", "values": {"currency": "GHS"}}, {"name": "ikman"}],
  "environments": [{"name": "sandbox"}, {"name": "production", "namespace": "production", "steps": ["Build"]}],
  "overrides": [{"market": "ikman", "environment": "sandbox", "values": {"a": 1}}, {"market": "tonaton", "environment": "sandbox", "values": {"a": 2}}],
  "exclude": [{"market": "ikman", "environment": "production"}, {"market": "tonaton", "environment": "production"}],
  "timeouts": {"install": "10m"},
  "allow": ["ClusterScoped", "LoadBalancers"],
  "parallelism": 2
}`

func read(t *testing.T, text string) *soakv1alpha1.Inputs {
	t.Helper()
	var inputs soakv1alpha1.Inputs
	if err := json.Unmarshal([]byte(text), &inputs); err != nil {
		t.Fatal(err)
	}
	return &inputs
}

func digest(t *testing.T, inputs *soakv1alpha1.Inputs) string {
	t.Helper()
	digest, err := plan.InputsDigest("soak", inputs)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func values(text string) *apiextensionsv1.JSON { return &apiextensionsv1.JSON{Raw: []byte(text)} }

func TestInputsDigest(t *testing.T) {
	type change = func(*soakv1alpha1.Inputs)
	for name, change := range map[string]change{
		"defaults that are said": func(inputs *soakv1alpha1.Inputs) {
			inputs.ReleaseName = "{experiment}-{market}-{environment}"
			inputs.TestPolicy, inputs.PersistentVolumeClaimPolicy = soakv1alpha1.TestPolicyRequired, soakv1alpha1.PersistentVolumeClaimPolicyDelete
			inputs.InfrastructureErrorPolicy = soakv1alpha1.InfrastructureErrorPolicyRetry
			inputs.IterationInterval = "10s"
			inputs.Timeouts.Clean, inputs.Timeouts.Build, inputs.Timeouts.Test = "5m", "2m", "5m"
			inputs.Environments[0].Steps = []soakv1alpha1.Step{soakv1alpha1.StepClean, soakv1alpha1.StepBuild, soakv1alpha1.StepInstall, soakv1alpha1.StepTest}
			inputs.ValuesFrom[0].Key = "values.yaml"
		},
		"the same lengths of time": func(inputs *soakv1alpha1.Inputs) {
			inputs.Timeouts.Install, inputs.Timeouts.Clean, inputs.IterationInterval = "600s", "300s", "10000ms"
		},
		"the experiment's own namespace": func(inputs *soakv1alpha1.Inputs) { inputs.Environments[0].Namespace = "soak" },
		"the order of the lists": func(inputs *soakv1alpha1.Inputs) {
			inputs.Markets[0], inputs.Markets[1] = inputs.Markets[1], inputs.Markets[0]
			inputs.Environments[0], inputs.Environments[1] = inputs.Environments[1], inputs.Environments[0]
			inputs.Overrides[0], inputs.Overrides[1] = inputs.Overrides[1], inputs.Overrides[0]
			inputs.Exclude[0], inputs.Exclude[1] = inputs.Exclude[1], inputs.Exclude[0]
			inputs.Allow[0], inputs.Allow[1] = inputs.Allow[1], inputs.Allow[0]
		},
		"the order of the steps": func(inputs *soakv1alpha1.Inputs) {
			inputs.Environments[0].Steps = []soakv1alpha1.Step{soakv1alpha1.StepTest, soakv1alpha1.StepInstall, soakv1alpha1.StepBuild, soakv1alpha1.StepClean}
		},
		"values written in another way": func(inputs *soakv1alpha1.Inputs) {
			inputs.Values = values(` { "image": {"tag":"1.4"}, "replicas": 1.0 } `)
		},
		"values that say nothing": func(inputs *soakv1alpha1.Inputs) {
			inputs.Markets[1].Values, inputs.Environments[0].Values = values(`{}`), values(`null`)
			inputs.Overrides = append(inputs.Overrides, soakv1alpha1.Override{Market: "a", Environment: "b", Values: values(`{}`)})
		},
	} {
		t.Run("stays with "+name, func(t *testing.T) {
			inputs := read(t, someInputs)
			change(inputs)
			if want, got := digest(t, read(t, someInputs)), digest(t, inputs); got != want {
				t.Errorf("digest %s, want %s", got, want)
			}
		})
	}
	for name, change := range map[string]change{
		"another account":         func(inputs *soakv1alpha1.Inputs) { inputs.ServiceAccountName = "x" },
		"another chart":           func(inputs *soakv1alpha1.Inputs) { inputs.Chart.ConfigMap.Key = "x" },
		"another value":           func(inputs *soakv1alpha1.Inputs) { inputs.Values = values(`{"replicas":2,"image":{"tag":"1.4"}}`) },
		"a number that is a text": func(inputs *soakv1alpha1.Inputs) { inputs.Values = values(`{"replicas":"1","image":{"tag":"1.4"}}`) },
		"a value taken away":      func(inputs *soakv1alpha1.Inputs) { inputs.Markets[1].Values = values(`{"image":null}`) },
		"an empty object inside":  func(inputs *soakv1alpha1.Inputs) { inputs.Markets[1].Values = values(`{"image":{}}`) },
		"a list in another order": func(inputs *soakv1alpha1.Inputs) { inputs.Markets[1].Values = values(`{"hosts":["b","a"]}`) },
		"the order of valuesFrom": func(inputs *soakv1alpha1.Inputs) {
			inputs.ValuesFrom[0], inputs.ValuesFrom[1] = inputs.ValuesFrom[1], inputs.ValuesFrom[0]
		},
		"matrix values":       func(inputs *soakv1alpha1.Inputs) { inputs.MatrixValues.MarketPath = "market" },
		"another pattern":     func(inputs *soakv1alpha1.Inputs) { inputs.ReleaseName = "{market}" },
		"one market fewer":    func(inputs *soakv1alpha1.Inputs) { inputs.Markets = inputs.Markets[:1] },
		"another namespace":   func(inputs *soakv1alpha1.Inputs) { inputs.Environments[0].Namespace = "sandbox" },
		"other steps":         func(inputs *soakv1alpha1.Inputs) { inputs.Environments[1].Steps = nil },
		"nothing overridden":  func(inputs *soakv1alpha1.Inputs) { inputs.Overrides = nil },
		"nothing left out":    func(inputs *soakv1alpha1.Inputs) { inputs.Exclude = nil },
		"another timeout":     func(inputs *soakv1alpha1.Inputs) { inputs.Timeouts.Test = "5m1s" },
		"another test policy": func(inputs *soakv1alpha1.Inputs) { inputs.TestPolicy = soakv1alpha1.TestPolicySkip },
		"claims that are kept": func(inputs *soakv1alpha1.Inputs) {
			inputs.PersistentVolumeClaimPolicy = soakv1alpha1.PersistentVolumeClaimPolicyKeep
		},
		"errors that are failures": func(inputs *soakv1alpha1.Inputs) {
			inputs.InfrastructureErrorPolicy = soakv1alpha1.InfrastructureErrorPolicyFail
		},
		"less allowed":   func(inputs *soakv1alpha1.Inputs) { inputs.Allow = inputs.Allow[:1] },
		"more at a time": func(inputs *soakv1alpha1.Inputs) { inputs.Parallelism = 3 },
		"no pause":       func(inputs *soakv1alpha1.Inputs) { inputs.IterationInterval = "0s" },
	} {
		t.Run("changes with "+name, func(t *testing.T) {
			inputs := read(t, someInputs)
			change(inputs)
			if got := digest(t, inputs); got == digest(t, read(t, someInputs)) {
				t.Errorf("digest stayed %s", got)
			}
		})
	}
}

// What is out there was made by earlier versions: a change of this digest starts every experiment anew.
func TestInputsDigestIsStable(t *testing.T) {
	const want = "v1:sha256:219ecb3fcc73ff30c304ed218cc1be84aba24860f9b0f3b015fd556788ccd114"
	if got := digest(t, read(t, someInputs)); got != want {
		t.Errorf("digest %s, was always %s", got, want)
	}
}

func TestInputsDigestOfNumbers(t *testing.T) {
	of := func(number string) string {
		inputs := read(t, someInputs)
		inputs.Values = values(`{"n":` + number + `}`)
		return digest(t, inputs)
	}
	for name, test := range map[string]struct {
		a, b string
		same bool
	}{
		"a point":               {"1", "1.0", true},
		"an exponent":           {"100", "1e2", true},
		"a fraction":            {"0.5", "5e-1", true},
		"another fraction":      {"0.5", "0.25", false},
		"large ones, as floats": {"9007199254740993", "9007199254740992", false},
		"too large for any":     {"1e400", "1e401", false},
	} {
		t.Run(name, func(t *testing.T) {
			if same := of(test.a) == of(test.b); same != test.same {
				t.Errorf("%s and %s have the same digest: %v, want %v", test.a, test.b, same, test.same)
			}
		})
	}
}

func TestInputsDigestOfBrokenValues(t *testing.T) {
	inputs := read(t, someInputs)
	inputs.Values = values(`{`)
	if got, err := plan.InputsDigest("soak", inputs); err == nil {
		t.Errorf("digest %s, want an error", got)
	}
}

// Whatever default the CRD fills in, an object that was written without it has the same digest before and after.
func TestInputsDigestLeavesDefaultsOut(t *testing.T) {
	text, err := os.ReadFile("../../config/crd/bases/soak.saltside.io_soakexperiments.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	var tree map[string]any
	if err := json.Unmarshal([]byte(someInputs), &tree); err != nil {
		t.Fatal(err)
	}
	fillIn(t, schema, tree)
	filled, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	inputs := read(t, string(filled))
	if inputs.TestPolicy == "" || inputs.Environments[0].Steps == nil || inputs.Timeouts.Build == "" {
		t.Errorf("the defaults were not filled in: %s", filled)
	}
	if want, got := digest(t, read(t, someInputs)), digest(t, inputs); got != want {
		t.Errorf("digest %s, without defaults %s: does the table of defaults have all of them?\n%s", got, want, filled)
	}
}

// fillIn fills in defaults as the API server does.
func fillIn(t *testing.T, schema apiextensionsv1.JSONSchemaProps, value any) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		for name, property := range schema.Properties {
			if _, there := value[name]; !there && property.Default != nil {
				var filled any
				if err := json.Unmarshal(property.Default.Raw, &filled); err != nil {
					t.Fatal(err)
				}
				value[name] = filled
			}
			if field, there := value[name]; there {
				fillIn(t, property, field)
			}
		}
	case []any:
		for _, item := range value {
			fillIn(t, *schema.Items.Schema, item)
		}
	}
}
