// Package docs holds the documentation to what the code does: that the manifests in docs/api.md are accepted, that the
// commands in docs/api.md and docs/operations.md run, and that docs/operations.md names each reason, event and metric
// that there is, and no other.
//
// What is written in a fence says how it is tried:
//
//	yaml     a manifest if it has an apiVersion, else fields of the spec of the first experiment of the page
//	sh       commands; those of kubectl are run, in the order of the page, once the first experiment has finished
//	console  commands after "$ ", with what they print; of that, the first line is compared
//	text     not tried: it needs what a test has not, such as the operator as a Deployment
package docs
