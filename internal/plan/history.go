package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Letter is the outcome of one iteration in a history.
type Letter byte

// The letters.
const (
	// LetterPassed says that the iteration passed at the first attempt that was judged.
	LetterPassed Letter = 'P'
	// LetterRetried says that it passed after an attempt that erred was thrown away.
	LetterRetried Letter = 'p'
	// LetterFailed says that it failed, for a reason of its own.
	LetterFailed Letter = 'F'
	// LetterConsequence says that it failed as a consequence of the failure before it.
	LetterConsequence Letter = 'f'
	// LetterErrored says that it could not be judged.
	LetterErrored Letter = 'E'
)

const letters = "PpFfE"

// failed tells whether the letter is a failure, its own or a consequence.
func (l Letter) failed() bool { return l == LetterFailed || l == LetterConsequence }

// historyLimit is the length of a history in bytes that the API accepts.
const historyLimit = 4096

// History is what came out of one iteration after the other, in their order. It is written run-length encoded: 28P1F
// is 28 that passed and then one that failed. The zero value is the history of nothing.
type History struct {
	parts []historyPart
}

type historyPart struct {
	count  int
	letter Letter
}

// HistoryCounts are how many iterations of a history came out how.
type HistoryCounts struct {
	Passed, Retried, Failed, Consequences, Errored int
}

// ParseHistory reads a history. It fails for what was not written by History.String.
func ParseHistory(text string) (History, error) {
	var history History
	for rest := text; rest != ""; {
		end := strings.IndexAny(rest, letters)
		if end < 0 {
			return History{}, fmt.Errorf("parse history %q: %q is not followed by any of %s", text, rest, letters)
		}
		count, err := strconv.ParseInt(rest[:end], 10, 32)
		if err != nil || count < 1 || rest[0] < '1' || rest[0] > '9' {
			return History{}, fmt.Errorf("parse history %q: %q is no count of iterations", text, rest[:end])
		}
		history.parts = append(history.parts, historyPart{int(count), Letter(rest[end])})
		rest = rest[end+1:]
	}
	return history, nil
}

// Append returns the history with one more iteration at its end.
func (h History) Append(letter Letter) History {
	parts := append([]historyPart(nil), h.parts...)
	if last := len(parts) - 1; last >= 0 && parts[last].letter == letter {
		parts[last].count++
	} else {
		parts = append(parts, historyPart{1, letter})
	}
	return History{parts}
}

// String writes the history. Of one that is too long for the API the oldest parts are dropped, whole ones, and are gone
// for good. What is told of the end of a history stays right: its streak, the failures in a row, what was judged last.
// Totals have to come from the tallies, which are kept beside it.
func (h History) String() string {
	written := make([]string, len(h.parts))
	first, size := len(h.parts), 0
	for first > 0 {
		part := h.parts[first-1].String()
		if size+len(part) > historyLimit {
			break
		}
		first--
		size += len(part)
		written[first] = part
	}
	return strings.Join(written[first:], "")
}

func (p historyPart) String() string { return strconv.Itoa(p.count) + string(rune(p.letter)) }

// Streak is the last part of the history, such as 1F. It is empty when there is none.
func (h History) Streak() string {
	if len(h.parts) == 0 {
		return ""
	}
	return h.parts[len(h.parts)-1].String()
}

// Last is the letter of the last iteration.
func (h History) Last() (letter Letter, ok bool) {
	if len(h.parts) == 0 {
		return 0, false
	}
	return h.parts[len(h.parts)-1].letter, true
}

// LastFailed tells whether the last iteration that was judged failed. Those that could not be judged are passed over.
func (h History) LastFailed() bool { return h.ConsecutiveFailures() > 0 }

// ConsecutiveFailures is how many iterations at the end failed in a row. One that could not be judged neither extends
// the row nor ends it.
func (h History) ConsecutiveFailures() int {
	failures := 0
	for _, part := range slices.Backward(h.parts) {
		switch {
		case part.letter.failed():
			failures += part.count
		case part.letter != LetterErrored:
			return failures
		}
	}
	return failures
}

// Counts are those of the iterations that the history still holds.
func (h History) Counts() HistoryCounts {
	var counts HistoryCounts
	for _, part := range h.parts {
		switch part.letter {
		case LetterPassed:
			counts.Passed += part.count
		case LetterRetried:
			counts.Retried += part.count
		case LetterFailed:
			counts.Failed += part.count
		case LetterConsequence:
			counts.Consequences += part.count
		case LetterErrored:
			counts.Errored += part.count
		}
	}
	return counts
}
