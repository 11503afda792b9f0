package release

import (
	"context"
	"fmt"
	"time"

	"helm.sh/helm/v3/pkg/kube"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// settleReadiness is how long changes are gathered before it is looked whether all is ready, which takes some work.
const settleReadiness = 50 * time.Millisecond

// readiness asks Helm's own checker, so that ready means what it means to helm install --wait. The client that it
// reads with may be the real one or the view of one.
type readiness struct {
	resources kube.ResourceList
	jobs      bool
}

// pending returns the first object that is not ready, and what the checker has to say about it. An error is the
// checker's: the object is gone, or could not be read.
func (r readiness) pending(ctx context.Context, reader kubernetes.Interface) (info *resource.Info, why string, err error) {
	log := func(format string, args ...any) { why = fmt.Sprintf(format, args...) }
	checker := kube.NewReadyChecker(reader, log, kube.PausedAsReady(true), kube.CheckJobs(r.jobs))
	for _, info := range r.resources {
		why = ""
		if ready, err := checker.IsReady(ctx, info); err != nil || !ready {
			return info, why, err
		}
	}
	return nil, "", nil
}

// sources are the kinds of objects that the checker reads. All of ours carry the label; definitions do not.
func (o *operation) readySources(resources kube.ResourceList) ([]source, error) {
	var sources []source
	kinds := map[schema.GroupKind]soakv1alpha1.InventoryItem{}
	for _, info := range resources {
		kind := info.Mapping.GroupVersionKind
		switch {
		case isDefinition(kind.GroupKind()):
			sources = append(sources, byName(info, false))
		case kind.Group == appsv1.GroupName:
			kinds[kind.GroupKind()] = soakv1alpha1.InventoryItem{Group: kind.Group, Version: "v1", Kind: kind.Kind}
			replicaSets := soakv1alpha1.InventoryItem{Group: appsv1.GroupName, Version: "v1", Kind: "ReplicaSet"}
			kinds[kindOf(replicaSets).GroupKind()] = replicaSets
			kinds[kindOf(pods).GroupKind()] = pods
		case ends(kind.GroupKind()), isClaim(kind.GroupKind()),
			kind.Group == "" && (kind.Kind == "Service" || kind.Kind == "ReplicationController"):
			kinds[kind.GroupKind()] = soakv1alpha1.InventoryItem{Group: kind.Group, Version: "v1", Kind: kind.Kind}
			kinds[kindOf(pods).GroupKind()] = pods
		}
	}
	for _, item := range kinds {
		mapping, err := o.mapping(kindOf(item))
		if err != nil {
			return nil, err
		}
		sources = append(sources, source{mapping: mapping, namespace: o.target.Namespace, labels: o.target.cellSelector(), whole: true})
	}
	return sources, nil
}

// awaitReady waits until all of the objects are ready.
func (o *operation) awaitReady(resources kube.ResourceList, timeout time.Duration, jobs bool) error {
	ctx, cancel := o.within(timeout)
	defer cancel()
	sources, err := o.readySources(resources)
	if err != nil || len(sources) == 0 {
		return err
	}
	check := readiness{resources, jobs}
	v, err := o.look(ctx, sources...)
	if err == nil {
		defer v.close()
		err = o.followReadiness(ctx, v, check)
	}
	if err == nil || ctx.Err() == nil || o.stopped() {
		return err
	}
	return o.notReadyInTime(check, o.blind(v))
}

// followReadiness returns when all of the objects are ready by the view, and all that is in it is of this attempt. For one
// that is missing from it the API server has the last word.
func (o *operation) followReadiness(ctx context.Context, v *view, check readiness) error {
	cached, err := v.reader()
	if err != nil {
		return err
	}
	v.settle = settleReadiness
	return v.await(ctx, func() (bool, error) {
		info, _, err := check.pending(ctx, cached)
		switch {
		case err == nil && info == nil:
			return true, o.allOfThisAttempt(v)
		case !apierrors.IsNotFound(err):
			return false, err
		}
		info, _, err = check.pending(o.late, o.clientset)
		if apierrors.IsNotFound(err) {
			return false, o.judge(lost(info))
		}
		return info == nil, err
	})
}

// allOfThisAttempt checks that what is ready is what this attempt has made, and that nothing of another is beside it.
func (o *operation) allOfThisAttempt(v *view) error {
	for _, r := range remnants(v) {
		if o.target.ageOf(r.object.GetLabels()) != current && !o.stays(r.mapping.GroupVersionKind.GroupKind()) {
			return o.judge(o.inTheWay(r.name(), r.object.GetNamespace(), r.object.GetLabels()))
		}
	}
	return nil
}

// notReadyInTime reads once more, when the time is over, what is not ready.
func (o *operation) notReadyInTime(check readiness, blind error) error {
	info, why, err := check.pending(o.late, o.clientset)
	switch {
	case apierrors.IsNotFound(err):
		return o.judge(lost(info))
	case err != nil:
		return err
	case info == nil:
		return nil
	}
	outcome := o.judgeUnready(info, why)
	if blind != nil {
		outcome = errored(ReasonUnobserved, "%s; but for some of the time nothing could be seen: %v", outcome.Message, blind)
	}
	return o.judge(outcome)
}

func lost(info *resource.Info) plan.Outcome {
	outcome := failed(ReasonObjectDeleted, "%s was deleted while it was waited for", infoName(info))
	outcome.Object = infoName(info)
	return outcome
}

// judgeUnready names what keeps an object from being ready: one of its pods, or itself.
func (o *operation) judgeUnready(info *resource.Info, why string) plan.Outcome {
	outcome := failed(ReasonNotReady, "%s is not ready in time: %s", infoName(info), why)
	outcome.Object = infoName(info)
	if condition := o.complaint(info); condition != nil {
		outcome.Reason = condition.Reason
		outcome.Message = oneLine(fmt.Sprintf("%s is not ready in time: %s: %s", infoName(info), condition.Reason, condition.Message))
	}
	worst, found := o.culprit(func(pod *corev1.Pod) bool { return selects(info, pod) })
	if !found || worst.weight == nothing {
		return outcome
	}
	outcome.Object, outcome.Container, outcome.Node = objectName("Pod", worst.pod), worst.container, worst.node
	if worst.reason != "" {
		outcome.Reason = worst.reason
	}
	outcome.Message = oneLine(fmt.Sprintf("%s is not ready in time: %s", infoName(info), worst.describe()))
	return outcome
}

// selects tells whether a pod is one that the object counts on.
func selects(info *resource.Info, pod *corev1.Pod) bool {
	if info.Mapping.GroupVersionKind.Kind == "Pod" {
		return pod.Name == info.Name
	}
	selector, err := kube.SelectorsForObject(kube.AsVersioned(info))
	return err == nil && !selector.Empty() && selector.Matches(labels.Set(pod.Labels))
}

// complaint is what the controller of a Deployment or ReplicaSet says when it cannot even create pods, such as for a
// quota.
func (o *operation) complaint(info *resource.Info) *metav1.Condition {
	if info.Mapping.GroupVersionKind.GroupKind() != (schema.GroupKind{Group: appsv1.GroupName, Kind: "Deployment"}) {
		return nil
	}
	deployment, err := o.clientset.AppsV1().Deployments(info.Namespace).Get(o.late, info.Name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	for _, condition := range deployment.Status.Conditions {
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue {
			return &metav1.Condition{Reason: condition.Reason, Message: condition.Message}
		}
	}
	return nil
}
