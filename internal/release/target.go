package release

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strconv"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// Labels that only release records carry, so that what a release is for can be told from it alone.
const (
	labelMarket      = "soak.saltside.io/market"
	labelEnvironment = "soak.saltside.io/environment"
)

// Target says which release an operation is about, in whose name, and what it may do.
type Target struct {
	// ExperimentNamespace and Experiment name the experiment. The service account is in its namespace.
	ExperimentNamespace, Experiment string
	// ExperimentUID tells it from others that have had its name.
	ExperimentUID string
	// Cell is the value of the cell's label: what carries it is ours, all else is not, but for what is adopted.
	Cell string
	// FormerCell is what that value was before the experiment was restored under another UID: what carries it and names
	// the experiment is ours as well. Empty unless somebody has asked for it to be adopted.
	FormerCell string
	// Run, Iteration and Attempt that the operation belongs to. What a later attempt has made is not touched.
	Run, Iteration, Attempt int32
	// Market and Environment that the release is for.
	Market, Environment string
	// Namespace and Release are where the release is and what it is called.
	Namespace, Release string
	// ServiceAccount whose rights are used.
	ServiceAccount string
	// Allow lists what the chart may create beyond plain namespaced objects.
	Allow []soakv1alpha1.Allowance
	// PersistentVolumeClaimPolicy says whether Clean takes claims away; it does unless it is Keep.
	PersistentVolumeClaimPolicy soakv1alpha1.PersistentVolumeClaimPolicy
	// TestPolicy says what it means that there are no tests; they are required unless it says otherwise.
	TestPolicy soakv1alpha1.TestPolicy
}

// labels of everything that the target's attempt creates.
func (t Target) labels() map[string]string {
	return map[string]string{
		soakv1alpha1.LabelExperiment:          labelValue(t.Experiment),
		soakv1alpha1.LabelExperimentNamespace: labelValue(t.ExperimentNamespace),
		soakv1alpha1.LabelExperimentUID:       labelValue(t.ExperimentUID),
		soakv1alpha1.LabelCell:                t.Cell,
		soakv1alpha1.LabelRun:                 strconv.Itoa(int(t.Run)),
		soakv1alpha1.LabelIteration:           strconv.Itoa(int(t.Iteration)),
		soakv1alpha1.LabelAttempt:             strconv.Itoa(int(t.Attempt)),
	}
}

// recordLabels of the release record.
func (t Target) recordLabels() map[string]string {
	set := t.labels()
	maps.Copy(set, map[string]string{
		labelMarket:      labelValue(t.Market),
		labelEnvironment: labelValue(t.Environment),
	})
	return set
}

// cellSelector selects all that is ours, of whatever attempt.
func (t Target) cellSelector() string {
	if t.FormerCell == "" {
		return labels.Set{soakv1alpha1.LabelCell: t.Cell}.String()
	}
	return soakv1alpha1.LabelCell + " in (" + t.Cell + "," + t.FormerCell + ")"
}

// owns tells whether an object with such labels is the cell's.
func (t Target) owns(set map[string]string) bool {
	return t.Cell != "" && set[soakv1alpha1.LabelCell] == t.Cell || t.adopts(set)
}

// adopts tells whether an object with such labels was the cell's when the experiment had another UID, and is to be now.
func (t Target) adopts(set map[string]string) bool {
	return t.FormerCell != "" && set[soakv1alpha1.LabelCell] == t.FormerCell && t.recognises(set)
}

// recognises tells whether an object with such labels was created for an experiment of that very namespace and name. There
// is only one at a time: if it had another UID, it is gone.
func (t Target) recognises(set map[string]string) bool {
	return set[soakv1alpha1.LabelExperiment] == labelValue(t.Experiment) &&
		set[soakv1alpha1.LabelExperimentNamespace] == labelValue(t.ExperimentNamespace)
}

// age of an object of the cell, compared with the target's attempt.
type age int

const (
	older age = iota - 1
	current
	newer
)

// ageOf compares runs first: every run numbers its attempts anew. Labels that cannot be read are nobody's attempt,
// and older than any, as is what is adopted.
func (t Target) ageOf(set map[string]string) age {
	if t.adopts(set) {
		return older
	}
	for _, number := range []struct {
		label string
		ours  int32
	}{{soakv1alpha1.LabelRun, t.Run}, {soakv1alpha1.LabelAttempt, t.Attempt}} {
		theirs, err := strconv.ParseInt(set[number.label], 10, 64)
		switch {
		case err != nil || theirs < int64(number.ours):
			return older
		case theirs > int64(number.ours):
			return newer
		}
	}
	return current
}

// labelValue makes a name fit into the value of a label, and two different names never the same value.
func labelValue(name string) string {
	if len(validation.IsValidLabelValue(name)) == 0 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}
