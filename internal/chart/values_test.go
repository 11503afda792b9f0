package chart

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	helmvalues "helm.sh/helm/v3/pkg/cli/values"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// inputsOf has one cell, ikman/sandbox, with the given layers, in YAML.
type inputsOf struct {
	base, environment, market, override string
	from                                []string
	marketPath, environmentPath         string
}

func (i inputsOf) inputs(t *testing.T) *soakv1alpha1.Inputs {
	t.Helper()
	inputs := &soakv1alpha1.Inputs{
		Values:       inline(t, i.base),
		Markets:      []soakv1alpha1.Market{{Name: "tonaton", Values: inline(t, "{other: market}")}, {Name: "ikman", Values: inline(t, i.market)}},
		Environments: []soakv1alpha1.Environment{{Name: "sandbox", Values: inline(t, i.environment)}},
		Exclude:      []soakv1alpha1.Exclusion{{Market: "tonaton", Environment: "sandbox"}},
		MatrixValues: soakv1alpha1.MatrixValues{MarketPath: i.marketPath, EnvironmentPath: i.environmentPath},
	}
	if i.override != "" {
		inputs.Overrides = []soakv1alpha1.Override{{Market: "ikman", Environment: "sandbox", Values: inline(t, i.override)}}
	}
	for n := range i.from {
		inputs.ValuesFrom = append(inputs.ValuesFrom, soakv1alpha1.ValuesReference{Kind: soakv1alpha1.ValuesKindSecret, Name: fmt.Sprintf("from-%d", n)})
	}
	return inputs
}

// inline is YAML as the API server keeps it.
func inline(t *testing.T, text string) *apiextensionsv1.JSON {
	t.Helper()
	if text == "" {
		return nil
	}
	written, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &apiextensionsv1.JSON{Raw: written}
}

func contentsOf(texts []string) [][]byte {
	var contents [][]byte
	for _, text := range texts {
		contents = append(contents, []byte(text))
	}
	return contents
}

// byHelm merges the same with the code of helm install -f ... --set-string ...
func (i inputsOf) byHelm(t *testing.T) (map[string]any, error) {
	t.Helper()
	var options helmvalues.Options
	for n, text := range append(append([]string{i.base}, i.from...), i.environment, i.market, i.override) {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("%d.yaml", n))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		options.ValueFiles = append(options.ValueFiles, file)
	}
	if i.marketPath != "" {
		options.StringValues = append(options.StringValues, i.marketPath+"=ikman")
	}
	if i.environmentPath != "" {
		options.StringValues = append(options.StringValues, i.environmentPath+"=sandbox")
	}
	return options.MergeValues(nil)
}

func (i inputsOf) byUs(t *testing.T) (map[string]any, error) {
	t.Helper()
	layers, err := newLayers("soak", i.inputs(t), contentsOf(i.from))
	if err != nil {
		t.Fatal(err)
	}
	if err := layers.check(t.Context()); err != nil {
		return nil, err
	}
	return layers.values("ikman", "sandbox")
}

type values = map[string]any

func TestValuesAreMergedAsHelmDoes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		inputsOf
		want values
	}{
		"nothing": {want: values{}},
		"later layers over earlier ones": {
			inputsOf: inputsOf{
				base: "{a: base, b: base, c: base, d: base, e: base, f: base}", from: []string{"{b: from, c: from, d: from, e: from, f: from}", "{c: from 2, d: from 2, e: from 2, f: from 2}"},
				environment: "{d: environment, e: environment, f: environment}", market: "{e: market, f: market}", override: "{f: override}",
			},
			want: values{"a": "base", "b": "from", "c": "from 2", "d": "environment", "e": "market", "f": "override"},
		},
		"maps are merged, deeply": {
			inputsOf: inputsOf{base: "{web: {image: {tag: v1, name: web}, port: 80}}", market: "{web: {image: {tag: v2}}}"},
			want:     values{"web": values{"image": values{"tag": "v2", "name": "web"}, "port": 80.}},
		},
		"lists are replaced": {
			inputsOf: inputsOf{base: "{hosts: [a, b, c]}", market: "{hosts: [d]}"},
			want:     values{"hosts": []any{"d"}},
		},
		"null replaces what is under it, and stays": {
			inputsOf: inputsOf{base: "{a: {b: 1, c: 1}, d: 1}", from: []string{"a: {b: null}\n"}, environment: "{d: null}"},
			want:     values{"a": values{"b": nil, "c": 1.}, "d": nil},
		},
		"a map over null, and null over a map": {
			inputsOf: inputsOf{base: "{a: null, b: {c: 1}}", market: "{a: {b: 1}, b: null}"},
			want:     values{"a": values{"b": 1.}, "b": nil},
		},
		"a map over a word, and a word over a map": {
			inputsOf: inputsOf{base: "{a: word, b: {c: 1}, d: [1]}", market: "{a: {b: 1}, b: word, d: {e: 1}}"},
			want:     values{"a": values{"b": 1.}, "b": "word", "d": values{"e": 1.}},
		},
		"an empty map takes nothing away": {
			inputsOf: inputsOf{base: "{a: {b: 1}}", market: "{a: {}}"},
			want:     values{"a": values{"b": 1.}},
		},
		"numbers are what they are to Helm, in each layer": {
			inputsOf: inputsOf{base: "{a: 1000000, b: 12345678901234567890, c: 1.5, d: 0x10, e: 1e3}", from: []string{"{f: 1000000, g: 12345678901234567890, h: 1.5, i: 010, j: 1e3}"}},
			want: values{"a": 1000000., "b": 12345678901234567890., "c": 1.5, "d": 16., "e": 1000.,
				"f": 1000000., "g": 12345678901234567890., "h": 1.5, "i": 8., "j": 1000.},
		},
		"empty and null documents": {
			inputsOf: inputsOf{from: []string{"", "null", "# nothing\n", "a: 1\n---\nb: 2\n"}},
			want:     values{"a": 1.},
		},
		"anchors and what YAML takes for a boolean": {
			inputsOf: inputsOf{from: []string{"a: &a {b: yes}\nc: {<<: *a, d: off}\n1: one\n"}},
			want:     values{"a": values{"b": true}, "c": values{"b": true, "d": false}, "1": "one"},
		},
		"names of market and environment": {
			inputsOf: inputsOf{base: "{market: under}", override: "{stage: over}", marketPath: "market", environmentPath: "stage"},
			want:     values{"market": "ikman", "stage": "sandbox"},
		},
		"nested names, beside other values": {
			inputsOf: inputsOf{base: "{global: {a: 1}}", marketPath: "global.site.market", environmentPath: "global.stage"},
			want:     values{"global": values{"a": 1., "site": values{"market": "ikman"}, "stage": "sandbox"}},
		},
		"names in lists": {
			inputsOf: inputsOf{base: "{env: [{name: A, value: x}, {name: B}]}", marketPath: "env[1].value", environmentPath: "args[2]"},
			want: values{"env": []any{values{"name": "A", "value": "x"}, values{"name": "B", "value": "ikman"}},
				"args": []any{nil, nil, "sandbox"}},
		},
		"names in lists of lists": {
			inputsOf: inputsOf{base: "{a: [[x]]}", marketPath: "a[0][1]"},
			want:     values{"a": []any{[]any{"x", "ikman"}}},
		},
		"a name with a dot in its key": {
			inputsOf: inputsOf{marketPath: `labels.example\.org/market`},
			want:     values{"labels": values{"example.org/market": "ikman"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.byUs(t)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			helms, err := test.byHelm(t)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(helms, got); diff != "" {
				t.Errorf("Helm merges them otherwise (-helm +ours):\n%s", diff)
			}
		})
	}
}

func TestNamesThatCannotBeSet(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		inputsOf
		message string
		// silent says that Helm sets nothing, and does not say so.
		silent bool
	}{
		"a word on the way":       {inputsOf: inputsOf{base: "{global: word}", marketPath: "global.market"}, message: "matrixValues.marketPath: global.market cannot be set in ikman/sandbox"},
		"a word, of the override": {inputsOf: inputsOf{override: "{a: {b: 1}}", environmentPath: "a.b.c"}, message: "matrixValues.environmentPath: a.b.c cannot be set in ikman/sandbox"},
		"null on the way":         {inputsOf: inputsOf{base: "{global: null}", marketPath: "global.market"}, message: "cannot be set"},
		"a map where a list is wanted": {inputsOf: inputsOf{base: "{a: {b: 1}}", marketPath: "a[0]"},
			message: "cannot be set"},
		"one below the other": {inputsOf: inputsOf{marketPath: "a", environmentPath: "a.b"}, message: "environmentPath: a.b cannot be set"},
		"an index without end": {inputsOf: inputsOf{marketPath: "a[0"},
			message: "a[0 is no path as helm install --set-string takes it"},
		"an index that is no number": {inputsOf: inputsOf{marketPath: "a[x]"}, message: "is no path"},
		"a negative index":           {inputsOf: inputsOf{marketPath: "a[-1]"}, message: "is no path"},
		"an index beyond all bounds": {inputsOf: inputsOf{marketPath: "a[70000]"}, message: "greater than maximum supported index"},
		"an escaped end":             {inputsOf: inputsOf{marketPath: `a\`}, message: "is no path"},
		"an end that is missing":     {inputsOf: inputsOf{base: "{a: {b: 1}}", marketPath: "a."}, message: "is no path", silent: true},
		"a beginning that is missing": {inputsOf: inputsOf{marketPath: ".a"},
			message: "it sets nothing", silent: true},
		"a list without a name":   {inputsOf: inputsOf{marketPath: "[0]"}, message: "it sets nothing", silent: true},
		"a key of a list's entry": {inputsOf: inputsOf{marketPath: "a[0]."}, message: "it sets nothing", silent: true},
		"deeper than Helm goes":   {inputsOf: inputsOf{marketPath: strings.Repeat("a.", 40) + "b"}, message: "nested level"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.byUs(t)
			wantProblem(t, err, ReasonValuesInvalid, test.message)
			if _, err := test.byHelm(t); (err == nil) != test.silent {
				t.Errorf("Helm says %v", err)
			}
		})
	}
}

// wantProblem checks that an error is for the user, and what it says.
func wantProblem(t *testing.T, err error, reason string, parts ...string) {
	t.Helper()
	problem, ok := asProblem(err)
	if !ok {
		t.Fatalf("error is %v, want a problem", err)
	}
	if problem.Reason != reason {
		t.Errorf("reason is %s, want %s", problem.Reason, reason)
	}
	for _, part := range parts {
		if !strings.Contains(problem.Message, part) {
			t.Errorf("message %q does not say %q", problem.Message, part)
		}
	}
}

// A cell is checked without changing what the next is merged from, and an excluded one not at all.
func TestCheckLeavesTheLayersAsTheyAre(t *testing.T) {
	t.Parallel()
	inputs := inputsOf{from: []string{"{global: {list: [x]}}"}, base: "{global: {a: 1}}", marketPath: "global.list[1]"}.inputs(t)
	inputs.Exclude = nil
	layers, err := newLayers("soak", inputs, contentsOf([]string{"{global: {list: [x]}}"}))
	if err != nil {
		t.Fatal(err)
	}
	if err := layers.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, market := range []string{"ikman", "tonaton", "ikman"} {
		got, err := layers.values(market, "sandbox")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(values{"a": 1., "list": []any{"x", market}}, got["global"]); diff != "" {
			t.Errorf("values of %s (-want +got):\n%s", market, diff)
		}
	}
	if diff := cmp.Diff([]values{{"global": values{"list": []any{"x"}}}}, layers.from); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
	inputs.Markets[1].Values, inputs.Exclude = inline(t, "{global: word}"), []soakv1alpha1.Exclusion{{Market: "ikman", Environment: "sandbox"}}
	layers.inline = map[*apiextensionsv1.JSON]map[string]any{}
	if err := layers.check(t.Context()); err != nil {
		t.Errorf("an excluded cell was checked: %v", err)
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("over")
	cancel(over)
	layers, err := newLayers("soak", inputsOf{}.inputs(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := layers.check(ctx); !errors.Is(err, over) {
		t.Errorf("error is %v", err)
	}
}

// The API server would not have accepted it.
func TestInlineValuesThatAreNoMap(t *testing.T) {
	t.Parallel()
	inputs := inputsOf{}.inputs(t)
	inputs.Values = &apiextensionsv1.JSON{Raw: []byte(`"word"`)}
	layers, err := newLayers("soak", inputs, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, layers.check(t.Context()), ReasonValuesInvalid, "the inline values (values) are no map")
}

// The parser quotes what it cannot read. Of a Secret, only the line is told.
func TestWhatIsNoYAMLIsNotQuoted(t *testing.T) {
	t.Parallel()
	const canary = "hunter2"
	for name, test := range map[string]struct{ content, secret, configMap string }{
		"a word":                 {content: canary, secret: "secret", configMap: "cannot unmarshal string"},
		"a list":                 {content: "- " + canary, secret: "secret", configMap: "cannot unmarshal array"},
		"no YAML":                {content: "a: b\n" + canary + "\nc: d\n", secret: "line 3", configMap: "line 3"},
		"an unknown anchor":      {content: "a: *" + canary, secret: "secret", configMap: canary},
		"a map as a key":         {content: "{" + canary + ": 1}: 2", secret: "", configMap: canary},
		"a tab":                  {content: "a:\n\t" + canary + ": 1", secret: "line 2", configMap: "line 2"},
		"a wrong tag":            {content: "a: !!float " + canary, secret: "", configMap: canary},
		"what looks like a line": {content: "? [line 4711:]\n: 1", secret: "secret", configMap: "4711"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseValues("soak", soakv1alpha1.ValuesReference{Kind: soakv1alpha1.ValuesKindSecret, Name: "shared"}, []byte(test.content))
			wantProblem(t, err, ReasonValuesInvalid, "Secret soak/shared holds no map of values in YAML: ", test.secret)
			if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "4711") {
				t.Errorf("message %q quotes the Secret", err)
			}
			_, err = parseValues("soak", soakv1alpha1.ValuesReference{Kind: soakv1alpha1.ValuesKindConfigMap, Name: "shared"}, []byte(test.content))
			wantProblem(t, err, ReasonValuesInvalid, "ConfigMap soak/shared holds no map of values in YAML: ", test.configMap)
		})
	}
}
