package plan

import (
	"regexp"
	"strings"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// signatureLimit is the length of a signature that the API accepts.
const signatureLimit = 64

// generated matches what Kubernetes appends to the names of pods. Its generated names use no vowels and no digits that
// look like them: a ReplicaSet's hash and a pod's five characters, a Job's five, a StatefulSet's number, and the time
// that a CronJob names its Jobs by.
var generated = regexp.MustCompile(`(-[0-9]{8,})?(-[bcdfghjklmnpqrstvwxz2456789]{6,10})?-([bcdfghjklmnpqrstvwxz2456789]{5}|[0-9]+)$`)

// signature makes the same failure the same, over iterations and cells: of the step, the reason, the workload and the
// container, without the name of the release and without what was generated.
func signature(step soakv1alpha1.Step, outcome Outcome, release string) string {
	parts := []string{string(step), outcome.Reason}
	if outcome.Object != "" {
		parts = append(parts, workload(outcome.Object, release))
	}
	if outcome.Container != "" {
		parts = append(parts, outcome.Container)
	}
	return shorten(strings.Join(parts, " "), signatureLimit)
}

// workload names what an object, given as Kind/name, belongs to in any release of the chart.
func workload(object, release string) string {
	kind, name, found := strings.Cut(object, "/")
	if !found {
		return object
	}
	if kind == "Pod" {
		name = generated.ReplaceAllString(name, "")
	}
	if rest, cut := strings.CutPrefix(name, release); cut && release != "" {
		name = "*" + rest
	}
	return kind + "/" + name
}
