package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// transport carries the requests of one operation. Helm's clients know no context and Helm loses errors, so both are
// seen to here, below all of it.
type transport struct {
	base http.RoundTripper
	// until is when the operation's requests must end.
	until context.Context //nolint:containedctx // Helm's interfaces take none: this is how one reaches their requests
	// fence is asked before each request that changes something.
	fence   func() error
	trouble *trouble
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if t.fence != nil && request.Method != http.MethodGet && request.Method != http.MethodHead {
		if err := t.fence(); err != nil {
			return nil, fmt.Errorf("%w: %w", errFenced, err)
		}
	}
	ctx, cancel := context.WithCancelCause(request.Context())
	stop := context.AfterFunc(t.until, func() { cancel(context.Cause(t.until)) })
	release := func() {
		stop()
		cancel(nil)
	}
	response, err := t.base.RoundTrip(request.WithContext(ctx))
	t.trouble.note(request, response, err)
	if err != nil {
		release()
		return nil, err
	}
	response.Body = &body{ReadCloser: response.Body, release: release}
	return response, nil
}

// body of a response, whose request must live until it is closed.
type body struct {
	io.ReadCloser
	release func()
}

// Close implements [io.Closer].
func (b *body) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}

// errFenced says that this process must not change anything any more.
var errFenced = errors.New("another process may have taken over")

// trouble is what the API server failed to answer, and has not answered since.
type trouble struct {
	lock sync.Mutex
	open map[string]error
}

// note keeps what went wrong, and forgets it when the same was asked again and answered.
func (t *trouble) note(request *http.Request, response *http.Response, err error) {
	if strings.HasSuffix(request.URL.Path, "/log") {
		return // the kubelet's doing: the API server only passes it on
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	what := request.Method + " " + request.URL.Path
	switch {
	case err != nil && errors.Is(request.Context().Err(), context.Canceled): // whoever asked wants no answer any more
	case err != nil:
		t.open[what] = fmt.Errorf("%s: %w", what, err)
	case response.StatusCode >= http.StatusInternalServerError,
		response.StatusCode == http.StatusTooManyRequests, response.StatusCode == http.StatusUnauthorized:
		t.open[what] = fmt.Errorf("%s: %s", what, response.Status)
	default:
		delete(t.open, what)
	}
}

// err is any of what is unanswered, or nil.
func (t *trouble) err() error {
	t.lock.Lock()
	defer t.lock.Unlock()
	for _, err := range t.open {
		return err
	}
	return nil
}

// linger returns a context that outlives another by some time, so that what came of it can still be read and written.
// The cancel function must be called.
func linger(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-late.Done():
		}
	})
	return late, func() {
		stop()
		cancel()
	}
}
