// Package stats holds the statistics behind the numbers that are shown: how often something went through, and how sure
// that is.
//
// It is mathematics alone. It knows nothing of experiments, and does not decide which observations are independent of
// each other: that is up to the caller.
package stats
