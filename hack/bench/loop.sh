#!/usr/bin/env bash
# What a pipeline does without the operator: it delivers a chart anew, again and again, for all markets at once.
# After each iteration it writes the iteration's number.
#
#   loop.sh CHART NAMESPACE VALUES ITERATIONS MARKET...
#
# VALUES is a folder with the values of each market, MARKET.yaml. The first error ends it.
set -euo pipefail

chart=$1 namespace=$2 values=$3 iterations=$4
shift 4

deliver() {
  local market=$1
  local release=classifieds-$market-sandbox
  local settings=(--namespace "$namespace" --values "$values/$market.yaml" --set "market=$market,stage=sandbox")
  # Helm leaves the pods of hooks, and does not wait for those that the release's controllers have made.
  local pods="app.kubernetes.io/instance=$release,app.kubernetes.io/component in (web,api,search,worker)"

  helm uninstall "$release" --namespace "$namespace" --wait --ignore-not-found
  kubectl wait --for=delete pod --namespace "$namespace" --selector "$pods" --timeout=5m
  helm lint "$chart" "${settings[@]}"
  helm install "$release" "$chart" "${settings[@]}" --wait
  helm test "$release" --namespace "$namespace"
}

for ((iteration = 1; iteration <= iterations; iteration++)); do
  running=()
  for market in "$@"; do
    deliver "$market" >&2 &
    running+=($!)
  done
  for process in "${running[@]}"; do
    wait "$process"
  done
  echo "$iteration"
done
