package chart

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// configMapChart reads the packaged chart in the binaryData of a ConfigMap.
func (r *reader) configMapChart(ctx context.Context, source soakv1alpha1.ConfigMapChart) (packed, error) {
	object := r.object("ConfigMap", source.Name)
	create := fmt.Sprintf("kubectl create configmap %s --namespace %s --from-file=%s", source.Name, r.namespace, source.Key)
	found, err := r.configMap(ctx, source.Name, ReasonChartNotFound)
	if problem, ok := asProblem(err); ok && problem.Reason == ReasonChartNotFound {
		return packed{}, mend(ReasonChartNotFound, "%s: create it with: %s", problem.Message, create)
	}
	if err != nil {
		return packed{}, err
	}
	content, there := found.BinaryData[source.Key]
	if _, text := found.Data[source.Key]; text {
		return packed{}, mend(ReasonChartInvalid,
			"%s has %s in its data, where a packaged chart cannot be: it must be in its binaryData, where this puts it: %s", object, source.Key, create)
	}
	if !there {
		return packed{}, mend(ReasonChartNotFound, "%s has no key %s in its binaryData%s: create it with: %s",
			object, source.Key, listed(found.BinaryData), create)
	}
	return packed{place: object + ", " + source.Key, content: content}, nil
}

// keysListed is how many keys of an object are named at most.
const keysListed = 5

// listed names the keys that there are, for somebody who has looked for another.
func listed[T any](data map[string]T) string {
	keys := slices.Sorted(maps.Keys(data))
	switch {
	case len(keys) == 0:
		return ", which is empty"
	case len(keys) > keysListed:
		return fmt.Sprintf(", only %s and %d more", strings.Join(keys[:keysListed], ", "), len(keys)-keysListed)
	default:
		return ", only " + strings.Join(keys, ", ")
	}
}
