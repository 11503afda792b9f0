package plan

import (
	"regexp"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// conditionReason is what the API accepts as the reason of a condition.
var conditionReason = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`)

// conditions are those of one object, at one time.
type conditions struct {
	of         *[]metav1.Condition
	generation int64
	now        metav1.Time
}

// set changes a condition. The time of its last transition changes only with its status.
func (c conditions) set(kind string, status metav1.ConditionStatus, reason, message string) {
	if !conditionReason.MatchString(reason) {
		reason = reasonUnexplained
	}
	meta.SetStatusCondition(c.of, metav1.Condition{
		Type:               kind,
		Status:             status,
		ObservedGeneration: c.generation,
		LastTransitionTime: c.now,
		Reason:             clip(reason, 1024),
		Message:            clip(message, 32768),
	})
}

func (c conditions) remove(kind string) { meta.RemoveStatusCondition(c.of, kind) }

// isTrue tells whether a condition is there and True.
func isTrue(of []metav1.Condition, kind string) bool { return meta.IsStatusConditionTrue(of, kind) }

func statusOf(yes bool) metav1.ConditionStatus {
	if yes {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}
