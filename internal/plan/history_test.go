package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/saltside/soak-operator/internal/plan"
)

func parsed(t *testing.T, text string) plan.History {
	t.Helper()
	history, err := plan.ParseHistory(text)
	if err != nil {
		t.Fatal(err)
	}
	return history
}

func TestHistory(t *testing.T) {
	for name, test := range map[string]struct {
		history     string
		append      string
		want        string
		wantStreak  string
		wantInARow  int
		wantCounts  plan.HistoryCounts
		wantLast    plan.Letter
		wantNothing bool
	}{
		"nothing yet":             {wantNothing: true},
		"the first":               {append: "P", want: "1P", wantStreak: "1P", wantCounts: plan.HistoryCounts{Passed: 1}, wantLast: 'P'},
		"one more":                {history: "27P", append: "P", want: "28P", wantStreak: "28P", wantCounts: plan.HistoryCounts{Passed: 28}, wantLast: 'P'},
		"a failure":               {history: "28P", append: "F", want: "28P1F", wantStreak: "1F", wantInARow: 1, wantCounts: plan.HistoryCounts{Passed: 28, Failed: 1}, wantLast: 'F'},
		"its consequences":        {history: "28P1F", append: "fff", want: "28P1F3f", wantStreak: "3f", wantInARow: 4, wantCounts: plan.HistoryCounts{Passed: 28, Failed: 1, Consequences: 3}, wantLast: 'f'},
		"errors end no row":       {history: "28P1F2E1f", append: "E", want: "28P1F2E1f1E", wantStreak: "1E", wantInARow: 2, wantCounts: plan.HistoryCounts{Passed: 28, Failed: 1, Consequences: 1, Errored: 3}, wantLast: 'E'},
		"errors alone are no row": {history: "3P", append: "EE", want: "3P2E", wantStreak: "2E", wantCounts: plan.HistoryCounts{Passed: 3, Errored: 2}, wantLast: 'E'},
		"a retried pass ends one": {history: "2F", append: "p", want: "2F1p", wantStreak: "1p", wantCounts: plan.HistoryCounts{Failed: 2, Retried: 1}, wantLast: 'p'},
	} {
		t.Run(name, func(t *testing.T) {
			before := parsed(t, test.history)
			history := before
			for _, letter := range test.append {
				history = history.Append(plan.Letter(letter))
			}
			if got := history.String(); got != test.want {
				t.Errorf("history %q, want %q", got, test.want)
			}
			if got := before.String(); got != test.history {
				t.Errorf("what was appended to is now %q, was %q", got, test.history)
			}
			if got := history.Streak(); got != test.wantStreak {
				t.Errorf("streak %q, want %q", got, test.wantStreak)
			}
			if got := history.ConsecutiveFailures(); got != test.wantInARow {
				t.Errorf("%d failures in a row, want %d", got, test.wantInARow)
			}
			if got := history.LastFailed(); got != (test.wantInARow > 0) {
				t.Errorf("last failed: %v", got)
			}
			if diff := cmp.Diff(test.wantCounts, history.Counts()); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if got, ok := history.Last(); got != test.wantLast || ok == test.wantNothing {
				t.Errorf("last is %c, %v, want %c", got, ok, test.wantLast)
			}
		})
	}
}

func TestHistoryIsBounded(t *testing.T) {
	// 2048 parts of two bytes fill it, and the next one needs room for one more.
	full := strings.Repeat("1P1F", 1024)
	history := parsed(t, full)
	if got := history.String(); got != full {
		t.Errorf("a history of 4096 bytes has become one of %d", len(got))
	}
	history = history.Append(plan.LetterConsequence)
	want := full[2:] + "1f"
	if got := history.String(); got != want {
		t.Errorf("history of %d bytes begins %.12q and ends %q, want %d bytes", len(got), got, got[len(got)-8:], len(want))
	}
	if got := history.Streak(); got != "1f" {
		t.Errorf("streak %q, want 1f", got)
	}
	if got := parsed(t, history.String()).ConsecutiveFailures(); got != 2 {
		t.Errorf("%d failures in a row, want 2", got)
	}
}

func TestHistoryThatNobodyWrote(t *testing.T) {
	for name, text := range map[string]string{
		"no letter":       "28",
		"no count":        "P",
		"a second letter": "28PP",
		"another letter":  "28X",
		"a sign":          "+1P",
		"nothing counted": "0P",
		"a leading zero":  "01P",
		"too many":        "2147483648P",
		"a space":         "28P 1F",
	} {
		t.Run(name, func(t *testing.T) {
			if history, err := plan.ParseHistory(text); err == nil {
				t.Errorf("read as %q, want an error", history.String())
			}
		})
	}
}
