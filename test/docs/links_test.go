package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// notInAnchor is what is left out of a heading to make its anchor.
	notInAnchor = regexp.MustCompile("[^-a-z0-9_ ]")
)

// anchors of the headings of a page.
func (p page) anchors() []string {
	var found []string
	for _, line := range p.lines {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			found = append(found, strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(heading), ""), " ", "-"))
		}
	}
	return found
}

// Whatever a page refers to in this repository is there.
func TestLinks(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	for _, file := range append(pages, "../../README.md") {
		p := readPage(t, file)
		for _, match := range link.FindAllStringSubmatch(strings.Join(p.lines, "\n"), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := filepath.Join(filepath.Dir(file), target)
			if target == "" {
				path = file
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s refers to %s: %v", p.file, match[1], err)
				continue
			}
			if anchor != "" && !slices.Contains(readPage(t, path).anchors(), anchor) {
				t.Errorf("%s refers to %s: there is no such heading", p.file, match[1])
			}
		}
	}
}
