// Package plan decides. Each of its functions takes what was observed and returns what should be written and done next,
// with the reason why; it reads no clock, talks to no server and logs nothing, so that every decision can be tested as a
// table and whole experiments can be played in memory.
//
// The controllers observe, ask this package, write the answer, and only then act. There is one planner for each kind:
// [Experiment], [Run] and [Cell]. What they rely on:
//
//   - A decision is good for the very versions of the objects that it was made of. Each write carries the version that
//     was read, and when it is refused, nothing has happened: observe and ask again.
//   - What a decision lists is done in that order, and the first that fails ends it. An operation that was not started
//     because of that is taken for interrupted, and thrown away: none is ever started by a later decision.
//   - A cache may lag behind, each in its own way. Where something must not be missed, the decision asks for it to be
//     read from the API server itself, and for nothing else.
//   - The runner starts no operation twice, runs one of a release at a time, keeps the outcome of an operation until it
//     is told to forget it, and acts on the cluster only while its process leads. What a later run or attempt has made
//     is not touched by an earlier one.
//
// It does not merge values, render charts or judge what happens in the cluster: an [Outcome] has been judged already.
package plan
