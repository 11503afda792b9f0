// Package release delivers a release and takes it away again, with the Helm SDK: Clean, Build, Install and Test are the
// steps of an iteration. It is the only package that knows Helm's actions and its client.
//
// Helm acts, this package judges: what an action returns is never the verdict. Helm takes a failed read for "there is
// nothing", a deleted test pod for a pass, and forgets a release whose objects live on. So every verdict comes from what
// was seen of the cluster here, and what is not understood is [plan.Errored].
//
// Helm is kept on a short lead by standing between it and the cluster, three times:
//
//   - a decorator of Helm's client labels all that is created, refuses to touch what does not carry the label of the
//     cell, and waits by watching, for as long as the context of the step allows;
//   - a transport that belongs to one operation ends its requests when the operation must end, asks the fence before
//     each change, and remembers what the API server failed to answer, whatever Helm makes of it;
//   - a storage driver that only handles release records of the cell.
//
// All of it is done with the rights of a service account that the caller names. It needs get, list, watch, create and
// delete for each kind of object in the chart, list and watch for pods, claims, Jobs and ReplicaSets, delete for what of
// these a release may leave, update for Secrets, patch for claims that are kept, and get for pods/log. Nothing is retried here, nothing is
// fetched from anywhere but the API server, and no chart is loaded: the caller hands in the chart and its values.
package release
