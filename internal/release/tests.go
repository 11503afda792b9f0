package release

import (
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/runtime/schema"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// test runs the test hooks of the release, and counts those that were seen to pass: as many as there are.
func (o *operation) test(sealed *chart.Chart) plan.Outcome {
	if o.target.TestPolicy == soakv1alpha1.TestPolicySkip {
		return o.succeeded()
	}
	contents, err := contentsOf(sealed)
	if err != nil {
		return unexpected(err)
	}
	tests, err := testsOf(contents.hooks)
	if err != nil {
		return unexpected(err)
	}
	if len(tests) == 0 && o.target.TestPolicy != soakv1alpha1.TestPolicyIfPresent {
		return failed(ReasonNoTests, "chart %s has no test hook that is a Pod or a Job, and tests are required", sealed.Name())
	}
	if err := o.deployed(); err != nil {
		return o.explain(err, unexpected)
	}
	config, _, err := o.helm()
	if err != nil {
		return o.explain(err, unexpected)
	}
	testing := action.NewReleaseTesting(config)
	testing.Namespace, testing.Timeout = o.target.Namespace, o.remaining()
	if _, err := testing.Run(o.target.Release); err != nil {
		return o.explain(fmt.Errorf("test release %s: %w", o.target.Release, err), unexpected)
	}
	var unseen []string
	for _, name := range tests {
		if !o.passed[name] {
			unseen = append(unseen, name)
		}
	}
	if len(unseen) > 0 {
		return errored(ReasonUnexpected, "helm test says that all is well, but these were not seen to pass: %s", strings.Join(unseen, ", "))
	}
	// It must still be the one that was tested.
	if err := o.deployed(); err != nil {
		return o.explain(err, unexpected)
	}
	return o.succeeded()
}

// testsOf names the test hooks that end, and so can be judged. One of any other kind is there or not, and tests nothing.
func testsOf(hooks []*release.Hook) ([]string, error) {
	var tests []string
	for _, hook := range hooks {
		if !slices.Contains(hook.Events, release.HookTest) {
			continue
		}
		objects, err := document{hook.Path, hook.Manifest}.objects()
		if err != nil {
			return nil, err
		}
		for _, object := range objects {
			if kind := object.GroupVersionKind(); ends(schema.GroupKind{Group: kind.Group, Kind: kind.Kind}) {
				tests = append(tests, objectName(kind.Kind, object.GetName()))
			}
		}
	}
	return tests, nil
}
