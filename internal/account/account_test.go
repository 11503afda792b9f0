package account_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/saltside/soak-operator/internal/account"
)

func TestImpersonate(t *testing.T) {
	t.Parallel()
	config := &rest.Config{Host: "https://localhost", BearerToken: "token", Impersonate: rest.ImpersonationConfig{UserName: "jane", Groups: []string{"admins"}}}
	got := account.Impersonate(config, "soak", "runner")
	want := rest.ImpersonationConfig{UserName: "system:serviceaccount:soak:runner"}
	if diff := cmp.Diff(want, got.Impersonate); diff != "" {
		t.Errorf("acts as (-want +got):\n%s", diff)
	}
	if got.Host != config.Host || got.BearerToken != config.BearerToken {
		t.Error("connects to another server, or in another name")
	}
	if config.Impersonate.UserName != "jane" {
		t.Error("the configuration that was given has changed")
	}
}
