package operation

// Left is what a runner still knows and holds.
type Left struct {
	Cells, Outcomes, Functions, Queued, Running, NotWoken int
}

// Left tells it.
func (r *Runner) Left() Left {
	r.lock.Lock()
	defer r.lock.Unlock()
	left := Left{Cells: len(r.latest), Queued: len(r.queue), Running: len(r.running), NotWoken: len(r.ended)}
	for _, o := range r.latest {
		if o.now.Outcome.Result != "" {
			left.Outcomes++
		}
		if o.run != nil {
			left.Functions++
		}
	}
	return left
}
