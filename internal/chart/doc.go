// Package chart finds what an experiment refers to: its chart, and the values of its cells.
//
// All of it is read live and with the rights of the experiment's service account, which needs get for the ConfigMaps and
// Secrets that the inputs name. [Charts.Resolve] takes the digests that a run is pinned to, [Charts.Load] compares them
// in every Build, so that no iteration of a run is made of other inputs than the first.
//
// Values are merged as helm install merges them, with one -f for each of [plan.ValuesLayers] and a --set-string for each
// name that matrixValues wants: maps are merged, all else is replaced, and null takes away what the chart has by default.
//
// What the content of a Secret is never gets out of here but as values: not into a message, nor a digest that could be
// guessed at. A chart is not trusted either: what it unpacks to is bounded before Helm's loader sees it.
package chart
