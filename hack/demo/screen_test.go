package main

import (
	"strings"
	"testing"
)

// On a terminal the table is drawn over in place, and what is said stays above it.
func TestScreenOnTerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := &screen{out: &out, columns: func() int { return 10 }}
	s.say("first")
	s.draw("ten column\nand eleven.\n\n")
	s.draw("short\n")
	s.say("second")
	s.leave()
	s.say("last")
	want := "first\n" +
		"ten column\nand eleven.\n\n" +
		"\x1b[4A\x1b[J" + "short\n" +
		"\x1b[1A\x1b[J" + "second\nshort\n" +
		"\nlast\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestScreenWithoutTerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := &screen{out: &out, columns: func() int { return 0 }}
	s.draw("one\n")
	s.say("said")
	s.draw("two\n")
	if want := "one\n\nsaid\ntwo\n\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
