// Package simulation plays whole experiments in memory: the three planners of internal/plan, driven by toy controllers
// against a toy API server, with a toy runner in place of Helm and a cluster.
//
// One kind of test plays a story by the clock and compares what happened with a transcript that people can read. The
// other plays thousands of random ones, in which anything may happen between any two steps: a process crashes, a write
// is lost, or lands and nobody hears of it, a cache lags behind, another leader takes over while the old one still
// thinks it is one, a user changes his mind. After every step it checks what must hold always: that each iteration is
// counted once, that nothing passes that did not happen, that nothing is installed onto what was not proven clean. And
// it checks itself: with a flaw put in on purpose, it must find that something is wrong.
//
// It has no API validation but what matters here, and says nothing of Helm, of clusters or of how fast anything is.
package simulation
