package release_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
	"github.com/saltside/soak-operator/internal/release"
)

func TestFailingTestIsNamed(t *testing.T) {
	f := newFixture(t)
	outcome := f.test(f.installed(shop(t, nil), values{"test": values{"outcome": "exit-4"}}), limit)
	f.want(outcome, plan.Failed, release.ReasonTestFailed, "test Pod/shop-answers failed", "exit code 4")
	if outcome.Object != "Pod/shop-answers" || outcome.Container != "answers" || outcome.Node == "" {
		t.Errorf("culprit is %q, container %q, node %q", outcome.Object, outcome.Container, outcome.Node)
	}
}

func TestTestThatDoesNotEndIsNamed(t *testing.T) {
	f := newFixture(t)
	outcome := f.test(f.installed(shop(t, nil), values{"test": values{"outcome": "hang"}}), short)
	f.want(outcome, plan.Failed, release.ReasonTestTimedOut, "test Pod/shop-answers had not ended in time")
}

func TestH2DeletedTestPodIsNotAPass(t *testing.T) {
	f := newFixture(t)
	sealed := f.installed(shop(t, nil), values{"test": values{"outcome": "hang"}})
	defer f.once("shop-answers", func() { f.in("delete", "pod", "shop-answers") })()
	f.want(f.test(sealed, limit), plan.Failed, release.ReasonTestDeleted, "test Pod/shop-answers was deleted before it had ended")
}

func TestH2ReplacedTestPodIsNotAPass(t *testing.T) {
	f := newFixture(t)
	sealed := f.installed(shop(t, nil), values{"test": values{"outcome": "hang"}})
	defer f.once("shop-answers", func() {
		f.in("delete", "pod", "shop-answers", "--force", "--grace-period=0")
		f.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: shop-answers}\nspec: {restartPolicy: Never, containers: [{name: x, image: x}]}\n")
	})()
	f.want(f.test(sealed, limit), plan.Failed, release.ReasonTestDeleted)
}

func TestH2EvictedTestPodIsNotAPass(t *testing.T) {
	f := newFixture(t)
	sealed := f.installed(shop(t, nil), values{"test": values{"outcome": "hang"}})
	defer f.once("shop-answers", func() {
		f.in("patch", "pod", "shop-answers", "--subresource=status", "--type=merge",
			`--patch={"status":{"phase":"Failed","reason":"Evicted","message":"The node was low on resource: memory."}}`)
	})()
	f.want(f.test(sealed, limit), plan.Failed, release.ReasonTestFailed, "Evicted", "low on resource: memory", "node ")
}

func TestH2DeletedTestJobIsNotAPass(t *testing.T) {
	f := newFixture(t)
	sealed := f.installed(shop(t, map[string]string{"templates/tests/job.yaml": testJob}), values{"test": values{"outcome": ""}, "job": "hang"})
	defer f.once("shop-job", func() { f.in("delete", "job", "shop-job") })()
	f.want(f.test(sealed, limit), plan.Failed, release.ReasonTestDeleted, "Job/shop-job")
}

const testJob = `
apiVersion: batch/v1
kind: Job
metadata: {name: {{ .Release.Name }}-job, annotations: {helm.sh/hook: test}}
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {simulated.soak.saltside.io/outcome: {{ .Values.job }}}}
    spec:
      restartPolicy: Never
      containers: [{name: job, image: "soak.local/app:1"}]
`

func TestJobsAreTestsToo(t *testing.T) {
	f := newFixture(t)
	chart := shop(t, map[string]string{"templates/tests/job.yaml": testJob})
	f.want(f.test(f.installed(chart, values{"test": values{"outcome": ""}, "job": "exit-0"}), limit), plan.Succeeded, "")
	f.want(f.clean(limit), plan.Succeeded, "")
	f.target.Attempt = 2
	f.want(f.test(f.installed(chart, values{"test": values{"outcome": ""}, "job": "exit-5"}), limit), plan.Failed, release.ReasonTestFailed, "exit code 5")
}

func TestPassThatHelmDeletesAtOnceIsAPass(t *testing.T) {
	f := newFixture(t)
	sealed := f.installed(shop(t, nil), values{"test": values{"deletePolicy": "hook-succeeded,hook-failed"}})
	f.want(f.test(sealed, limit), plan.Succeeded, "")
	if left := f.ours("pods"); strings.Contains(left, "answers") {
		t.Errorf("%s is left, and its policy says otherwise", left)
	}
}

func TestH3NoTests(t *testing.T) {
	t.Parallel()
	vacuous := map[string]string{"templates/tests/vacuous.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vacuous, annotations: {helm.sh/hook: test}}\n"}
	for name, test := range map[string]struct {
		files  map[string]string
		policy soakv1alpha1.TestPolicy
		result plan.Result
		reason string
	}{
		"required":                        {nil, soakv1alpha1.TestPolicyRequired, plan.Failed, release.ReasonNoTests},
		"unsaid is required":              {nil, "", plan.Failed, release.ReasonNoTests},
		"required, and there is a vacuum": {vacuous, soakv1alpha1.TestPolicyRequired, plan.Failed, release.ReasonNoTests},
		"if present":                      {nil, soakv1alpha1.TestPolicyIfPresent, plan.Succeeded, ""},
		"skip":                            {nil, soakv1alpha1.TestPolicySkip, plan.Succeeded, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.target.TestPolicy = test.policy
			sealed := f.installed(shop(t, test.files), values{"test": values{"outcome": ""}})
			f.want(f.test(sealed, limit), test.result, test.reason)
		})
	}
}

func TestTestOfARelaseThatIsNotOfTheAttempt(t *testing.T) {
	f := newFixture(t)
	sealed := f.installed(shop(t, nil), nil)
	f.target.Attempt = 2
	f.want(f.test(sealed, limit), plan.Errored, release.ReasonNotClean, "release shop is of run 1, attempt 1")
	f.target.Attempt = 1
	f.in("delete", "secret", "sh.helm.release.v1.shop.v1")
	f.want(f.test(sealed, limit), plan.Errored, release.ReasonUnexpected, "0 records")
}

func TestH16LogsAreReadBeforeThePodIsDeleted(t *testing.T) {
	f := newFixture(t)
	var lock sync.Mutex
	var logs []release.ContainerLog
	f.helm = release.New(f.config, release.Options{Logs: func(target release.Target, log release.ContainerLog) {
		lock.Lock()
		defer lock.Unlock()
		if target.Cell == f.target.Cell {
			logs = append(logs, log)
		}
	}})
	sealed := f.installed(shop(t, nil), values{"test": values{"outcome": "exit-1", "deletePolicy": "hook-failed"}})
	f.want(f.test(sealed, limit), plan.Failed, release.ReasonTestFailed)
	if len(logs) != 1 || logs[0].Pod != "shop-answers" || logs[0].Container != "answers" || logs[0].Node == "" {
		t.Fatalf("logs are %+v", logs)
	}
	// A simulated node has none to give: that is said, and is no trouble of the API server's.
	if logs[0].Err == nil {
		t.Errorf("the log of a pod that does not run is %q", logs[0].Text)
	}
}

func TestTestCanBeStopped(t *testing.T) {
	f := newFixture(t)
	sealed := f.installed(shop(t, nil), values{"test": values{"outcome": "hang"}})
	ctx, cancel := context.WithCancelCause(f.within(limit))
	stopped := make(chan time.Time, 1)
	defer f.once("shop-answers", func() { stopped <- time.Now(); cancel(errors.New("deleted")) })()
	f.want(f.helm.Test(ctx, f.target, sealed), plan.Stopped, release.ReasonStopped, "deleted")
	if took := time.Since(<-stopped); took > 2*time.Second {
		t.Errorf("it took %s to stop", took)
	}
}
