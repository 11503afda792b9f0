package chart

import (
	"context"
	"errors"
	"unicode/utf8"

	"helm.sh/helm/v3/pkg/chart"
	"k8s.io/client-go/rest"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

const (
	// cachedCharts and cachedBytes are how many parsed charts are kept, and how much of memory their files may take.
	cachedCharts = 64
	cachedBytes  = 64 << 20
)

// What an API object holds of a chart's identity, in characters.
const (
	nameLimit    = 253
	versionLimit = 128
)

// Charts finds the charts of experiments and the values of their cells. It is safe for use by many goroutines.
type Charts struct {
	config *rest.Config
	cache  *cache
}

// New returns Charts that reaches the API server by the configuration, whose user must be allowed to impersonate the
// experiments' service accounts and does nothing in its own name.
func New(config *rest.Config) *Charts {
	config = rest.CopyConfig(config)
	config.WarningHandler = rest.NoWarnings{}
	// The server's own flow control, which knows each account apart, is worth more than a limit per client.
	config.QPS, config.RateLimiter = -1, nil
	return &Charts{config: config, cache: newCache(cachedCharts, cachedBytes)}
}

// Resolve finds what the inputs of an experiment refer to, with the rights of its service account, and takes the
// digests. Those of values are made with the salt, or with a new one if it is empty.
//
// What the user must mend is a problem, and no error: something is missing, is not what it should be, or may not be
// read. The error is for what will go by itself, such as an API server that does not answer.
func (c *Charts) Resolve(ctx context.Context, namespace string, inputs *soakv1alpha1.Inputs, salt string) (plan.References, error) {
	references, err := c.resolve(ctx, namespace, inputs, salt)
	if problem, ok := asProblem(err); ok {
		return plan.References{Problem: &problem.Problem}, nil
	}
	return references, err
}

func (c *Charts) resolve(ctx context.Context, namespace string, inputs *soakv1alpha1.Inputs, salt string) (references plan.References, err error) {
	found, err := c.read(ctx, namespace, inputs)
	if err != nil {
		return references, err
	}
	loaded, err := c.cache.load(ctx, found.chart)
	if err != nil {
		return references, err
	}
	layers, err := newLayers(namespace, inputs, found.values)
	if err != nil {
		return references, err
	}
	if err := layers.check(ctx); err != nil {
		return references, err
	}
	if salt == "" {
		salt = newSalt()
	}
	references.Salt, references.Values = salt, valuesDigests(salt, found.values)
	references.Chart = soakv1alpha1.ChartIdentity{
		Name: loaded.Name(), Version: loaded.Metadata.Version, Digest: chartDigest(found.chart.content),
	}
	if utf8.RuneCountInString(references.Chart.Name) > nameLimit || utf8.RuneCountInString(references.Chart.Version) > versionLimit {
		return references, mend(ReasonChartInvalid, "%s: the name of the chart may have %d characters and its version %d",
			found.chart.place, nameLimit, versionLimit)
	}
	return references, nil
}

// Loaded is what Build renders. It is the caller's own, but for the content of the chart's files, which must not be changed.
type Loaded struct {
	Chart  *chart.Chart
	Values map[string]any
	// Secrets must not be told by whatever comes of the values.
	Secrets Secrets
}

// Load returns the chart of a run and the values of one of its cells. If anything that the run is pinned to has changed,
// the outcome is [plan.InputsChanged] and says what.
func (c *Charts) Load(ctx context.Context, run *soakv1alpha1.SoakRun, market, environment string) (Loaded, plan.Outcome) {
	inputs := &run.Spec.Inputs
	found, err := c.read(ctx, run.Namespace, inputs)
	if err != nil {
		return Loaded{}, failure(ctx, err)
	}
	if outcome, differs := changed(run, found); differs {
		return Loaded{}, outcome
	}
	source, err := c.cache.load(ctx, found.chart)
	if err != nil {
		return Loaded{}, failure(ctx, err)
	}
	layers, err := newLayers(run.Namespace, inputs, found.values)
	if err != nil {
		return Loaded{}, failure(ctx, err)
	}
	values, err := layers.values(market, environment)
	if err != nil {
		return Loaded{}, failure(ctx, err)
	}
	return Loaded{Chart: source, Values: values, Secrets: layers.secrets()}, plan.Outcome{Result: plan.Succeeded}
}

// packed is a packaged chart.
type packed struct {
	// place is where it was found, for people.
	place   string
	content []byte
}

// sources are what inputs refer to, as it was read.
type sources struct {
	chart packed
	// values are the contents of valuesFrom, in its order.
	values [][]byte
}

func (c *Charts) read(ctx context.Context, namespace string, inputs *soakv1alpha1.Inputs) (found sources, err error) {
	reader, err := c.reader(namespace, inputs.ServiceAccountName)
	if err != nil {
		return found, err
	}
	if found.chart, err = fetch(ctx, reader, inputs.Chart); err != nil {
		return found, err
	}
	for _, from := range inputs.ValuesFrom {
		content, err := reader.values(ctx, from)
		if err != nil {
			return found, err
		}
		found.values = append(found.values, content)
	}
	return found, nil
}

// fetch gets the packaged chart from whichever source is set.
func fetch(ctx context.Context, reader *reader, source soakv1alpha1.ChartSource) (packed, error) {
	switch {
	case source.ConfigMap != soakv1alpha1.ConfigMapChart{}:
		return reader.configMapChart(ctx, source.ConfigMap)
	default:
		return packed{}, mend(ReasonChartNotFound, "chart names no source that this version of the operator knows: set configMap")
	}
}

func asProblem(err error) (*problemError, bool) {
	var problem *problemError
	ok := errors.As(err, &problem)
	return problem, ok
}
