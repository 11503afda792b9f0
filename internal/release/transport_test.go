package release

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// server answers /ok at once, /slow never, /bad with 503 and /busy with 429.
func server(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/bad", "/pods/x/log":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/busy":
			w.WriteHeader(http.StatusTooManyRequests)
		case "/slow":
			<-r.Context().Done()
		case "/stream":
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, client *http.Client, method, url string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, url, http.NoBody) // as Helm makes them: with no context
	if err != nil {
		t.Fatal(err)
	}
	return client.Do(request)
}

func TestRequestsEndWithTheOperation(t *testing.T) {
	s := server(t)
	for _, path := range []string{"/slow", "/stream"} {
		until, end := context.WithCancel(t.Context())
		client := &http.Client{Transport: &transport{base: s.Client().Transport, until: until, trouble: &trouble{open: map[string]error{}}}}
		time.AfterFunc(50*time.Millisecond, end)
		response, err := get(t, client, http.MethodGet, s.URL+path)
		if err == nil {
			_, err = io.ReadAll(response.Body)
			if closeErr := response.Body.Close(); closeErr != nil {
				t.Error(closeErr)
			}
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want that it was cancelled", path, err)
		}
	}
}

func TestTroubleIsRememberedUntilTheSameIsAnswered(t *testing.T) {
	s := server(t)
	tr := &transport{base: s.Client().Transport, until: t.Context(), trouble: &trouble{open: map[string]error{}}}
	client := &http.Client{Transport: tr, Timeout: 200 * time.Millisecond}
	for _, test := range []struct {
		path    string
		trouble bool
	}{{"/ok", false}, {"/pods/x/log", false}, {"/bad", true}, {"/busy", true}, {"/slow", true}} {
		if response, err := get(t, client, http.MethodGet, s.URL+test.path); err == nil {
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
		}
		if got := tr.trouble.err(); (got != nil) != test.trouble {
			t.Errorf("%s: trouble is %v", test.path, got)
		}
		tr.trouble.note(&http.Request{Method: http.MethodGet, URL: mustURL(t, s.URL+test.path)}, &http.Response{StatusCode: http.StatusOK}, nil)
		if got := tr.trouble.err(); got != nil {
			t.Errorf("%s: trouble is still %v after an answer", test.path, got)
		}
	}
}

func TestFenceLetsReadsPass(t *testing.T) {
	s := server(t)
	lost := errors.New("the lease is lost")
	client := &http.Client{Transport: &transport{
		base: s.Client().Transport, until: t.Context(), fence: func() error { return lost }, trouble: &trouble{open: map[string]error{}},
	}}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		response, err := get(t, client, method, s.URL+"/ok")
		if err == nil {
			_ = response.Body.Close()
		}
		if !errors.Is(err, errFenced) || !errors.Is(err, lost) {
			t.Errorf("%s: got %v", method, err)
		}
	}
	response, err := get(t, client, http.MethodGet, s.URL+"/ok")
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
}

func TestLinger(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	late, end := linger(ctx, 50*time.Millisecond)
	defer end()
	cancel()
	if late.Err() != nil {
		t.Error("it ends at once")
	}
	select {
	case <-late.Done():
	case <-time.After(5 * time.Second):
		t.Error("it does not end")
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	parsed, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
