package chart

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// newSalt is one that nobody has used before.
func newSalt() string { return rand.Text() }

// chartDigest is that of the packaged chart.
func chartDigest(content []byte) soakv1alpha1.Digest {
	sum := sha256.Sum256(content)
	return asDigest(sum[:])
}

// valuesDigests are those of what valuesFrom refers to, in its order. They are keyed with the salt: they may hold
// secrets, and one that is short or common could be found by trying.
func valuesDigests(salt string, contents [][]byte) []soakv1alpha1.Digest {
	var digests []soakv1alpha1.Digest
	for _, content := range contents {
		keyed := hmac.New(sha256.New, []byte(salt))
		keyed.Write(content)
		digests = append(digests, asDigest(keyed.Sum(nil)))
	}
	return digests
}

func asDigest(sum []byte) soakv1alpha1.Digest {
	return soakv1alpha1.Digest("sha256:" + hex.EncodeToString(sum))
}

// short is as much of a digest as people compare.
func short(digest soakv1alpha1.Digest) string {
	return string(digest[:min(len(digest), len("sha256:")+12)])
}

// changed compares what was read with what the run is pinned to, and names all that differs.
func changed(run *soakv1alpha1.SoakRun, now sources) (plan.Outcome, bool) {
	pins := run.Spec.Pins
	outcome := plan.Outcome{Result: plan.InputsChanged}
	var what []string
	if digest := chartDigest(now.chart.content); digest != pins.Chart.Digest {
		outcome.Reason = ReasonChartChanged
		what = append(what, fmt.Sprintf("the chart in %s is %s, not %s, which is %s %s",
			now.chart.place, short(digest), short(pins.Chart.Digest), pins.Chart.Name, pins.Chart.Version))
	}
	for i, digest := range valuesDigests(pins.Salt, now.values) {
		if i < len(pins.Values) && digest == pins.Values[i] {
			continue
		}
		if outcome.Reason == "" {
			outcome.Reason = ReasonValuesChanged
		}
		from := run.Spec.Inputs.ValuesFrom[i]
		what = append(what, fmt.Sprintf("%s %s/%s has other values", from.Kind, run.Namespace, from.Name))
	}
	outcome.Message = oneLine("changed since the run started: " + strings.Join(what, "; "))
	return outcome, len(what) > 0
}
