// Package release_test tries the steps of an iteration on a real API server with simulated nodes.
//
// Tests with an H and a number in their names are about what the Helm v3 SDK does that must not reach a verdict:
//
//	H1  uninstall can take any error of reading the history for "there is no release"
//	H2  a test pod that was deleted counts as a pass
//	H3  no tests, or tests that are neither Pods nor Jobs, count as a pass
//	H4  the release record is purged although objects live on
//	H5  install adopts objects that look like the release's, even while they are being deleted
//	H6  install takes an unreadable history for none
//	H7  uninstall --wait does not wait for pods
//	H8  hooks and claims of StatefulSets are left behind
//	H9  an install that is cancelled goes on in the background
//	H10 uninstall, test and all waits know no context
//	H11 a timeout is for each hook and each wait, not for all together
//	H12 after a crash a release is pending for ever
//	H13 each configuration fetches and keeps all there is to know of the API
//	H14 configurations, clients and charts are changed while they are used
//	H15 waits poll every two seconds
//	H16 logs of tests are read when the pod may be gone, and without bound
//	H17 a release record that is too large fails with an obscure error
//	H18 a values.schema.json may refer to files and to other servers
//	H19 lookup reads what the client may read
//	H21 hooks are deleted by name, whoever they belong to
//	H22 a failing pre-delete hook keeps the release from ever being uninstalled
//	H23 deleting a CustomResourceDefinition deletes what everybody has of it
//	H24 install renders anew: what was checked is not what is installed
package release_test
