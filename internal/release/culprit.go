package release

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// culprit is a pod that keeps something from being ready, and why.
type culprit struct {
	// weight is how much it says: the higher, the more sure it is that this is what is wrong.
	weight                      int
	pod, container, node        string
	reason, message, lastEnding string
}

// describe says it in a sentence's part.
func (c culprit) describe() string {
	text := "pod " + c.pod
	if c.container != "" {
		text += ", container " + c.container
	}
	if c.node != "" {
		text += ", node " + c.node
	}
	text += ": " + sentence(c.reason, c.message)
	if c.lastEnding != "" {
		text += " (" + c.lastEnding + ")"
	}
	return text
}

// culprit looks at the pods of the attempt as they are now, and returns the one that says most about what is wrong.
// That it cannot look is no error: what is wrong is known, only not why.
func (o *operation) culprit(match func(*corev1.Pod) bool) (culprit, bool) {
	list, err := o.clientset.CoreV1().Pods(o.target.Namespace).List(o.late, metav1.ListOptions{LabelSelector: o.target.cellSelector()})
	if err != nil {
		return culprit{}, false
	}
	var found []culprit
	for i := range list.Items {
		if match(&list.Items[i]) {
			found = append(found, suspect(&list.Items[i]))
		}
	}
	if len(found) == 0 {
		return culprit{}, false
	}
	return slices.MaxFunc(found, func(a, b culprit) int {
		return cmp.Or(cmp.Compare(a.weight, b.weight), cmp.Compare(b.pod, a.pod))
	}), true
}

// What can be wrong with a pod, the plainest last.
const (
	nothing = iota
	podNotReady
	notReady
	starting
	terminating
	ended
	unschedulable
	waiting
	removed
)

// consider takes a reason over if it says more than what is known.
func (c *culprit) consider(weight int, container, reason, message, lastEnding string) {
	if weight > c.weight {
		c.weight, c.container, c.reason, c.message, c.lastEnding = weight, container, reason, message, lastEnding
	}
}

// suspect says what is wrong with a pod, if anything.
func suspect(pod *corev1.Pod) culprit {
	worst := culprit{pod: pod.Name, node: pod.Spec.NodeName}
	for _, condition := range pod.Status.Conditions {
		switch {
		case condition.Status != corev1.ConditionFalse:
		case condition.Type == corev1.PodScheduled:
			worst.consider(unschedulable, "", condition.Reason, condition.Message, "")
		case condition.Type == corev1.PodReady && pod.Status.Phase == corev1.PodRunning:
			worst.consider(podNotReady, "", ReasonNotReady, condition.Message, "")
		}
	}
	if pod.Status.Reason != "" {
		worst.consider(removed, "", pod.Status.Reason, pod.Status.Message, "") // Evicted, NodeLost, UnexpectedAdmissionError
	}
	if pod.DeletionTimestamp != nil {
		worst.consider(terminating, "", "Terminating", "since "+pod.DeletionTimestamp.UTC().Format("15:04:05Z"), "")
	}
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		worst.considerContainer(status, pod.Spec.RestartPolicy == corev1.RestartPolicyAlways)
	}
	if worst.weight == nothing && pod.Status.Phase == corev1.PodPending {
		worst.consider(starting, "", "Pending", "", "")
	}
	return worst
}

func (c *culprit) considerContainer(status corev1.ContainerStatus, serves bool) {
	switch state := status.State; {
	case state.Waiting != nil && (state.Waiting.Reason == "ContainerCreating" || state.Waiting.Reason == "PodInitializing"):
		c.consider(starting, status.Name, state.Waiting.Reason, state.Waiting.Message, "")
	case state.Waiting != nil:
		c.consider(waiting, status.Name, state.Waiting.Reason, state.Waiting.Message, lastEnding(status))
	case state.Terminated != nil && state.Terminated.ExitCode != 0:
		c.consider(ended, status.Name, state.Terminated.Reason, sentence(exitCode(state.Terminated), state.Terminated.Message), "")
	case state.Running != nil && !status.Ready && serves:
		c.consider(notReady, status.Name, ReasonNotReady, "the container runs but is not ready", lastEnding(status))
	}
}

func lastEnding(status corev1.ContainerStatus) string {
	last := status.LastTerminationState.Terminated
	if last == nil {
		return ""
	}
	return fmt.Sprintf("%d restarts, it last ended with %s, %s", status.RestartCount, last.Reason, exitCode(last))
}

func exitCode(terminated *corev1.ContainerStateTerminated) string {
	return fmt.Sprintf("exit code %d", terminated.ExitCode)
}
