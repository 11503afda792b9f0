package chart

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

func TestDigests(t *testing.T) {
	t.Parallel()
	contents := contentsOf([]string{"a: 1", "b: 2", ""})
	digests := valuesDigests("salt", contents)
	for _, digest := range append(digests, chartDigest([]byte("chart"))) {
		if !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(string(digest)) {
			t.Errorf("digest is %s", digest)
		}
	}
	if !slices.Equal(digests, valuesDigests("salt", contents)) {
		t.Error("the same has two digests")
	}
	if other := valuesDigests("pepper", contents); other[0] == digests[0] || other[2] == digests[2] {
		t.Error("another salt makes the same digests")
	}
	if swapped := valuesDigests("salt", contentsOf([]string{"b: 2", "a: 1", ""})); swapped[0] != digests[1] || swapped[1] != digests[0] {
		t.Errorf("the order is lost: %v and %v", digests, swapped)
	}
	if digests[0] == chartDigest(contents[0]) {
		t.Error("the digest of values is not salted")
	}
	if valuesDigests("salt", nil) != nil {
		t.Error("nothing has digests")
	}
	if one, another := newSalt(), newSalt(); one == another || len(one) < 20 || len(one) > 64 {
		t.Errorf("salts are %s and %s", one, another)
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	then := sources{chart: packed{place: "ConfigMap soak/shop, shop.tgz", content: []byte("chart")}, values: contentsOf([]string{"a: 1", "b: 2"})}
	run := &soakv1alpha1.SoakRun{}
	run.Namespace = "soak"
	run.Spec.Inputs.ValuesFrom = []soakv1alpha1.ValuesReference{{Kind: soakv1alpha1.ValuesKindSecret, Name: "one"}, {Kind: soakv1alpha1.ValuesKindConfigMap, Name: "two"}}
	run.Spec.Pins = soakv1alpha1.Pins{
		Salt: "salt", Values: valuesDigests("salt", then.values),
		Chart: soakv1alpha1.ChartIdentity{Name: "shop", Version: "1.0.0", Digest: chartDigest(then.chart.content)},
	}
	for name, test := range map[string]struct {
		change  func(*sources)
		reason  string
		message []string
	}{
		"nothing":    {change: func(*sources) {}},
		"the chart":  {change: func(now *sources) { now.chart.content = []byte("other") }, reason: ReasonChartChanged, message: []string{"the chart in ConfigMap soak/shop, shop.tgz is sha256:", "which is shop 1.0.0"}},
		"the Secret": {change: func(now *sources) { now.values[0] = []byte("a: 2") }, reason: ReasonValuesChanged, message: []string{"Secret soak/one has other values"}},
		"both": {change: func(now *sources) { now.chart.content, now.values[1] = nil, nil }, reason: ReasonChartChanged,
			message: []string{"the chart in", "; ConfigMap soak/two has other values"}},
		"their order": {change: func(now *sources) { slices.Reverse(now.values) }, reason: ReasonValuesChanged, message: []string{"Secret soak/one", "ConfigMap soak/two"}},
	} {
		now := sources{chart: then.chart, values: slices.Clone(then.values)}
		test.change(&now)
		outcome, differs := changed(run, now)
		if differs != (test.reason != "") || differs && (outcome.Result != plan.InputsChanged || outcome.Reason != test.reason || outcome.UserMustAct) {
			t.Errorf("%s: %v %+v", name, differs, outcome)
		}
		for _, part := range test.message {
			if !strings.Contains(outcome.Message, part) {
				t.Errorf("%s: message %q does not say %q", name, outcome.Message, part)
			}
		}
	}
	run.Spec.Pins.Values = run.Spec.Pins.Values[:1]
	if _, differs := changed(run, then); !differs {
		t.Error("values that the run is not pinned to are taken for what they were")
	}
}
