package simulation

import (
	"errors"
	"maps"
	"slices"
	"time"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// effect is one step of a reconcile: what it does to the world outside of its process. Between two of them anything may
// happen. It returns what is to be done after it, before the rest.
type effect func() ([]effect, error)

// do makes an effect of something after which nothing else is to be done.
func do(act func() error) effect {
	return func() ([]effect, error) { return nil, act() }
}

// process is one operator, with what it has in memory: all of that is gone when it crashes.
type process struct {
	world  *world
	name   string
	caches [kinds]cache
	runner runner
	// queue holds what is to be reconciled, due what is to be later, tasks what is being.
	queue map[key]bool
	due   map[key]time.Time
	tasks map[key][]effect
	// paused says that it does not get on: it is neither dead nor alive.
	paused bool
}

// cache is what a process knows of the objects of a kind: all that was changed up to a point.
type cache struct {
	position int
	objects  map[key]object
}

// newProcess starts one. Its caches begin with what is there, or was so many changes ago.
func newProcess(world *world, name string, behind int) *process {
	p := &process{world: world, name: name, queue: map[key]bool{}, due: map[key]time.Time{}, tasks: map[key][]effect{}}
	for kind := range kinds {
		p.caches[kind].objects = map[key]object{}
		p.catchUp(kind, max(len(world.server.log[kind])-behind, 0))
	}
	return p
}

// lags tells whether there are changes that a cache has not seen.
func (p *process) lags(kind kind) bool {
	return p.caches[kind].position < len(p.world.server.log[kind])
}

// catchUp takes so many changes into a cache, and has what they may matter to reconciled.
func (p *process) catchUp(kind kind, changes int) {
	cache := &p.caches[kind]
	for ; changes > 0 && p.lags(kind); changes-- {
		change := p.world.server.log[kind][cache.position]
		cache.position++
		before := cache.objects[change.key]
		if change.object == nil {
			delete(cache.objects, change.key)
		} else {
			cache.objects[change.key] = change.object
			before = change.object
		}
		p.queue[change.key] = true
		p.wake(before)
	}
}

// wake has those reconciled that look at an object: its owners, and the cells of a run.
func (p *process) wake(of object) {
	switch of := of.(type) {
	case *soakv1alpha1.SoakRun:
		p.queue[key{kindExperiment, of.Spec.Experiment.Name}] = true
		for known, object := range p.caches[kindCell].objects {
			if as[*soakv1alpha1.SoakCell](object).Spec.Run.Name == of.Name {
				p.queue[known] = true
			}
		}
	case *soakv1alpha1.SoakCell:
		p.queue[key{kindRun, of.Spec.Run.Name}] = true
		p.queue[key{kindExperiment, experimentName}] = true
	}
}

func (p *process) runs() []soakv1alpha1.SoakRun   { return runsOf(p.caches[kindRun].objects) }
func (p *process) cells() []soakv1alpha1.SoakCell { return cellsOf(p.caches[kindCell].objects) }

// experimentUID is the UID of the experiment that bears the name that a run tells.
func experimentUID(objects map[key]object, run *soakv1alpha1.SoakRun) string {
	experiment, there := objects[key{kindExperiment, run.Spec.Experiment.Name}]
	if !there {
		return ""
	}
	return string(experiment.GetUID())
}

func runsOf(objects map[key]object) []soakv1alpha1.SoakRun {
	var runs []soakv1alpha1.SoakRun
	for _, object := range listOf(objects, kindRun) {
		runs = append(runs, *as[*soakv1alpha1.SoakRun](object))
	}
	return runs
}

func cellsOf(objects map[key]object) []soakv1alpha1.SoakCell {
	var cells []soakv1alpha1.SoakCell
	for _, object := range listOf(objects, kindCell) {
		cells = append(cells, *as[*soakv1alpha1.SoakCell](object))
	}
	return cells
}

// ready are the keys that may be reconciled: one is not while it already is.
func (p *process) ready() []key {
	return slices.SortedFunc(func(yield func(key) bool) {
		for key := range p.queue {
			if _, busy := p.tasks[key]; !busy && !yield(key) {
				return
			}
		}
	}, compareKeys)
}

// busy are the keys that are being reconciled.
func (p *process) busy() []key { return slices.SortedFunc(maps.Keys(p.tasks), compareKeys) }

// reconcile begins to reconcile an object: it is looked at and decided on at once, and what follows is done bit by bit.
func (p *process) reconcile(key key) {
	delete(p.queue, key)
	delete(p.due, key)
	p.tasks[key] = p.decide(key)
	p.settle(key)
}

// step takes one step of reconciling an object. An error ends it, and has it begin anew.
func (p *process) step(key key) {
	p.world.active = p
	then, err := p.tasks[key][0]()
	switch {
	case err != nil:
		p.tasks[key] = nil
		p.queue[key] = true
	default:
		p.tasks[key] = append(slices.Clone(then), p.tasks[key][1:]...)
	}
	p.settle(key)
}

func (p *process) settle(key key) {
	if len(p.tasks[key]) == 0 {
		delete(p.tasks, key)
	}
}

// later has an object reconciled after a while.
func (p *process) later(key key, after time.Duration) {
	if after > 0 {
		p.due[key] = p.world.clock.now.Add(after)
	}
}

// expire has reconciled what is due.
func (p *process) expire() {
	for key, at := range p.due {
		if !at.After(p.world.clock.now) {
			delete(p.due, key)
			p.queue[key] = true
		}
	}
}

// ignore an error that says that what was wanted is so already.
func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}
