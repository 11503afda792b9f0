package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExit(t *testing.T) {
	for want, args := range map[int][]string{0: nil, 3: {"--code", "3", "--log", "failed, as told"}} {
		if got := exit(args); got != want {
			t.Errorf("exit %q: got %d, want %d", args, got, want)
		}
	}
}

func TestReady(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ready")
	if got := ready([]string{"--ready-file", file}); got != 1 {
		t.Errorf("before: got %d", got)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ready([]string{"--ready-file", file}); got != 0 {
		t.Errorf("after: got %d", got)
	}
}

// What the first user of a volume wrote stays: a third must see the first, not the second.
func TestLeaveMark(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mark")
	var marks []string
	for range 2 {
		if err := leaveMark(file); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		marks = append(marks, string(content))
	}
	if marks[0] != marks[1] || !strings.Contains(marks[0], " at ") {
		t.Errorf("marks: %q", marks)
	}
}
