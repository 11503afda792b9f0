package release

import (
	"maps"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

func TestAgeOf(t *testing.T) {
	target := Target{Run: 5, Attempt: 7}
	for name, test := range map[string]struct {
		run, attempt string
		want         age
	}{
		"the same":                     {"5", "7", current},
		"earlier attempt":              {"5", "6", older},
		"later attempt":                {"5", "8", newer},
		"later attempt in earlier run": {"4", "99", older},
		"first attempt of later run":   {"6", "1", newer},
		"numbers, not texts":           {"5", "10", newer},
		"no labels":                    {"", "", older},
		"nonsense":                     {"5", "seven", older},
	} {
		t.Run(name, func(t *testing.T) {
			got := target.ageOf(map[string]string{soakv1alpha1.LabelRun: test.run, soakv1alpha1.LabelAttempt: test.attempt})
			if got != test.want {
				t.Errorf("age is %d, want %d", got, test.want)
			}
		})
	}
}

func TestOwns(t *testing.T) {
	target := Target{Cell: "abc"}
	for _, labels := range []map[string]string{nil, {soakv1alpha1.LabelCell: "abcd"}, {soakv1alpha1.LabelCell: ""}, {soakv1alpha1.LabelExperiment: "abc"}} {
		if target.owns(labels) {
			t.Errorf("%v is taken for ours", labels)
		}
	}
	if !target.owns(map[string]string{soakv1alpha1.LabelCell: "abc"}) {
		t.Error("what is ours is not taken for ours")
	}
	if (Target{}).owns(nil) {
		t.Error("a target without a cell owns what has no label")
	}
}

func TestAdopts(t *testing.T) {
	target := Target{ExperimentNamespace: "soak", Experiment: "shop", ExperimentUID: "e2", Cell: "new", FormerCell: "old", Run: 1, Attempt: 1}
	former := func(change map[string]string) map[string]string {
		set := map[string]string{
			soakv1alpha1.LabelExperiment: "shop", soakv1alpha1.LabelExperimentNamespace: "soak", soakv1alpha1.LabelExperimentUID: "e1",
			soakv1alpha1.LabelCell: "old", soakv1alpha1.LabelRun: "7", soakv1alpha1.LabelAttempt: "8",
		}
		maps.Copy(set, change)
		return set
	}
	if !target.owns(former(nil)) || target.ageOf(former(nil)) != older {
		t.Error("what the cell had before is not taken for its own, and older than all else")
	}
	for _, change := range []map[string]string{
		{soakv1alpha1.LabelExperiment: "shops"}, {soakv1alpha1.LabelExperimentNamespace: "soap"}, {soakv1alpha1.LabelCell: "other"}, {soakv1alpha1.LabelCell: ""},
	} {
		if target.owns(former(change)) {
			t.Errorf("it is taken for ours although %v", change)
		}
	}
	if target.cellSelector() != "soak.saltside.io/cell in (new,old)" {
		t.Error(target.cellSelector())
	}
	target.FormerCell = ""
	if target.owns(former(nil)) || target.owns(former(map[string]string{soakv1alpha1.LabelCell: ""})) {
		t.Error("what nobody has asked for is taken for ours")
	}
}

func TestLabelValuesAreValidAndDistinct(t *testing.T) {
	long := strings.Repeat("x", 64)
	seen := map[string]string{}
	for _, name := range []string{"shop", long, long + "x", "has space", "-dash", ""} {
		value := labelValue(name)
		if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
			t.Errorf("the value of %q is %q: %v", name, value, problems)
		}
		if other, found := seen[value]; found {
			t.Errorf("%q and %q have the same value", name, other)
		}
		seen[value] = name
	}
	if labelValue("shop") != "shop" {
		t.Error("a name that fits is changed")
	}
}
