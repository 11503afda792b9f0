// Package metrics tells Prometheus what the objects say. Results are not counted here a second time: at each scrape they
// are read from the statuses in the cache, so that they equal the tally, also after a restart, and go away with the
// object. Only how long steps take is measured as it happens.
package metrics
