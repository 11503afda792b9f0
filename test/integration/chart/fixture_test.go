// Package chart_test reads charts and values from a real API server, in the name of service accounts with few rights.
package chart_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/cluster"
	"github.com/saltside/soak-operator/hack/cluster/clustertest"
	"github.com/saltside/soak-operator/internal/chart"
	"github.com/saltside/soak-operator/internal/plan"
)

// canary is in every Secret, and must never be in a message.
const canary = "hunter2"

var fixtures atomic.Int32

// fixture is a namespace with a chart, a Secret, and a service account that may read ConfigMaps there.
type fixture struct {
	t         *testing.T
	cluster   *cluster.Cluster
	namespace string
	// config is that of an operator who may act as the account, and do nothing else.
	config *rest.Config
	charts *chart.Charts
	inputs *soakv1alpha1.Inputs
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	f := &fixture{t: t, cluster: clustertest.Shared(t, "none"), namespace: fmt.Sprintf("chart-%d-%d", os.Getpid(), fixtures.Add(1))}
	f.kubectl("create", "namespace", f.namespace)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := f.cluster.Kubectl(ctx, "delete", "namespace", f.namespace, "--wait=false"); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	f.apply(`
apiVersion: v1
kind: ServiceAccount
metadata: {name: runner}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: operator}
---
` + role("operator", "operator", "serviceaccounts", "impersonate") + role("configmaps", "runner", "configmaps", "get") + secretOf("password: "+canary))
	f.store("1.0.0")
	f.config = f.as("operator")
	f.charts = chart.New(f.config)
	f.inputs = &soakv1alpha1.Inputs{
		ServiceAccountName: "runner",
		Chart:              soakv1alpha1.ChartSource{ConfigMap: soakv1alpha1.ConfigMapChart{Name: "shop-chart", Key: "shop.tgz"}},
		Markets:            []soakv1alpha1.Market{{Name: "ikman"}},
		Environments:       []soakv1alpha1.Environment{{Name: "sandbox"}},
	}
	return f
}

// role gives a service account a right in its namespace.
func role(name, account, resource, verb string) string {
	return fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: %[1]s}
rules:
- {apiGroups: [""], resources: [%[3]s], verbs: [%[4]s]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: %[1]s}
subjects:
- {kind: ServiceAccount, name: %[2]s}
---
`, name, account, resource, verb)
}

// secretOf keeps values.
func secretOf(values string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: shared}\nstringData:\n  values.yaml: |\n    %s\n---\n",
		strings.ReplaceAll(values, "\n", "\n    "))
}

// withSecret makes the inputs refer to the Secret, which the account may read from now on.
func (f *fixture) withSecret() {
	f.t.Helper()
	f.apply(role("secrets", "runner", "secrets", "get"))
	f.inputs.ValuesFrom = []soakv1alpha1.ValuesReference{{Kind: soakv1alpha1.ValuesKindSecret, Name: "shared", Key: "values.yaml"}}
}

// as is a configuration that has the token of a service account.
func (f *fixture) as(account string) *rest.Config {
	f.t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", f.cluster.Kubeconfig())
	if err != nil {
		f.t.Fatal(err)
	}
	config = rest.AnonymousClientConfig(config)
	config.BearerToken = f.in("create", "token", account)
	return config
}

func (f *fixture) kubectl(args ...string) string {
	f.t.Helper()
	out, err := f.cluster.Kubectl(f.t.Context(), args...)
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// in runs kubectl in the namespace.
func (f *fixture) in(args ...string) string {
	f.t.Helper()
	return f.kubectl(append(args, "--namespace", f.namespace)...)
}

func (f *fixture) apply(manifests string) {
	f.t.Helper()
	f.in("apply", "--filename", f.file("manifests.yaml", []byte(manifests)))
}

func (f *fixture) file(name string, content []byte) string {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// store puts a version of the chart where the inputs say that it is.
func (f *fixture) store(version string) {
	f.t.Helper()
	f.in("delete", "configmap", "shop-chart", "--ignore-not-found")
	f.in("create", "configmap", "shop-chart", "--from-file=shop.tgz="+f.file("shop.tgz", packaged(f.t, version)))
}

// packaged is a chart that renders the values that it is given.
func packaged(t *testing.T, version string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	for _, file := range []struct{ name, content string }{
		{"shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: " + version + "\ndependencies: [{name: store, version: 1.0.0}]\n"},
		{"shop/values.yaml", "web: {image: {name: web, tag: v1}, port: 80, probe: {path: /}}\nhosts: [a, b]\nstore: {size: 1}\n"},
		{"shop/templates/values.yaml", "values:\n{{ .Values | toYaml | indent 2 }}\nbig: {{ .Values.big }} {{ .Values.web.port }}\n"},
		{"shop/charts/store/Chart.yaml", "apiVersion: v2\nname: store\nversion: 1.0.0\n"},
		{"shop/charts/store/values.yaml", "size: 2\nclass: standard\nlimits: {cpu: 1, memory: 1}\n"},
		{"shop/charts/store/templates/values.yaml", "values:\n{{ .Values | toYaml | indent 2 }}\n"},
	} {
		if err := archive.WriteHeader(&tar.Header{Name: file.name, Mode: 0o600, Size: int64(len(file.content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(file.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// resolve looks up what the inputs refer to, which must not fail, and checks that it tells no secret.
func (f *fixture) resolve() plan.References {
	f.t.Helper()
	found, err := f.charts.Resolve(f.t.Context(), f.namespace, f.inputs, "")
	if err != nil {
		f.t.Fatal(err)
	}
	f.tellsNoSecret(found)
	return found
}

func (f *fixture) tellsNoSecret(said any) {
	f.t.Helper()
	if text := fmt.Sprintf("%+v", said); strings.Contains(text, canary) {
		f.t.Errorf("%s tells what is in the Secret", text)
	}
}

// wantProblem checks what stands in the way.
func (f *fixture) wantProblem(reason string, parts ...string) {
	f.t.Helper()
	found := f.resolve()
	if found.Problem == nil {
		f.t.Fatalf("there is no problem: %+v", found)
	}
	f.tellsNoSecret(*found.Problem)
	if found.Problem.Reason != reason {
		f.t.Errorf("reason is %s, want %s: %s", found.Problem.Reason, reason, found.Problem.Message)
	}
	f.says(found.Problem.Message, parts)
}

func (f *fixture) says(message string, parts []string) {
	f.t.Helper()
	for _, part := range parts {
		if !strings.Contains(message, part) {
			f.t.Errorf("message %q does not say %q", message, part)
		}
	}
}

// run is pinned to what the inputs refer to now.
func (f *fixture) run() *soakv1alpha1.SoakRun {
	f.t.Helper()
	found := f.resolve()
	if found.Problem != nil {
		f.t.Fatalf("problem: %+v", *found.Problem)
	}
	run := &soakv1alpha1.SoakRun{}
	run.Namespace, run.Name = f.namespace, "shop-1"
	run.Spec.Inputs = *f.inputs.DeepCopy()
	run.Spec.Pins = soakv1alpha1.Pins{Chart: found.Chart, Salt: found.Salt, Values: found.Values}
	return run
}

// wantOutcome loads for the only cell of a run and checks what comes of it.
func (f *fixture) wantOutcome(run *soakv1alpha1.SoakRun, result plan.Result, reason string, userMustAct bool, parts ...string) {
	f.t.Helper()
	loaded, outcome := f.charts.Load(f.t.Context(), run, "ikman", "sandbox")
	f.tellsNoSecret(outcome)
	if outcome.Result != result || outcome.Reason != reason || outcome.UserMustAct != userMustAct {
		f.t.Errorf("outcome is %+v, want %s %s", outcome, result, reason)
	}
	if (result == plan.Succeeded) != (loaded.Chart != nil && loaded.Values != nil) {
		f.t.Errorf("loaded %v: %+v", loaded, outcome)
	}
	f.says(outcome.Message, parts)
}
