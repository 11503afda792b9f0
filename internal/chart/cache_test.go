package chart

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// numbered is one of many charts that differ.
func numbered(t testing.TB, number int) packed {
	t.Helper()
	return packed{place: "here", content: shop(t, file{name: "shop/values.yaml", content: fmt.Sprintf("number: %d\n", number)})}
}

// inside tells which of some charts are in a cache, without touching it.
func (c *cache) inside(t *testing.T, charts ...packed) []bool {
	t.Helper()
	known := make([]bool, len(charts))
	for at := c.order.Front(); at != nil; at = at.Next() {
		for i, source := range charts {
			if kept, ok := at.Value.(*entry); ok && kept.digest == chartDigest(source.content) {
				known[i] = true
			}
		}
	}
	return known
}

func mustLoad(t *testing.T, c *cache, source packed) *chart.Chart {
	t.Helper()
	loaded, err := c.load(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestCacheKeepsWhatWasUsedLast(t *testing.T) {
	t.Parallel()
	first, second, third := numbered(t, 1), numbered(t, 2), numbered(t, 3)
	size, err := measure(first.content, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*cache{"by count": newCache(2, 1<<20), "by size": newCache(10, 2*size+size/2)} {
		for _, source := range []packed{first, second, first, third} {
			mustLoad(t, c, source)
		}
		if got := fmt.Sprint(c.inside(t, first, second, third)); got != "[true false true]" || c.held != 2*size {
			t.Errorf("%s: kept %s, %d bytes of %d each", name, got, c.held, size)
		}
	}
	c := newCache(10, size-1)
	mustLoad(t, c, first)
	if c.order.Len() != 0 || c.held != 0 {
		t.Error("kept a chart that is larger than the cache")
	}
	if _, err := c.load(t.Context(), packed{place: "here", content: []byte("no chart")}); err == nil {
		t.Error("what is no chart was loaded")
	}
}

// Whoever gets a chart may do with it as Helm does.
func TestChartsFromTheCacheAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	inner := archived(t, file{name: "inner/Chart.yaml", content: "apiVersion: v2\nname: inner\nversion: 1.0.0\n"}, file{name: "inner/values.yaml", content: "exports: {a: {b: 1}}"})
	source := packed{place: "here", content: archived(t,
		file{name: "shop/Chart.yaml", content: chartYAML + "kubeVersion: '>=1.0'\nannotations: {a: b}\nmaintainers: [{name: jane}]\n" +
			"dependencies: [{name: inner, version: 1.0.0, alias: other, condition: enabled, tags: [a], import-values: [a]}]\n"},
		file{name: "shop/values.yaml", content: "enabled: true\nlist: [{a: 1}]\n"},
		file{name: "shop/charts/inner.tgz", content: string(inner)},
	)}
	c := newCache(1, 1<<20)
	first := mustLoad(t, c, source)
	if err := chartutil.ProcessDependenciesWithMerge(first, map[string]any{}); err != nil {
		t.Fatal(err)
	}
	if first.Dependencies()[0].Name() != "other" || first.Values["b"] != 1. {
		t.Fatalf("Helm has changed nothing: %+v", first)
	}
	first.Values["enabled"], first.Metadata.Annotations["a"] = false, "c"
	first.Metadata.Name, first.Metadata.Maintainers[0].Name = "x", "x"
	second := mustLoad(t, c, source)
	dependency := second.Metadata.Dependencies[0]
	if second.Name() != "shop" || second.Metadata.Annotations["a"] != "b" || second.Metadata.Maintainers[0].Name != "jane" || second.Values["enabled"] != true ||
		second.Values["b"] != nil || dependency.Name != "inner" || fmt.Sprint(dependency.ImportValues) != "[a]" || second.Dependencies()[0].Name() != "inner" ||
		second.Metadata.KubeVersion != ">=1.0" || second.Dependencies()[0].Parent() != second {
		t.Errorf("what one has done to its chart is in another's: %+v %+v", second, second.Metadata)
	}
}

func TestCacheIsSafeForManyGoroutines(t *testing.T) {
	t.Parallel()
	c := newCache(3, 1<<20)
	var sources []packed
	for i := range 5 {
		sources = append(sources, numbered(t, i))
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 25 {
				number := (i + j) % len(sources)
				loaded, err := c.load(t.Context(), sources[number])
				if err != nil || loaded.Values["number"] != float64(number) {
					t.Errorf("chart %d is %+v: %v", number, loaded, err)
					return
				}
				if err := loaded.Validate(); err != nil {
					t.Error(err)
				}
				loaded.Values["number"], loaded.Metadata.Tags = nil, "changed"
			}
		})
	}
	all.Wait()
	if c.order.Len() > 3 {
		t.Errorf("%d charts are kept", c.order.Len())
	}
}

func TestCacheWaitsAsLongAsItsContext(t *testing.T) {
	t.Parallel()
	c := newCache(1, 1<<20)
	c.parsing <- struct{}{} // somebody is at it
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("over")
	cancel(over)
	if _, err := c.load(ctx, numbered(t, 1)); !errors.Is(err, over) {
		t.Errorf("error is %v", err)
	}
	<-c.parsing
	mustLoad(t, c, numbered(t, 1))
	c.parsing <- struct{}{}
	if loaded, err := c.load(ctx, numbered(t, 1)); err != nil || loaded.Name() != "shop" {
		t.Errorf("a chart that is there had to wait: %v", err)
	}
}
