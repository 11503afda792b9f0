package chart_test

import (
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/account"
	"github.com/saltside/soak-operator/internal/chart"
	"github.com/saltside/soak-operator/internal/plan"
)

// Who may act as the service account, and may do nothing else, is in all groups that the account is in.
func TestImpersonationNeedsNoGroups(t *testing.T) {
	f := newFixture(t)
	client, err := kubernetes.NewForConfig(account.Impersonate(f.config, f.namespace, "runner"))
	if err != nil {
		t.Fatal(err)
	}
	review, err := client.AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	seen := review.Status.UserInfo
	slices.Sort(seen.Groups)
	want := []string{"system:authenticated", "system:serviceaccounts", "system:serviceaccounts:" + f.namespace}
	if seen.Username != account.UserName(f.namespace, "runner") || !slices.Equal(seen.Groups, want) {
		t.Errorf("is %s in the groups %q", seen.Username, seen.Groups)
	}
}

func TestTheAccountIsWhoReads(t *testing.T) {
	f := newFixture(t)
	if found := f.resolve(); found.Problem != nil || found.Chart.Name != "shop" || found.Chart.Version != "1.0.0" || len(found.Values) != 0 {
		t.Errorf("found %+v %+v", found, found.Problem)
	}
	f.inputs.ValuesFrom = []soakv1alpha1.ValuesReference{{Kind: soakv1alpha1.ValuesKindSecret, Name: "shared"}}
	f.wantProblem(chart.ReasonForbidden, "service account "+f.namespace+"/runner may not get secrets in namespace "+f.namespace+", to read Secret "+f.namespace+"/shared")

	f.withSecret()
	run := f.run()
	if len(run.Spec.Pins.Values) != 1 {
		t.Errorf("pins are %+v", run.Spec.Pins)
	}
	f.wantOutcome(run, plan.Succeeded, "", false)

	f.in("delete", "rolebinding", "secrets")
	f.wantOutcome(run, plan.Errored, chart.ReasonForbidden, true, "may not get secrets in namespace "+f.namespace)

	f.inputs.ServiceAccountName = "default"
	f.wantProblem(chart.ReasonForbidden, "service account "+f.namespace+"/default may not get configmaps in namespace "+f.namespace)

	f.in("delete", "rolebinding", "operator")
	f.wantProblem(chart.ReasonForbidden, "service account "+f.namespace+"/operator may not impersonate serviceaccounts in namespace "+f.namespace)
}

func TestWhatTheUserMustMend(t *testing.T) {
	f := newFixture(t)
	f.withSecret()
	source := &f.inputs.Chart.ConfigMap

	source.Name = "other-chart"
	f.wantProblem(chart.ReasonChartNotFound, "there is no ConfigMap "+f.namespace+"/other-chart: create it with: kubectl create configmap other-chart --namespace "+f.namespace+" --from-file=shop.tgz")
	source.Name, source.Key = "shop-chart", "shop-1.0.0.tgz"
	f.wantProblem(chart.ReasonChartNotFound, "has no key shop-1.0.0.tgz in its binaryData, only shop.tgz: create it with: kubectl create configmap shop-chart")

	f.in("create", "configmap", "text", "--from-literal=shop.tgz=H4sIAAAA", "--from-literal=word.yaml=word")
	source.Name, source.Key = "text", "shop.tgz"
	f.wantProblem(chart.ReasonChartInvalid, "has shop.tgz in its data", "it must be in its binaryData", "kubectl create configmap text --namespace "+f.namespace+" --from-file=shop.tgz")
	f.in("create", "configmap", "broken", "--from-file=shop.tgz="+f.file("broken.tgz", []byte("\xff\xfe")))
	source.Name = "broken"
	f.wantProblem(chart.ReasonChartInvalid, "ConfigMap "+f.namespace+"/broken, shop.tgz is no chart that could be used")
	source.Name = "shop-chart"

	from := &f.inputs.ValuesFrom[0]
	from.Key = "other.yaml"
	f.wantProblem(chart.ReasonValuesNotFound, "Secret "+f.namespace+"/shared has no key other.yaml")
	from.Name = "nobody"
	f.wantProblem(chart.ReasonValuesNotFound, "there is no Secret "+f.namespace+"/nobody")
	*from = soakv1alpha1.ValuesReference{Kind: soakv1alpha1.ValuesKindConfigMap, Name: "text"}
	f.wantProblem(chart.ReasonValuesNotFound, "ConfigMap "+f.namespace+"/text has no key values.yaml in its data, only shop.tgz, word.yaml")
	from.Key = "word.yaml"
	f.wantProblem(chart.ReasonValuesInvalid, "ConfigMap "+f.namespace+"/text holds no map of values in YAML")
	*from = soakv1alpha1.ValuesReference{Kind: soakv1alpha1.ValuesKindConfigMap, Name: "broken", Key: "shop.tgz"}
	f.wantProblem(chart.ReasonValuesInvalid, "has shop.tgz in its binaryData: values must be text")

	*from = soakv1alpha1.ValuesReference{Kind: soakv1alpha1.ValuesKindSecret, Name: "shared"}
	for _, values := range []string{canary, "a: *" + canary, "password: !!int " + canary, "a: b\n" + canary + "\nc: d"} {
		f.apply(secretOf(values))
		f.wantProblem(chart.ReasonValuesInvalid, "Secret "+f.namespace+"/shared holds no map of values in YAML")
	}
	f.apply(secretOf("password: " + canary))
	f.inputs.MatrixValues.MarketPath = "password.market"
	f.wantProblem(chart.ReasonValuesInvalid, "matrixValues.marketPath: password.market cannot be set in ikman/sandbox")
}

func TestWhatChangesInTheMiddleOfARun(t *testing.T) {
	f := newFixture(t)
	f.withSecret()
	run := f.run()
	f.wantOutcome(run, plan.Succeeded, "", false)

	f.store("1.1.0")
	f.wantOutcome(run, plan.InputsChanged, chart.ReasonChartChanged, false, "the chart in ConfigMap "+f.namespace+"/shop-chart, shop.tgz is sha256:", "which is shop 1.0.0")
	f.store("1.0.0") // the same bytes
	f.wantOutcome(run, plan.Succeeded, "", false)

	f.apply(secretOf("password: " + strings.ToUpper(canary)))
	f.wantOutcome(run, plan.InputsChanged, chart.ReasonValuesChanged, false, "Secret "+f.namespace+"/shared has other values")
	f.apply(secretOf(canary)) // and not even values any more
	f.wantOutcome(run, plan.InputsChanged, chart.ReasonValuesChanged, false)
	f.apply(secretOf("password: " + canary))
	f.wantOutcome(run, plan.Succeeded, "", false)

	f.in("delete", "secret", "shared")
	f.wantOutcome(run, plan.Errored, chart.ReasonValuesNotFound, true, "there is no Secret "+f.namespace+"/shared")
	f.in("delete", "configmap", "shop-chart")
	f.wantOutcome(run, plan.Errored, chart.ReasonChartNotFound, true, "there is no ConfigMap "+f.namespace+"/shop-chart")
}
