package simulation

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

const experimentName = "classifieds"

// world is all there is: the API server, the cluster, and the processes of the operator.
type world struct {
	clock     *clock
	server    *server
	cluster   *cluster
	processes []*process
	// leader is the process that may act on the cluster. Another may not know yet that it is not.
	leader *process
	// outcome decides what comes of an operation that acts to its end.
	outcome func(*operation) plan.Outcome
	// random decides which writes are lost; none is without it. It is asked in lossy of a thousand cases.
	random *rand.Rand
	lossy  int
	flaw   flaw
	// onDecision hears of what was decided.
	onDecision func(p *process, told decision)
	// started and ended are the operations that ever were.
	started map[plan.OperationID]bool
	ended   map[plan.OperationID]plan.Result
	// active is the process that does something just now.
	active *process
	// deletesRuns says that the user has deleted a run.
	deletesRuns bool
	// violation is the first thing that was wrong.
	violation error
}

func newWorld() *world {
	clock := newClock()
	w := &world{
		clock:   clock,
		server:  newServer(clock),
		cluster: &cluster{releases: map[soakv1alpha1.ReleaseIdentity]*release{}},
		started: map[plan.OperationID]bool{},
		ended:   map[plan.OperationID]plan.Result{},
	}
	w.server.onChange = w.check
	return w
}

func (w *world) violate(format string, args ...any) {
	if w.violation == nil {
		w.violation = fmt.Errorf(format, args...)
	}
}

// loses tells whether a write is lost before it lands, or its answer after it has.
func (w *world) loses() (before, after bool) {
	if w.random == nil || w.random.IntN(1000) >= w.lossy {
		return false, false
	}
	before = w.random.IntN(2) == 0
	return before, !before
}

// boot starts a process and makes it the leader.
func (w *world) boot(behind int) {
	w.leader = newProcess(w, "operator-"+strconv.Itoa(len(w.processes)+1), behind)
	w.processes = append(w.processes, w.leader)
}

// kill ends a process. What it was doing is lost.
func (w *world) kill(victim *process) {
	var left []*process
	for _, process := range w.processes {
		if process != victim {
			left = append(left, process)
		}
	}
	w.processes = left
}

func (w *world) experiment() *soakv1alpha1.SoakExperiment {
	return as[*soakv1alpha1.SoakExperiment](w.server.objects[key{kindExperiment, experimentName}])
}

// start hands an operation to the runner of a process.
func (w *world) start(p *process, id plan.OperationID, cell *soakv1alpha1.SoakCell) {
	if w.started[id] {
		w.violate("%s: attempt %d %s was started twice", cell.Name, id.Attempt, id.Step)
	}
	w.started[id] = true
	if w.flaw == flawSkipsClean && id.Step == soakv1alpha1.StepClean {
		p.runner.operations = append(p.runner.operations, &operation{
			id: id, cell: cell, state: plan.OperationEnded, outcome: plan.Outcome{Result: plan.Succeeded},
		})
		w.ended[id] = plan.Succeeded
		p.queue[keyOf(cell)] = true
		return
	}
	p.runner.start(id, cell)
}

// run has an operation begin to act.
func (w *world) run(p *process, operation *operation) {
	operation.state = plan.OperationRunning
	if p == w.leader {
		w.cluster.begin(w, operation)
	}
}

// end has an operation come to its end. In a process that is no leader any more it did not act.
func (w *world) end(p *process, operation *operation, stops bool) {
	outcome := plan.Outcome{Result: plan.Errored, Reason: "Fenced", Message: "this process is no leader any more"}
	switch {
	case p != w.leader:
	case operation.fenced:
		outcome.Reason, outcome.Message, outcome.UserMustAct = "Superseded", "what is there is of a later run", true
	case stops:
		outcome = plan.Outcome{Result: plan.Stopped}
	default:
		outcome = w.outcome(operation)
		w.cluster.finish(operation, outcome)
		w.ended[operation.id] = outcome.Result
	}
	operation.end(outcome)
	p.queue[keyOf(operation.cell)] = true
}

// cluster is what operations act on.
type cluster struct {
	releases map[soakv1alpha1.ReleaseIdentity]*release
	// chart is which of its versions the chart now is.
	chart int
}

// release is what there is of it.
type release struct {
	// dirty is the UID of the cell that something may be left of.
	dirty string
	// proven is the attempt that has proven that nothing is there, by its Clean.
	proven plan.OperationID
	// acting is the operation that acts on it.
	acting *operation
	// run is the number of the latest run that has acted on it. What it has made carries that, and no operation of an
	// earlier run touches it; where that has made nothing, there is nothing left to be done by the earlier one.
	run int32
}

func (c *cluster) release(of *soakv1alpha1.SoakCell) *release {
	if c.releases[of.Spec.Release] == nil {
		c.releases[of.Spec.Release] = &release{}
	}
	return c.releases[of.Spec.Release]
}

func (c *cluster) begin(w *world, operation *operation) {
	release := c.release(operation.cell)
	if other := release.acting; other != nil && w.acts(other) {
		w.violate("%s begins while %s still acts", operation, other)
	}
	release.acting = operation
	if operation.run() < release.run {
		operation.fenced = release.dirty != ""
		return
	}
	release.run = operation.run()
	proven := plan.OperationID{CellUID: operation.id.CellUID, Attempt: operation.id.Attempt, Step: soakv1alpha1.StepClean}
	switch operation.id.Step {
	case soakv1alpha1.StepInstall:
		if release.proven != proven {
			w.violate("%s follows no Clean that was proven in the same attempt", operation)
		}
		release.dirty, release.proven = operation.id.CellUID, plan.OperationID{}
	case soakv1alpha1.StepClean:
		release.proven = plan.OperationID{}
	case soakv1alpha1.StepBuild, soakv1alpha1.StepTest:
	}
}

func (c *cluster) finish(operation *operation, outcome plan.Outcome) {
	if release := c.release(operation.cell); operation.id.Step == soakv1alpha1.StepClean && outcome.Result == plan.Succeeded &&
		operation.run() == release.run {
		release.dirty, release.proven = "", operation.id
	}
}

// acts tells whether an operation still acts on the cluster: it runs in the process that leads.
func (w *world) acts(operation *operation) bool {
	return operation.state == plan.OperationRunning && w.leader.runner.find(operation.id) == operation
}

// references are what the experiment refers to, as it is now.
func (c *cluster) references(salt string) *plan.References {
	if salt == "" {
		salt = "salt"
	}
	return &plan.References{Chart: c.chartIdentity(), Salt: salt}
}

func (c *cluster) chartIdentity() soakv1alpha1.ChartIdentity {
	return soakv1alpha1.ChartIdentity{
		Name: experimentName, Version: "1." + strconv.Itoa(c.chart) + ".0", Digest: soakv1alpha1.Digest(fmt.Sprintf("sha256:%064d", c.chart)),
	}
}
