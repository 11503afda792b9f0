package plan

import (
	"strings"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// reasonUnexplained stands for the reason of an outcome that gives none.
const reasonUnexplained = "Unexplained"

// newFailure tells of the outcome of a step as the API does, within its limits.
func newFailure(cell *soakv1alpha1.SoakCell, outcome Outcome, now metav1.Time) soakv1alpha1.Failure {
	attempt := cell.Status.Attempt
	if outcome.Reason == "" {
		outcome.Reason = reasonUnexplained
	}
	message := strings.TrimSpace(strings.ReplaceAll(outcome.Message, "\n", " "))
	if message == "" {
		message = string(attempt.Step) + ": " + outcome.Reason
	}
	return soakv1alpha1.Failure{
		Iteration: attempt.Iteration,
		Step:      attempt.Step,
		Reason:    clip(outcome.Reason, 128),
		Message:   clip(message, 1024),
		Cell:      cellTitle(cell),
		Object:    clip(outcome.Object, 320),
		Container: clip(outcome.Container, 63),
		Node:      clip(outcome.Node, 253),
		Signature: signature(attempt.Step, outcome, cell.Spec.Release.Name),
		Time:      &now,
	}
}

// cellTitle names a cell to people.
func cellTitle(cell *soakv1alpha1.SoakCell) string {
	return cell.Spec.Market + "/" + cell.Spec.Environment
}

// related tells whether one failure may be the consequence of another: they share a signature, a node or an object.
func related(a, b soakv1alpha1.Failure) bool {
	same := func(x, y string) bool { return x != "" && x == y }
	return same(a.Signature, b.Signature) || same(a.Node, b.Node) || same(a.Object, b.Object)
}

// explain tells of a failure in a line, and nothing twice.
func explain(failure soakv1alpha1.Failure) string {
	var text strings.Builder
	text.WriteString(failure.Cell + ": " + string(failure.Step) + " " + failure.Reason)
	for _, part := range []struct{ word, name string }{{"", failure.Object}, {"container ", failure.Container}, {"node ", failure.Node}} {
		if part.name != "" && !strings.Contains(failure.Message, part.word+part.name) {
			text.WriteString(", " + part.word + part.name)
		}
	}
	return clip(text.String()+": "+failure.Message, 1024)
}

// clip cuts a text to so many characters.
func clip(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}
