package chart

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/saltside/soak-operator/internal/plan"
)

// Reasons of problems and outcomes. Those that package release has too have the same name there.
const (
	// ReasonForbidden says that the service account lacks a right.
	ReasonForbidden = "Forbidden"
	// ReasonAPIUnavailable says that the API server did not answer.
	ReasonAPIUnavailable = "APIUnavailable"
	// ReasonUnobserved says that time ran out before all was read.
	ReasonUnobserved = "Unobserved"
	// ReasonStopped says that it was stopped on request.
	ReasonStopped = "Stopped"
	// ReasonUnexpected says that something happened that is not understood.
	ReasonUnexpected = "Unexpected"

	// ReasonChartNotFound says that there is no chart where the inputs say that it is.
	ReasonChartNotFound = "ChartNotFound"
	// ReasonChartInvalid says that what is there is no chart.
	ReasonChartInvalid = "ChartInvalid"
	// ReasonChartChanged says that it is another chart than when the run started.
	ReasonChartChanged = "ChartChanged"
	// ReasonValuesNotFound says that there are no values where valuesFrom says that they are.
	ReasonValuesNotFound = "ValuesNotFound"
	// ReasonValuesInvalid says that what is there is no map of values, or that matrixValues does not fit into them.
	ReasonValuesInvalid = "ValuesInvalid"
	// ReasonValuesChanged says that they are other values than when the run started.
	ReasonValuesChanged = "ValuesChanged"
)

// problemError is something that the user must mend, on its way up.
type problemError struct {
	plan.Problem
	// doubtful says that it may yet go away by itself.
	doubtful bool
}

// Error implements error.
func (p *problemError) Error() string { return p.Message }

// mend returns something that the user must mend, as an error.
func mend(reason, format string, args ...any) error {
	return &problemError{Problem: plan.Problem{Reason: reason, Message: oneLine(fmt.Sprintf(format, args...))}}
}

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

// failure is the outcome of an error: never [plan.Failed], because nothing of it is the cluster's doing, and the chart has
// been seen to be one when the run started.
func failure(ctx context.Context, err error) plan.Outcome {
	if outcome, stopped := stop(ctx); stopped {
		return outcome
	}
	var problem *problemError
	switch {
	case errors.As(err, &problem):
		return plan.Outcome{Result: plan.Errored, Reason: problem.Reason, Message: problem.Message, UserMustAct: !problem.doubtful}
	case ctx.Err() != nil:
		return errored(ReasonUnobserved, "the time was over before the chart and its values were read: %v", err)
	case unanswered(err):
		return errored(ReasonAPIUnavailable, "the API server did not answer: %v", err)
	default:
		return errored(ReasonUnexpected, "%v", err)
	}
}

func errored(reason, format string, args ...any) plan.Outcome {
	return plan.Outcome{Result: plan.Errored, Reason: reason, Message: oneLine(fmt.Sprintf(format, args...))}
}

// stop is the outcome of what was stopped on request, and not by its deadline.
func stop(ctx context.Context) (plan.Outcome, bool) {
	cause := context.Cause(ctx)
	if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(cause, context.DeadlineExceeded) {
		return plan.Outcome{}, false
	}
	return plan.Outcome{Result: plan.Stopped, Reason: ReasonStopped, Message: oneLine(fmt.Sprintf("stopped: %v", cause))}, true
}

// unanswered tells whether an error is the API server's failure to answer. Whatever is no answer of the server counts:
// it was the network's, or that of something in between.
func unanswered(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || apierrors.IsUnexpectedServerError(err) {
		return true
	}
	code := status.Status().Code
	return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests || code == http.StatusUnauthorized
}
