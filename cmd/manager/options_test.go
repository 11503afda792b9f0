package main

import (
	"errors"
	"flag"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arguments []string
		want      string // in the error
	}{
		"none":                {nil, ""},
		"all":                 {[]string{"--max-concurrent-operations=3", "--leader-elect=false", "--log-level=debug", "--health-probe-bind-address=:1"}, ""},
		"no operation":        {[]string{"--max-concurrent-operations=0"}, "--max-concurrent-operations must be at least 1"},
		"unknown flag":        {[]string{"--speed=11"}, "-speed"},
		"a word":              {[]string{"now"}, `no "now"`},
		"a level of no name":  {[]string{"--log-level=loud"}, "log-level"},
		"help is no mistake":  {[]string{"--help"}, flag.ErrHelp.Error()},
		"a level in any case": {[]string{"--log-level=WARN"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var output strings.Builder
			_, err := parse(test.arguments, &output)
			if (err == nil) != (test.want == "") || (err != nil && !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if errors.Is(err, flag.ErrHelp) && !strings.Contains(output.String(), "max-concurrent-operations") {
				t.Errorf("help: %s", output.String())
			}
		})
	}
}
