package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen is where the demo speaks. On a terminal, a table stays below what is said and is drawn over in place.
type screen struct {
	out io.Writer
	// columns of the terminal; 0 if it is none.
	columns func() int
	// table that is drawn below all else, and how many rows it takes there.
	table string
	rows  int
}

func newScreen(file *os.File) *screen {
	s := &screen{out: file, columns: func() int { return 0 }}
	descriptor := int(file.Fd())
	if term.IsTerminal(descriptor) && os.Getenv("TERM") != "dumb" {
		s.columns = func() int {
			width, _, err := term.GetSize(descriptor)
			if err != nil || width < 1 {
				return 80
			}
			return width
		}
	}
	return s
}

// terminal tells whether there is one to draw on.
func (s *screen) terminal() bool { return s.columns() > 0 }

// say prints a line above the table.
func (s *screen) say(format string, arguments ...any) {
	fmt.Fprint(s.out, s.erase()+fmt.Sprintf(format, arguments...)+"\n"+s.table)
	s.count()
}

// Write is for those who say more than a line.
func (s *screen) Write(text []byte) (int, error) {
	s.say("%s", strings.TrimRight(string(text), "\n"))
	return len(text), nil
}

// draw draws the table in the place of the one before. Where there is no terminal, it comes after that.
func (s *screen) draw(table string) {
	before := s.erase()
	if !s.terminal() {
		fmt.Fprint(s.out, table+"\n")
		return
	}
	s.table = table
	fmt.Fprint(s.out, before+s.table)
	s.count()
}

// leave lets the table stand as it is.
func (s *screen) leave() {
	if s.table != "" {
		fmt.Fprintln(s.out)
	}
	s.table, s.rows = "", 0
}

// erase takes the cursor to where the table begins, and clears all from there on.
func (s *screen) erase() string {
	if s.rows == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\x1b[J", s.rows)
}

// count notes how many rows of the terminal the table takes: a long line takes several.
func (s *screen) count() {
	s.rows = 0
	columns := s.columns()
	if columns == 0 {
		return
	}
	for line := range strings.Lines(s.table) {
		length := utf8.RuneCountInString(strings.TrimRight(line, "\n"))
		s.rows += max(1, (length+columns-1)/columns)
	}
}
