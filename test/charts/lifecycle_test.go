package charts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The chart is installed, tested, upgraded, uninstalled and installed anew, and no experiment is lost. Nothing runs in the
// pods here: this is about the objects.
func TestLifecycle(t *testing.T) {
	b := newBench(t, "simulated:2")
	b.helm("install", name, olderChart(t), "--wait", "--timeout", "1m")
	b.want("older", "get", "crd", "soakcells.soak.saltside.io", "-o", "jsonpath={.spec.names.shortNames[0]}")
	b.kubectl("create", "namespace", "soak")
	if err := b.cluster.Apply(t.Context(), strings.NewReader(experiment)); err != nil {
		t.Fatal(err)
	}

	b.helm("upgrade", name, chart, "--wait", "--timeout", "1m", "--set", "replicas=3,maxConcurrentOperations=5")
	b.want("soakcell", "get", "crd", "soakcells.soak.saltside.io", "-o", "jsonpath={.spec.names.shortNames[0]}")
	b.want("3 --max-concurrent-operations=5", "get", "deployment", name, "--namespace", name,
		"-o", "jsonpath={.status.readyReplicas} {.spec.template.spec.containers[0].args[0]}")
	if output := b.helm("test", name, "--timeout", "1m"); !strings.Contains(output, "Phase:          Succeeded") {
		t.Errorf("helm test printed %s", output)
	}
	if output, err := b.cluster.Helm(t.Context(), "install", "second", chart, "--namespace", "soak", "--set", "crds.install=false"); err == nil {
		t.Errorf("a second operator was installed: %s", output)
	}

	b.helm("uninstall", name, "--wait", "--timeout", "1m")
	b.want("", "get", "clusterroles,clusterrolebindings", "--selector", "app.kubernetes.io/name="+name, "-o", "name")
	b.want("classifieds", "get", "soakexperiments", "--namespace", "soak", "-o", "jsonpath={.items[*].metadata.name}")

	b.helm("install", name, chart, "--wait", "--timeout", "1m")
	b.want("classifieds", "get", "soakexperiments", "--namespace", "soak", "-o", "jsonpath={.items[*].metadata.name}")
}

const experiment = `
apiVersion: soak.saltside.io/v1alpha1
kind: SoakExperiment
metadata: {name: classifieds, namespace: soak}
spec:
  serviceAccountName: runner
  chart: {configMap: {name: chart, key: chart.tgz}}
  markets: [{name: ikman}]
  environments: [{name: sandbox}]
`

// olderChart is a copy of the chart in which one of the kinds is another.
func olderChart(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(folder, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "templates", "crds", "soak.saltside.io_soakcells.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	older := strings.Replace(string(content), "- soakcell\n", "- older\n", 1)
	if older == string(content) {
		t.Fatal("the kind has no short name to change")
	}
	if err := os.WriteFile(file, []byte(older), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// The roles for people become part of the cluster's own.
func TestRolesForPeople(t *testing.T) {
	b := newBench(t, "none")
	b.helm("install", name, chart)
	for _, role := range []string{"view", "edit", "admin"} {
		b.kubectl("create", "rolebinding", role, "--namespace", "default", "--clusterrole", role, "--user", role)
	}
	b.awaitRight("admin", "delete", "soakcells") // The controller manager brings them together, one after the other.
	b.awaitRight("edit", "create", "soakexperiments")
	b.awaitRight("view", "get", "soakexperiments")
	for _, test := range []struct {
		verb, resource string
		view, edit     bool
	}{
		{"watch", "soakexperiments", true, true},
		{"list", "soakruns", true, true},
		{"get", "soakcells", true, true},
		{"create", "soakexperiments", false, true},
		{"delete", "soakexperiments", false, true},
		{"patch", "soakcells", false, false},
		{"delete", "soakruns", false, false},
	} {
		for who, want := range map[string]bool{"view": test.view, "edit": test.edit, "admin": true} {
			if got := b.may(who, test.verb, test.resource); got != want {
				t.Errorf("%s may %s %s: %t, want %t", who, test.verb, test.resource, got, want)
			}
		}
	}
	for _, kind := range []string{"soakexperiments", "soakruns", "soakcells"} {
		if b.may("admin", "update", kind, "--subresource=status") {
			t.Errorf("admin may update the status of %s, which is the operator's", kind)
		}
	}
}

// may asks the API server what a user may do in the namespace default.
func (b bench) may(user, verb, resource string, flags ...string) bool {
	b.t.Helper()
	answer, err := b.cluster.Kubectl(b.t.Context(), append([]string{"auth", "can-i", verb, resource, "--namespace", "default", "--as", user}, flags...)...)
	if answer = strings.TrimSpace(answer); answer != "yes" && answer != "no" { // "no" is an error too
		b.t.Fatalf("answer %q: %v", answer, err)
	}
	return answer == "yes"
}

// awaitRight waits until a user may do that: nothing announces it.
func (b bench) awaitRight(user, verb, resource string) {
	b.t.Helper()
	const patience, pause = time.Minute, 100 * time.Millisecond
	for range patience / pause {
		if b.may(user, verb, resource) {
			return
		}
		<-time.After(pause)
	}
	b.t.Fatalf("after %s, %s may still not %s %s", patience, user, verb, resource)
}
