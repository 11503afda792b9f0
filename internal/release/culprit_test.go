package release

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func TestSuspect(t *testing.T) {
	for name, test := range map[string]struct{ status, want string }{
		"nothing": {
			"{phase: Running, containerStatuses: [{name: app, ready: true, state: {running: {}}}]}", "pod web, node n1: ",
		},
		"crash loop": {
			"{phase: Running, conditions: [{type: Ready, status: 'False', message: containers with unready status}], containerStatuses: [{name: app, restartCount: 4, " +
				"state: {waiting: {reason: CrashLoopBackOff, message: back-off}}, lastState: {terminated: {reason: OOMKilled, exitCode: 137}}}]}",
			"pod web, container app, node n1: CrashLoopBackOff: back-off (4 restarts, it last ended with OOMKilled, exit code 137)",
		},
		"init container comes before what waits for it": {
			"{phase: Pending, initContainerStatuses: [{name: init, state: {waiting: {reason: ErrImagePull, message: not found}}}], " +
				"containerStatuses: [{name: app, state: {waiting: {reason: PodInitializing}}}]}",
			"pod web, container init, node n1: ErrImagePull: not found",
		},
		"stuck in creating": {
			"{phase: Pending, containerStatuses: [{name: app, state: {waiting: {reason: ContainerCreating}}}]}",
			"pod web, container app, node n1: ContainerCreating",
		},
		"evicted": {
			"{phase: Failed, reason: Evicted, message: The node was low on resource}", "pod web, node n1: Evicted: The node was low on resource",
		},
		"unschedulable": {
			"{phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: 0/2 nodes are available}]}",
			"pod web, node n1: Unschedulable: 0/2 nodes are available",
		},
		"not ready": {
			"{phase: Running, conditions: [{type: Ready, status: 'False', message: containers with unready status}], " +
				"containerStatuses: [{name: app, ready: false, state: {running: {}}}]}",
			"pod web, container app, node n1: NotReady: the container runs but is not ready",
		},
		"readiness gate": {
			"{phase: Running, conditions: [{type: Ready, status: 'False', message: gate is closed}], containerStatuses: [{name: app, ready: true, state: {running: {}}}]}",
			"pod web, node n1: NotReady: gate is closed",
		},
		"failed": {
			"{phase: Failed, containerStatuses: [{name: app, state: {terminated: {reason: Error, exitCode: 3}}}]}",
			"pod web, container app, node n1: Error: exit code 3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "web"},
				Spec:       corev1.PodSpec{NodeName: "n1", RestartPolicy: corev1.RestartPolicyAlways},
			}
			if err := yaml.UnmarshalStrict([]byte(test.status), &pod.Status); err != nil {
				t.Fatal(err)
			}
			if got := suspect(pod).describe(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
