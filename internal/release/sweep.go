package release

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

var (
	pods    = soakv1alpha1.InventoryItem{Version: "v1", Kind: "Pod"}
	claims  = soakv1alpha1.InventoryItem{Version: "v1", Kind: "PersistentVolumeClaim"}
	secrets = soakv1alpha1.InventoryItem{Version: "v1", Kind: "Secret"}
	jobs    = soakv1alpha1.InventoryItem{Group: "batch", Version: "v1", Kind: "Job"}
)

func kindOf(item soakv1alpha1.InventoryItem) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: item.Group, Version: item.Version, Kind: item.Kind}
}

// sweepSources are the sets of objects of which nothing may be left: those of the inventory, those that hooks and
// controllers leave whatever the chart has, and the release records of that name.
func (o *operation) sweepSources(inventory []soakv1alpha1.InventoryItem) ([]source, error) {
	sources := []source{}
	seen := map[soakv1alpha1.InventoryItem]bool{}
	always := []soakv1alpha1.InventoryItem{pods, claims, secrets, jobs}
	for i := range always {
		always[i].Namespace = o.target.Namespace
	}
	for _, item := range withOffspring(slices.Concat(always, inventory)) {
		kind := kindOf(item).GroupKind()
		if seen[item] || o.stays(kind) {
			continue
		}
		seen[item] = true
		mapping, err := o.mapping(kindOf(item))
		if meta.IsNoMatchError(err) {
			continue // the API server knows no such kind any more, so there are none
		}
		if err != nil {
			return nil, fmt.Errorf("find the resource of kind %s: %w", item.Kind, err)
		}
		sources = append(sources, source{
			mapping: mapping, namespace: item.Namespace, labels: o.target.cellSelector(), whole: item.Kind == pods.Kind && item.Group == "",
		})
	}
	mapping, err := o.mapping(kindOf(secrets))
	if err != nil {
		return nil, err
	}
	return append(sources, source{mapping: mapping, namespace: o.target.Namespace, labels: o.target.recordSelector()}), nil
}

// remnant is an object that should not be there.
type remnant struct {
	source
	object metav1.Object
}

func (r remnant) isRecord() bool {
	return r.kind() == secrets.Kind && strings.HasPrefix(r.object.GetName(), "sh.helm.release.v1.")
}

func (r remnant) name() string { return objectName(r.kind(), r.object.GetName()) }

// remnants are all objects of the view, each once, in a steady order: pods first, then records, then what has been
// going away for the longest time. What only waits for its owner to go comes last.
func remnants(v *view) []remnant {
	var found []remnant
	seen := map[types.UID]bool{}
	v.each(func(s source, object metav1.Object) bool {
		if !seen[object.GetUID()] {
			seen[object.GetUID()] = true
			found = append(found, remnant{s, object})
		}
		return true
	})
	rank := func(r remnant) int {
		switch {
		case r.object.GetDeletionTimestamp() == nil && metav1.GetControllerOfNoCopy(r.object) != nil:
			return 4
		case r.kind() == pods.Kind:
			return 0
		case r.isRecord():
			return 1
		case r.object.GetDeletionTimestamp() != nil && len(r.object.GetFinalizers()) > 0:
			return 2
		}
		return 3
	}
	slices.SortFunc(found, func(a, b remnant) int {
		if ranks := rank(a) - rank(b); ranks != 0 {
			return ranks
		}
		if a.object.GetDeletionTimestamp() != nil && b.object.GetDeletionTimestamp() != nil {
			if order := a.object.GetDeletionTimestamp().Compare(b.object.GetDeletionTimestamp().Time); order != 0 {
				return order
			}
		}
		return strings.Compare(a.name(), b.name())
	})
	return found
}

// delete deletes those of the remnants that nothing else is deleting: what has an owner goes with it.
func (o *operation) delete(found []remnant, asked map[types.UID]bool) error {
	for _, r := range found {
		if r.object.GetDeletionTimestamp() != nil || asked[r.object.GetUID()] || metav1.GetControllerOfNoCopy(r.object) != nil {
			continue
		}
		if err := o.deleteByUID(r.mapping, r.object); err != nil {
			return err
		}
		asked[r.object.GetUID()] = true
	}
	return nil
}

// touchable judges remnants: an error says that one of them must not be touched, being a release of somebody else, or
// what a later attempt has made.
func (o *operation) touchable(found []remnant) error {
	for _, r := range found {
		labels := r.object.GetLabels()
		if release := labels["name"]; r.isRecord() && o.target.adopts(labels) && release != o.target.Release {
			outcome := hopeless(ReasonReleaseConflict, "release %s in namespace %s was created for this experiment when it had another UID, "+
				"and its releases another name: it is left alone. Uninstall it", release, r.object.GetNamespace())
			outcome.Object = "Release/" + release
			return because(outcome)
		}
		if r.isRecord() || !o.target.owns(labels) { // what is labelled as a record is one to Helm, whatever its name
			if err := o.ours(labels); err != nil {
				return err
			}
		} else if o.target.ageOf(labels) == newer {
			return because(o.superseded(r.name(), labels))
		}
	}
	return nil
}

// blocked is the outcome of a Clean whose time was over, with what was still there.
func blocked(found []remnant) plan.Outcome {
	first := found[0]
	reason := ReasonResourcesNotDeleted
	switch {
	case first.kind() == pods.Kind:
		reason = ReasonPodsNotDeleted
	case first.isRecord():
		reason = ReasonReleaseNotPurged
	}
	message := describe(first)
	if len(found) > 1 {
		var others []string
		for _, r := range found[1:min(len(found), 6)] {
			others = append(others, r.name())
		}
		message += fmt.Sprintf("; and %d more: %s", len(found)-1, strings.Join(others, ", "))
	}
	outcome := failed(reason, "%s", message)
	outcome.Object, outcome.Node = first.name(), nodeOf(first.object)
	return outcome
}

// describe says what holds a remnant, and since when.
func describe(r remnant) string {
	text := r.name()
	if node := nodeOf(r.object); node != "" {
		text += " on node " + node
	}
	since := r.object.GetDeletionTimestamp()
	if owner := metav1.GetControllerOfNoCopy(r.object); owner != nil && since == nil {
		return text + " is still there, and goes with " + objectName(owner.Kind, owner.Name)
	}
	if since == nil {
		return text + " is still there, and nobody is deleting it"
	}
	asked := since.Time
	if seconds := r.object.GetDeletionGracePeriodSeconds(); seconds != nil {
		asked = asked.Add(-time.Duration(*seconds) * time.Second)
	}
	text += " is being deleted since " + asked.UTC().Format(time.RFC3339)
	if finalizers := r.object.GetFinalizers(); len(finalizers) > 0 {
		text += ", held by the finalizers " + strings.Join(finalizers, ", ")
	}
	return text
}

// nodeOf is the node that a pod is on.
func nodeOf(object metav1.Object) string {
	pod, ok := object.(*unstructured.Unstructured)
	if !ok {
		return ""
	}
	node, _, _ := unstructured.NestedString(pod.Object, "spec", "nodeName")
	return node
}
