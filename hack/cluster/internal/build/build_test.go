package build

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// module writes a Go module that prints a word and returns a builder of it.
func module(t *testing.T, source string) (Builder, *bytes.Buffer) {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string]string{"go.mod": "module example.com/word\n\ngo 1.26.0\n", "main.go": source} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	return Builder{Source: folder, Target: filepath.Join(folder, ".local"), Log: &log}, &log
}

const sayOne = `package main

func main() { println("one") }
`

var word = Component{Name: "word", Purpose: "a test", Takes: "a moment", Module: ".", Packages: []string{"."}, Static: true}

func TestGetBuildsOnce(t *testing.T) {
	builder, log := module(t, sayOne)
	var wait sync.WaitGroup
	folders := make([]string, 3)
	for i := range folders {
		wait.Go(func() {
			folder, err := builder.Get(t.Context(), word)
			if err != nil {
				t.Error(err)
			}
			folders[i] = folder
		})
	}
	wait.Wait()
	if got := strings.Count(log.String(), "Building word: a test."); got != 1 {
		t.Errorf("built %d times: %s", got, log)
	}
	if folders[0] != folders[1] || folders[1] != folders[2] {
		t.Errorf("got different folders: %v", folders)
	}
	if got := say(t, folders[0]); got != "one\n" {
		t.Errorf("it says %q", got)
	}
}

func TestGetBuildsAgainWhenSourcesChange(t *testing.T) {
	builder, _ := module(t, sayOne)
	first, err := builder.Get(t.Context(), word)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(sayOne, "one", "two")
	if err := os.WriteFile(filepath.Join(builder.Source, "main.go"), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	// A component whose name begins alike must survive the removal of what is older, and so must what is in use or new.
	other := filepath.Join(builder.Target, "word-list-0123456789ab")
	used := filepath.Join(builder.Target, "word-00000000000a")
	fresh := filepath.Join(builder.Target, "word-00000000000b")
	for _, folder := range []string{other, used, fresh} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	longAgo := time.Now().Add(-spared)
	for _, folder := range []string{first, other, used} {
		if err := os.Chtimes(folder, longAgo, longAgo); err != nil {
			t.Fatal(err)
		}
	}
	builder.InUse = func(folder string) (bool, error) { return folder == used, nil }
	second, err := builder.Get(t.Context(), word)
	if err != nil {
		t.Fatal(err)
	}
	if got := say(t, second); got != "two\n" {
		t.Errorf("it says %q", got)
	}
	if present(first) {
		t.Errorf("the older %s is left", first)
	}
	for _, folder := range []string{other, used, fresh} {
		if !present(folder) {
			t.Errorf("%s is gone", folder)
		}
	}
}

func TestGetShowsWhatTheCompilerSays(t *testing.T) {
	builder, _ := module(t, "package main\n\nfunc main() { println(nowhere) }\n")
	_, err := builder.Get(t.Context(), word)
	if err == nil || !strings.Contains(err.Error(), "undefined: nowhere") {
		t.Errorf("got %v, want what the compiler says", err)
	}
	if left, err := filepath.Glob(filepath.Join(builder.Target, "word-????????????")); err != nil || len(left) > 0 {
		t.Errorf("a failed build left %v (%v)", left, err)
	}
}

func TestGetStopsWithItsContext(t *testing.T) {
	builder, _ := module(t, sayOne)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := builder.Get(ctx, word); err == nil {
		t.Error("a build went on without its context")
	}
}

// What a server says its version is must be what it is.
func TestKubernetesVersion(t *testing.T) {
	mod, err := os.ReadFile("../../components/kubernetes/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "k8s.io/kubernetes " + kubernetesVersion + "\n"; !strings.Contains(string(mod), want) {
		t.Errorf("components/kubernetes/go.mod does not contain %q", want)
	}
	major, rest, _ := strings.Cut(strings.TrimPrefix(kubernetesVersion, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	for _, want := range []string{"gitMajor=" + major, "gitMinor=" + minor} {
		if !strings.Contains(Kubernetes.LDFlags, want) {
			t.Errorf("the linker flags %q do not contain %q", Kubernetes.LDFlags, want)
		}
	}
}

func say(t *testing.T, folder string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(folder, "word")).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
