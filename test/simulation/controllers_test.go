package simulation

import (
	"errors"
	"slices"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// decide observes an object, asks the planner, and returns what is to be done.
func (p *process) decide(key key) []effect {
	if p.caches[key.kind].objects[key] == nil {
		return nil
	}
	switch key.kind {
	case kindExperiment:
		experiment := as[*soakv1alpha1.SoakExperiment](p.caches[kindExperiment].objects[key])
		return p.decideExperiment(key, plan.ExperimentInput{Experiment: experiment, Runs: p.runs(), Cells: p.cells()})
	case kindRun:
		run := as[*soakv1alpha1.SoakRun](p.caches[kindRun].objects[key])
		return p.decideRun(key, plan.RunInput{Run: run, ExperimentUID: experimentUID(p.caches[kindExperiment].objects, run), Cells: p.cells()})
	default:
		return p.decideCell(key)
	}
}

func (p *process) decideExperiment(key key, in plan.ExperimentInput) []effect {
	w := p.world
	in.Now = w.clock.now
	planned := plan.Experiment(in)
	if question := planned.Question; question != nil {
		if question.Live && w.flaw == flawTrustsCache {
			in.Live = true
			return p.decideExperiment(key, in)
		}
		return []effect{func() ([]effect, error) {
			if question.Live {
				in.Experiment = as[*soakv1alpha1.SoakExperiment](w.server.objects[key])
				in.Runs, in.Cells, in.Live = runsOf(w.server.objects), cellsOf(w.server.objects), true
			}
			if in.Experiment == nil {
				return nil, nil
			}
			if question.References {
				in.References = w.cluster.references(question.Salt)
			}
			return p.decideExperiment(key, in), nil
		}}
	}
	p.told(in.Experiment, func() decision { return tellExperiment(planned) })
	effects := p.finalizer(in.Experiment, planned.Finalizer)
	for _, run := range planned.Update {
		effects = append(effects, p.write(func() error { return w.server.update(run) }))
	}
	if planned.Create != nil {
		effects = append(effects, p.write(func() error { return ignore(w.server.create(planned.Create), errExists) }))
	}
	for _, run := range planned.Delete {
		effects = append(effects, p.write(func() error { return w.server.remove(run) }))
	}
	if planned.Status != nil {
		changed := in.Experiment.DeepCopy()
		changed.Status = *planned.Status
		effects = append(effects, p.write(func() error { return w.server.updateStatus(changed) }))
	}
	p.later(key, planned.RequeueAfter)
	return effects
}

func (p *process) decideRun(key key, in plan.RunInput) []effect {
	w := p.world
	in.Now = w.clock.now
	planned, err := plan.Run(in)
	if err != nil {
		w.violate("a status cannot be read: %v", err)
		return nil
	}
	if planned.ReadLive {
		return []effect{func() ([]effect, error) {
			in.ExperimentUID, in.Cells, in.Live = experimentUID(w.server.objects, in.Run), cellsOf(w.server.objects), true
			return p.decideRun(key, in), nil
		}}
	}
	p.told(in.Run, func() decision { return tellRun(in.Run, planned) })
	effects := p.finalizer(in.Run, planned.Finalizer)
	for _, cell := range planned.Create {
		effects = append(effects, p.write(func() error { return ignore(w.server.create(cell), errExists) }))
	}
	var status, updates []effect
	if planned.Status != nil {
		changed := in.Run.DeepCopy()
		changed.Status = *planned.Status
		status = append(status, p.write(func() error { return w.server.updateStatus(changed) }))
	}
	for _, cell := range planned.Update {
		updates = append(updates, p.write(func() error { return w.server.update(cell) }))
	}
	if w.flaw == flawBumpsBeforeCount {
		status, updates = updates, status
	}
	effects = slices.Concat(effects, status, updates)
	for _, cell := range planned.Delete {
		effects = append(effects, p.write(func() error { return ignore(w.server.remove(cell), errNotFound) }))
	}
	p.later(key, planned.RequeueAfter)
	return effects
}

func (p *process) decideCell(key key) []effect {
	w := p.world
	in := plan.CellInput{Cell: as[*soakv1alpha1.SoakCell](p.caches[kindCell].objects[key]), Now: w.clock.now}
	if run := as[*soakv1alpha1.SoakRun](p.caches[kindRun].objects[runKey(in.Cell)]); run != nil && string(run.UID) == in.Cell.Spec.Run.UID {
		in.Inputs = &run.Spec.Inputs
	}
	if id, ok := plan.CurrentOperation(in.Cell); ok {
		in.Operation = p.runner.snapshot(id)
		if w.flaw == flawTrustsUnknown && in.Operation.State == plan.OperationUnknown {
			in.Operation = plan.Operation{State: plan.OperationEnded, Outcome: plan.Outcome{Result: plan.Succeeded}}
		}
	}
	in.Superseded = plan.SupersededBy(in.Cell, p.cells())
	planned, err := plan.Cell(in)
	if err != nil {
		w.violate("a status cannot be read: %v", err)
		return nil
	}
	p.told(in.Cell, func() decision { return tellCell(in.Cell, planned) })
	changed := in.Cell.DeepCopy()
	if planned.Status != nil {
		changed.Status = *planned.Status
	}
	writes := p.finalizer(in.Cell, planned.Finalizer)
	if planned.Status != nil {
		writes = append(writes, p.writeCellStatus(changed)...)
	}
	var actions []effect
	for _, action := range planned.Actions {
		actions = append(actions, do(func() error { p.act(action, changed); return nil }))
	}
	if w.flaw == flawActsBeforeWrite {
		writes, actions = actions, writes
	}
	p.later(key, planned.RequeueAfter)
	return slices.Concat(writes, actions)
}

func runKey(cell *soakv1alpha1.SoakCell) key { return key{kindRun, cell.Spec.Run.Name} }

// writeCellStatus writes the status of a cell in one go; or, with that flaw, counts first and records the result then.
func (p *process) writeCellStatus(changed *soakv1alpha1.SoakCell) []effect {
	whole := p.write(func() error { return p.world.server.updateStatus(changed) })
	if p.world.flaw != flawCountsBeforeRecord || changed.Status.Attempt.Number != 0 {
		return []effect{whole}
	}
	return []effect{p.write(func() error {
		current := as[*soakv1alpha1.SoakCell](p.world.server.objects[keyOf(changed)])
		if current == nil || current.ResourceVersion != changed.ResourceVersion {
			return errConflict
		}
		counted := current.DeepCopy()
		counted.Status.Tally, counted.Status.History, counted.Status.Streak = changed.Status.Tally, changed.Status.History, changed.Status.Streak
		if err := p.world.server.updateStatus(counted); err != nil {
			return err
		}
		changed.ResourceVersion = p.world.server.objects[keyOf(changed)].GetResourceVersion()
		return nil
	}), whole}
}

func (p *process) act(action plan.Action, cell *soakv1alpha1.SoakCell) {
	switch action.Kind {
	case plan.Start:
		p.world.start(p, action.Operation, cell)
	case plan.Stop:
		if p.runner.stop(action.Operation) {
			p.queue[keyOf(cell)] = true
		}
	case plan.Forget:
		p.runner.forget(action.Operation)
	}
}

func (p *process) finalizer(of object, change plan.FinalizerChange) []effect {
	if change == plan.FinalizerKept {
		return nil
	}
	changed := copyOf(of)
	finalizers := slices.DeleteFunc(slices.Clone(of.GetFinalizers()), func(name string) bool { return name == soakv1alpha1.Finalizer })
	if change == plan.FinalizerAdded {
		finalizers = append(finalizers, soakv1alpha1.Finalizer)
	}
	changed.SetFinalizers(finalizers)
	return []effect{p.write(func() error { return p.world.server.update(changed) })}
}

var errLost = errors.New("nobody answered")

// write is a write that may be lost on its way, or whose answer may.
func (p *process) write(act func() error) effect {
	return do(func() error {
		before, after := p.world.loses()
		if before {
			return errLost
		}
		err := act()
		if after {
			return errLost
		}
		return err
	})
}

func (p *process) told(of object, tell func() decision) {
	if p.world.onDecision != nil {
		told := tell()
		told.key, told.title, told.version = keyOf(of), title(of), of.GetResourceVersion()
		p.world.onDecision(p, told)
	}
}
