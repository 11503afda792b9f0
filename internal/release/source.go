package release

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// pageSize is how many objects are listed at a time.
const pageSize = 500

// source is a set of objects to look at.
type source struct {
	mapping   *meta.RESTMapping
	namespace string
	// labels and fields select the objects, as in a list.
	labels, fields string
	// whole asks for all of each object, rather than its metadata.
	whole bool
}

func (s source) kind() string { return s.mapping.GroupVersionKind.Kind }

// listerWatcher is what the clients for whole objects and for metadata have in common.
type listerWatcher struct {
	list  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
}

func (o *operation) listerWatcher(s source) listerWatcher {
	if s.whole {
		return listerWatcher{
			list: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
				return o.dynamic.Resource(s.mapping.Resource).Namespace(s.namespace).List(ctx, options)
			},
			watch: o.watchDynamic.Resource(s.mapping.Resource).Namespace(s.namespace).Watch,
		}
	}
	return listerWatcher{
		list: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return o.metadata.Resource(s.mapping.Resource).Namespace(s.namespace).List(ctx, options)
		},
		watch: o.watchMetadata.Resource(s.mapping.Resource).Namespace(s.namespace).Watch,
	}
}

// list reads a source once, as it is now, and returns the version of the list.
func (o *operation) list(ctx context.Context, s source) (map[types.UID]metav1.Object, string, error) {
	objects := map[types.UID]metav1.Object{}
	options := metav1.ListOptions{LabelSelector: s.labels, FieldSelector: s.fields, Limit: pageSize}
	for {
		page, err := o.listerWatcher(s).list(ctx, options)
		if err != nil {
			return nil, "", fmt.Errorf("list %s: %w", s.mapping.Resource.Resource, err)
		}
		err = meta.EachListItem(page, func(item runtime.Object) error {
			object, err := meta.Accessor(item)
			if err == nil {
				objects[object.GetUID()] = object
			}
			return err
		})
		if err != nil {
			return nil, "", fmt.Errorf("list %s: %w", s.mapping.Resource.Resource, err)
		}
		list, err := meta.ListAccessor(page)
		if err != nil {
			return nil, "", fmt.Errorf("list %s: %w", s.mapping.Resource.Resource, err)
		}
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return objects, list.GetResourceVersion(), nil
		}
	}
}
