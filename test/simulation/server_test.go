package simulation

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// kind of an object.
type kind int

const (
	kindExperiment kind = iota
	kindRun
	kindCell
	kinds
)

func (k kind) String() string { return [...]string{"experiment", "run", "cell"}[k] }

// key of an object. All are in one namespace.
type key struct {
	kind kind
	name string
}

func (k key) String() string { return k.kind.String() + " " + k.name }

func compareKeys(a, b key) int {
	if a.kind != b.kind {
		return int(a.kind) - int(b.kind)
	}
	switch {
	case a.name < b.name:
		return -1
	case a.name > b.name:
		return 1
	default:
		return 0
	}
}

type object interface {
	metav1.Object
	runtime.Object
}

var (
	errConflict = errors.New("it was changed meanwhile")
	errNotFound = errors.New("it is not there")
	errExists   = errors.New("it is there already")
)

// change of an object, as a watch tells it; object is nil when it is gone.
type change struct {
	key    key
	object object
}

// server is the API server: the truth. What it holds is never changed, only replaced.
type server struct {
	clock   *clock
	objects map[key]object
	log     [kinds][]change
	version int
	uids    int
	// unlocked makes writes land whatever they are based on.
	unlocked bool
	// onChange looks at each change. Old is nil for what is new, and the other one for what goes.
	onChange func(key key, old, changed object)
}

func newServer(clock *clock) *server {
	return &server{clock: clock, objects: map[key]object{}}
}

func keyOf(of object) key {
	switch of.(type) {
	case *soakv1alpha1.SoakExperiment:
		return key{kindExperiment, of.GetName()}
	case *soakv1alpha1.SoakRun:
		return key{kindRun, of.GetName()}
	default:
		return key{kindCell, of.GetName()}
	}
}

func copyOf(of object) object {
	if made, ok := of.DeepCopyObject().(object); ok {
		return made
	}
	return of
}

// list returns all objects of a kind, by name.
func (s *server) list(kind kind) []object { return listOf(s.objects, kind) }

func listOf(objects map[key]object, kind kind) []object {
	var found []object
	for _, key := range slices.SortedFunc(maps.Keys(objects), compareKeys) {
		if key.kind == kind {
			found = append(found, objects[key])
		}
	}
	return found
}

func (s *server) create(wanted object) error {
	key := keyOf(wanted)
	if s.objects[key] != nil {
		return fmt.Errorf("create %s: %w", key, errExists)
	}
	made := copyOf(wanted)
	s.uids++
	made.SetUID(types.UID(fmt.Sprintf("%s-%d", key.kind, s.uids)))
	made.SetGeneration(1)
	made.SetCreationTimestamp(metav1.NewTime(s.clock.now))
	clearStatus(made)
	s.put(key, nil, made)
	return nil
}

// current is what an object is now, if it may be changed by somebody who has read it as it is given.
func (s *server) current(read object) (key, object, error) {
	key := keyOf(read)
	current := s.objects[key]
	switch {
	case current == nil || current.GetUID() != read.GetUID():
		return key, nil, fmt.Errorf("%s: %w", key, errNotFound)
	case current.GetResourceVersion() != read.GetResourceVersion() && !s.unlocked:
		return key, nil, fmt.Errorf("%s: %w", key, errConflict)
	default:
		return key, current, nil
	}
}

// updateStatus replaces the status of an object.
func (s *server) updateStatus(wanted object) error {
	key, current, err := s.current(wanted)
	if err != nil {
		return err
	}
	changed := copyOf(current)
	setStatus(changed, copyOf(wanted))
	s.replace(key, current, changed)
	return nil
}

// update replaces all of an object but its status.
func (s *server) update(wanted object) error {
	key, current, err := s.current(wanted)
	if err != nil {
		return err
	}
	changed := copyOf(current)
	setSpec(changed, copyOf(wanted))
	changed.SetAnnotations(maps.Clone(wanted.GetAnnotations()))
	changed.SetFinalizers(slices.Clone(wanted.GetFinalizers()))
	if !equality.Semantic.DeepEqual(specOf(current), specOf(changed)) {
		changed.SetGeneration(current.GetGeneration() + 1)
	}
	if changed.GetDeletionTimestamp() != nil && len(changed.GetFinalizers()) == 0 {
		s.put(key, changed, nil)
		return nil
	}
	s.replace(key, current, changed)
	return nil
}

// remove deletes an object, or marks it as deleted while a finalizer keeps it.
func (s *server) remove(read object) error {
	key, current, err := s.current(read)
	if err != nil {
		return err
	}
	if len(current.GetFinalizers()) == 0 {
		s.put(key, current, nil)
		return nil
	}
	if current.GetDeletionTimestamp() != nil {
		return nil
	}
	changed := copyOf(current)
	now := metav1.NewTime(s.clock.now)
	changed.SetDeletionTimestamp(&now)
	changed.SetGeneration(current.GetGeneration() + 1)
	s.put(key, current, changed)
	return nil
}

// collect removes what an owner has left behind, as the garbage collector does. It tells whether there was anything.
func (s *server) collect() bool {
	there := map[types.UID]bool{}
	for _, object := range s.objects {
		there[object.GetUID()] = true
	}
	for _, key := range slices.SortedFunc(maps.Keys(s.objects), compareKeys) {
		object := s.objects[key]
		owner := metav1.GetControllerOf(object)
		if owner == nil || there[owner.UID] || object.GetDeletionTimestamp() != nil {
			continue
		}
		return s.remove(object) == nil
	}
	return false
}

// replace an object, unless nothing has changed.
func (s *server) replace(key key, current, changed object) {
	if !equality.Semantic.DeepEqual(current, changed) {
		s.put(key, current, changed)
	}
}

func (s *server) put(key key, old, changed object) {
	s.version++
	if changed == nil {
		delete(s.objects, key)
	} else {
		changed.SetResourceVersion(strconv.Itoa(s.version))
		s.objects[key] = changed
	}
	s.log[key.kind] = append(s.log[key.kind], change{key, changed})
	if s.onChange != nil {
		s.onChange(key, old, changed)
	}
}

func clearStatus(of object) {
	switch of := of.(type) {
	case *soakv1alpha1.SoakExperiment:
		of.Status = soakv1alpha1.SoakExperimentStatus{}
	case *soakv1alpha1.SoakRun:
		of.Status = soakv1alpha1.SoakRunStatus{}
	case *soakv1alpha1.SoakCell:
		of.Status = soakv1alpha1.SoakCellStatus{}
	}
}

func setStatus(of, from object) {
	switch of := of.(type) {
	case *soakv1alpha1.SoakExperiment:
		of.Status = as[*soakv1alpha1.SoakExperiment](from).Status
	case *soakv1alpha1.SoakRun:
		of.Status = as[*soakv1alpha1.SoakRun](from).Status
	case *soakv1alpha1.SoakCell:
		of.Status = as[*soakv1alpha1.SoakCell](from).Status
	}
}

func setSpec(of, from object) {
	switch of := of.(type) {
	case *soakv1alpha1.SoakExperiment:
		of.Spec = as[*soakv1alpha1.SoakExperiment](from).Spec
	case *soakv1alpha1.SoakRun:
		of.Spec = as[*soakv1alpha1.SoakRun](from).Spec
	case *soakv1alpha1.SoakCell:
		of.Spec = as[*soakv1alpha1.SoakCell](from).Spec
	}
}

func specOf(of object) any {
	switch of := of.(type) {
	case *soakv1alpha1.SoakExperiment:
		return of.Spec
	case *soakv1alpha1.SoakRun:
		return of.Spec
	case *soakv1alpha1.SoakCell:
		return of.Spec
	default:
		return nil
	}
}

// as is the object as what it is known to be; nil if there is none.
func as[T object](of object) T {
	known, _ := of.(T)
	return known
}
