// Package crd tests what a real API server makes of the CRDs: which objects it refuses and what it says then, what it
// fills in, what it never lets change, and what kubectl shows of it.
package crd
