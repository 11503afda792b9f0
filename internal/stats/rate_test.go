package stats_test

import (
	"math"
	"testing"

	"github.com/saltside/soak-operator/internal/stats"
)

func TestRate(t *testing.T) {
	for name, test := range map[string]struct {
		successes, trials int
		want              float64
		wantOK            bool
	}{
		"nothing tried":     {0, 0, 0, false},
		"all passed":        {28, 28, 1, true},
		"none passed":       {0, 3, 0, true},
		"one of 29 did not": {28, 29, 0.965517, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := stats.Rate(test.successes, test.trials)
			if ok != test.wantOK || math.Abs(got-test.want) > 1e-6 {
				t.Errorf("Rate(%d, %d) = %v, %v, want %v, %v", test.successes, test.trials, got, ok, test.want, test.wantOK)
			}
		})
	}
}

// Without failures the bound is the n-th root of 0.05; with one it solves (n+1) p^n (1-p) + p^(n+1) = 0.05 for n successes.
func TestLowerBound(t *testing.T) {
	for name, test := range map[string]struct {
		successes, failures int
		want                float64
	}{
		"nothing tried":                         {0, 0, 0},
		"no success":                            {0, 5, 0},
		"one success":                           {1, 0, 0.05},
		"28 of 28 says little":                  {28, 0, 0.89853},
		"299 of 299 are needed to claim 99 %":   {299, 0, 0.99003},
		"298 of 298 are one too few":            {298, 0, 0.98999},
		"28 of 29":                              {28, 1, 0.84661},
		"9 of 10":                               {9, 1, 0.60584},
		"failures below zero count as none":     {28, -1, 0.89853},
		"a success and a failure":               {1, 1, 0.02532},
		"as many as a long weekend can deliver": {2999, 1, 0.99842},
	} {
		t.Run(name, func(t *testing.T) {
			if got := stats.LowerBound(test.successes, test.failures, 0.95); math.Abs(got-test.want) > 1e-5 {
				t.Errorf("LowerBound(%d, %d) = %.6f, want %.5f", test.successes, test.failures, got, test.want)
			}
		})
	}
}
