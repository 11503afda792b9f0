package plan

import "time"

// The limits of what is tried again, for one iteration or one cleaning up.
const (
	// erroredLimit is how many attempts may err.
	erroredLimit = 3
	// interruptedLimit is how many attempts may be interrupted.
	interruptedLimit = 10
	// cleanUpLimit is how often cleaning up may fail. There is none once the cell is being deleted.
	cleanUpLimit = 5
)

// longestBackOff is how long a wait is at the most.
const longestBackOff = 5 * time.Minute

// backOff is how long to wait before trying again, after so many attempts that came to nothing. It is a function of
// what is in the status, so that a restart does not shorten it.
func backOff(attempts int32) time.Duration {
	steps := []time.Duration{0, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, longestBackOff}
	return steps[min(int(max(attempts, 0)), len(steps)-1)]
}
