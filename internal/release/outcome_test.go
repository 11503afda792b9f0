package release

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/saltside/soak-operator/internal/plan"
)

func TestExplain(t *testing.T) {
	deployments := schema.GroupResource{Group: "apps", Resource: "deployments"}
	user := `User "system:serviceaccount:soak:runner" cannot `
	for name, test := range map[string]struct {
		err         error
		judged      *judgement
		trouble     error
		result      plan.Result
		reason      string
		message     string
		userMustAct bool
	}{
		"missing right, flattened by Helm": {
			err:    errors.New(`uninstall: deployments.apps is forbidden: ` + user + `list resource "deployments" in API group "apps" in the namespace "shop"`),
			result: plan.Errored, reason: ReasonForbidden, userMustAct: true,
			message: "service account soak/runner may not list deployments.apps in namespace shop",
		},
		"missing right to a subresource of the whole cluster": {
			err:    apierrors.NewForbidden(schema.GroupResource{}, "", errors.New(user+`get resource "nodes/status" in API group "" at the cluster scope`)),
			result: plan.Errored, reason: ReasonForbidden, userMustAct: true,
			message: "service account soak/runner may not get nodes/status in all namespaces",
		},
		"right that the server is not sure about": {
			err: errors.New(`secrets is forbidden: ` + user + `list resource "secrets" in API group "" in the namespace "shop": ` +
				`RBAC: clusterrole.rbac.authorization.k8s.io "admin" not found`),
			result: plan.Errored, reason: ReasonForbidden,
			message: `service account soak/runner may not list secrets in namespace shop: clusterrole.rbac.authorization.k8s.io "admin" not found`,
		},
		"operator that may not impersonate": {
			err:    errors.New(`serviceaccounts "runner" is forbidden: User "operator" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "soak"`),
			result: plan.Errored, reason: ReasonForbidden, userMustAct: true,
			message: "user operator may not impersonate serviceaccounts",
		},
		"operator that may not impersonate, constrained": {
			err:    errors.New(`pods is forbidden: User "operator" cannot impersonate-on:serviceaccount:list resource "pods" in API group "" in the namespace "soak"`),
			result: plan.Errored, reason: ReasonForbidden, userMustAct: true,
			message: "user operator may not impersonate serviceaccounts",
		},
		"rights beyond its own": {
			err: errors.New(`roles "x" is forbidden: user "system:serviceaccount:soak:runner" (groups=["a" "b"]) is attempting to grant RBAC ` +
				`permissions not currently held: {APIGroups:[""]}`),
			result: plan.Errored, reason: ReasonForbidden, userMustAct: true,
			message: "service account soak/runner may not grant rights that it does not have itself",
		},
		"quota is no missing right": {
			err:    fmt.Errorf("create: %w", apierrors.NewForbidden(deployments, "web", errors.New("exceeded quota: small"))),
			result: plan.Failed, reason: ReasonObjectRejected, message: "exceeded quota: small",
		},
		"invalid object": {
			err:    apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "Deployment"}, "web", nil),
			result: plan.Failed, reason: ReasonObjectRejected, message: `"web" is invalid`,
		},
		"namespace is not there": {
			err:    apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop"),
			result: plan.Errored, reason: ReasonNamespaceMissing, message: "shop", userMustAct: true,
		},
		"judged on the way": {
			err: errors.New("release: failed"), judged: &judgement{failed(ReasonHookFailed, "hook Job/setup failed")},
			result: plan.Failed, reason: ReasonHookFailed, message: "hook Job/setup failed",
		},
		"judgement on its way": {
			err:    fmt.Errorf("install: %w", because(failed(ReasonNotReady, "Deployment/web is not ready"))),
			result: plan.Failed, reason: ReasonNotReady, message: "Deployment/web is not ready",
		},
		"server that does not answer": {
			err: errors.New("failed to delete release: shop"), trouble: errors.New("GET /api: connection refused"),
			result: plan.Errored, reason: ReasonAPIUnavailable, message: "GET /api: connection refused",
		},
		"fence": {
			err:    fmt.Errorf("delete: %w: %w", errFenced, errors.New("no lease")),
			result: plan.Errored, reason: ReasonFenced, message: "no lease",
		},
		"anything else is not the chart's doing": {
			err: errors.New("something odd"), result: plan.Errored, reason: ReasonUnexpected, message: "something odd",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := &operation{ctx: t.Context(), judged: test.judged, trouble: &trouble{open: map[string]error{}}}
			if test.trouble != nil {
				o.trouble.open["x"] = test.trouble
			}
			got := o.explain(test.err, unexpected)
			if got.Result != test.result || got.Reason != test.reason || got.UserMustAct != test.userMustAct || !strings.Contains(got.Message, test.message) {
				t.Errorf("outcome is %+v", got)
			}
		})
	}
}

func TestMessagesAreOneBoundedLine(t *testing.T) {
	if got := oneLine("a\n\tb\n"); got != "a b" {
		t.Errorf("got %q", got)
	}
	if got := oneLine(strings.Repeat("ä", messageLimit)); len(got) > messageLimit || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("got %d bytes ending in %q", len(got), got[len(got)-8:])
	}
}
