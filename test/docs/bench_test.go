package docs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"

	"github.com/saltside/soak-operator/hack/cluster"
	"github.com/saltside/soak-operator/hack/cluster/clustertest"
	"github.com/saltside/soak-operator/hack/operator"
)

const (
	chartFolder = "../../hack/cluster/testdata/everything"
	// patience is how long a command of the pages may take.
	patience = 5 * time.Minute
	// shutdownLimit is how long the operator may take to end.
	shutdownLimit = 30 * time.Second
)

// shared is the cluster with the operator on it, once a test has asked for it.
var shared struct {
	sync.Mutex
	cluster *cluster.Cluster
	process *operator.Process
	folder  string
}

// onCluster returns the cluster, with the operator running as a process of this machine.
func onCluster(t *testing.T) *cluster.Cluster {
	t.Helper()
	target := clustertest.Shared(t, "simulated:2")
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil {
		if err := startOperator(target); err != nil {
			t.Fatal(err)
		}
		shared.cluster = target
	}
	return target
}

func startOperator(target *cluster.Cluster) error {
	ctx := context.Background() // It goes on when the test that was first has ended.
	folder, err := os.MkdirTemp("", "soak-docs-")
	if err != nil {
		return err
	}
	shared.folder = folder
	program := filepath.Join(folder, "manager")
	if err := operator.Build(ctx, program); err != nil {
		return err
	}
	kubeconfig, err := operator.Install(ctx, target)
	if err != nil {
		return err
	}
	shared.process, err = operator.Start(ctx, operator.Options{Binary: program, Kubeconfig: kubeconfig, Folder: folder})
	return err
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.process != nil {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
		if err := shared.process.Stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "the operator did not end well:", err, shared.process.Log())
			code = 1
		}
		cancel()
	}
	if code == 0 {
		_ = os.RemoveAll(shared.folder) // Only a temporary folder is left if it fails.
	}
	os.Exit(code)
}

// place is where the commands and manifests of one page are tried: namespaces of its own in the role of those that the
// page names.
type place struct {
	t       *testing.T
	cluster *cluster.Cluster
	// names of the namespaces, by those in the page.
	names map[string]string
	// folder that commands are run in, so that one finds the files of another.
	folder string
}

var places atomic.Int32

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, cluster: onCluster(t), names: map[string]string{}, folder: t.TempDir()}
	number := places.Add(1)
	for _, name := range []string{"soak", "sandbox", "production"} {
		p.names[name] = fmt.Sprintf("docs-%d-%d-%s", os.Getpid(), number, name)
		p.must("kubectl create namespace " + p.names[name])
	}
	t.Cleanup(p.remove)
	return p
}

// namespaceSaid finds where a page names a namespace.
var namespaceSaid = regexp.MustCompile(`(-n |--namespace[ =]|namespace[ /]|namespace: |allowed-from=)(soak|sandbox|production)($|[^-\w.])`)

// localized is a text of the page with the namespaces of this place.
func (p *place) localized(text string) string {
	return namespaceSaid.ReplaceAllStringFunc(text, func(said string) string {
		part := namespaceSaid.FindStringSubmatch(said)
		return part[1] + p.names[part[2]] + part[3]
	})
}

// run a command in a shell, as the reader of the page does. It returns what that prints.
func (p *place) run(ctx context.Context, line string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "sh", "-eu", "-c", p.localized(line))
	shell.Dir = p.folder
	shell.Env = append(os.Environ(), "KUBECONFIG="+p.cluster.Kubeconfig(),
		"PATH="+p.cluster.Tools()+string(os.PathListSeparator)+os.Getenv("PATH"))
	var output, complaint strings.Builder
	shell.Stdout, shell.Stderr = &output, &complaint
	if err := shell.Run(); err != nil {
		return output.String(), fmt.Errorf("$ %s\n%s%s%w", shell.Args[3], output.String(), complaint.String(), err)
	}
	return output.String(), nil
}

func (p *place) must(line string) {
	p.t.Helper()
	if _, err := p.run(p.t.Context(), line); err != nil {
		p.t.Fatal(err)
	}
}

// prepare does what the README tells to do before the first experiment: the account, its rights, and the chart.
func (p *place) prepare() {
	p.t.Helper()
	for _, line := range []string{
		"kubectl label namespace sandbox soak.saltside.io/allowed-from=soak",
		"kubectl label namespace production soak.saltside.io/allowed-from=soak",
		"kubectl create serviceaccount soak-runner --namespace soak",
		"kubectl create rolebinding soak-runner --namespace sandbox --clusterrole admin --serviceaccount " + p.names["soak"] + ":soak-runner",
		"kubectl create rolebinding soak-runner --namespace soak --clusterrole admin --serviceaccount " + p.names["soak"] + ":soak-runner",
	} {
		p.must(line)
	}
	loaded, err := loader.Load(chartFolder)
	if err != nil {
		p.t.Fatal(err)
	}
	packed, err := chartutil.Save(loaded, p.t.TempDir())
	if err != nil {
		p.t.Fatal(err)
	}
	p.must("kubectl create configmap shop-chart --namespace soak --from-file shop-1.0.0.tgz=" + packed)
}

// remove takes all away. What went wrong must have been seen by then.
func (p *place) remove() {
	ctx := context.WithoutCancel(p.t.Context())
	if p.t.Failed() {
		seen, err := p.run(ctx, "kubectl get soak,soakruns,soakcells -n soak -o wide; kubectl get events -n soak")
		p.t.Logf("%s%v\nthe operator's log: %s", seen, err, shared.process.Log())
	}
	for _, line := range []string{
		"kubectl annotate soak --all -n soak --overwrite soak.saltside.io/abandon='end of test'",
		"kubectl delete soak --all -n soak --wait=false",
		"kubectl delete namespace --wait=false " + p.names["soak"] + " " + p.names["sandbox"] + " " + p.names["production"],
		"kubectl delete pods --all -n sandbox --force --grace-period=0 --wait=false",
	} {
		if _, err := p.run(ctx, line); err != nil {
			p.t.Errorf("clean up: %v", err)
		}
	}
}
