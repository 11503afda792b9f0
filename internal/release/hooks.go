package release

import (
	"fmt"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/kube"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// ends tells the kinds of hooks that end, and that can be judged by that.
func ends(kind schema.GroupKind) bool {
	return kind == schema.GroupKind{Kind: "Pod"} || kind == schema.GroupKind{Group: "batch", Kind: "Job"}
}

// awaitHooks waits until the hooks have ended, and judges each by the object that was created for it and no other of
// that name. Hooks of other kinds are there, which is all that Helm asks of them.
func (o *operation) awaitHooks(resources kube.ResourceList, timeout time.Duration) error {
	for _, info := range resources {
		if !ends(info.Mapping.GroupVersionKind.GroupKind()) {
			continue
		}
		created, ok := info.Object.(metav1.Object)
		if !ok || created.GetUID() == "" {
			return fmt.Errorf("%s was not created", infoName(info))
		}
		if err := o.awaitHook(info, created, timeout); err != nil {
			return err
		}
		o.lock.Lock()
		o.passed[infoName(info)] = true
		o.lock.Unlock()
	}
	return nil
}

func (o *operation) awaitHook(info *resource.Info, created metav1.Object, timeout time.Duration) error {
	ctx, cancel := o.within(timeout)
	defer cancel()
	uid := created.GetUID()
	var end hookEnd
	v := o.follow(ctx, byName(info, true), created)
	defer v.close()
	err := v.await(ctx, func() (bool, error) {
		object, deleted := v.find(uid)
		var err error
		end, err = endOf(object)
		end.deleted = deleted
		return end.over || deleted, err
	})
	if err != nil && (ctx.Err() == nil || o.stopped()) {
		return err
	}
	if err != nil {
		// The last word is not what a watch had shown by then, but what is.
		now, err := o.read(o.late, byName(info, true))
		if err != nil {
			return err
		}
		object, deleted := now.find(uid)
		if end, err = endOf(object); err != nil {
			return err
		}
		end.deleted = deleted
	}
	if end.passed {
		if o.options.Logs != nil {
			o.readLogs(info, uid)
		}
		return nil
	}
	outcome := o.judgeHook(info, uid, end)
	if blind := o.blind(v); blind != nil && !end.over {
		outcome = errored(ReasonUnobserved, "%s; but for some of the time nothing could be seen: %v", outcome.Message, blind)
	}
	return o.judge(outcome)
}

// hookEnd is how far a hook has come.
type hookEnd struct {
	over, passed, deleted bool
	// why it failed, in the words of whoever ran it.
	why string
	// node that it ran on, if it is a pod.
	node string
}

// endOf tells how far a hook has come from its object, which may be the last that was seen of it, or nil.
func endOf(object metav1.Object) (hookEnd, error) {
	hook, ok := object.(*unstructured.Unstructured)
	if !ok {
		return hookEnd{}, nil
	}
	if hook.GetKind() == "Pod" {
		var pod corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(hook.Object, &pod); err != nil {
			return hookEnd{}, err
		}
		return endOfPod(&pod), nil
	}
	var job batchv1.Job
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(hook.Object, &job); err != nil {
		return hookEnd{}, err
	}
	for _, condition := range job.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case batchv1.JobComplete:
			return hookEnd{over: true, passed: true}, nil
		case batchv1.JobFailed:
			return hookEnd{over: true, why: sentence(condition.Reason, condition.Message)}, nil
		default: // on its way
		}
	}
	return hookEnd{}, nil
}

func endOfPod(pod *corev1.Pod) hookEnd {
	end := hookEnd{node: pod.Spec.NodeName}
	switch pod.Status.Phase {
	case corev1.PodSucceeded:
		end.over, end.passed = true, true
	case corev1.PodFailed:
		end.over, end.why = true, sentence(pod.Status.Reason, pod.Status.Message)
	default:
		// Who has it go before its time says so: a drain, a taint, a preemption.
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.DisruptionTarget && condition.Status == corev1.ConditionTrue {
				end.why = sentence(condition.Reason, condition.Message)
			}
		}
	}
	return end
}

// judgeHook says why a hook has not passed: with its pod, what the pod wrote last, and the node that it ran on.
func (o *operation) judgeHook(info *resource.Info, uid types.UID, end hookEnd) plan.Outcome {
	logs := o.readLogs(info, uid)
	what, reasons := "hook", [3]string{ReasonHookFailed, ReasonHookDeleted, ReasonHookTimedOut}
	if o.step == soakv1alpha1.StepTest {
		what, reasons = "test", [3]string{ReasonTestFailed, ReasonTestDeleted, ReasonTestTimedOut}
	}
	reason, verb := reasons[2], "had not ended in time"
	switch {
	case end.over:
		reason, verb = reasons[0], "failed"
	case end.deleted:
		reason, verb = reasons[1], "was deleted before it had ended"
	}
	message := fmt.Sprintf("%s %s %s", what, infoName(info), verb)
	outcome := failed(reason, "%s", message)
	outcome.Object, outcome.Node = infoName(info), end.node
	worst, found := o.culprit(func(pod *corev1.Pod) bool { return isOf(pod, info, uid) })
	if found {
		outcome.Object, outcome.Container, outcome.Node = objectName("Pod", worst.pod), worst.container, worst.node
		if worst.reason != "" {
			message += ": " + worst.describe()
		} else if worst.node != "" {
			message += " on node " + worst.node
		}
	} else if end.node != "" {
		message += " on node " + end.node
	}
	if end.why != "" && !strings.Contains(message, end.why) {
		message += ": " + end.why
	}
	if line := lastLine(logs, worst.container); line != "" {
		message += fmt.Sprintf("; it wrote last: %s", line)
	}
	outcome.Message = oneLine(message)
	return outcome
}

// isOf tells whether a pod is the hook, or was made for it.
func isOf(pod *corev1.Pod, hook *resource.Info, uid types.UID) bool {
	if hook.Mapping.GroupVersionKind.Kind == "Pod" {
		return pod.UID == uid
	}
	owner := metav1.GetControllerOfNoCopy(pod)
	return owner != nil && owner.UID == uid
}

// sentence joins a reason and a message, either of which may be empty.
func sentence(reason, message string) string {
	if reason == "" || message == "" {
		return reason + message
	}
	return reason + ": " + message
}
