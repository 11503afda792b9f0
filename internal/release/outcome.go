package release

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/saltside/soak-operator/internal/plan"
)

// Reasons of outcomes. Where a pod is to blame, the reason is the one that the kubelet or the scheduler gives, such as
// ImagePullBackOff or Unschedulable.
const (
	// ReasonForbidden says that the service account lacks a right.
	ReasonForbidden = "Forbidden"
	// ReasonAPIUnavailable says that the API server did not answer.
	ReasonAPIUnavailable = "APIUnavailable"
	// ReasonUnobserved says that time ran out, and that it could not be seen whether anything was wrong.
	ReasonUnobserved = "Unobserved"
	// ReasonFenced says that this process must not change anything any more.
	ReasonFenced = "Fenced"
	// ReasonStopped says that the operation was stopped on request.
	ReasonStopped = "Stopped"
	// ReasonUnexpected says that something happened that is not understood.
	ReasonUnexpected = "Unexpected"
	// ReasonSuperseded says that what was found belongs to a later attempt.
	ReasonSuperseded = "Superseded"
	// ReasonReleaseConflict says that there is a release of that name that is not ours.
	ReasonReleaseConflict = "ReleaseConflict"
	// ReasonObjectConflict says that there is an object of that name that is not ours.
	ReasonObjectConflict = "ObjectConflict"
	// ReasonNamespaceMissing says that the namespace of the release is not there, or about to go.
	ReasonNamespaceMissing = "NamespaceMissing"
	// ReasonNotClean says that something of an earlier attempt is there when it should not be.
	ReasonNotClean = "NotClean"

	// ReasonReleaseNotPurged says that the release record was still there when time ran out.
	ReasonReleaseNotPurged = "ReleaseNotPurged"
	// ReasonPodsNotDeleted says that pods were still there when time ran out.
	ReasonPodsNotDeleted = "PodsNotDeleted"
	// ReasonResourcesNotDeleted says that other objects were still there when time ran out.
	ReasonResourcesNotDeleted = "ResourcesNotDeleted"

	// ReasonChartInvalid says that the chart is broken or that helm lint finds errors in it.
	ReasonChartInvalid = "ChartInvalid"
	// ReasonValuesInvalid says that the values do not comply with the chart's schema.
	ReasonValuesInvalid = "ValuesInvalid"
	// ReasonRenderFailed says that a template failed, or that what it rendered is no object.
	ReasonRenderFailed = "RenderFailed"
	// ReasonKindUnknown says that the API server has no such kind.
	ReasonKindUnknown = "KindUnknown"
	// ReasonNotAllowed says that the chart renders what the experiment does not allow.
	ReasonNotAllowed = "NotAllowed"
	// ReasonReleaseTooLarge says that the release record would not fit into a Secret.
	ReasonReleaseTooLarge = "ReleaseTooLarge"

	// ReasonObjectRejected says that the API server did not accept an object.
	ReasonObjectRejected = "ObjectRejected"
	// ReasonNotReady says that something was not ready when time ran out.
	ReasonNotReady = "NotReady"
	// ReasonObjectDeleted says that something was deleted while it was being waited for.
	ReasonObjectDeleted = "ObjectDeleted"
	// ReasonHookFailed says that a hook failed.
	ReasonHookFailed = "HookFailed"
	// ReasonHookDeleted says that a hook was deleted before it had ended.
	ReasonHookDeleted = "HookDeleted"
	// ReasonHookTimedOut says that a hook had not ended when time ran out.
	ReasonHookTimedOut = "HookTimedOut"

	// ReasonNoTests says that the chart has no tests although the experiment requires them.
	ReasonNoTests = "NoTests"
	// ReasonTestFailed says that a test failed.
	ReasonTestFailed = "TestFailed"
	// ReasonTestDeleted says that a test was deleted before it had ended: evicted, or removed by somebody.
	ReasonTestDeleted = "TestDeleted"
	// ReasonTestTimedOut says that a test had not ended when time ran out.
	ReasonTestTimedOut = "TestTimedOut"
)

// judgement is an outcome on its way up, as an error: through our own functions, and through Helm, to which it is an
// error like any other.
type judgement struct{ plan.Outcome }

// because returns an outcome as an error.
func because(outcome plan.Outcome) error { return &judgement{outcome} }

// Error implements error.
func (j *judgement) Error() string { return j.Message }

// messageLimit is how long a message may get, in bytes.
const messageLimit = 1000

// oneLine makes a message of what may be many lines.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > messageLimit {
		text = strings.ToValidUTF8(text[:messageLimit-len("...")], "") + "..."
	}
	return text
}

// failed, errored and hopeless make outcomes. Hopeless is errored, and trying again of no use.
func failed(reason, format string, args ...any) plan.Outcome {
	return plan.Outcome{Result: plan.Failed, Reason: reason, Message: oneLine(fmt.Sprintf(format, args...))}
}

func errored(reason, format string, args ...any) plan.Outcome {
	outcome := failed(reason, format, args...)
	outcome.Result = plan.Errored
	return outcome
}

func hopeless(reason, format string, args ...any) plan.Outcome {
	outcome := errored(reason, format, args...)
	outcome.UserMustAct = true
	return outcome
}

// succeeded is the outcome of what went well, with the remarks that were made on the way.
func (o *operation) succeeded() plan.Outcome {
	return plan.Outcome{Result: plan.Succeeded, Message: oneLine(strings.Join(o.notes, "; "))}
}

// explain makes an outcome of an error, from wherever it comes. A judgement that was made on the way comes first.
// Otherwise it is what the API server failed to answer; or what it refused, which is the chart's doing; and what is not
// understood is left to the caller to name: it knows what it has asked for.
func (o *operation) explain(err error, otherwise func(error) plan.Outcome) plan.Outcome {
	o.lock.Lock()
	judged := o.judged
	o.lock.Unlock()
	if judged != nil {
		return judged.Outcome
	}
	if errors.As(err, &judged) {
		return judged.Outcome
	}
	if outcome, ok := forbidden(err); ok {
		return outcome
	}
	if errors.Is(err, errFenced) {
		return errored(ReasonFenced, "%v", err)
	}
	if trouble := o.trouble.err(); trouble != nil {
		return errored(ReasonAPIUnavailable, "the API server did not answer: %v", trouble)
	}
	if o.over() {
		return errored(ReasonUnobserved, "the time was over before it could be seen what came of it: %v", err)
	}
	if outcome, ok := rejected(err); ok {
		return outcome
	}
	return otherwise(err)
}

// unexpected names what is not understood.
func unexpected(err error) plan.Outcome { return errored(ReasonUnexpected, "%v", err) }

var (
	// The message of the RBAC authorizer. It is looked for in the text, because Helm keeps only that. A server that
	// knows constrained impersonation names another verb for what is done in somebody else's name, such as
	// impersonate-on:serviceaccount:get.
	missingRight = regexp.MustCompile(`User "([^"]*)" cannot ([\w:-]+) resource "([^"]*)" in API group "([^"]*)" (?:in the namespace "([^"]*)"|at the cluster scope)`)
	escalation   = regexp.MustCompile(`user "([^"]*)" \(groups=[^)]*\) is attempting to grant RBAC permissions not currently held`)
)

// forbidden tells a missing right, which the user must give, from all else that the API server answers with 403.
func forbidden(err error) (plan.Outcome, bool) {
	if match := missingRight.FindStringSubmatch(err.Error()); match != nil {
		resource, where := match[3], "in all namespaces"
		if match[4] != "" {
			resource += "." + match[4]
		}
		if match[5] != "" {
			where = "in namespace " + match[5]
		}
		outcome := hopeless(ReasonForbidden, "%s may not %s %s %s", accountName(match[1]), match[2], resource, where)
		if strings.HasPrefix(match[2], "impersonate") {
			outcome.Message = fmt.Sprintf("%s may not impersonate serviceaccounts", accountName(match[1]))
		}
		if _, doubt, found := strings.Cut(err.Error(), ": RBAC: "); found {
			// The server could not read its own rules: it has just been started, or a binding names a role that is not there.
			outcome.UserMustAct = false
			outcome.Message = oneLine(outcome.Message + ": " + doubt)
		}
		return outcome, true
	}
	if match := escalation.FindStringSubmatch(err.Error()); match != nil {
		return hopeless(ReasonForbidden, "%s may not grant rights that it does not have itself: %v", accountName(match[1]), err), true
	}
	return plan.Outcome{}, false
}

// accountName is how people call a user of the API.
func accountName(user string) string {
	if account, ok := strings.CutPrefix(user, "system:serviceaccount:"); ok {
		return "service account " + strings.Replace(account, ":", "/", 1)
	}
	return "user " + user
}

// rejected tells that the API server did not accept what it was given.
func rejected(err error) (plan.Outcome, bool) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return plan.Outcome{}, false
	}
	if details := status.Status().Details; apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) ||
		apierrors.IsNotFound(err) && details != nil && details.Kind == "namespaces" {
		return hopeless(ReasonNamespaceMissing, "the namespace is not there, or about to go: %v", err), true
	}
	switch code := status.Status().Code; code {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return failed(ReasonObjectRejected, "%v", err), true
	}
	return plan.Outcome{}, false
}
