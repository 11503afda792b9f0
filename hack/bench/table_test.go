package main

import (
	"strings"
	"testing"
	"time"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/cluster"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		numbers []float64
		want    float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{9, 1, 2, 3}, 2.5},
	} {
		before := strings.Join(strings.Fields(seconds(test.numbers)), " ")
		if got := median(test.numbers); got != test.want {
			t.Errorf("median of %v is %v, want %v", test.numbers, got, test.want)
		}
		if after := strings.Join(strings.Fields(seconds(test.numbers)), " "); before != after {
			t.Errorf("the numbers were changed: %s", after)
		}
	}
}

// compared is a comparison of one round.
func compared(markets int, loop, operator []float64) comparison {
	c := comparison{markets: markets}
	c.add(loop, operated{
		iterations: operator, rest: []float64{0.25},
		steps: map[soakv1alpha1.Step][]float64{soakv1alpha1.StepClean: {1, 2}, soakv1alpha1.StepBuild: {0.1}, soakv1alpha1.StepInstall: {2}},
	})
	return c
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	half, slower := compared(1, []float64{6, 5, 4}, []float64{2.5}), compared(4, []float64{5}, []float64{5.01})
	for _, test := range []struct {
		name    string
		results []comparison
		kind    string
		want    []string
	}{
		{"exactly at most", []comparison{half}, cluster.Simulated, nil},
		{"one of two missed", []comparison{half, slower}, cluster.Simulated, []string{"4 at a time", "1.002", "0.5"}},
		{"slower on a real node", []comparison{half, slower}, cluster.Real, []string{"4 at a time", "1.002", "1.0"}},
		{"not slower on a real node", []comparison{half, half}, cluster.Real, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := verdict(test.results, limitOf(test.kind))
			if (err != nil) != (test.want != nil) {
				t.Fatalf("verdict: %v", err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestRatio(t *testing.T) {
	t.Parallel()
	c := compared(1, []float64{4}, []float64{2})
	c.add([]float64{8, 8}, operated{iterations: []float64{2, 2}})
	if got := c.ratio(); got != 0.25 {
		t.Errorf("the ratio of all medians is %v, want 0.25", got)
	}
	if c.ratios[0] != 0.5 || c.ratios[1] != 0.25 {
		t.Errorf("the ratios of the rounds are %v", c.ratios)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	got := report([]comparison{compared(1, []float64{6, 5, 4}, []float64{2.5}), compared(4, []float64{5, 6}, []float64{5.5})},
		cluster.Nodes{Kind: cluster.Simulated, Count: 4})
	const want = `Seconds per iteration on simulated:4 nodes: the median, and from least to most.

MARKETS   SHELL LOOP            OPERATOR              RATIO
1         5.00 (4.00 to 6.00)   2.50 (2.50 to 2.50)   0.50 (0.50 to 0.50)
4         5.50 (5.00 to 6.00)   5.50 (5.50 to 5.50)   1.00 (1.00 to 1.00)

Where the operator's time goes, by its log: the steps of each market, and the rest of an iteration.

MARKETS   CLEAN                 BUILD                 INSTALL               TEST   REST
1         1.50 (1.00 to 2.00)   0.10 (0.10 to 0.10)   2.00 (2.00 to 2.00)   -      0.25 (0.25 to 0.25)
4         1.50 (1.00 to 2.00)   0.10 (0.10 to 0.10)   2.00 (2.00 to 2.00)   -      0.25 (0.25 to 0.25)

The ratio may be 0.5; least and most of it are those of the rounds.
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestLaps(t *testing.T) {
	t.Parallel()
	var l laps
	start := time.Unix(0, 0)
	for _, at := range []struct{ count, second int }{{1, 10}, {2, 13}, {4, 23}} {
		l.counted(at.count, start.Add(time.Duration(at.second)*time.Second))
	}
	if len(l.times) != 3 || l.times[0] != 3 || l.times[1] != 5 || l.times[2] != 5 {
		t.Errorf("got %v, want 3, 5 and 5: the first iteration is a warm-up", l.times)
	}
}

func TestParseSteps(t *testing.T) {
	t.Parallel()
	const log = `{"msg":"Ended step","cell":"a","iteration":1,"step":"Clean","seconds":9}
not JSON
{"msg":"Another","cell":"a","iteration":2,"step":"Clean","seconds":9}
{"msg":"Ended step","cell":"a","iteration":2,"step":"Clean","seconds":2}
{"msg":"Ended step","cell":"b","iteration":2,"step":"Clean","seconds":1}
{"msg":"Ended step","cell":"a","iteration":2,"step":"Test","seconds":0.5}
`
	got, err := parseSteps(strings.NewReader(log), []float64{3})
	if err != nil {
		t.Fatal(err)
	}
	if clean, test := got.steps[soakv1alpha1.StepClean], got.steps[soakv1alpha1.StepTest]; len(clean) != 2 || len(test) != 1 || test[0] != 0.5 {
		t.Errorf("the steps are %v", got.steps)
	}
	if len(got.rest) != 1 || got.rest[0] != 0.5 {
		t.Errorf("the rest is %v, want 0.5 after the 2.5 of a", got.rest)
	}
	if _, err := parseSteps(strings.NewReader(log), []float64{3, 3}); err == nil {
		t.Error("an iteration without steps is none")
	}
}
