package release

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/kube"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"
)

// client is Helm's client for one operation. Whatever Helm does to the cluster goes through it, hooks included; what it
// does not override here only reads.
type client struct {
	*kube.Client
	o *operation
	// going are the objects that were there when Helm deleted them, by what it calls them.
	going map[*resource.Info]metav1.Object
}

var (
	_ kube.Interface                    = (*client)(nil)
	_ kube.InterfaceExt                 = (*client)(nil)
	_ kube.InterfaceThreeWayMerge       = (*client)(nil)
	_ kube.InterfaceLogs                = (*client)(nil)
	_ kube.InterfaceDeletionPropagation = (*client)(nil)
)

// errOver ends an action of Helm whose time is over.
var errOver = errors.New("the time of the step is over")

// Build reads objects and puts our labels on them.
func (c *client) Build(reader io.Reader, validate bool) (kube.ResourceList, error) {
	resources, err := c.Client.Build(reader, validate)
	if err != nil {
		return nil, err
	}
	for _, info := range resources {
		object, ok := info.Object.(*unstructured.Unstructured)
		if !ok {
			return nil, fmt.Errorf("%s is a %T", infoName(info), info.Object)
		}
		stamp(object, c.o.target.labels())
	}
	return resources, nil
}

// Create creates objects that the experiment allows. CustomResourceDefinitions that exist are left as they are.
func (c *client) Create(resources kube.ResourceList) (*kube.Result, error) {
	if c.o.over() {
		return nil, errOver
	}
	var definitions, others kube.ResourceList
	for _, info := range resources {
		object, ok := info.Object.(*unstructured.Unstructured)
		if !ok {
			return nil, fmt.Errorf("%s is a %T", infoName(info), info.Object)
		}
		if outcome, ok := c.o.target.allowed(object, info.Namespaced()); !ok {
			return nil, c.o.judge(outcome)
		}
		if isDefinition(info.Mapping.GroupVersionKind.GroupKind()) {
			definitions = append(definitions, info)
		} else {
			others = append(others, info)
		}
	}
	for _, info := range definitions {
		if _, err := c.Client.Create(kube.ResourceList{info}); err != nil && !apierrors.IsAlreadyExists(err) {
			return nil, c.refused(info, err)
		}
		if err := info.Get(); err != nil {
			return nil, c.refused(info, err)
		}
	}
	for _, alike := range byKind(others) {
		if err := c.createAtOnce(alike); err != nil {
			return nil, err
		}
	}
	return &kube.Result{Created: resources}, nil
}

// createAtOnce creates objects of a kind at the same time, as Helm does: but each by itself, to know which was refused.
func (c *client) createAtOnce(resources kube.ResourceList) error {
	var requests errgroup.Group
	requests.SetLimit(requestsAtOnce)
	for _, info := range resources {
		requests.Go(func() error {
			if _, err := c.Client.Create(kube.ResourceList{info}); err != nil {
				return c.refused(info, err)
			}
			return nil
		})
	}
	return requests.Wait()
}

// refused judges why an object could not be created.
func (c *client) refused(info *resource.Info, err error) error {
	if c.o.over() {
		return errors.Join(errOver, err)
	}
	name := infoName(info)
	if apierrors.IsAlreadyExists(err) {
		return c.o.judge(c.o.foreign(ReasonObjectConflict, name, info.Namespace, nil))
	}
	if said, ok := errors.AsType[*apierrors.StatusError](err); ok { // without what Helm puts around it
		err = fmt.Errorf("%s: %w", name, said)
	}
	outcome := c.o.explain(err, unexpected)
	outcome.Object = cmp.Or(outcome.Object, name)
	return c.o.judge(outcome)
}

// Update is what Helm does instead of Create when some of the objects exist. Ours to go on with are only claims that are
// kept; they get the labels of this attempt. Definitions stay as they are; anything else is in the way.
func (c *client) Update(_, target kube.ResourceList, _ bool) (*kube.Result, error) {
	result := &kube.Result{}
	for _, info := range target {
		found, err := c.o.find(info)
		if err != nil {
			return result, c.refused(info, err)
		}
		kind := info.Mapping.GroupVersionKind.GroupKind()
		switch {
		case found == nil:
			result.Created = append(result.Created, info)
		case isDefinition(kind):
			result.Updated = append(result.Updated, info)
		case c.o.stays(kind) && c.o.target.owns(found.Labels) && c.o.target.ageOf(found.Labels) != newer && found.DeletionTimestamp == nil:
			if err := c.o.relabel(info, found); err != nil {
				return result, c.refused(info, err)
			}
			result.Updated = append(result.Updated, info)
		default:
			return result, c.o.judge(c.o.inTheWay(infoName(info), info.Namespace, found.Labels))
		}
	}
	for _, info := range result.Updated {
		if err := info.Get(); err != nil {
			return result, c.refused(info, err)
		}
	}
	if len(result.Created) > 0 {
		if _, err := c.Create(result.Created); err != nil {
			return result, err
		}
	}
	return result, nil
}

// UpdateThreeWayMerge does the same: there is nothing to merge.
func (c *client) UpdateThreeWayMerge(original, target kube.ResourceList, force bool) (*kube.Result, error) {
	return c.Update(original, target, force)
}

// Delete deletes what is ours of the objects, as DeleteWithPropagationPolicy does. Helm uses it for hooks.
func (c *client) Delete(resources kube.ResourceList) (*kube.Result, []error) {
	return c.DeleteWithPropagationPolicy(resources, metav1.DeletePropagationBackground)
}

// DeleteWithPropagationPolicy deletes what is ours of the objects, by UID. Helm would go by the name alone, and by one
// policy for all kinds.
func (c *client) DeleteWithPropagationPolicy(resources kube.ResourceList, _ metav1.DeletionPropagation) (*kube.Result, []error) {
	var errs []error
	result := &kube.Result{}
	for _, alike := range byKind(resources) {
		going, failed := make([]metav1.Object, len(alike)), make([]error, len(alike))
		var requests errgroup.Group
		requests.SetLimit(requestsAtOnce)
		for i, info := range alike {
			requests.Go(func() error {
				if found, err := c.o.remove(info); err != nil {
					failed[i] = err
				} else if found != nil {
					going[i] = found
				}
				return nil
			})
		}
		_ = requests.Wait() // each has said for itself
		for i, info := range alike {
			c.going[info] = going[i]
			if failed[i] != nil {
				errs = append(errs, failed[i])
			} else {
				result.Deleted = append(result.Deleted, info)
			}
		}
	}
	return result, errs
}

// byKind splits resources where the kind changes: what is in one part can be done at the same time, as Helm does it.
func byKind(resources kube.ResourceList) []kube.ResourceList {
	var parts []kube.ResourceList
	for i, info := range resources {
		if i == 0 || info.Mapping.GroupVersionKind != resources[i-1].Mapping.GroupVersionKind {
			parts = append(parts, nil)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], info)
	}
	return parts
}

// WaitForDelete waits until those of the objects are gone that were there when they were deleted: one that is made anew has
// another UID. What is not ours, or stays, was not deleted.
func (c *client) WaitForDelete(resources kube.ResourceList, timeout time.Duration) error {
	ctx, cancel := c.o.within(timeout)
	defer cancel()
	for _, info := range resources {
		if found := c.going[info]; found != nil {
			if err := c.o.awaitDeletion(ctx, info, found); err != nil {
				return err
			}
		}
	}
	return nil
}

// Wait waits until all of the objects are ready.
func (c *client) Wait(resources kube.ResourceList, timeout time.Duration) error {
	return c.o.awaitReady(resources, timeout, false)
}

// WaitWithJobs waits until all of the objects are ready and Jobs have completed.
func (c *client) WaitWithJobs(resources kube.ResourceList, timeout time.Duration) error {
	return c.o.awaitReady(resources, timeout, true)
}

// WatchUntilReady waits until the hooks among the objects have ended, and judges them.
func (c *client) WatchUntilReady(resources kube.ResourceList, timeout time.Duration) error {
	return c.o.awaitHooks(resources, timeout)
}

// IsReachable is asked before each action, which finds out by itself.
func (c *client) IsReachable() error { return nil }

// GetPodList and OutputContainerLogsForPodList do nothing. Helm uses them to print the logs of hooks, without bound;
// they have been read by then.
func (c *client) GetPodList(string, metav1.ListOptions) (*corev1.PodList, error) {
	return &corev1.PodList{}, nil
}

// OutputContainerLogsForPodList does nothing: see GetPodList.
func (c *client) OutputContainerLogsForPodList(*corev1.PodList, string, func(namespace, pod, container string) io.Writer) error {
	return nil
}
