package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// recordSelector selects Helm's records of a release of that name, whoever made them.
func (t Target) recordSelector() string {
	return labels.Set{"owner": "helm", "name": t.Release}.String()
}

// readRecords lists the records of a release of that name, as they are now or after what this operation wrote last, which a
// busy API server answers sooner: all of them ours, or it is an error. Whose they are is told from their labels, and a record
// that cannot be read is one all the same. Helm goes by these, and by what it makes of them, until they are read again.
func (o *operation) readRecords() ([]corev1.Secret, error) {
	options := metav1.ListOptions{LabelSelector: o.target.recordSelector()}
	if o.recorded != "" {
		options.ResourceVersion, options.ResourceVersionMatch = o.recorded, metav1.ResourceVersionMatchNotOlderThan
	}
	list, err := o.clientset.CoreV1().Secrets(o.target.Namespace).List(o.late, options)
	if apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge) { // the server's cache lags behind
		options.ResourceVersion, options.ResourceVersionMatch = "", ""
		list, err = o.clientset.CoreV1().Secrets(o.target.Namespace).List(o.late, options)
	}
	if err != nil {
		return nil, fmt.Errorf("list the records of release %s: %w", o.target.Release, err)
	}
	o.records = map[string]*corev1.Secret{}
	for i := range list.Items {
		record := &list.Items[i]
		if err := o.ours(record.Labels); err != nil {
			return nil, err
		}
		o.records[record.Name] = record
	}
	return list.Items, nil
}

// remember a record as it was written.
func (o *operation) remember(record *corev1.Secret) {
	o.records[record.Name], o.recorded = record, record.ResourceVersion
}

// ours judges a record by its labels: an error says that it must not be touched.
func (o *operation) ours(record map[string]string) error {
	if !o.target.owns(record) {
		outcome := o.foreign(ReasonReleaseConflict, "release "+o.target.Release, o.target.Namespace, record)
		outcome.Object = "Release/" + o.target.Release
		return because(outcome)
	}
	if o.target.ageOf(record) == newer {
		return because(o.superseded("Release/"+o.target.Release, record))
	}
	return nil
}

// records is Helm's own storage of releases in Secrets, but for two things.
//
// It leaves the chart's templates out of the record. They are the manifest all over again, and nothing reads them
// there; so that a sealed chart needs no more room than Helm gives the chart it was made from.
type records struct{ driver.Driver }

func (o *operation) recordDriver() driver.Driver {
	secrets := o.clientset.CoreV1().Secrets(o.target.Namespace)
	return records{driver.NewSecrets(guardedSecrets{secrets, o})}
}

// Create implements [driver.Driver].
func (r records) Create(key string, record *release.Release) error {
	return r.Driver.Create(key, lean(record))
}

// Update implements [driver.Driver].
func (r records) Update(key string, record *release.Release) error {
	return r.Driver.Update(key, lean(record))
}

// lean returns the record as it is kept.
func lean(record *release.Release) *release.Release {
	kept := *record
	if record.Chart != nil {
		kept.Chart = &chart.Chart{Metadata: record.Chart.Metadata, Values: map[string]any{}}
	}
	return &kept
}

// And it only handles the very records that were read, and those it has made since: Helm deletes and overwrites them by name.
type guardedSecrets struct {
	corev1client.SecretInterface
	o *operation
}

// List shows the records as they are known. Helm asks for no other Secrets.
func (g guardedSecrets) List(context.Context, metav1.ListOptions) (*corev1.SecretList, error) {
	list := &corev1.SecretList{}
	for _, name := range slices.Sorted(maps.Keys(g.o.records)) {
		list.Items = append(list.Items, *g.o.records[name].DeepCopy())
	}
	return list, nil
}

// Get shows a record as it is known.
func (g guardedSecrets) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	if record, known := g.o.records[name]; known {
		return record.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(corev1.Resource("secrets"), name)
}

// Create creates a record, which is ours by that.
func (g guardedSecrets) Create(ctx context.Context, secret *corev1.Secret, options metav1.CreateOptions) (*corev1.Secret, error) {
	created, err := g.SecretInterface.Create(ctx, secret, options)
	switch {
	case err == nil:
		g.o.remember(created)
	case apierrors.IsAlreadyExists(err): // and is no record by its labels, or it would have been found before
		return nil, g.o.judge(g.o.foreign(ReasonReleaseConflict, objectName(secrets.Kind, secret.Name), g.o.target.Namespace, nil))
	}
	return created, err
}

// Update overwrites a record, unless another has taken its name.
func (g guardedSecrets) Update(ctx context.Context, secret *corev1.Secret, options metav1.UpdateOptions) (*corev1.Secret, error) {
	record, err := g.Get(ctx, secret.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	secret.UID = record.UID
	updated, err := g.SecretInterface.Update(ctx, secret, options)
	if err == nil {
		g.o.remember(updated)
	}
	return updated, err
}

// Delete deletes a record, unless another has taken its name. That it is gone is no error.
func (g guardedSecrets) Delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	record, err := g.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	options.Preconditions = &metav1.Preconditions{UID: &record.UID}
	if err := g.SecretInterface.Delete(ctx, name, options); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	delete(g.o.records, name)
	return nil
}

// lastRecord returns the last revision of the release, and nil if there is none that can be read.
func (o *operation) lastRecord() (*release.Release, error) {
	history, err := o.recordDriver().Query(map[string]string{"name": o.target.Release, "owner": "helm"})
	if err != nil && !errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, fmt.Errorf("read release %s: %w", o.target.Release, err)
	}
	var last *release.Release
	for _, record := range history {
		if record.Info != nil && (last == nil || record.Version > last.Version) {
			last = record
		}
	}
	return last, nil
}
