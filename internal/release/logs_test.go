package release

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestTail(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing": {"", ""}, "short": {"abc", "abc"}, "just": {"abcdefgh", "abcdefgh"}, "long": {"abcdefghijklmnopqrstuvwxyz", "stuvwxyz"},
	} {
		for _, reader := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text))} {
			if got, err := tail(reader, 8); err != nil || got != test.want {
				t.Errorf("%s: got %q and %v, want %q", name, got, err, test.want)
			}
		}
	}
	broken := errors.New("broken")
	if got, err := tail(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), 8); !errors.Is(err, broken) || got != "abc" {
		t.Errorf("got %q and %v", got, err)
	}
}

func TestLastLine(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing":             {"", ""},
		"last line":           {"one\ntwo\n\n", "two"},
		"last error":          {"ok\nError: no answer from db\nshutting down\n", "Error: no answer from db"},
		"terror is no error":  {"terror\nbye\n", "bye"},
		"password":            {"error: login with password=hunter2 failed\n", "error: login with password=*** failed"},
		"quoted":              {`error {"token": "abc"}` + "\n", `error {"token": ***`},
		"header":              {"failed: Authorization: Bearer abcdefghijk\n", "failed: Authorization: ***"},
		"user in an address":  {"error: connect to postgres://app:pw@db/x\n", "error: connect to postgres://***@db/x"},
		"control characters":  {"error \x1b[31mred\x1b[0m\n", "error  [31mred [0m"},
		"long":                {"error " + strings.Repeat("x", 400), "error " + strings.Repeat("x", 294) + "..."},
		"longer than a limit": {strings.Repeat("x", logLimit), strings.Repeat("x", lineLimit) + "..."},
	} {
		t.Run(name, func(t *testing.T) {
			logs := []ContainerLog{{Container: "other", Text: "error: other"}, {Container: "app", Text: test.text}}
			if got := lastLine(logs, "app"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
