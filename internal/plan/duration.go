package plan

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// What holds where nothing is said: the defaults of the CRDs, for objects that were written without them.
const (
	defaultCleanTimeout        = 5 * time.Minute
	defaultBuildTimeout        = 2 * time.Minute
	defaultInstallTimeout      = 5 * time.Minute
	defaultTestTimeout         = 5 * time.Minute
	defaultIterationInterval   = 10 * time.Second
	defaultMaxDuration         = 24 * time.Hour
	defaultErroredFor          = 2 * time.Hour
	defaultConsecutiveFailures = 5
	defaultCleanupDelay        = 4 * time.Hour
	defaultRunHistoryLimit     = 5
)

// length of time that is said, or else the default. What cannot be read is refused before a run starts, so that it is
// not met here.
func length(said soakv1alpha1.Duration, otherwise time.Duration) time.Duration {
	if parsed, err := said.Parse(); err == nil {
		return parsed
	}
	return otherwise
}

// timeout of a step.
func timeout(inputs *soakv1alpha1.Inputs, step soakv1alpha1.Step) time.Duration {
	var timeouts soakv1alpha1.Timeouts
	if inputs != nil {
		timeouts = inputs.Timeouts
	}
	switch step {
	case soakv1alpha1.StepBuild:
		return length(timeouts.Build, defaultBuildTimeout)
	case soakv1alpha1.StepInstall:
		return length(timeouts.Install, defaultInstallTimeout)
	case soakv1alpha1.StepTest:
		return length(timeouts.Test, defaultTestTimeout)
	default:
		return length(timeouts.Clean, defaultCleanTimeout)
	}
}

// checkDurations finds lengths of time that match the API's pattern and are no time all the same, such as one of a
// million years.
func checkDurations(spec *soakv1alpha1.SoakExperimentSpec) error {
	for _, said := range []struct {
		name  string
		value soakv1alpha1.Duration
	}{
		{"timeouts.clean", spec.Timeouts.Clean},
		{"timeouts.build", spec.Timeouts.Build},
		{"timeouts.install", spec.Timeouts.Install},
		{"timeouts.test", spec.Timeouts.Test},
		{"iterationInterval", spec.IterationInterval},
		{"stop.maxDuration", spec.Stop.MaxDuration},
		{"stop.erroredFor", spec.Stop.ErroredFor},
		{"cleanupDelay", spec.CleanupDelay},
	} {
		if said.value == "" {
			continue
		}
		if _, err := said.value.Parse(); err != nil {
			return fmt.Errorf("read %s: %w", said.name, err)
		}
	}
	return nil
}

// stamp is a time as the API keeps it: in whole seconds, so that what is written is what is read back.
func stamp(now time.Time) metav1.Time { return metav1.NewTime(now.UTC().Truncate(time.Second)) }

// remaining is how much of a wait is left that ends at a time, and 0 if none is. If it is more than the wait was at the
// most, the clock has been put back meanwhile, and nobody knows.
func remaining(end time.Time, whole time.Duration, now time.Time) time.Duration {
	left := end.Sub(now)
	if left > whole {
		return 0
	}
	return max(left, 0)
}

// since is how long ago something was that has a time, and else 0.
func since(then *metav1.Time, now time.Time) time.Duration {
	if then == nil {
		return 0
	}
	return max(now.Sub(then.Time), 0)
}
