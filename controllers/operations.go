package controllers

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/saltside/soak-operator/internal/operation"
)

// shutdownLimit is how long the operations that go on have to end when the operator goes down.
const shutdownLimit = 20 * time.Second

// shutdown stops all operations when the manager stops, before it gives up its lease.
type shutdown struct {
	runner *operation.Runner
}

// Start implements [manager.Runnable].
func (s shutdown) Start(ctx context.Context) error {
	<-ctx.Done()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownLimit)
	defer cancel()
	return s.runner.Shutdown(limited)
}

// wakeUp has a cell looked at when an operation of it has ended.
type wakeUp struct {
	lock  sync.Mutex
	queue workqueue.TypedRateLimitingInterface[ctrl.Request]
}

// connect is told of the queue when the controller starts.
func (w *wakeUp) connect(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.queue = queue
	return nil
}

func (w *wakeUp) add(cell types.NamespacedName) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.queue != nil { // No operation is started before the controller is.
		w.queue.Add(ctrl.Request{NamespacedName: cell})
	}
}
