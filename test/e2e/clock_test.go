package e2e

import (
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/operator"
)

//go:embed testdata/jump.go.txt
var jump string

// jumpingOperator builds the operator as it is, but for what time.Now tells it, and so all libraries: that is put on by a
// signal. What measures time, as timers and deadlines do, goes on as it does when the clock of a machine is set.
func jumpingOperator(t *testing.T) (binary string) {
	t.Helper()
	root, err := operator.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	goroot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	clock := filepath.Join(strings.TrimSpace(string(goroot)), "src", "time", "time.go")
	source, err := os.ReadFile(clock)
	if err != nil {
		t.Fatal(err)
	}
	const reads, now, imports = "\tsec, nsec, mono := runtimeNow()\n", "\nfunc Now() Time {\n", "\nimport (\n"
	if !strings.Contains(string(source), now+reads) || !strings.Contains(string(source), imports) {
		t.Fatalf("%s reads the clock in another way than this test knows of", clock)
	}
	changed := strings.Replace(string(source), now+reads, now+reads+"\tsec += Ahead.Load()\n", 1)
	changed = strings.Replace(changed, imports, imports+"\t\"sync/atomic\"\n", 1) + "\nvar Ahead atomic.Int64 // seconds\n"

	folder := filepath.Join(root, "bin", ".clock") // It stays: everything is compiled for this, and the cache goes by the paths.
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{clock: changed, filepath.Join(root, "cmd", "manager", "jump.go"): jump}
	replace := map[string]string{}
	for path, content := range files {
		replace[path] = filepath.Join(folder, filepath.Base(path))
		if err := os.WriteFile(replace[path], []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(t.TempDir(), "manager")
	// One package after the other: other tests have deadlines meanwhile.
	if err := operator.Build(t.Context(), binary, "-overlay="+file, "-p=1"); err != nil {
		t.Fatal(err)
	}
	return binary
}

// The clock of the operator's node is put on by an hour in the middle of an iteration, and back by an hour in the middle of
// another: none is thrown away for that, each is counted once, and nothing waits for an hour.
func TestClockJump(t *testing.T) {
	t.Parallel()
	b := onBench(t, simulatedNodes)
	jumping := jumpingOperator(t)
	b.restart(t, func(options *operator.Options) { options.Binary = jumping })
	e, stuck := newExperiment(t, b), newExperiment(t, b)
	e.Spec.Stop.MaxIterations, e.Spec.IterationInterval = 12, "2s"
	followed := e.followResults()
	e.apply()
	e.awaitStepOf(soakv1alpha1.StepInstall, 2)
	e.signal(syscall.SIGUSR1)
	ahead := e.await("an iteration is counted an hour ahead", func(object *soakv1alpha1.SoakExperiment) bool {
		last := object.Status.LastIterationTime
		return last != nil && time.Until(last.Time) > 50*time.Minute
	})
	b.kubectl(t, "label", "namespace", stuck.Namespace, soakv1alpha1.LabelAllowedFrom+"-")
	stuck.Spec.Stop.MaxIterations = 1000
	stuck.apply()
	stuck.awaitStalled("NamespaceNotAllowed", "kubectl label")
	stuck.awaitAttempt(2) // which waits until an hour and some seconds from now
	e.awaitStepOf(soakv1alpha1.StepInstall, ahead.Status.Iteration+1)
	e.signal(syscall.SIGUSR2)
	b.allow(t, stuck.Namespace, stuck.Namespace)

	object := e.awaitFinished()
	e.wantTally(object, soakv1alpha1.Tally{Passed: 12})
	if attempts := object.Status.Attempts; attempts != nil && *attempts != (soakv1alpha1.Attempts{}) {
		t.Errorf("attempts were thrown away: %+v", *attempts)
	}
	followed.want(map[string]int{"ikman/sandbox": 12})
	stuck.await("what was stuck has passed", func(object *soakv1alpha1.SoakExperiment) bool {
		return object.Status.Tally != nil && object.Status.Tally.Passed > 0
	})
	e.awaitCleaned()
	e.wantNothingLeft()
}
