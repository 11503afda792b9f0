package main

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
	"github.com/saltside/soak-operator/internal/release"
)

func TestConsent(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	label := func(from string) map[string]string { return map[string]string{soakv1alpha1.LabelAllowedFrom: from} }
	reader := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "sandbox", Labels: label("soak")}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "theirs", Labels: label("others")}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: "going", Labels: label("soak"), DeletionTimestamp: &metav1.Time{Time: time.Now()}, Finalizers: []string{"kubernetes"},
		}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "operator", Labels: label("soak")}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", Labels: label("soak")}},
	).Build()
	asked := &consent{reader: reader, own: "operator"}
	for name, test := range map[string]struct {
		namespace string
		reason    string
		message   string
	}{
		"allowed":           {"sandbox", "", ""},
		"to somebody else":  {"theirs", reasonNamespaceNotAllowed, "kubectl label namespace theirs soak.saltside.io/allowed-from=soak --overwrite"},
		"to nobody":         {"shop", reasonNamespaceNotAllowed, "kubectl label namespace shop soak.saltside.io/allowed-from=soak"},
		"not there":         {"nowhere", release.ReasonNamespaceMissing, "kubectl label namespace nowhere soak.saltside.io/allowed-from=soak"},
		"on its way out":    {"going", release.ReasonNamespaceMissing, "namespace going is being deleted"},
		"the operator's":    {"operator", reasonNamespaceNotAllowed, "not for experiments"},
		"the cluster's own": {"kube-system", reasonNamespaceNotAllowed, "not for experiments"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outcome, given := asked.given(t.Context(), "soak", test.namespace)
			if given != (test.reason == "") || outcome.Reason != test.reason || !strings.Contains(outcome.Message, test.message) {
				t.Errorf("given %t, %+v", given, outcome)
			}
			if !given && (outcome.Result != plan.Errored || !outcome.UserMustAct) {
				t.Errorf("the user is not asked to act: %+v", outcome)
			}
		})
	}
}
