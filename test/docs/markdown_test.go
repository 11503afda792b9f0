package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	api        = "../../docs/api.md"
	operations = "../../docs/operations.md"
)

// page is a page of the documentation, by its lines.
type page struct {
	file  string
	lines []string
}

func readPage(t *testing.T, file string) page {
	t.Helper()
	content, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}
	return page{file: filepath.Base(file), lines: strings.Split(string(content), "\n")}
}

// fence is a block of code in a page.
type fence struct {
	place, language string
	lines           []string
	first           int // the number of its first line
}

func (f fence) text() string { return strings.Join(f.lines, "\n") + "\n" }

// fences of a page, in their order.
func (p page) fences() []fence {
	var found []fence
	open := false
	for i, line := range p.lines {
		language, marker := strings.CutPrefix(line, "```")
		switch {
		case marker && !open:
			found = append(found, fence{place: fmt.Sprintf("%s:%d", p.file, i+2), language: language, first: i + 2})
			open = true
		case marker:
			open = false
		case open:
			last := &found[len(found)-1]
			last.lines = append(last.lines, line)
		}
	}
	return found
}

// command is one for the shell, and the first line that it is said to print, if anything is said.
type command struct {
	place, line, prints string
}

// commands of kubectl in a page, in their order. Others are for the reader: they change what is outside of the cluster.
func (p page) commands() []command {
	var found []command
	for _, f := range p.fences() {
		if f.language != "sh" && f.language != "console" {
			continue
		}
		for i := 0; i < len(f.lines); i++ {
			line, prompted := strings.CutPrefix(f.lines[i], "$ ")
			if f.language == "console" && !prompted {
				continue
			}
			at := command{place: fmt.Sprintf("%s:%d", p.file, f.first+i), line: line}
			for strings.HasSuffix(at.line, "\\") && i+1 < len(f.lines) {
				i++
				at.line = strings.TrimSuffix(at.line, "\\") + strings.TrimSpace(f.lines[i])
			}
			if f.language == "console" && i+1 < len(f.lines) && !strings.HasPrefix(f.lines[i+1], "$ ") {
				at.prints = f.lines[i+1]
			}
			if strings.HasPrefix(at.line, "kubectl ") {
				found = append(found, at)
			}
		}
	}
	return found
}

// codeSpan is what stands between backquotes.
var codeSpan = regexp.MustCompile("`([^`]+)`")

// column collects the words in backquotes that the cells below that heading hold, in all tables of the page.
func (p page) column(heading string) []string {
	var words []string
	at := -1
	for i, line := range p.lines {
		cells := strings.Split(line, "|")
		switch {
		case !strings.HasPrefix(line, "|"):
			at = -1
		case i+1 < len(p.lines) && strings.HasPrefix(p.lines[i+1], "|---"):
			at = slices.IndexFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) == heading })
		case at > 0 && at < len(cells):
			for _, match := range codeSpan.FindAllStringSubmatch(cells[at], -1) {
				words = append(words, match[1])
			}
		}
	}
	return words
}

// A page is read as people read it.
func TestMarkdown(t *testing.T) {
	t.Parallel()
	p := page{file: "page.md", lines: strings.Split(strings.Join([]string{
		"```sh", "kubectl get soak \\", "  -n soak", "helm list", "```",
		"```console", "$ kubectl get pods", "NAME   READY", "a      1/1", "```",
		"```text", "kubectl logs a", "```",
		"| kind | reason | why |", "|---|---|---|", "| `A` | `B`, `C` | `D` |", "",
		"| event | why |", "|---|---|", "| `E` | `F` |",
	}, "\n"), "\n")}
	want := []command{{"page.md:2", "kubectl get soak -n soak", ""}, {"page.md:7", "kubectl get pods", "NAME   READY"}}
	if got := p.commands(); !slices.Equal(got, want) {
		t.Errorf("commands %q, want %q", got, want)
	}
	if got, want := p.column("reason"), []string{"B", "C"}; !slices.Equal(got, want) {
		t.Errorf("reasons %q, want %q", got, want)
	}
	if got, want := p.column("event"), []string{"E"}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}
