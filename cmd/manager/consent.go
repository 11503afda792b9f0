package main

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
	"github.com/saltside/soak-operator/internal/release"
)

// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get

// reasonNamespaceNotAllowed says that the owners of the namespace do not let the experiment act there.
const reasonNamespaceNotAllowed = "NamespaceNotAllowed"

// consent tells whether the owners of a namespace let experiments act in it. That is no matter of the account's rights:
// it may well have some in a namespace where nobody expects a tool that deletes releases.
type consent struct {
	// reader asks the API server itself, in the operator's own name.
	reader client.Reader
	// own is the operator's namespace; empty if it has none.
	own string
}

// given returns an outcome that says why nothing may be done there, if so.
func (c *consent) given(ctx context.Context, experimentNamespace, namespace string) (plan.Outcome, bool) {
	if strings.HasPrefix(namespace, "kube-") || namespace == c.own {
		return refusal(reasonNamespaceNotAllowed, "namespace %s is not for experiments: name another one in environments", namespace), false
	}
	command := fmt.Sprintf("kubectl label namespace %s %s=%s", namespace, soakv1alpha1.LabelAllowedFrom, experimentNamespace)
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := c.reader.Get(ctx, types.NamespacedName{Name: namespace}, found)
	allowed, labelled := found.Labels[soakv1alpha1.LabelAllowedFrom]
	switch {
	case apierrors.IsNotFound(err):
		return without(plan.NamespaceGone, "there is no namespace %s: create it, and let experiments into it with: %s", namespace, command), false
	case err == nil && !found.DeletionTimestamp.IsZero():
		return without(plan.NamespaceGoing, "namespace %s is being deleted, and all that is in it: when it is gone, create it again, and let experiments into it with: %s", namespace, command), false
	case err != nil:
		return plan.Outcome{Result: plan.Errored, Reason: release.ReasonAPIUnavailable, Message: fmt.Sprintf("ask for namespace %s: %v", namespace, err)}, false
	case !labelled:
		return refusal(reasonNamespaceNotAllowed, "namespace %s does not let experiments in: %s", namespace, command), false
	case allowed != experimentNamespace:
		return refusal(reasonNamespaceNotAllowed, "namespace %s lets in experiments from %s, and not from %s: %s --overwrite",
			namespace, allowed, experimentNamespace, command), false
	default:
		return plan.Outcome{}, true
	}
}

func without(state plan.NamespaceState, format string, arguments ...any) plan.Outcome {
	outcome := refusal(release.ReasonNamespaceMissing, format, arguments...)
	outcome.Namespace = state
	return outcome
}

func refusal(reason, format string, arguments ...any) plan.Outcome {
	return plan.Outcome{Result: plan.Errored, Reason: reason, Message: fmt.Sprintf(format, arguments...), UserMustAct: true}
}
