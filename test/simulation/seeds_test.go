package simulation

import (
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	seeds = flag.Int("seeds", defaultSeeds, "how many random stories to play")
	first = flag.Uint64("seed", 1, "the seed of the first of them")
	told  = flag.Bool("tell", false, "print what is decided and written in them")
)

// TestRandomStories plays them. One that fails can be played again, and read: -run TestRandomStories -seed N -seeds 1 -tell.
func TestRandomStories(t *testing.T) {
	var next, failed atomic.Uint64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for failed.Load() < 5 {
				played := next.Add(1) - 1
				if played >= uint64(*seeds) {
					return
				}
				if err := play(*first+played, flawNone); err != nil {
					failed.Add(1)
					t.Errorf("seed %d: %v", *first+played, err)
				}
			}
		})
	}
	workers.Wait()
}
