package release

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// install installs the sealed chart where nothing is in the way, and checks that what is there then is its own.
func (o *operation) install(sealed *chart.Chart) plan.Outcome {
	contents, err := contentsOf(sealed)
	if err != nil {
		return unexpected(err)
	}
	if err := o.free(contents); err != nil {
		return o.explain(err, unexpected)
	}
	config, decorated, err := o.helm()
	if err != nil {
		return o.explain(err, unexpected)
	}
	install := action.NewInstall(config)
	install.ReleaseName, install.Namespace = o.target.Release, o.target.Namespace
	install.Labels = o.target.recordLabels()
	install.Wait = true
	install.Timeout = o.remaining()
	install.SkipSchemaValidation = true // a sealed chart has neither
	install.TakeOwnership = true        // whose an object is, is decided by our label: see client.Update
	if _, err = install.Run(cloneChart(sealed), map[string]any{}); err != nil {
		if o.expired() {
			o.seeWhatIsMissing(decorated, contents)
		}
		return o.explain(fmt.Errorf("install release %s: %w", o.target.Release, err), o.tooLarge)
	}
	if err := o.deployed(); err != nil {
		return o.explain(err, unexpected)
	}
	return o.succeeded()
}

// tooLarge tells a record that no Secret can hold from what is not understood.
func (o *operation) tooLarge(err error) plan.Outcome {
	if strings.Contains(err.Error(), "data: Too long") {
		return failed(ReasonReleaseTooLarge, "the release record does not fit into a Secret: %v", err)
	}
	return unexpected(err)
}

// contents are what a sealed chart renders.
type contents struct {
	hooks     []*release.Hook
	documents []document
	manifest  string
}

func contentsOf(sealed *chart.Chart) (contents, error) {
	files, err := render(sealed)
	if err != nil {
		return contents{}, fmt.Errorf("render the sealed chart: %w", err)
	}
	hooks, sorted, err := releaseutil.SortManifests(manifests(files), nil, releaseutil.InstallOrder)
	if err != nil {
		return contents{}, err
	}
	var manifest strings.Builder
	for _, m := range sorted {
		manifest.WriteString("---\n" + m.Content + "\n")
	}
	return contents{hooks: hooks, documents: documentsOf(hooks, sorted), manifest: manifest.String()}, nil
}

// free checks that there is no release of that name, and no object in the way of one that the chart creates, before
// any is created. Helm takes an unreadable history for none, and the objects of its hooks for its own.
func (o *operation) free(c contents) error {
	var names errgroup.Group
	names.SetLimit(requestsAtOnce)
	for _, document := range c.documents {
		objects, err := document.objects()
		if err != nil {
			return errors.Join(err, names.Wait())
		}
		for _, object := range objects {
			names.Go(func() error { return o.nameIsFree(object.GroupVersionKind(), object.GetName()) })
			if len(claimTemplates(object)) > 0 {
				names.Go(func() error { return o.claimsAreFree(object) })
			}
		}
	}
	return cmp.Or(o.releaseIsFree(), names.Wait()) // whose release is in the way says more than one of its objects
}

func (o *operation) releaseIsFree() error {
	records, err := o.readRecords()
	if err != nil || len(records) == 0 {
		return err
	}
	return because(errored(ReasonNotClean, "release %s is still there, from run %s, attempt %s", o.target.Release,
		records[0].Labels[soakv1alpha1.LabelRun], records[0].Labels[soakv1alpha1.LabelAttempt]))
}

func (o *operation) nameIsFree(kind schema.GroupVersionKind, name string) error {
	mapping, err := o.mapping(kind)
	if meta.IsNoMatchError(err) || isDefinition(kind.GroupKind()) || name == "" {
		return nil // a kind that the chart brings with it has no objects yet; definitions stay as they are
	}
	if err != nil {
		return err
	}
	info := &resource.Info{Mapping: mapping, Name: name}
	if info.Namespaced() {
		info.Namespace = o.target.Namespace
	}
	found, err := o.find(info)
	if err != nil || found == nil || o.stays(kind.GroupKind()) && o.target.owns(found.Labels) {
		return err
	}
	return because(o.inTheWay(infoName(info), info.Namespace, found.Labels))
}

// seeWhatIsMissing makes a judgement of what is not there or not ready when the time was over while Helm was not
// waiting for it, but still creating.
func (o *operation) seeWhatIsMissing(decorated *client, c contents) {
	o.lock.Lock()
	judged := o.judged != nil
	o.lock.Unlock()
	if judged || o.trouble.err() != nil {
		return
	}
	resources, err := decorated.Build(strings.NewReader(c.manifest), false)
	if err != nil {
		return
	}
	for _, info := range resources {
		found, err := o.find(info)
		if err != nil {
			return
		}
		if found == nil {
			outcome := failed(ReasonNotReady, "%s was not created in time", infoName(info))
			outcome.Object = infoName(info)
			_ = o.judge(outcome)
			return
		}
	}
	if o.notReadyInTime(readiness{resources: resources}, nil) == nil {
		_ = o.judge(failed(ReasonNotReady, "all of release %s was ready in the end, but its hooks had not run in time", o.target.Release))
	}
}

// deployed checks that there is one record of the release, that it is of this attempt, and that it is deployed.
func (o *operation) deployed() error {
	records, err := o.readRecords()
	if err != nil {
		return err
	}
	if len(records) != 1 {
		return because(errored(ReasonUnexpected, "release %s has %d records, not one", o.target.Release, len(records)))
	}
	labels := records[0].Labels
	if o.target.ageOf(labels) != current {
		return because(errored(ReasonNotClean, "release %s is of run %s, attempt %s", o.target.Release,
			labels[soakv1alpha1.LabelRun], labels[soakv1alpha1.LabelAttempt]))
	}
	if labels["status"] != release.StatusDeployed.String() {
		return because(errored(ReasonUnexpected, "release %s is %s, not deployed", o.target.Release, labels["status"]))
	}
	return nil
}
