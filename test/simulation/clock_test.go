package simulation

import "time"

// clock is the time of a simulation. It moves only when it is told to.
type clock struct {
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)} }

func (c *clock) advance(by time.Duration) { c.now = c.now.Add(by) }
