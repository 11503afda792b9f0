package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// fence says whether this process may still act as the leader. It goes by when it last asked for the lease and got it,
// on its own monotonic clock: a process that was frozen learns at once that its time is over, before it has heard from
// anybody else.
//
// It is the lock that the leader is elected with, so that it sees each renewal.
type fence struct {
	resourcelock.Interface
	// length of the time for which the lease is taken for ours, counted from before it was asked for.
	length time.Duration

	lock sync.Mutex
	// until is when the lease is over; zero if this process does not hold it.
	until time.Time
}

// namespaceFile names the namespace of a pod, in the pod.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// ownNamespace is the one that was said, or else that of the pod; empty if this is none.
func ownNamespace(said string) (string, error) {
	if said != "" {
		return said, nil
	}
	content, err := os.ReadFile(namespaceFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the namespace of the pod: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

// newFence returns the lock for a lease in the namespace.
func newFence(connection *rest.Config, namespace string) (*fence, error) {
	if namespace == "" {
		return nil, errors.New("outside of a pod, give --leader-election-namespace")
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	connection = rest.CopyConfig(connection)
	connection.Timeout = renewDeadline / 2 // One request that hangs must not cost the lease.
	client, err := coordinationv1client.NewForConfig(connection)
	if err != nil {
		return nil, err
	}
	return &fence{length: renewDeadline, Interface: &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name},
		Client:     client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: host + "_" + string(uuid.NewUUID())},
	}}, nil
}

var errNotLeading = errors.New("the lease is over: this process does not lead any more")

// check returns an error if the lease is over, or somebody else's.
func (f *fence) check() error {
	f.lock.Lock()
	defer f.lock.Unlock()
	if !time.Now().Before(f.until) {
		return errNotLeading
	}
	return nil
}

// guard keeps requests that change something from being sent once the lease is over. A process that was frozen would
// else go on for as long as it takes it to find out, and undo what the one that leads now has written.
func (f *fence) guard(base http.RoundTripper) http.RoundTripper {
	return guarded{fence: f, base: base}
}

type guarded struct {
	fence *fence
	base  http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (g guarded) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet && request.Method != http.MethodHead {
		if err := g.fence.check(); err != nil {
			return nil, err
		}
	}
	return g.base.RoundTrip(request)
}

// Create implements [resourcelock.Interface].
func (f *fence) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	asked := time.Now()
	return f.note(asked, record, f.Interface.Create(ctx, record))
}

// Update implements [resourcelock.Interface].
func (f *fence) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	asked := time.Now()
	if record.HolderIdentity != f.Identity() { // It is about to be given up.
		f.set(time.Time{})
	}
	return f.note(asked, record, f.Interface.Update(ctx, record))
}

func (f *fence) note(asked time.Time, record resourcelock.LeaderElectionRecord, err error) error {
	if err == nil && record.HolderIdentity == f.Identity() {
		f.set(asked.Add(f.length))
	}
	return err
}

func (f *fence) set(until time.Time) {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.until = until
}
