package realnode

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestForwarder(t *testing.T) {
	node := prepared(t)
	spec := node.config.Forwarder()
	want := []string{"forward", identity(node.config.Group), "10.96.0.1:443", "127.0.0.1:6443"}
	if spec.Executable != "/bin/cluster" || !slices.Equal(spec.Args, want) {
		t.Errorf("got %+v, want %q", spec, want)
	}
}

func TestForward(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body) // the client sees how it ended
	}))
	defer server.Close()
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Forward(ctx, "lo", address, server.Listener.Addr().String()) }()

	if got, err := post(t, "http://"+address, "hello"); err != nil || got != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got, err := post(t, "http://"+address, "anybody"); err == nil {
		t.Errorf("answered %q after its end", got)
	}
}

// post waits for somebody to listen, as long as nobody does, for a second.
func post(t *testing.T, url, body string) (string, error) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for again := range 50 {
		if again > 0 {
			<-time.After(20 * time.Millisecond) // nothing announces a listener
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			return "", err
		}
		response, err := client.Do(request)
		if err != nil {
			continue
		}
		content, err := io.ReadAll(response.Body)
		_ = response.Body.Close() // it has been read
		return string(content), err
	}
	return "", fmt.Errorf("nobody listens at %s", url)
}
