package release_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/saltside/soak-operator/hack/cluster/clustertest"
	"github.com/saltside/soak-operator/internal/plan"
	"github.com/saltside/soak-operator/internal/release"
)

// Every step, with an API server that is dead, frozen, and away for a while: none may be judged.
func TestH6OutageIsNobodysFailure(t *testing.T) {
	c := clustertest.Start(t, "simulated:1")
	f := newFixtureOn(t, c)
	never := f.built(shop(t, nil), values{"web": values{"outcome": "never-ready"}})
	steps := map[string]func(time.Duration) plan.Outcome{
		"clean":   f.clean,
		"build":   func(time.Duration) plan.Outcome { _, outcome := f.build(shop(t, nil), nil); return outcome },
		"install": func(limit time.Duration) plan.Outcome { return f.install(never, limit) },
		"test":    func(limit time.Duration) plan.Outcome { return f.test(never, limit) },
	}

	if err := c.Kill("kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	for name, step := range steps {
		if outcome := step(short); outcome.Result != plan.Errored {
			t.Errorf("%s without an API server: %+v, want Errored", name, outcome)
		}
	}
	if err := c.Restart(t.Context(), "kube-apiserver"); err != nil {
		t.Fatal(err)
	}

	// Away for a while in the middle of a wait, and there again at its end: what was not reached in time may have been
	// missed for that.
	ended := make(chan plan.Outcome)
	go func() { ended <- f.install(never, 25*time.Second) }()
	f.eventually(func() bool { return f.runs("shop-web") })
	if err := c.Kill("kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	<-time.After(2 * time.Second)
	if err := c.Restart(t.Context(), "kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	f.want(<-ended, plan.Errored, release.ReasonUnobserved, "nothing could be seen")

	// And what is reached in spite of it counts.
	f.target.Attempt = 2
	f.want(f.clean(limit), plan.Succeeded, "")
	slow := f.built(shop(t, nil), values{"web": values{"startDelay": "5s"}})
	go func() { ended <- f.install(slow, 2*time.Minute) }()
	f.eventually(func() bool { return strings.Contains(f.ours("pods"), "shop-web") })
	if err := c.Kill("kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	if err := c.Restart(t.Context(), "kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	f.want(<-ended, plan.Succeeded, "")
}

// Many cells at once, through one Helm and from one chart: nothing of one gets into another, and what is shared is made
// once.
func TestH13H14CellsShareWithoutMixing(t *testing.T) {
	f := newLoneFixture(t)
	source := shop(t, map[string]string{
		"Chart.yaml":                 "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies: [{name: db, version: 1.0.0, condition: db.enabled}]\n",
		"charts/db/Chart.yaml":       "apiVersion: v2\nname: db\nversion: 1.0.0\n",
		"charts/db/templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-db}\n",
	})
	const cells, rounds = 6, 3
	var running sync.WaitGroup
	for i := range cells {
		running.Go(func() {
			cell := *f
			name := fmt.Sprintf("shop-%d", i)
			cell.target.Release, cell.target.Cell, cell.target.Market = name, f.target.Cell+name, name
			for round := range rounds {
				cell.target.Attempt = int32(round + 1)
				sealed, outcome := cell.build(source, values{"market": name, "db": values{"enabled": i%2 == 0}})
				if outcome.Result != plan.Succeeded {
					t.Errorf("%s: %+v", name, outcome)
					return
				}
				for step, outcome := range map[string]plan.Outcome{
					"1 install": cell.install(sealed, limit), "2 test": cell.test(sealed, limit),
				} {
					if outcome.Result != plan.Succeeded {
						t.Errorf("%s, %s: %+v", name, step, outcome)
					}
				}
				if got := cell.in("get", "configmap", name+"-web", "--output=jsonpath={.data.market}"); got != name {
					t.Errorf("%s has the market of %s", name, got)
				}
				if got := cell.in("get", "configmaps", "--selector=soak.saltside.io/cell="+cell.target.Cell, "--output=name"); strings.Contains(got, "-db") != (i%2 == 0) {
					t.Errorf("%s has %s", name, got)
				}
				if outcome := cell.clean(limit); outcome.Result != plan.Succeeded {
					t.Errorf("%s: %+v", name, outcome)
				}
			}
		})
	}
	running.Wait()

	requests := f.audit()
	if got := requests["openapi"]; got != 0 {
		t.Errorf("OpenAPI documents were fetched %d times", got)
	}
	// Two in each Build, and never again: not for each object, nor each client.
	if got, most := requests["discovery"], 2*cells*rounds; got > most {
		t.Errorf("discovery was asked %d times in %d builds", got, cells*rounds)
	}
	if got := requests["own name"]; got != 0 {
		t.Errorf("%d requests were made in the operator's own name", got)
	}
	t.Logf("requests: %v", requests)
}

// audit counts what the API server was asked in the name of the fixture's service account, or by Go in nobody's.
func (f *fixture) audit() map[string]int {
	f.t.Helper()
	file, err := os.Open(f.cluster.AuditLog())
	if err != nil {
		f.t.Skip("there is no audit log")
	}
	defer file.Close() //nolint:errcheck // only read
	counts := map[string]int{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			Verb, RequestURI, UserAgent, Stage string
			ImpersonatedUser                   struct{ Username string }
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			f.t.Fatal(err)
		}
		ours := event.ImpersonatedUser.Username == "system:serviceaccount:"+f.target.Namespace+":runner"
		switch {
		case strings.HasPrefix(event.UserAgent, "release.test") && event.ImpersonatedUser.Username == "":
			counts["own name"]++
		case !ours:
		case strings.HasPrefix(event.RequestURI, "/openapi"):
			counts["openapi"]++
		case strings.HasPrefix(event.RequestURI, "/version"):
			counts["version"]++
		case strings.Count(event.RequestURI, "/") <= 3 && strings.HasPrefix(event.RequestURI, "/api"):
			counts["discovery"]++
		default:
			counts[event.Verb]++
		}
	}
	return counts
}

// An operator runs for weeks: what an iteration leaves in memory must be nothing.
func TestH13MemoryDoesNotGrow(t *testing.T) {
	f := newLoneFixture(t)
	source := shop(t, nil)
	iterate := func() {
		f.target.Attempt++
		f.want(f.clean(limit), plan.Succeeded, "")
		sealed := f.installed(source, nil)
		f.want(f.test(sealed, limit), plan.Succeeded, "")
	}
	heap := func() uint64 {
		var stats runtime.MemStats
		for range 3 {
			runtime.GC()
		}
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	for range 3 {
		iterate()
	}
	before, goroutines := heap(), runtime.NumGoroutine()
	const rounds = 8
	for range rounds {
		iterate()
	}
	after := heap()
	t.Logf("heap %d KiB, %d iterations later %d KiB", before>>10, rounds, after>>10)
	if after > before+rounds*(64<<10) {
		t.Errorf("%d iterations have left %d KiB in memory", rounds, (after-before)>>10)
	}
	if now := runtime.NumGoroutine(); now > goroutines+4 {
		t.Errorf("there were %d goroutines, there are %d", goroutines, now)
	}
}
