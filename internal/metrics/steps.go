package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// Steps measures how long steps take, of all experiments together.
type Steps struct {
	seconds *prometheus.HistogramVec
}

// NewSteps returns a measure that nobody has used yet.
func NewSteps() *Steps {
	return &Steps{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "soak_step_duration_seconds",
		Help: "How long a step of an attempt took, by step and result.",
		// A native histogram has buckets as fine as they need be; the classic ones are for those who cannot read it.
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
		Buckets:                         []float64{0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600},
	}, []string{"step", "result"})}
}

// Observe a step that has ended.
func (s *Steps) Observe(step soakv1alpha1.Step, result plan.Result, took time.Duration) {
	s.seconds.WithLabelValues(string(step), string(result)).Observe(took.Seconds())
}

// Describe implements [prometheus.Collector].
func (s *Steps) Describe(descriptions chan<- *prometheus.Desc) { s.seconds.Describe(descriptions) }

// Collect implements [prometheus.Collector].
func (s *Steps) Collect(metrics chan<- prometheus.Metric) { s.seconds.Collect(metrics) }
