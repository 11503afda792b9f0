package plan

import (
	"strings"
	"testing"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

func TestSignature(t *testing.T) {
	const release = "classifieds-tonaton-sandbox"
	for name, test := range map[string]struct {
		outcome Outcome
		want    string
	}{
		"a reason alone":            {Outcome{Reason: "ReleaseNotPurged"}, "Install ReleaseNotPurged"},
		"a pod of a Deployment":     {Outcome{Reason: "NotReady", Object: "Pod/" + release + "-web-7d9f8c6b5-x2x4z"}, "Install NotReady Pod/*-web"},
		"another pod of it":         {Outcome{Reason: "NotReady", Object: "Pod/" + release + "-web-58b6d4dfc9-tqw9k"}, "Install NotReady Pod/*-web"},
		"a pod of a StatefulSet":    {Outcome{Reason: "NotReady", Object: "Pod/" + release + "-db-12"}, "Install NotReady Pod/*-db"},
		"a pod of a Job":            {Outcome{Reason: "HookFailed", Object: "Pod/migrate-x2x4z"}, "Install HookFailed Pod/migrate"},
		"a pod of a CronJob":        {Outcome{Reason: "HookFailed", Object: "Pod/nightly-28964160-x2x4z"}, "Install HookFailed Pod/nightly"},
		"a test":                    {Outcome{Reason: "TestFailed", Object: "Pod/" + release + "-test-login"}, "Install TestFailed Pod/*-test-login"},
		"a workload keeps its name": {Outcome{Reason: "NotReady", Object: "Deployment/web-12345678"}, "Install NotReady Deployment/web-12345678"},
		"a container":               {Outcome{Reason: "CrashLoopBackOff", Object: "Pod/web-7d9f8c6b5-x2x4z", Container: "proxy"}, "Install CrashLoopBackOff Pod/web proxy"},
		"no kind":                   {Outcome{Reason: "Strange", Object: "something"}, "Install Strange something"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := signature(soakv1alpha1.StepInstall, test.outcome, release); got != test.want {
				t.Errorf("signature %q, want %q", got, test.want)
			}
		})
	}
	a := signature(soakv1alpha1.StepInstall, Outcome{Reason: strings.Repeat("x", 100) + "a"}, release)
	b := signature(soakv1alpha1.StepInstall, Outcome{Reason: strings.Repeat("x", 100) + "b"}, release)
	if len(a) > 64 || a == b {
		t.Errorf("long signatures %q and %q: want two of at most 64 characters", a, b)
	}
}

func TestRelated(t *testing.T) {
	for name, test := range map[string]struct {
		a, b soakv1alpha1.Failure
		want bool
	}{
		"nothing known":      {soakv1alpha1.Failure{}, soakv1alpha1.Failure{}, false},
		"the same signature": {soakv1alpha1.Failure{Signature: "x", Node: "1"}, soakv1alpha1.Failure{Signature: "x", Node: "2"}, true},
		"the same node":      {soakv1alpha1.Failure{Signature: "x", Node: "1"}, soakv1alpha1.Failure{Signature: "y", Node: "1"}, true},
		"the same object":    {soakv1alpha1.Failure{Object: "Pod/x"}, soakv1alpha1.Failure{Object: "Pod/x"}, true},
		"nothing in common":  {soakv1alpha1.Failure{Signature: "x", Node: "1", Object: "Pod/x"}, soakv1alpha1.Failure{Signature: "y", Node: "2", Object: "Pod/y"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := related(test.a, test.b); got != test.want {
				t.Errorf("related: %v, want %v", got, test.want)
			}
		})
	}
}

func TestFailureFitsTheAPI(t *testing.T) {
	cell := &soakv1alpha1.SoakCell{Spec: soakv1alpha1.SoakCellSpec{Market: "tonaton", Environment: "sandbox"}}
	long := strings.Repeat("ä", 2000)
	got := newFailure(cell, Outcome{Reason: long, Message: long, Object: long, Container: long, Node: long}, stamp(testNow))
	for name, field := range map[string]struct {
		text  string
		limit int
	}{
		"reason": {got.Reason, 128}, "message": {got.Message, 1024}, "object": {got.Object, 320},
		"container": {got.Container, 63}, "node": {got.Node, 253},
	} {
		if count := len([]rune(field.text)); count != field.limit {
			t.Errorf("%s of %d characters, want %d", name, count, field.limit)
		}
	}
	got = newFailure(cell, Outcome{Message: " \n"}, stamp(testNow))
	if got.Reason != "Unexplained" || got.Message != ": Unexplained" {
		t.Errorf("unexplained outcome: reason %q, message %q", got.Reason, got.Message)
	}
}
