package release_test

import (
	"testing"

	"github.com/saltside/soak-operator/internal/plan"
)

func TestAnIterationPasses(t *testing.T) {
	f := newFixture(t)
	with := values{"store": values{"enabled": true}, "setup": values{"outcome": "exit-0"}, "teardown": values{"outcome": "exit-0"}}
	for attempt := int32(1); attempt <= 3; attempt++ {
		f.target.Attempt, f.target.Iteration = attempt, attempt
		f.want(f.clean(limit), plan.Succeeded, "")
		f.isClean()
		sealed := f.installed(shop(t, nil), with)
		f.want(f.test(sealed, limit), plan.Succeeded, "")
	}
	f.want(f.clean(limit), plan.Succeeded, "")
	f.isClean()
}
