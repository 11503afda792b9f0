// Package controllers drives experiments, runs and cells: one controller for each kind. All three do the same: they get
// what there is, ask package plan what should be next, write that, and only then act and tell of it. Whatever is to be
// decided is decided there; here is how it is read and written.
//
// What was read may be out of date, and so each write carries the version that was read. A refused one means that
// nothing has happened, and that the cache is about to catch up: then it is decided anew.
package controllers
