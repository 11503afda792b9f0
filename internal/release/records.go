package release

import (
	"context"
	"errors"
	"fmt"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// recordSelector selects Helm's records of a release of that name, whoever made them.
func (t Target) recordSelector() string {
	return labels.Set{"owner": "helm", "name": t.Release}.String()
}

// recordHeads lists the records of a release of that name, without what is in them: whose they are is told from their
// labels, and a record that cannot be read is one all the same.
func (o *operation) recordHeads() ([]metav1.PartialObjectMetadata, error) {
	list, err := o.metadata.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(o.target.Namespace).
		List(o.late, metav1.ListOptions{LabelSelector: o.target.recordSelector()})
	if err != nil {
		return nil, fmt.Errorf("list the records of release %s: %w", o.target.Release, err)
	}
	return list.Items, nil
}

// ours judges records: an error says that one of them must not be touched.
func (o *operation) ours(records []metav1.PartialObjectMetadata) error {
	for i := range records {
		record := &records[i]
		if !o.target.owns(record.Labels) {
			outcome := o.foreign(ReasonReleaseConflict, "release "+o.target.Release, o.target.Namespace, record.Labels)
			outcome.Object = "Release/" + o.target.Release
			return because(outcome)
		}
		if o.target.ageOf(record.Labels) == newer {
			return because(o.superseded("Release/"+o.target.Release, record.Labels))
		}
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
	return records{driver.NewSecrets(guardedSecrets{SecretInterface: secrets, o: o, known: map[string]types.UID{}})}
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

// And it only handles records of the cell: Helm deletes and overwrites them by name.
type guardedSecrets struct {
	corev1client.SecretInterface
	o *operation
	// known are the UIDs of the records that are known to be ours, by name.
	known map[string]types.UID
}

// Create creates a record, which is ours by that.
func (g guardedSecrets) Create(ctx context.Context, secret *corev1.Secret, options metav1.CreateOptions) (*corev1.Secret, error) {
	created, err := g.SecretInterface.Create(ctx, secret, options)
	switch {
	case err == nil:
		g.known[created.Name] = created.UID
	case apierrors.IsAlreadyExists(err): // and is no record by its labels, or it would have been found before
		return nil, g.o.judge(g.o.foreign(ReasonReleaseConflict, objectName(secrets.Kind, secret.Name), g.o.target.Namespace, nil))
	}
	return created, err
}

// Delete deletes the very record that it found to be ours.
func (g guardedSecrets) Delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	found, err := g.own(ctx, name)
	if err != nil {
		return err
	}
	options.Preconditions = &metav1.Preconditions{UID: &found}
	err = g.SecretInterface.Delete(ctx, name, options)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// Update overwrites the very record that it found to be ours.
func (g guardedSecrets) Update(ctx context.Context, secret *corev1.Secret, options metav1.UpdateOptions) (*corev1.Secret, error) {
	found, err := g.own(ctx, secret.Name)
	if err != nil {
		return nil, err
	}
	secret.UID = found
	return g.SecretInterface.Update(ctx, secret, options)
}

// own returns the UID of the record of that name that is ours. It is asked for once: another record would have another.
func (g guardedSecrets) own(ctx context.Context, name string) (types.UID, error) {
	if known := g.known[name]; known != "" {
		return known, nil
	}
	found, err := g.o.metadata.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(g.o.target.Namespace).
		Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if err := g.o.ours([]metav1.PartialObjectMetadata{*found}); err != nil {
		return "", g.o.judge(g.o.explain(err, unexpected))
	}
	g.known[name] = found.UID
	return found.UID, nil
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
