package release

import (
	"cmp"
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// clean uninstalls what record there is, sweeps what that leaves, and proves that nothing is left.
func (o *operation) clean(inventory []soakv1alpha1.InventoryItem) plan.Outcome {
	records, err := o.readRecords()
	if err != nil {
		return o.explain(err, unexpected)
	}
	if len(records) > 0 {
		last, err := o.lastRecord()
		if err != nil {
			return o.explain(err, unexpected)
		}
		if last == nil {
			o.note("the release record could not be read: its hooks were not run")
		} else {
			recorded, err := o.inventoryOf(last)
			if err != nil {
				return o.explain(err, unexpected)
			}
			inventory = append(recorded, inventory...)
			if outcome, ok := o.uninstall(); !ok {
				return outcome
			}
		}
	}
	if len(inventory) == 0 {
		// What to look for beside what is always looked for is not known before Build: what came of it would be found and
		// its owners not. Install then finds what is in its way, and the next Clean knows.
		o.target.FormerCell = ""
	}
	return o.prove(inventory)
}

// uninstall lets Helm uninstall the release: once with its hooks, and if these fail once without. Whatever else goes
// wrong there is no verdict: what is left is swept, and seen.
func (o *operation) uninstall() (plan.Outcome, bool) {
	err := o.runUninstall(true)
	if err != nil && !o.over() {
		if outcome := o.explain(err, unexpected); o.isHookFailure(outcome) {
			o.note("%s; uninstalled without hooks", outcome.Message)
			o.forgive()
			err = o.runUninstall(false)
		}
	}
	if err == nil || o.expired() {
		return plan.Outcome{}, true // the proof looks at it once more, and names what it is
	}
	outcome := o.explain(err, unexpected)
	if outcome.Reason == ReasonUnexpected {
		o.note("helm uninstall: %v", err)
		return plan.Outcome{}, true
	}
	return outcome, false
}

func (o *operation) runUninstall(hooks bool) error {
	config, _, err := o.helm()
	if err != nil {
		return err
	}
	uninstall := action.NewUninstall(config)
	uninstall.DisableHooks = !hooks
	// Half of the time, for hooks that never end: the other half is for doing without.
	uninstall.Timeout = o.remaining() / 2
	if _, err = uninstall.Run(o.target.Release); err != nil {
		return fmt.Errorf("uninstall release %s: %w", o.target.Release, err)
	}
	return nil
}

// isHookFailure tells an outcome that is about a hook and nothing else.
func (o *operation) isHookFailure(outcome plan.Outcome) bool {
	switch outcome.Reason {
	case ReasonHookFailed, ReasonHookDeleted, ReasonHookTimedOut, ReasonObjectRejected, ReasonObjectConflict, ReasonNotAllowed:
		return true
	}
	return false
}

// forgive forgets a judgement that is dealt with.
func (o *operation) forgive() {
	o.lock.Lock()
	defer o.lock.Unlock()
	o.judged = nil
}

// inventoryOf is what a release record says there may be. It is only read to look for more, so that what is no object
// there is left to the inventory that Build has made.
func (o *operation) inventoryOf(record *release.Release) ([]soakv1alpha1.InventoryItem, error) {
	manifests := []string{record.Manifest}
	for _, hook := range record.Hooks {
		manifests = append(manifests, hook.Manifest)
	}
	var items []soakv1alpha1.InventoryItem
	for _, manifest := range manifests {
		for _, document := range releaseutil.SplitManifests(manifest) {
			var head releaseutil.SimpleHead
			if yaml.Unmarshal([]byte(document), &head) != nil {
				continue
			}
			version, err := schema.ParseGroupVersion(head.Version)
			if err != nil || head.Kind == "" {
				continue
			}
			item, counts, err := o.inventoryItem(version.WithKind(head.Kind))
			if err != nil {
				return nil, err
			}
			if counts {
				items = append(items, item)
			}
		}
	}
	return items, nil
}

// prove deletes what is left until a reading of everything finds nothing, or the time is over. What is left is watched in
// between, and nothing else: what comes up meanwhile is seen by the next reading.
func (o *operation) prove(inventory []soakv1alpha1.InventoryItem) plan.Outcome {
	sources, err := o.sweepSources(inventory)
	if err != nil {
		return o.explain(err, unexpected)
	}
	var blind error
	asked := map[types.UID]bool{}
	for !o.over() {
		v, err := o.read(o.ctx, sources...)
		if err != nil && !o.expired() {
			return o.explain(err, unexpected)
		}
		if err != nil {
			break
		}
		if len(remnants(v)) == 0 {
			return o.succeeded()
		}
		if err := o.sweep(v, asked); err != nil && !o.expired() {
			return o.explain(err, unexpected)
		}
		if unseen := o.blind(v); unseen != nil {
			blind = unseen
		}
	}
	return o.lastLook(sources, cmp.Or(blind, o.blind(nil)))
}

// sweep deletes what is in the view and returns when all of it is gone.
func (o *operation) sweep(v *view, asked map[types.UID]bool) error {
	v.narrow()
	v.start(o.ctx)
	defer v.close()
	return v.await(o.ctx, func() (bool, error) {
		found := remnants(v)
		if err := o.touchable(found); err != nil {
			return false, err
		}
		return len(found) == 0, o.delete(found, asked)
	})
}

// lastLook reads everything as it is when the time is over. What is still there is a failure only if nothing has gone
// unseen before: an API server that was away may be why.
func (o *operation) lastLook(sources []source, blind error) plan.Outcome {
	now, err := o.read(o.late, sources...)
	if err != nil {
		return o.explain(err, unexpected)
	}
	found := remnants(now)
	if len(found) == 0 {
		return o.succeeded()
	}
	if err := o.touchable(found); err != nil {
		return o.explain(err, unexpected)
	}
	outcome := blocked(found)
	if blind != nil {
		return errored(ReasonUnobserved, "%s; but for some of the time nothing could be seen: %v", outcome.Message, blind)
	}
	return outcome
}
