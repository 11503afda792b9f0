package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/cluster"
)

// comparison of the two with so many markets at a time, in seconds.
type comparison struct {
	markets  int
	loop     []float64
	operator operated
	// ratios of each round.
	ratios []float64
}

// add what was measured in a round.
func (c *comparison) add(loop []float64, operator operated) {
	c.loop = append(c.loop, loop...)
	c.ratios = append(c.ratios, median(operator.iterations)/median(loop))
	c.operator.iterations = append(c.operator.iterations, operator.iterations...)
	c.operator.rest = append(c.operator.rest, operator.rest...)
	if c.operator.steps == nil {
		c.operator.steps = map[soakv1alpha1.Step][]float64{}
	}
	for step, times := range operator.steps {
		c.operator.steps[step] = append(c.operator.steps[step], times...)
	}
}

// ratio of the medians: below 1 the operator is faster.
func (c *comparison) ratio() float64 { return median(c.operator.iterations) / median(c.loop) }

// median of some numbers, at least one.
func median(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// limitOf is the highest ratio that is good enough. Simulated pods take no time, so that what is measured is the waiting
// that is not needed; with real ones both wait for the same for most of the time.
func limitOf(kind string) float64 {
	if kind == cluster.Simulated {
		return 0.5
	}
	return 1
}

// verdict is an error if the operator is not as fast as it has to be.
func verdict(results []comparison, limit float64) error {
	var misses []error
	for i := range results {
		if ratio := results[i].ratio(); ratio > limit {
			misses = append(misses, fmt.Errorf("%d at a time: an iteration of the operator takes %.3f of the time that the shell loop takes, and may take %.1f",
				results[i].markets, ratio, limit))
		}
	}
	return errors.Join(misses...)
}

// report is what was found, as tables.
func report(results []comparison, nodes cluster.Nodes) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Seconds per iteration on %s nodes: the median, and from least to most.\n\n", nodes)
	table(&text, "MARKETS\tSHELL LOOP\tOPERATOR\tRATIO", results, func(c *comparison) []any {
		return []any{seconds(c.loop), seconds(c.operator.iterations), fmt.Sprintf("%.2f (%.2f to %.2f)", c.ratio(), slices.Min(c.ratios), slices.Max(c.ratios))}
	})
	fmt.Fprint(&text, "\nWhere the operator's time goes, by its log: the steps of each market, and the rest of an iteration.\n\n")
	table(&text, "MARKETS\tCLEAN\tBUILD\tINSTALL\tTEST\tREST", results, func(c *comparison) []any {
		var cells []any
		for _, step := range stepNames {
			cells = append(cells, seconds(c.operator.steps[step]))
		}
		return append(cells, seconds(c.operator.rest))
	})
	fmt.Fprintf(&text, "\nThe ratio may be %.1f; least and most of it are those of the rounds.\n", limitOf(nodes.Kind))
	return text.String()
}

// table writes a row for each comparison.
func table(text *strings.Builder, head string, results []comparison, cells func(*comparison) []any) {
	const gap = 3
	writer := tabwriter.NewWriter(text, 0, 0, gap, ' ', 0)
	fmt.Fprintln(writer, head)
	for i := range results {
		fmt.Fprint(writer, results[i].markets)
		for _, cell := range cells(&results[i]) {
			fmt.Fprint(writer, "\t", cell)
		}
		fmt.Fprintln(writer)
	}
	_ = writer.Flush() // Into memory.
}

// seconds in words: the median, and from least to most.
func seconds(times []float64) string {
	if len(times) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(times), slices.Min(times), slices.Max(times))
}
