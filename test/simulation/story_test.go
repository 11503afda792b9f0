package simulation

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// story is a random one: all of it follows from its seed.
type story struct {
	*world
	random *rand.Rand
	// crashes and whims are how often a process may yet crash or be replaced, and the user change his mind.
	crashes, whims int
	// bad are how many of a hundred operations fail, and cannot be judged.
	failing, erring int
	// former is a process that led, and may not know that it does no longer.
	former *process
	// calm says that nothing goes wrong any more, and nobody changes his mind.
	calm  bool
	moves []func()
}

// Limits of a story, in steps: for how long anything may happen, and until when it must have come to an end after that.
const (
	chaosLimit = 400
	calmLimit  = 20000
)

// play one to its end, and return what was wrong.
func play(seed uint64, flaw flaw) error {
	s := newStory(seed, flaw)
	for range s.random.IntN(chaosLimit) {
		s.step()
		if s.violation != nil {
			return s.violation
		}
	}
	s.calmDown()
	for range calmLimit {
		if s.over() {
			return s.violation
		}
		s.step()
		if s.violation != nil {
			return s.violation
		}
	}
	return fmt.Errorf("it does not end: %s", s.where())
}

func newStory(seed uint64, flaw flaw) *story {
	random := rand.New(rand.NewPCG(seed, 0))
	s := &story{world: newWorld(), random: random}
	s.world.random, s.flaw = random, flaw
	s.server.unlocked = flaw == flawIgnoresLock
	s.lossy = pick(random, 0, 0, 20, 100)
	s.crashes, s.whims = random.IntN(6), random.IntN(6)
	s.failing, s.erring = pick(random, 0, 5, 30), pick(random, 0, 5, 30)
	s.outcome = s.drawOutcome
	if *told {
		s.tell()
	}
	if err := s.server.create(s.drawExperiment()); err != nil {
		s.violate("create the experiment: %v", err)
	}
	s.boot(0)
	return s
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

func (s *story) drawExperiment() *soakv1alpha1.SoakExperiment {
	r := s.random
	limit := int32(r.IntN(3))
	failures := pick(r, int32(0), 2, 5)
	experiment := &soakv1alpha1.SoakExperiment{ObjectMeta: metav1.ObjectMeta{Name: experimentName, Namespace: "soak"}}
	experiment.Spec = soakv1alpha1.SoakExperimentSpec{
		Run:             soakv1alpha1.RunIdentity{ID: "1"},
		RunHistoryLimit: &limit,
		DeletionPolicy:  pick(r, soakv1alpha1.DeletionPolicyClean, soakv1alpha1.DeletionPolicyClean, soakv1alpha1.DeletionPolicyOrphan),
		Controls: soakv1alpha1.Controls{
			SuspendPolicy: pick(r, soakv1alpha1.SuspendPolicyFinishIteration, soakv1alpha1.SuspendPolicyStop),
			Stop:          soakv1alpha1.StopRules{MaxIterations: 1 + int32(r.IntN(3)), ConsecutiveFailures: &failures},
			CleanupPolicy: pick(r, soakv1alpha1.CleanupPolicyAlways, soakv1alpha1.CleanupPolicyOnPass, soakv1alpha1.CleanupPolicyNever),
			CleanupDelay:  "1m",
		},
		Inputs: soakv1alpha1.Inputs{
			ServiceAccountName: "soak-runner",
			Markets:            []soakv1alpha1.Market{{Name: "tonaton"}},
			Environments:       []soakv1alpha1.Environment{{Name: "sandbox"}},
			Parallelism:        1 + int32(r.IntN(2)),
			IterationInterval:  pick(r, soakv1alpha1.Duration("0s"), "10s"),
		},
	}
	if r.IntN(2) == 0 {
		experiment.Spec.Markets = append(experiment.Spec.Markets, soakv1alpha1.Market{Name: "ikman"})
	}
	if r.IntN(4) == 0 {
		experiment.Spec.Environments = append(experiment.Spec.Environments,
			soakv1alpha1.Environment{Name: "production", Steps: []soakv1alpha1.Step{soakv1alpha1.StepBuild}})
	}
	return experiment
}

func (s *story) drawOutcome(operation *operation) plan.Outcome {
	if run := as[*soakv1alpha1.SoakRun](s.server.objects[runKey(operation.cell)]); operation.id.Step == soakv1alpha1.StepBuild &&
		run != nil && run.Spec.Pins.Chart != s.cluster.chartIdentity() {
		return plan.Outcome{Result: plan.InputsChanged, Message: "the chart is another one"}
	}
	switch drawn := s.random.IntN(100); {
	case drawn < s.failing:
		return plan.Outcome{Result: plan.Failed, Reason: "NotReady", Message: "it is not ready", Node: pick(s.random, "", "node-1", "node-2")}
	case drawn < s.failing+s.erring:
		return plan.Outcome{Result: plan.Errored, Reason: "APIUnavailable", Message: "nobody answered", UserMustAct: s.random.IntN(2) == 0}
	default:
		return plan.Outcome{Result: plan.Succeeded, Inventory: []soakv1alpha1.InventoryItem{{Version: "v1", Kind: "Service", Namespace: "soak"}}}
	}
}

// step does one thing of all that could happen next.
func (s *story) step() {
	s.moves = s.moves[:0]
	for _, p := range s.processes {
		if !p.paused {
			s.offer(p)
		}
	}
	if !s.calm {
		s.offerChaos()
	}
	if s.random.IntN(10) == 0 || len(s.moves) == 0 {
		s.server.collect()
	}
	if len(s.moves) == 0 || (!s.calm && s.random.IntN(20) == 0) {
		s.passTime()
		return
	}
	s.moves[s.random.IntN(len(s.moves))]()
}

func (s *story) could(move func()) { s.moves = append(s.moves, move) }

// offer what a process could do next.
func (s *story) offer(p *process) {
	for kind := range kinds {
		if p.lags(kind) {
			s.could(func() { p.catchUp(kind, 1+s.random.IntN(3)) })
		}
	}
	for _, key := range p.ready() {
		s.could(func() { p.reconcile(key) })
	}
	for _, key := range p.busy() {
		s.could(func() { p.step(key) })
	}
	for _, operation := range p.runner.live() {
		switch {
		case p.runner.mayRun(operation):
			s.could(func() { s.run(p, operation) })
		case operation.state == plan.OperationRunning:
			s.could(func() { s.end(p, operation, operation.stop && s.random.IntN(5) > 0) })
		}
	}
}

// offerChaos what the world, and the user, could do next.
func (s *story) offerChaos() {
	if s.crashes > 0 && s.random.IntN(30) == 0 {
		s.could(func() { s.crashes--; s.crash() })
	}
	if s.former != nil && s.random.IntN(10) == 0 {
		s.could(func() {
			if s.former.paused = !s.former.paused; s.former.paused {
				s.kill(s.former)
				s.former = nil
			}
		})
	}
	if s.whims > 0 && s.random.IntN(40) == 0 {
		s.could(func() { s.whims--; s.whim() })
	}
}

// crash ends the leader, or has another take over while it is held up and knows nothing of that.
func (s *story) crash() {
	if s.former != nil || s.random.IntN(2) == 0 {
		s.kill(s.leader)
	} else {
		s.former = s.leader
		s.former.paused = true
	}
	s.boot(s.random.IntN(3))
}

// calmDown ends all that is not as it should be: from now on the story must come to its end.
func (s *story) calmDown() {
	if s.former != nil {
		s.kill(s.former)
		s.former = nil
	}
	s.lossy, s.calm = 0, true
	s.edit(func(experiment *soakv1alpha1.SoakExperiment) {
		experiment.Spec.Suspend = nil
		delete(experiment.Annotations, soakv1alpha1.AnnotationHold)
	})
}

// passTime to when something is due, or just a little.
func (s *story) passTime() {
	var next time.Time
	for _, p := range s.processes {
		for _, at := range p.due {
			if next.IsZero() || at.Before(next) {
				next = at
			}
		}
	}
	switch {
	case len(s.moves) > 0 || (next.IsZero() && s.random.IntN(2) == 0):
		s.clock.advance(time.Duration(s.random.IntN(5000)) * time.Millisecond)
	case next.IsZero():
		if s.calm && !s.over() {
			s.violate("nothing goes on any more: %s", s.where())
		}
	case next.After(s.clock.now):
		s.clock.now = next
	}
	for _, p := range s.processes {
		p.expire()
	}
}

// over tells whether the experiment is gone, or has done all it will do.
func (s *story) over() bool {
	experiment := s.experiment()
	if experiment == nil {
		return len(s.server.objects) == 0
	}
	if experiment.DeletionTimestamp != nil || experiment.Status.ObservedGeneration != experiment.Generation ||
		!meta.IsStatusConditionTrue(experiment.Status.Conditions, soakv1alpha1.ConditionFinished) {
		return false
	}
	run := as[*soakv1alpha1.SoakRun](s.server.objects[key{kindRun, experiment.Status.Run.Name}])
	if run == nil || !plan.Finished(run) || run.Spec.Pins.Chart != s.cluster.chartIdentity() {
		return false
	}
	passed := meta.IsStatusConditionTrue(run.Status.Conditions, soakv1alpha1.ConditionSucceeded)
	cleans := run.Spec.CleanupPolicy == soakv1alpha1.CleanupPolicyAlways || (run.Spec.CleanupPolicy == soakv1alpha1.CleanupPolicyOnPass && passed)
	return !slices.ContainsFunc(s.cellsOf(run), func(cell *soakv1alpha1.SoakCell) bool {
		told := meta.FindStatusCondition(cell.Status.Conditions, soakv1alpha1.ConditionCleaned)
		return plan.InProgress(cell) || (cleans && (told == nil || cell.Status.Attempt.Number != 0))
	})
}

// whim is something that a user does.
func (s *story) whim() {
	experiment := s.experiment()
	if experiment == nil {
		return
	}
	yes := true
	annotate := func(name, value string) func(*soakv1alpha1.SoakExperiment) {
		return func(experiment *soakv1alpha1.SoakExperiment) {
			if value == experiment.Annotations[name] {
				delete(experiment.Annotations, name)
				return
			}
			metav1.SetMetaDataAnnotation(&experiment.ObjectMeta, name, value)
		}
	}
	switch s.random.IntN(11) {
	case 0:
		s.edit(func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.Suspend = &yes })
	case 1:
		s.edit(func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.Suspend = nil })
	case 2:
		s.edit(annotate(soakv1alpha1.AnnotationHold, "ops"))
	case 3:
		s.edit(annotate(soakv1alpha1.AnnotationRestartedAt, s.clock.now.String()))
	case 4:
		s.edit(func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.ServiceAccountName += "x" })
	case 5:
		s.edit(func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.Run.ID += "x" })
	case 6:
		s.cluster.chart++
	case 7:
		if err := s.server.remove(experiment); err != nil {
			s.violate("delete the experiment: %v", err)
		}
	case 8:
		s.edit(func(experiment *soakv1alpha1.SoakExperiment) { experiment.Spec.Environments[0].Namespace += "x" })
	case 9:
		s.edit(func(experiment *soakv1alpha1.SoakExperiment) {
			experiment.Spec.CleanupPolicy = pick(s.random, soakv1alpha1.CleanupPolicyAlways, soakv1alpha1.CleanupPolicyOnPass, soakv1alpha1.CleanupPolicyNever)
		})
	default:
		if run := s.server.objects[key{kindRun, experiment.Status.Run.Name}]; run != nil {
			s.deletesRuns = true
			if err := s.server.remove(run); err != nil {
				s.violate("delete a run: %v", err)
			}
		}
	}
}

func (s *story) edit(change func(*soakv1alpha1.SoakExperiment)) {
	experiment := s.experiment()
	if experiment == nil {
		return
	}
	changed := experiment.DeepCopy()
	change(changed)
	if err := s.server.update(changed); err != nil && !errors.Is(err, errNotFound) {
		s.violate("edit the experiment: %v", err)
	}
}

// where the story has got to, for people.
func (s *story) where() string {
	text := ""
	for kind := range kinds {
		for _, object := range s.server.list(kind) {
			switch object := object.(type) {
			case *soakv1alpha1.SoakExperiment:
				text += fmt.Sprintf("\nexperiment: deleted %v, run %s, %s", object.DeletionTimestamp, object.Status.Run.Name, object.Status.Summary.Status)
			case *soakv1alpha1.SoakRun:
				text += fmt.Sprintf("\n%s: deleted %v, iteration %d, history %s, %s", object.Name, object.DeletionTimestamp, object.Status.Iteration,
					object.Status.History, object.Status.Summary.Status)
			case *soakv1alpha1.SoakCell:
				text += fmt.Sprintf("\n%s: deleted %v, %s iteration %d, result %d, attempt %+v", object.Name, object.DeletionTimestamp, object.Spec.Mode,
					object.Spec.Iteration, object.Status.Result.Iteration, object.Status.Attempt)
			}
		}
	}
	return text
}

// tell prints the story as it is played.
func (s *story) tell() {
	s.onDecision = func(p *process, told decision) { fmt.Printf("%s at version %s: %s\n", p.name, told.version, told) }
	check := s.server.onChange
	s.server.onChange = func(key key, old, changed object) {
		if changed == nil {
			fmt.Printf("    %d: %s is gone\n", s.server.version, key)
		} else {
			fmt.Printf("    %s: %s, deleted %v\n", changed.GetResourceVersion(), key, changed.GetDeletionTimestamp() != nil)
		}
		check(key, old, changed)
	}
}
