package e2e

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// freeAddress is one that nobody listened on a moment ago.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nothing is waited for
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// Metrics say what the tally says, to those who may get them.
func TestMetrics(t *testing.T) {
	t.Parallel()
	b := onSharedBench(t)
	e := newExperiment(t, b)
	e.Spec.Stop.MaxIterations = 2
	e.apply()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 2})

	b.kubectl(t, "create", "serviceaccount", "scraper", "-n", e.Namespace)
	token := strings.TrimSpace(b.kubectl(t, "create", "token", "scraper", "-n", e.Namespace))
	for _, test := range []struct {
		token string
		want  int
	}{{"", http.StatusUnauthorized}, {token, http.StatusForbidden}} {
		if status, _ := b.scrape(t, test.token); status != test.want {
			t.Errorf("status %d, want %d", status, test.want)
		}
	}
	allowed := e.allowMetrics("scraper")
	status, metrics := b.scrape(t, allowed)
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	for _, line := range []string{
		`soak_iterations{experiment="shop",namespace="` + e.Namespace + `",verdict="Passed"} 2`,
		`soak_cell_iterations{environment="sandbox",experiment="shop",market="ikman",namespace="` + e.Namespace + `",verdict="Passed"} 2`,
		`soak_condition{experiment="shop",namespace="` + e.Namespace + `",type="Finished"} 1`,
		`soak_step_duration_seconds_count{result="Succeeded",step="Install"}`,
		`go_build_info{`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("there is no %s", line)
		}
	}
	b.kubectl(t, "delete", "soak", e.Name, "-n", e.Namespace, "--timeout=60s")
	b.awaitNoMetricsOf(t, e.Namespace, allowed)
}

// allowMetrics lets an account of the experiment's namespace get the metrics, and returns a token of it.
func (e *experiment) allowMetrics(account string) (token string) {
	e.t.Helper()
	binding := e.Namespace + "-metrics"
	e.bench.kubectl(e.t, "create", "clusterrolebinding", binding, "--clusterrole=soak-operator-metrics-reader", "--serviceaccount="+e.Namespace+":"+account)
	e.t.Cleanup(func() {
		if _, err := e.bench.cluster.Kubectl(context.Background(), "delete", "clusterrolebinding", binding); err != nil {
			e.t.Error(err)
		}
	})
	return strings.TrimSpace(e.kubectl("create", "token", account, "--duration=1h")) // another than before: a refusal is remembered for a while
}

// awaitNoMetricsOf waits until the operator's cache, from which the metrics are read, has heard that all experiments of
// the namespace are gone: kubectl may hear it earlier.
func (b *bench) awaitNoMetricsOf(t *testing.T, namespace, token string) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		status, metrics := b.scrape(t, token)
		if status == http.StatusOK && !strings.Contains(metrics, namespace) {
			return
		}
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatal("the metrics have not gone away with the experiment")
		}
	}
}

func (b *bench) scrape(t *testing.T, token string) (status int, metrics string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+b.metrics+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // It has signed for itself.
	response, err := insecure.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}
