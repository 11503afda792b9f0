package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

func markets(names ...string) []soakv1alpha1.Market {
	var markets []soakv1alpha1.Market
	for _, name := range names {
		markets = append(markets, soakv1alpha1.Market{Name: name})
	}
	return markets
}

func environments(names ...string) []soakv1alpha1.Environment {
	var environments []soakv1alpha1.Environment
	for _, name := range names {
		environments = append(environments, soakv1alpha1.Environment{Name: name})
	}
	return environments
}

func TestMatrix(t *testing.T) {
	long := strings.Repeat("a", 30)
	for name, test := range map[string]struct {
		inputs    soakv1alpha1.Inputs
		want      []string
		wantError string
	}{
		"in matrix order": {
			inputs: soakv1alpha1.Inputs{Markets: markets("tonaton", "ikman"), Environments: environments("sandbox", "production")},
			want: []string{
				"tonaton/sandbox soak/classifieds-tonaton-sandbox [Clean Build Install Test]",
				"tonaton/production soak/classifieds-tonaton-production [Clean Build Install Test]",
				"ikman/sandbox soak/classifieds-ikman-sandbox [Clean Build Install Test]",
				"ikman/production soak/classifieds-ikman-production [Clean Build Install Test]",
			},
		},
		"with namespaces, steps and what is left out": {
			inputs: soakv1alpha1.Inputs{
				Markets: markets("tonaton", "ikman"), ReleaseName: "{market}",
				Environments: []soakv1alpha1.Environment{
					{Name: "sandbox", Namespace: "sandbox", Steps: []soakv1alpha1.Step{soakv1alpha1.StepInstall, soakv1alpha1.StepClean, soakv1alpha1.StepBuild}},
					{Name: "production", Steps: []soakv1alpha1.Step{soakv1alpha1.StepBuild}},
				},
				Exclude: []soakv1alpha1.Exclusion{{Market: "ikman", Environment: "production"}, {Market: "nobody", Environment: "sandbox"}},
			},
			want: []string{
				"tonaton/sandbox sandbox/tonaton [Clean Build Install]",
				"tonaton/production soak/tonaton [Build]",
				"ikman/sandbox sandbox/ikman [Clean Build Install]",
			},
		},
		"long names are cut and stay apart": {
			inputs: soakv1alpha1.Inputs{ReleaseName: "{market}-{environment}", Markets: markets(long + "x"), Environments: environments(long+"1", long+"2")},
			want: []string{
				long + "x/" + long + "1 soak/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaax-aaaaaaaaaa-0f747b296d [Clean Build Install Test]",
				long + "x/" + long + "2 soak/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaax-aaaaaaaaaa-309b4d9b58 [Clean Build Install Test]",
			},
		},
		"two cells of one release": {
			inputs:    soakv1alpha1.Inputs{ReleaseName: "{market}", Markets: markets("tonaton"), Environments: environments("sandbox", "production")},
			wantError: "tonaton/sandbox and tonaton/production would both have the release tonaton in namespace soak: let releaseName tell them apart",
		},
		"the same name in two namespaces": {
			inputs: soakv1alpha1.Inputs{ReleaseName: "shop", Markets: markets("tonaton"),
				Environments: []soakv1alpha1.Environment{{Name: "sandbox", Namespace: "a"}, {Name: "production", Namespace: "b"}}},
			want: []string{"tonaton/sandbox a/shop [Clean Build Install Test]", "tonaton/production b/shop [Clean Build Install Test]"},
		},
		"a name that Helm refuses": {
			inputs:    soakv1alpha1.Inputs{ReleaseName: "-{market}", Markets: markets("tonaton"), Environments: environments("sandbox")},
			wantError: `releaseName makes "-tonaton" of tonaton/sandbox, which is no name that Helm accepts`,
		},
		"nothing left": {
			inputs: soakv1alpha1.Inputs{Markets: markets("tonaton"), Environments: environments("sandbox"),
				Exclude: []soakv1alpha1.Exclusion{{Market: "tonaton", Environment: "sandbox"}}},
			wantError: "every cell of the matrix is excluded",
		},
		"installed onto what was not cleaned": {
			inputs: soakv1alpha1.Inputs{Markets: markets("tonaton"),
				Environments: []soakv1alpha1.Environment{{Name: "sandbox", Steps: []soakv1alpha1.Step{soakv1alpha1.StepBuild, soakv1alpha1.StepInstall}}}},
			wantError: "environment sandbox: step Install needs Clean before it",
		},
		"tested without being installed": {
			inputs: soakv1alpha1.Inputs{Markets: markets("tonaton"),
				Environments: []soakv1alpha1.Environment{{Name: "sandbox", Steps: []soakv1alpha1.Step{soakv1alpha1.StepTest, soakv1alpha1.StepClean}}}},
			wantError: "environment sandbox: step Test needs Install before it",
		},
		"more than can be driven": {
			inputs: soakv1alpha1.Inputs{
				Markets:      markets(strings.Fields(numbered(250))...),
				Environments: environments("a", "b", "c", "d", "e"),
			},
			wantError: "the matrix has 1250 cells: at most 1000 can be driven",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cells, err := plan.Matrix("soak", "classifieds", &test.inputs)
			if message := fmt.Sprint(err); err != nil && message != test.wantError || err == nil && test.wantError != "" {
				t.Fatalf("error %q, want %q", message, test.wantError)
			}
			var got []string
			for _, cell := range cells {
				got = append(got, fmt.Sprintf("%s %s/%s %v", cell, cell.Release.Namespace, cell.Release.Name, cell.Steps))
				if len(cell.Release.Name) > 53 {
					t.Errorf("%s has a name of %d characters", cell, len(cell.Release.Name))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("cells (-want +got):\n%s", diff)
			}
		})
	}
}

// numbered are so many words.
func numbered(count int) string {
	var words []string
	for i := range count {
		words = append(words, fmt.Sprintf("m%d", i))
	}
	return strings.Join(words, " ")
}

func TestValuesLayers(t *testing.T) {
	values := func(text string) *apiextensionsv1.JSON { return &apiextensionsv1.JSON{Raw: []byte(text)} }
	inputs := soakv1alpha1.Inputs{
		Values: values(`{"a":1}`),
		ValuesFrom: []soakv1alpha1.ValuesReference{
			{Kind: soakv1alpha1.ValuesKindSecret, Name: "shared"}, {Kind: soakv1alpha1.ValuesKindConfigMap, Name: "later"},
		},
		Markets:      []soakv1alpha1.Market{{Name: "ikman", Values: values(`{"a":4}`)}, {Name: "tonaton", Values: values(`{"a":40}`)}},
		Environments: []soakv1alpha1.Environment{{Name: "sandbox", Values: values(`{"a":3}`)}, {Name: "production"}},
		Overrides:    []soakv1alpha1.Override{{Market: "ikman", Environment: "sandbox", Values: values(`{"a":5}`)}},
	}
	for name, test := range map[string]struct {
		market, environment string
		want                []string
	}{
		"all there are": {"ikman", "sandbox", []string{
			`values {"a":1}`, "Secret shared ", "ConfigMap later ", `environment sandbox {"a":3}`, `market ikman {"a":4}`, `override ikman/sandbox {"a":5}`,
		}},
		"only its own": {"tonaton", "production", []string{`values {"a":1}`, "Secret shared ", "ConfigMap later ", `market tonaton {"a":40}`}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, layer := range plan.ValuesLayers(&inputs, test.market, test.environment) {
				text := ""
				if layer.Values != nil {
					text = string(layer.Values.Raw)
				} else if !strings.HasSuffix(layer.Source, layer.From.Name) {
					t.Errorf("%s refers to %s", layer.Source, layer.From.Name)
				}
				got = append(got, layer.Source+" "+text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("layers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLabelsTellApart(t *testing.T) {
	if a, b := plan.CellLabel("uid", "a-b", "c"), plan.CellLabel("uid", "a", "b-c"); a == b {
		t.Errorf("a-b in c and a in b-c both have the label %s", a)
	}
	if a, b := plan.CellLabel("uid", "a", "b"), plan.CellLabel("another", "a", "b"); a == b {
		t.Errorf("two experiments share the label %s", a)
	}
	const stable = "c5890e02fcc180998f6e2baf46c9661f"
	if got := plan.CellLabel("uid", "tonaton", "sandbox"); got != stable {
		t.Errorf("label %s, was always %s: what is out there would not be known any more", got, stable)
	}
	long := strings.Repeat("a", 64)
	for _, test := range []struct{ name, want string }{
		{"classifieds", "classifieds"},
		{long, "ffe054fe7ae0cb6dc65c3af9b61d5209"},
	} {
		if got := plan.LabelValue(test.name); got != test.want {
			t.Errorf("label of %s is %s, want %s", test.name, got, test.want)
		}
	}
}
