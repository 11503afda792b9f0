package release

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// retryAfter is the pause after a watch could not be had.
	retryAfter = 500 * time.Millisecond
	// settle is how long changes are gathered before they are looked at: those of many objects come in bursts.
	settle = 20 * time.Millisecond
	// requestsAtOnce is how many requests an operation makes at the same time.
	requestsAtOnce = 16
)

// view follows some sources: read once, then kept up to date by watches until it is closed.
type view struct {
	o       *operation
	sources []source
	// changed gets a value when something has, and not more than one until it is taken.
	changed chan struct{}
	close   func()
	// versions of the lists that were read.
	versions []string
	// settle is how long changes are gathered.
	settle time.Duration

	lock    sync.Mutex
	objects []map[types.UID]metav1.Object
	// deleted is how objects were when they were deleted.
	deleted map[types.UID]metav1.Object
	// gap is why something may have gone unseen for a while.
	gap error
	// refused is why a source cannot be watched at all.
	refused error
}

// read reads the sources as they are now. The view follows nothing until it is started.
func (o *operation) read(ctx context.Context, sources ...source) (*view, error) {
	v := &view{
		o: o, sources: sources, changed: make(chan struct{}, 1), close: func() {}, settle: settle,
		objects:  make([]map[types.UID]metav1.Object, len(sources)),
		versions: make([]string, len(sources)),
		deleted:  map[types.UID]metav1.Object{},
	}
	lists, ctx := errgroup.WithContext(ctx)
	lists.SetLimit(requestsAtOnce)
	for i, s := range sources {
		lists.Go(func() (err error) {
			v.objects[i], v.versions[i], err = o.list(ctx, s)
			return err
		})
	}
	if err := lists.Wait(); err != nil {
		return nil, err
	}
	return v, nil
}

// follow follows one object from how it is known on, and each of its changes is looked at. The view must be closed.
func (o *operation) follow(ctx context.Context, s source, object metav1.Object) *view {
	v := &view{
		o: o, sources: []source{s}, changed: make(chan struct{}, 1),
		objects:  []map[types.UID]metav1.Object{{object.GetUID(): object}},
		versions: []string{object.GetResourceVersion()},
		deleted:  map[types.UID]metav1.Object{},
	}
	v.start(ctx)
	return v
}

// narrow leaves out the sources that have no objects.
func (v *view) narrow() {
	sources, objects, versions := v.sources, v.objects, v.versions
	v.sources, v.objects, v.versions = nil, nil, nil
	for i := range sources {
		if len(objects[i]) > 0 {
			v.sources = append(v.sources, sources[i])
			v.objects = append(v.objects, objects[i])
			v.versions = append(v.versions, versions[i])
		}
	}
}

// look reads the sources and starts to follow them. The view must be closed.
func (o *operation) look(ctx context.Context, sources ...source) (*view, error) {
	v, err := o.read(ctx, sources...)
	if err != nil {
		return nil, err
	}
	v.start(ctx)
	return v, nil
}

// start follows the sources from what was read on.
func (v *view) start(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var watchers sync.WaitGroup
	for i := range v.sources {
		watchers.Go(func() { v.keepUp(ctx, i, v.versions[i]) })
	}
	v.close = func() {
		cancel()
		watchers.Wait()
	}
}

// keepUp keeps one source up to date.
func (v *view) keepUp(ctx context.Context, index int, version string) {
	s := v.sources[index]
	for first := true; ctx.Err() == nil; first = false {
		err := v.watch(ctx, index, &version)
		switch {
		case err == nil || ctx.Err() != nil:
			continue // the server ends watches now and then: nothing was missed
		case first && (apierrors.IsForbidden(err) || apierrors.IsMethodNotSupported(err)):
			// Only at first: a server that has just been restarted forbids what it will allow in a moment.
			v.refuse(fmt.Errorf("watch %s: %w", s.mapping.Resource.Resource, err))
			return
		case !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err):
			v.missed(fmt.Errorf("watch %s: %w", s.mapping.Resource.Resource, err))
			pause(ctx, retryAfter)
		}
		for ctx.Err() == nil {
			objects, at, err := v.o.list(ctx, s)
			if err == nil {
				version = at
				v.replace(index, objects)
				break
			}
			if ctx.Err() == nil {
				v.missed(err)
			}
			pause(ctx, retryAfter)
		}
	}
}

// watch applies the changes since the version until the server ends the watch.
func (v *view) watch(ctx context.Context, index int, version *string) error {
	s := v.sources[index]
	watcher, err := v.o.listerWatcher(s).watch(ctx, metav1.ListOptions{
		LabelSelector: s.labels, FieldSelector: s.fields, ResourceVersion: *version, AllowWatchBookmarks: true,
	})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		if event.Type == watch.Error {
			return apierrors.FromObject(event.Object)
		}
		object, err := meta.Accessor(event.Object)
		if err != nil {
			return err
		}
		*version = object.GetResourceVersion()
		if event.Type != watch.Bookmark {
			v.apply(index, event.Type, object)
		}
	}
	return nil
}

func (v *view) apply(index int, what watch.EventType, object metav1.Object) {
	v.update(func() {
		if what == watch.Deleted {
			delete(v.objects[index], object.GetUID())
			v.deleted[object.GetUID()] = object
		} else {
			v.objects[index][object.GetUID()] = object
		}
	})
}

func (v *view) replace(index int, objects map[types.UID]metav1.Object) {
	v.update(func() { v.objects[index] = objects })
}

func (v *view) missed(err error) {
	v.update(func() { v.gap = err })
}

func (v *view) refuse(err error) {
	v.update(func() { v.refused = err })
}

func (v *view) update(change func()) {
	v.lock.Lock()
	change()
	v.lock.Unlock()
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// each calls a function for every object of the view, until it returns false.
func (v *view) each(visit func(source, metav1.Object) bool) {
	v.lock.Lock()
	defer v.lock.Unlock()
	for i, objects := range v.objects {
		for _, object := range objects {
			if !visit(v.sources[i], object) {
				return
			}
		}
	}
}

// find returns the object of that UID, as it is or as it was when it was deleted.
func (v *view) find(uid types.UID) (object metav1.Object, deleted bool) {
	v.lock.Lock()
	defer v.lock.Unlock()
	for _, objects := range v.objects {
		if object, found := objects[uid]; found {
			return object, false
		}
	}
	return v.deleted[uid], true
}

// blind says why something may have gone unseen, by the watches of a view or for want of an answer, or nil. The view may be
// nil.
func (o *operation) blind(v *view) error {
	if v != nil {
		v.lock.Lock()
		defer v.lock.Unlock()
		if v.gap != nil {
			return v.gap
		}
	}
	return o.trouble.err()
}

// await calls check now and after each change until it is done or fails. It returns errOver when the context is done.
func (v *view) await(ctx context.Context, check func() (done bool, err error)) error {
	for {
		v.lock.Lock()
		refused := v.refused
		v.lock.Unlock()
		if refused != nil {
			return refused
		}
		if done, err := check(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errOver
		case <-v.changed:
			pause(ctx, v.settle)
		}
	}
}

// pause returns after a while, or when the context is done.
func pause(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
