package simulation

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// script is a story that is played by the clock: an experiment, what comes of its operations, and what happens when.
type script struct {
	change  func(*soakv1alpha1.SoakExperiment)
	outcome func(*operation) plan.Outcome
	// events happen so many seconds after the beginning.
	events []event
	// silentUntil is the iteration before which nothing is written down.
	silentUntil int32
	// last is when the play ends at the latest.
	last time.Duration
}

type event struct {
	after int
	what  string
	act   func(*player)
}

// turnLimit is how often something may happen in a script.
const turnLimit = 5000

// durations of the steps.
var durations = map[soakv1alpha1.Step]time.Duration{
	soakv1alpha1.StepClean:   20 * time.Second,
	soakv1alpha1.StepBuild:   5 * time.Second,
	soakv1alpha1.StepInstall: 40 * time.Second,
	soakv1alpha1.StepTest:    15 * time.Second,
}

var allPass = func(*operation) plan.Outcome { return plan.Outcome{Result: plan.Succeeded} }

func notReady(node string) plan.Outcome {
	return plan.Outcome{Result: plan.Failed, Reason: "ContainerCreating", Message: "not ready in time", Object: "Pod/web-5c4d8-x2x4z", Container: "web", Node: node}
}

func notDeleted(node string) plan.Outcome {
	return plan.Outcome{Result: plan.Failed, Reason: "PodsNotDeleted", Message: "still Terminating", Object: "Pod/web-5c4d8-x2x4z", Node: node}
}

var unavailable = plan.Outcome{Result: plan.Errored, Reason: "APIUnavailable", Message: "the API server did not answer"}

func iterations(limit int32) func(*soakv1alpha1.SoakExperiment) {
	return func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.Stop.MaxIterations = limit }
}

// one makes the matrix a single cell, and has so many iterations done.
func one(limit int32) func(*soakv1alpha1.SoakExperiment) {
	return func(experiment *soakv1alpha1.SoakExperiment) {
		experiment.Spec.Stop.MaxIterations = limit
		experiment.Spec.Markets, experiment.Spec.Environments = experiment.Spec.Markets[:1], experiment.Spec.Environments[:1]
	}
}

func suspend(policy soakv1alpha1.SuspendPolicy, yes bool) func(*player) {
	return func(p *player) {
		p.edit(func(experiment *soakv1alpha1.SoakExperiment) {
			experiment.Spec.Suspend, experiment.Spec.SuspendPolicy = &yes, policy
		})
	}
}

func remove(p *player) {
	if err := p.world.server.remove(p.world.experiment()); err != nil {
		p.world.violate("delete the experiment: %v", err)
	}
}

var scripts = map[string]script{
	"happy": {change: iterations(2), outcome: allPass},
	"failing-test": {change: one(3), outcome: func(operation *operation) plan.Outcome {
		if operation.id.Step == soakv1alpha1.StepTest && operation.cell.Spec.Iteration == 2 {
			return plan.Outcome{Result: plan.Failed, Reason: "TestFailed", Message: "exit code 1", Object: "Pod/test-login", Node: "node-2"}
		}
		return allPass(operation)
	}},
	"retried": {change: one(2), outcome: func(operation *operation) plan.Outcome {
		if operation.id.Attempt == 1 && operation.id.Step == soakv1alpha1.StepInstall {
			return unavailable
		}
		return allPass(operation)
	}},
	"not-judged": {change: one(2), outcome: func(operation *operation) plan.Outcome {
		if operation.cell.Spec.Iteration == 1 && operation.id.Step == soakv1alpha1.StepBuild {
			return unavailable
		}
		return allPass(operation)
	}},
	"poisoned-clean": {
		change: func(experiment *soakv1alpha1.SoakExperiment) {
			one(20)(experiment)
			three := int32(3)
			experiment.Spec.Stop.ConsecutiveFailures, experiment.Spec.CleanupDelay = &three, "10m"
		},
		outcome: func(operation *operation) plan.Outcome {
			switch {
			case operation.cell.Spec.Iteration == 2 && operation.id.Step == soakv1alpha1.StepInstall:
				return notReady("node-7")
			case operation.cell.Spec.Iteration > 2 && operation.id.Step == soakv1alpha1.StepClean:
				return notDeleted("node-7")
			default:
				return allPass(operation)
			}
		},
		last: 2 * time.Hour,
	},
	"bad-node-at-29": {
		change: one(3000), silentUntil: 28,
		outcome: func(operation *operation) plan.Outcome {
			switch iteration := operation.cell.Spec.Iteration; {
			case iteration == 29 && operation.id.Step == soakv1alpha1.StepTest:
				return plan.Outcome{Result: plan.Failed, Reason: "TestFailed", Message: "transport is closing", Object: "Pod/test-login", Node: "node-7"}
			case iteration > 29 && iteration%2 == 0 && operation.id.Step == soakv1alpha1.StepClean:
				return notDeleted("node-7")
			case iteration > 29 && operation.id.Step == soakv1alpha1.StepInstall:
				return notReady("node-7")
			default:
				return allPass(operation)
			}
		},
	},
	"suspended-between-iterations": {change: iterations(2), outcome: allPass, events: []event{
		{100, "suspend", suspend(soakv1alpha1.SuspendPolicyFinishIteration, true)},
		{1000, "resume", suspend(soakv1alpha1.SuspendPolicyFinishIteration, false)},
	}},
	"suspended-at-once": {change: one(2), outcome: allPass, events: []event{
		{120, "suspend", suspend(soakv1alpha1.SuspendPolicyStop, true)},
		{1000, "resume", suspend(soakv1alpha1.SuspendPolicyStop, false)},
	}},
	"deleted": {change: one(20), outcome: allPass, events: []event{{100, "delete the experiment", remove}}},
	"deleted-but-blocked": {
		change: one(20),
		outcome: func(operation *operation) plan.Outcome {
			if operation.cell.DeletionTimestamp != nil {
				return notDeleted("node-7")
			}
			return allPass(operation)
		},
		events: []event{
			{100, "delete the experiment", remove},
			{300, "annotate it with abandon", func(p *player) {
				p.edit(func(experiment *soakv1alpha1.SoakExperiment) {
					metav1.SetMetaDataAnnotation(&experiment.ObjectMeta, soakv1alpha1.AnnotationAbandon, "ops: node-7 is gone for good")
				})
			}},
		},
	},
	"changed-inputs": {change: one(2), outcome: allPass, events: []event{{120, "change a timeout", func(p *player) {
		p.edit(func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.Timeouts.Install = "10m" })
	}}}},
	"changed-chart": {
		change: one(2),
		events: []event{{95, "package another chart", func(p *player) { p.world.cluster.chart++ }}},
	},
	"operator-restarted": {change: one(1), outcome: allPass, events: []event{{40, "kill the operator", func(p *player) {
		p.world.kill(p.world.leader)
		p.world.boot(0)
	}}}},
}

// TestTranscripts plays the scripts, and compares what happened with what did when somebody last looked.
func TestTranscripts(t *testing.T) {
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".golden")
			got := newPlayer(t, script).play(t)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("transcript (-want +got), written anew with -update:\n%s", diff)
			}
		})
	}
}

// player plays a script, always in the same order.
type player struct {
	script
	world      *world
	transcript *transcript
	storage    *storage
	began      time.Time
}

func newPlayer(t *testing.T, script script) *player {
	t.Helper()
	p := &player{script: script, world: newWorld(), storage: newStorage(t)}
	p.world.server.onChange = func(key key, old, changed object) {
		p.world.check(key, old, changed)
		if changed == nil {
			return
		}
		if err := p.storage.store(key, changed); err != nil {
			p.world.violate("%w", err)
		}
	}
	p.began = p.world.clock.now
	p.transcript = &transcript{world: p.world}
	p.world.onDecision = p.transcript.decided
	p.world.outcome = script.outcome
	if p.world.outcome == nil {
		p.world.outcome = p.compareChart
	}
	if p.last == 0 {
		p.last = 6 * time.Hour
	}
	experiment := &soakv1alpha1.SoakExperiment{ObjectMeta: metav1.ObjectMeta{Name: experimentName, Namespace: "soak"}}
	experiment.Spec.Inputs = soakv1alpha1.Inputs{
		ServiceAccountName: "soak-runner",
		Chart:              soakv1alpha1.ChartSource{ConfigMap: soakv1alpha1.ConfigMapChart{Name: "classifieds-chart", Key: "classifieds.tgz"}},
		Markets:            []soakv1alpha1.Market{{Name: "tonaton"}, {Name: "ikman"}},
		Environments: []soakv1alpha1.Environment{
			{Name: "sandbox", Namespace: "sandbox"}, {Name: "production", Namespace: "production", Steps: []soakv1alpha1.Step{soakv1alpha1.StepBuild}},
		},
	}
	experiment.Spec.CleanupPolicy = soakv1alpha1.CleanupPolicyAlways
	script.change(experiment)
	if err := p.world.server.create(experiment); err != nil {
		p.world.violate("create the experiment: %v", err)
	}
	p.world.boot(0)
	return p
}

// compareChart is what Build does, and all other steps pass.
func (p *player) compareChart(operation *operation) plan.Outcome {
	run := as[*soakv1alpha1.SoakRun](p.world.server.objects[runKey(operation.cell)])
	if operation.id.Step == soakv1alpha1.StepBuild && run.Spec.Pins.Chart != p.world.cluster.chartIdentity() {
		return plan.Outcome{Result: plan.InputsChanged, Message: "the chart is not the one that the run began with"}
	}
	return allPass(operation)
}

func (p *player) edit(change func(*soakv1alpha1.SoakExperiment)) {
	changed := p.world.experiment().DeepCopy()
	change(changed)
	if err := p.world.server.update(changed); err != nil {
		p.world.violate("edit the experiment: %v", err)
	}
}

func (p *player) play(t *testing.T) string {
	t.Helper()
	for range turnLimit {
		if p.world.violation != nil || p.world.clock.now.Sub(p.began) >= p.last {
			break
		}
		p.transcript.silent = p.isSilent()
		p.react()
		p.runOperations()
		if p.world.experiment() == nil || !p.passTime() {
			break
		}
	}
	if p.world.violation != nil {
		t.Error(p.world.violation)
	}
	if err := p.storage.unchanged(); err != nil {
		t.Error(err)
	}
	p.transcript.result()
	return p.transcript.String()
}

func (p *player) isSilent() bool {
	experiment := p.world.experiment()
	return experiment != nil && experiment.Status.Iteration < p.silentUntil
}

// react to what has changed, until nothing is left to be done at this time.
func (p *player) react() {
	for again := true; again; {
		again = p.world.server.collect()
		process := p.world.leader
		for kind := range kinds {
			if process.lags(kind) {
				process.catchUp(kind, len(p.world.server.log[kind]))
				again = true
			}
		}
		process.expire()
		for _, key := range process.ready() {
			again = true
			process.reconcile(key)
			for process.tasks[key] != nil {
				process.step(key)
			}
		}
	}
}

func (p *player) runOperations() {
	runner := &p.world.leader.runner
	for _, operation := range runner.live() {
		if runner.mayRun(operation) {
			p.world.run(p.world.leader, operation)
			operation.until = p.world.clock.now.Add(durations[operation.id.Step])
		}
	}
}

// passTime until the next thing happens, and have it happen. It tells whether anything does. That a finished run is
// looked after is not waited for.
func (p *player) passTime() bool {
	process := p.world.leader
	next := p.began.Add(p.last)
	sooner := func(at time.Time) {
		if at.Before(next) {
			next = at
		}
	}
	for _, at := range process.due {
		sooner(at)
	}
	operations := process.runner.live()
	for _, operation := range operations {
		if operation.state == plan.OperationRunning {
			sooner(operation.ends())
		}
	}
	if len(p.events) > 0 {
		sooner(p.began.Add(time.Duration(p.events[0].after) * time.Second))
	}
	if !next.After(p.world.clock.now) {
		next = p.world.clock.now
	}
	p.world.clock.now = next
	for _, operation := range operations {
		if operation.state == plan.OperationRunning && !operation.ends().After(next) {
			p.world.end(process, operation, operation.stop)
			p.transcript.ended(operation)
		}
	}
	if len(p.events) > 0 && !p.began.Add(time.Duration(p.events[0].after)*time.Second).After(next) {
		event := p.events[0]
		p.events = slices.Clone(p.events[1:])
		p.transcript.line("%-10s %-20s %s", "user", "", event.what)
		event.act(p)
	}
	return next.Before(p.began.Add(p.last))
}

// ends is when an operation ends: at once, if it was stopped.
func (o *operation) ends() time.Time {
	if o.stop {
		return time.Time{}
	}
	return o.until
}
