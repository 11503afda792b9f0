package release

import (
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// allowed judges whether the experiment lets the chart create such an object.
func (t Target) allowed(object *unstructured.Unstructured, namespaced bool) (plan.Outcome, bool) {
	name := objectName(object.GetKind(), object.GetName())
	refuse := func(what string, allowance soakv1alpha1.Allowance) (plan.Outcome, bool) {
		outcome := hopeless(ReasonNotAllowed, "the chart creates %s, %s: the experiment must allow %s for that", name, what, allowance)
		outcome.Object = name
		return outcome, false
	}
	kind := object.GroupVersionKind().GroupKind()
	switch namespace := object.GetNamespace(); {
	case isDefinition(kind):
		if !slices.Contains(t.Allow, soakv1alpha1.AllowCustomResourceDefinitions) {
			return refuse("which belongs to the whole cluster and is never deleted", soakv1alpha1.AllowCustomResourceDefinitions)
		}
	case !namespaced:
		if !slices.Contains(t.Allow, soakv1alpha1.AllowClusterScoped) {
			return refuse("which belongs to no namespace", soakv1alpha1.AllowClusterScoped)
		}
	case namespace != "" && namespace != t.Namespace:
		outcome := hopeless(ReasonNotAllowed, "the chart creates %s in namespace %s: only the release's own namespace, %s, is allowed",
			name, namespace, t.Namespace)
		outcome.Object = name
		return outcome, false
	case kind == schema.GroupKind{Kind: "Service"}:
		kindOfService, _, _ := unstructured.NestedString(object.Object, "spec", "type")
		if kindOfService == "LoadBalancer" && !slices.Contains(t.Allow, soakv1alpha1.AllowLoadBalancers) {
			return refuse("of type LoadBalancer", soakv1alpha1.AllowLoadBalancers)
		}
	}
	return plan.Outcome{}, true
}

// superseded is the outcome of finding something that a later attempt has made: this one should not be running any more.
func (o *operation) superseded(name string, labels map[string]string) plan.Outcome {
	outcome := hopeless(ReasonSuperseded,
		"%s was made by run %s, attempt %s, later than run %d, attempt %d: it is left alone. If the experiment was restored from a backup, delete it",
		name, labels[soakv1alpha1.LabelRun], labels[soakv1alpha1.LabelAttempt], o.target.Run, o.target.Attempt)
	outcome.Object = name
	return outcome
}

// inTheWay judges an object that has the name of one that the release needs.
func (o *operation) inTheWay(name, namespace string, labels map[string]string) plan.Outcome {
	var outcome plan.Outcome
	switch {
	case !o.target.owns(labels):
		outcome = o.foreign(ReasonObjectConflict, name, namespace, labels)
	case o.target.ageOf(labels) == newer:
		outcome = o.superseded(name, labels)
	default:
		outcome = errored(ReasonNotClean, "%s of run %s, attempt %s is still there", name,
			labels[soakv1alpha1.LabelRun], labels[soakv1alpha1.LabelAttempt])
	}
	outcome.Object = name
	return outcome
}

// foreign is the outcome of finding something that is not ours where ours has to be. If it was ours before the experiment
// was restored, it says how to adopt it.
func (o *operation) foreign(reason, name, namespace string, labels map[string]string) plan.Outcome {
	what := name
	if namespace != "" {
		what += " in namespace " + namespace
	}
	mend := "Delete"
	if reason == ReasonReleaseConflict {
		mend = "Uninstall"
	}
	outcome := hopeless(reason, "%s is not of this cell: it is left alone. %s it, or give the releases of the experiment another name", what, mend)
	if uid := labels[soakv1alpha1.LabelExperimentUID]; uid != "" && uid != o.target.ExperimentUID && o.target.recognises(labels) {
		outcome = hopeless(reason, "%s was created for this experiment when it had another UID: it is left alone. If the experiment was restored, "+
			"let it adopt what it had: kubectl annotate soak %s -n %s --overwrite %s=%s", what, o.target.Experiment, o.target.ExperimentNamespace,
			soakv1alpha1.AnnotationAdopt, uid)
	}
	outcome.Object = name
	return outcome
}

// find reads the object that has the name of the given one, without what is in it. It returns nil if there is none.
func (o *operation) find(info *resource.Info) (*metav1.PartialObjectMetadata, error) {
	found, err := o.metadata.Resource(info.Mapping.Resource).Namespace(info.Namespace).Get(o.late, info.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // that there is none is an answer
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", infoName(info), err)
	}
	return found, nil
}

// stays tells what is never deleted in the name of the target.
func (o *operation) stays(kind schema.GroupKind) bool {
	return isDefinition(kind) || isClaim(kind) && o.target.PersistentVolumeClaimPolicy == soakv1alpha1.PersistentVolumeClaimPolicyKeep
}

// remove deletes the object of that name if it is ours: by its UID, so that it is no other by then. The object
// of somebody else is left alone in Clean, where it is not what is looked for, and an error elsewhere, where it is
// in the way. It returns what goes by that.
func (o *operation) remove(info *resource.Info) (*metav1.PartialObjectMetadata, error) {
	if o.stays(info.Mapping.GroupVersionKind.GroupKind()) {
		return nil, nil //nolint:nilnil // that nothing goes is an answer
	}
	found, err := o.find(info)
	if err != nil || found == nil {
		return nil, err
	}
	if o.target.owns(found.Labels) && o.target.ageOf(found.Labels) == newer {
		return nil, o.judge(o.superseded(infoName(info), found.Labels))
	}
	if !o.target.owns(found.Labels) {
		if o.step == soakv1alpha1.StepClean {
			o.note("%s is not of this cell and was left alone", infoName(info))
			return nil, nil //nolint:nilnil // the same
		}
		return nil, o.judge(o.inTheWay(infoName(info), info.Namespace, found.Labels))
	}
	return found, o.deleteByUID(info.Mapping, found)
}

// deleteByUID deletes this very object, which must be ours. That it is gone or has been replaced meanwhile is no error.
func (o *operation) deleteByUID(mapping *meta.RESTMapping, object metav1.Object) error {
	if name := objectName(mapping.GroupVersionKind.Kind, object.GetName()); !o.target.owns(object.GetLabels()) {
		return o.judge(o.inTheWay(name, object.GetNamespace(), object.GetLabels()))
	}
	uid, policy := object.GetUID(), propagation(mapping.GroupVersionKind.GroupKind())
	err := o.metadata.Resource(mapping.Resource).Namespace(object.GetNamespace()).Delete(o.late, object.GetName(), metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: &uid},
		PropagationPolicy: &policy,
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete %s: %w", objectName(mapping.GroupVersionKind.Kind, object.GetName()), err)
	}
	return nil
}

// objectName is how outcomes name objects.
func objectName(kind, name string) string { return kind + "/" + name }

func infoName(info *resource.Info) string {
	return objectName(info.Mapping.GroupVersionKind.Kind, info.Name)
}

// relabel makes an object that is kept one of this attempt.
func (o *operation) relabel(info *resource.Info, found *metav1.PartialObjectMetadata) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": found.UID, "labels": o.target.labels()}})
	if err != nil {
		return err
	}
	_, err = o.metadata.Resource(info.Mapping.Resource).Namespace(info.Namespace).
		Patch(o.late, info.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("label %s: %w", infoName(info), err)
	}
	return nil
}
