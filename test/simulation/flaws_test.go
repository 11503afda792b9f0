package simulation

import "testing"

// flaw is something that a controller does wrong, on purpose.
type flaw int

const (
	flawNone flaw = iota
	// flawActsBeforeWrite starts operations before the intent is written.
	flawActsBeforeWrite
	// flawIgnoresLock writes over whatever is there.
	flawIgnoresLock
	// flawCountsBeforeRecord counts a result in one write, and records it in another.
	flawCountsBeforeRecord
	// flawBumpsBeforeCount sets cells to work on the next iteration before the last one is counted.
	flawBumpsBeforeCount
	// flawTrustsUnknown takes an operation that nobody knows for one that succeeded.
	flawTrustsUnknown
	// flawSkipsClean takes every Clean for proven.
	flawSkipsClean
	// flawTrustsCache takes what is not in the cache for not being there.
	flawTrustsCache
)

// TestFlawsAreFound: a simulation that finds nothing proves nothing, unless it finds what is there to be found.
func TestFlawsAreFound(t *testing.T) {
	for name, flaw := range map[string]flaw{
		"acts before the write":                    flawActsBeforeWrite,
		"ignores the lock":                         flawIgnoresLock,
		"counts before it records":                 flawCountsBeforeRecord,
		"bumps before it counts":                   flawBumpsBeforeCount,
		"takes an unknown operation for success":   flawTrustsUnknown,
		"skips the proof of Clean":                 flawSkipsClean,
		"trusts its cache that a run is not there": flawTrustsCache,
	} {
		t.Run(name, func(t *testing.T) {
			const stories = 3000
			for seed := range uint64(stories) {
				if err := play(seed+1, flaw); err != nil {
					t.Logf("seed %d: %v", seed+1, err)
					return
				}
			}
			t.Errorf("none of %d stories shows it", stories)
		})
	}
}
