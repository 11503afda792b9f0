package chart

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

const (
	// secretLength is how long a value is that is hidden, at least: to hide shorter ones would only hide what is said.
	secretLength = 4
	// hidden is what is said instead.
	hidden = "***"
)

// Secrets are the values that come from Secrets. What fails for them may quote them: a schema, a template, the API server.
// The longest come first.
type Secrets []string

// secrets of all cells: also those that a later layer replaces.
func (l *layers) secrets() Secrets {
	var all Secrets
	for i, values := range l.from {
		if l.inputs.ValuesFrom[i].Kind != soakv1alpha1.ValuesKindConfigMap {
			all.collect(values)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(all)
}

func (s *Secrets) collect(value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, inner := range value {
			s.collect(inner)
		}
	case []any:
		for _, inner := range value {
			s.collect(inner)
		}
	case float64:
		s.add(strconv.FormatFloat(value, 'f', -1, 64))
	case string:
		s.add(value)
		s.add(base64.StdEncoding.EncodeToString([]byte(value)))
		for line := range strings.Lines(value) {
			s.add(line)
		}
	}
}

// add a text in the forms in which it is quoted.
func (s *Secrets) add(text string) {
	text = strings.Join(strings.Fields(text), " ") // as messages have it
	forms := []string{text, inner(strconv.Quote(text)), strings.ReplaceAll(text, "'", `\'`)}
	if encoded, err := json.Marshal(text); err == nil {
		forms = append(forms, inner(string(encoded)))
	}
	for _, form := range forms {
		if utf8.RuneCountInString(form) >= secretLength {
			*s = append(*s, form)
		}
	}
}

// inner is a quoted text without its quotes.
func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// Hide returns a message without them. They are found where they stand as words of their own, so that the name of a pod
// stays whole whatever is in a Secret; and where a message that was too long has been cut in the middle of one.
func (s Secrets) Hide(message string) string {
	for _, secret := range s {
		message = hide(message, secret)
	}
	head, cut := strings.CutSuffix(message, "...")
	if !cut {
		return message
	}
	for _, secret := range s {
		for length := min(len(secret)-1, len(head)); length >= secretLength; length-- {
			if whole, found := strings.CutSuffix(head, secret[:length]); found && !join(whole, secret) {
				return whole + hidden
			}
		}
	}
	return message
}

func hide(message, secret string) string {
	var said strings.Builder
	for {
		before, after, found := strings.Cut(message, secret)
		said.WriteString(before)
		if !found {
			return said.String()
		}
		if join(said.String(), secret) || join(secret, after) {
			said.WriteString(secret)
		} else {
			said.WriteString(hidden)
		}
		message = after
	}
}

// join tells whether the end of one text and the beginning of the next are within a word. At the end of all there is
// [utf8.RuneError], which is in none.
func join(before, after string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	first, _ := utf8.DecodeRuneInString(after)
	return inWord(last) && inWord(first)
}

func inWord(character rune) bool {
	return character == '-' || character == '_' || unicode.IsLetter(character) || unicode.IsDigit(character)
}
