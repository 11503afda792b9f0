package e2e

import (
	"context"
	"flag"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/operator"
)

var previous = flag.String("previous", "", "git revision of the operator that is upgraded from, with its CRDs and rights; this one if empty")

// The operator is replaced in the middle of an iteration, and the CRDs with it, by those of a version that knows a field
// more. The tally goes on as if nothing had happened.
func TestUpgradeInTheMiddleOfAnIteration(t *testing.T) {
	t.Parallel()
	b := onBench(t, simulatedNodes)
	current := b.options.Binary
	if *previous != "" {
		b.downgrade(t, *previous)
	}
	e := newExperiment(t, b)
	e.Spec.Stop.MaxIterations = 4
	e.apply()
	passedIn(e, 1)
	e.awaitStepOf(soakv1alpha1.StepInstall, 2)
	b.addField(t)
	b.restart(t, func(options *operator.Options) { options.Binary = current })
	object := e.awaitFinished()
	if tally := object.Status.Tally; tally.Passed != 4 || tally.Failed != 0 || tally.Errored != 0 {
		t.Errorf("the tally is %+v", tally)
	}
	if object.Status.Run.Number != 1 {
		t.Errorf("a default of the new version has started run %d", object.Status.Run.Number)
	}
	e.awaitCleaned()
	e.wantNothingLeft()
}

// addField gives each kind what it has now, and a field more.
func (b *bench) addField(t *testing.T) {
	t.Helper()
	if _, err := operator.Install(t.Context(), b.cluster); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"soakexperiments", "soakruns", "soakcells"} {
		b.kubectl(t, "patch", "crd", kind+".soak.saltside.io", "--type=json", "-p",
			`[{"op":"add","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/future","value":{"type":"string","default":"known"}}]`)
	}
}

// downgrade to the operator of a revision, with its CRDs and rights and no others.
func (b *bench) downgrade(t *testing.T, revision string) {
	t.Helper()
	root, err := operator.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	then := filepath.Join(t.TempDir(), "then")
	do := func(ctx context.Context, program string, arguments ...string) {
		t.Helper()
		command := exec.CommandContext(ctx, program, arguments...)
		command.Dir = root
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", program, strings.Join(arguments, " "), err, output)
		}
	}
	do(t.Context(), "git", "worktree", "add", "--detach", then, revision)
	t.Cleanup(func() { do(context.Background(), "git", "worktree", "remove", "--force", then) })
	do(t.Context(), "go", "build", "-C", then, "-o", "then", "./cmd/manager")
	for _, part := range []string{"crd", "rbac"} {
		b.kubectl(t, "replace", "-k", filepath.Join(then, "config", part))
	}
	b.restart(t, func(options *operator.Options) { options.Binary = filepath.Join(then, "then") })
}
