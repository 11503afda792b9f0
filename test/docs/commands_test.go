package docs

import (
	"path/filepath"
	"strings"
	"testing"
)

// Each command of the pages runs, after the first experiment of docs/api.md has finished.
func TestCommands(t *testing.T) {
	t.Parallel()
	for _, file := range []string{api, operations} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			commands := readPage(t, file).commands()
			if len(commands) == 0 {
				t.Fatal("the page has no commands")
			}
			p := newPlace(t)
			p.prepare()
			_, manifests := readPage(t, api).manifests(t)
			if _, err := p.applyWith(manifests[0], ""); err != nil {
				t.Fatal(err)
			}
			p.must("kubectl wait --for=condition=Finished soak/shop -n soak --timeout=4m")
			for _, command := range commands {
				p.try(command)
			}
		})
	}
}

// try a command. What it prints must begin as the page says: in the columns of a table, or in a line.
func (p *place) try(command command) {
	p.t.Helper()
	output, err := p.run(p.t.Context(), command.line)
	if err != nil {
		p.t.Errorf("%s: %v", command.place, err)
		return
	}
	first, _, _ := strings.Cut(output, "\n")
	want := strings.Join(strings.Fields(command.prints), " ")
	if got := strings.Join(strings.Fields(first), " "); want != "" && got != want {
		p.t.Errorf("%s: $ %s\nprints %q, and not %q", command.place, command.line, got, want)
	}
	p.t.Logf("$ %s\n%s", command.line, output)
}
