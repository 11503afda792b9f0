package chart

import (
	"container/list"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"helm.sh/helm/v3/pkg/chart"
	"k8s.io/apimachinery/pkg/runtime"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// cache keeps the parsed charts that were used last, by digest. They are bounded by what they unpack to, because that is
// what they take of memory: of what is packed, a few KiB can be a hundred MiB.
//
// A chart that is in it never changes. Helm changes charts while it validates them and works out their dependencies, down
// to the words in their lists; so whoever asks gets a copy of all that Helm ever writes to.
type cache struct {
	count int
	size  int64
	// parsing is held by whoever parses a chart: one at a time, since that takes far more memory than what is kept.
	parsing chan struct{}

	lock  sync.Mutex
	order *list.List // of *entry, the one used last in front
	held  int64
}

type entry struct {
	digest soakv1alpha1.Digest
	parsed *chart.Chart
	size   int64
}

func newCache(count int, size int64) *cache {
	return &cache{count: count, size: size, parsing: make(chan struct{}, 1), order: list.New()}
}

// load returns a chart of the caller's own, but for the content of its files, which must not be changed.
func (c *cache) load(ctx context.Context, source packed) (*chart.Chart, error) {
	digest := chartDigest(source.content)
	if parsed := c.find(digest); parsed != nil {
		return copyChart(parsed)
	}
	select {
	case c.parsing <- struct{}{}:
		defer func() { <-c.parsing }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait until the chart is parsed: %w", context.Cause(ctx))
	}
	if parsed := c.find(digest); parsed != nil { // by whoever was before us
		return copyChart(parsed)
	}
	parsed, size, err := unpack(source)
	if err != nil {
		return nil, err
	}
	c.keep(&entry{digest: digest, parsed: parsed, size: size})
	return copyChart(parsed)
}

func (c *cache) find(digest soakv1alpha1.Digest) *chart.Chart {
	c.lock.Lock()
	defer c.lock.Unlock()
	for at := c.order.Front(); at != nil; at = at.Next() {
		if known, ok := at.Value.(*entry); ok && known.digest == digest {
			c.order.MoveToFront(at)
			return known.parsed
		}
	}
	return nil
}

// keep a chart, and no longer those that were not used for longest. One that would not fit is not kept at all.
func (c *cache) keep(made *entry) {
	if made.size > c.size {
		return
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	c.order.PushFront(made)
	c.held += made.size
	for c.order.Len() > c.count || c.held > c.size {
		oldest, ok := c.order.Remove(c.order.Back()).(*entry)
		if ok {
			c.held -= oldest.size
		}
	}
}

// copyChart copies a chart but for its files.
func copyChart(source *chart.Chart) (*chart.Chart, error) {
	own := &chart.Chart{
		Raw: source.Raw, Lock: source.Lock, Templates: source.Templates, Schema: source.Schema, Files: source.Files,
		Values: runtime.DeepCopyJSON(source.Values), Metadata: &chart.Metadata{},
	}
	written, err := json.Marshal(source.Metadata)
	if err == nil {
		err = json.Unmarshal(written, own.Metadata)
	}
	if err != nil {
		return nil, fmt.Errorf("copy the metadata of chart %s: %w", source.Name(), err)
	}
	for _, dependency := range source.Dependencies() {
		inner, err := copyChart(dependency)
		if err != nil {
			return nil, err
		}
		own.AddDependency(inner)
	}
	return own, nil
}
