package release_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
	"github.com/saltside/soak-operator/internal/release"
)

func TestInstallNamesTheCulprit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		web       values
		reason    string
		container string
		placed    bool
		message   []string
	}{
		"never ready":    {values{"outcome": "never-ready"}, release.ReasonNotReady, "web", true, []string{"Deployment/shop-web is not ready in time", "not ready"}},
		"crash loop":     {values{"outcome": "crash-loop"}, "CrashLoopBackOff", "web", true, []string{"container web", "exit code 1"}},
		"image pull":     {values{"outcome": "image-pull"}, "ImagePullBackOff", "web", true, []string{"soak.local/app:1"}},
		"unschedulable":  {values{"nodeSelector": values{"kind": "none-such"}}, "Unschedulable", "", false, []string{"nodes are available"}},
		"still starting": {values{"startDelay": "1m"}, "Pending", "", true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			outcome := f.install(f.built(shop(t, nil), values{"web": test.web}), short)
			f.want(outcome, plan.Failed, test.reason, append(test.message, "pod shop-web-")...)
			if !strings.HasPrefix(outcome.Object, "Pod/shop-web-") || outcome.Container != test.container || (outcome.Node != "") != test.placed {
				t.Errorf("culprit is %q, container %q, node %q", outcome.Object, outcome.Container, outcome.Node)
			}
			f.want(f.clean(limit), plan.Succeeded, "")
			f.isClean()
		})
	}
}

func TestInstallNamesAQuota(t *testing.T) {
	f := newFixture(t)
	f.in("create", "quota", "small", "--hard=pods=0")
	f.want(f.install(f.built(shop(t, nil), nil), short), plan.Failed, "FailedCreate", "exceeded quota: small")
}

func TestInstallNamesARejectedObject(t *testing.T) {
	f := newFixture(t)
	outcome := f.install(f.built(shop(t, map[string]string{
		"templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, labels: {bad: 'a b'}}\n",
	}), nil), limit)
	f.want(outcome, plan.Failed, release.ReasonObjectRejected, "a valid label must be")
	if outcome.Object != "ConfigMap/x" {
		t.Errorf("culprit is %q", outcome.Object)
	}
	f.want(f.clean(limit), plan.Succeeded, "")
	f.isClean()
}

func TestInstallNamesAFailedHook(t *testing.T) {
	f := newFixture(t)
	outcome := f.install(f.built(shop(t, nil), values{"setup": values{"outcome": "exit-7"}}), limit)
	f.want(outcome, plan.Failed, release.ReasonHookFailed, "hook Job/shop-setup failed", "exit code 7")
	if !strings.HasPrefix(outcome.Object, "Pod/shop-setup-") || outcome.Container != "work" || outcome.Node == "" {
		t.Errorf("culprit is %q, container %q, node %q", outcome.Object, outcome.Container, outcome.Node)
	}
	f.want(f.clean(limit), plan.Succeeded, "")
	f.isClean()
}

func TestInstallNamesAHangingHook(t *testing.T) {
	f := newFixture(t)
	f.want(f.install(f.built(shop(t, nil), values{"setup": values{"outcome": "hang"}}), short),
		plan.Failed, release.ReasonHookTimedOut, "hook Job/shop-setup had not ended in time")
}

func TestInstallNamesAMissingRight(t *testing.T) {
	f := newFixture(t)
	sealed := f.built(shop(t, nil), nil)
	f.in("delete", "rolebinding", "runner")
	f.in("create", "role", "runner", "--verb=*", "--resource=secrets,configmaps,services,pods,jobs.batch,persistentvolumeclaims")
	f.in("create", "rolebinding", "runner", "--role=runner", "--serviceaccount="+f.target.Namespace+":runner")
	outcome := f.install(sealed, limit)
	f.want(outcome, plan.Errored, release.ReasonForbidden, "/runner may not get deployments.apps in namespace "+f.target.Namespace)
	if left := f.ours(everything); left != "" {
		t.Errorf("it has created %s all the same", left)
	}
}

func TestH5ObjectOfTheReleaseThatIsNotOfTheCellIsInTheWay(t *testing.T) {
	t.Parallel()
	for name, manifest := range map[string]string{
		"plain":                    "{name: shop-web}",
		"as if Helm had made it":   "{name: shop-web, labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: shop, meta.helm.sh/release-namespace: NAMESPACE}}",
		"of another cell":          "{name: shop-web, labels: {soak.saltside.io/cell: another}}",
		"of a hook as in H21":      "{name: hooked}",
		"of a test hook as in H21": "{name: tested}",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: " + strings.ReplaceAll(manifest, "NAMESPACE", f.target.Namespace) + "\n")
			before := f.in("get", "configmaps", "--output=jsonpath={range .items[*]}{.metadata.uid}{.metadata.resourceVersion} {end}")
			outcome := f.install(f.built(shop(t, map[string]string{"templates/hooked.yaml": `
apiVersion: v1
kind: ConfigMap
metadata: {name: hooked, annotations: {helm.sh/hook: pre-install}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: tested, annotations: {helm.sh/hook: test}}
`}), nil), limit)
			f.want(outcome, plan.Errored, release.ReasonObjectConflict, "ConfigMap/", "is not of this cell")
			if !outcome.UserMustAct {
				t.Error("trying again will not help, and the outcome does not say so")
			}
			if after := f.in("get", "configmaps", "--output=jsonpath={range .items[*]}{.metadata.uid}{.metadata.resourceVersion} {end}"); after != before {
				t.Errorf("ConfigMaps were %s and are %s", before, after)
			}
			if left := f.ours("deployments,secrets"); left != "" {
				t.Errorf("it has created %s all the same", left)
			}
		})
	}
}

func TestH5InstallDoesNotGoOntoTheRemainsOfAnEarlierAttempt(t *testing.T) {
	f := newFixture(t)
	sealed := f.installed(shop(t, nil), nil)
	f.target.Attempt = 2
	f.want(f.install(sealed, limit), plan.Errored, release.ReasonNotClean, "release shop is still there, from run 1, attempt 1")
	f.in("delete", "secret", "sh.helm.release.v1.shop.v1")
	f.want(f.install(sealed, limit), plan.Errored, release.ReasonNotClean, "of run 1, attempt 1 is still there")
}

func TestEverythingCarriesTheLabelsOfTheAttempt(t *testing.T) {
	f := newFixture(t)
	f.target.Run, f.target.Iteration, f.target.Attempt = 3, 30, 31
	f.installed(shop(t, map[string]string{"templates/cron.yaml": `
apiVersion: batch/v1
kind: CronJob
metadata: {name: cron}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: x, image: "soak.local/app:1"}]
`}), values{"store": values{"enabled": true}, "setup": values{"outcome": "exit-0"}})
	f.in("create", "job", "from-cron", "--from=cronjob/cron")
	selector := strings.Join([]string{
		soakv1alpha1.LabelExperiment + "=shop", soakv1alpha1.LabelCell + "=" + f.target.Cell,
		soakv1alpha1.LabelRun + "=3", soakv1alpha1.LabelIteration + "=30", soakv1alpha1.LabelAttempt + "=31",
	}, ",")
	got := f.in("get", everything+",cronjobs,endpointslices,controllerrevisions", "--selector", selector, "--output=name")
	for _, want := range []string{
		"deployment.apps/shop-web", "replicaset.apps/shop-web-", "statefulset.apps/shop-store", "job.batch/shop-setup", "pod/shop-web-",
		"pod/shop-store-0", "pod/shop-setup-", "service/shop-web", "configmap/shop-web", "secret/sh.helm.release.v1.shop.v1",
		"persistentvolumeclaim/data-shop-store-0", "cronjob.batch/cron", "job.batch/from-cron", "pod/from-cron-",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s does not carry the labels; these do: %s", want, got)
		}
	}
	record := f.in("get", "secret", "sh.helm.release.v1.shop.v1", "--output=jsonpath={.metadata.labels}")
	for _, want := range []string{`"soak.saltside.io/market":"ikman"`, `"soak.saltside.io/environment":"sandbox"`,
		`"soak.saltside.io/experiment-namespace":"` + f.target.Namespace + `"`} {
		if !strings.Contains(record, want) {
			t.Errorf("the record does not carry %s but %s", want, record)
		}
	}
	f.want(f.clean(limit), plan.Succeeded, "")
	f.isClean()
}

func TestObjectDeletedWhileItIsWaitedFor(t *testing.T) {
	f := newFixture(t)
	sealed := f.built(shop(t, nil), values{"web": values{"outcome": "never-ready"}})
	defer f.once("shop-web", func() { f.in("delete", "deployment", "shop-web") })()
	outcome := f.install(sealed, limit)
	f.want(outcome, plan.Failed, release.ReasonObjectDeleted, "Deployment/shop-web was deleted")
}

func TestH9StopInTheMiddleOfInstallLeavesNothingRunning(t *testing.T) {
	f := newLoneFixture(t)
	with := values{"web": values{"outcome": "never-ready"}}
	sealed := f.built(shop(t, nil), with)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancelCause(f.within(limit))
	stopped := make(chan time.Time, 1)
	defer f.once("shop-web", func() { stopped <- time.Now(); cancel(errors.New("suspended")) })()
	f.want(f.helm.Install(ctx, f.target, sealed), plan.Stopped, release.ReasonStopped, "suspended")
	if took := time.Since(<-stopped); took > 5*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	f.eventually(func() bool { return runtime.NumGoroutine() <= before })
	if t.Failed() {
		stacks := make([]byte, 1<<20)
		t.Fatalf("there were %d goroutines, and now:\n%s", before, stacks[:runtime.Stack(stacks, true)])
	}
	// Helm has had the time to write down what became of the release, and nothing goes on behind our back.
	if status := f.in("get", "secret", "sh.helm.release.v1.shop.v1", "--output=jsonpath={.metadata.labels.status}"); status != "failed" {
		t.Errorf("the release is %s, want failed", status)
	}
	f.target.Attempt = 2
	f.want(f.clean(limit), plan.Succeeded, "")
	f.isClean()
}

func TestH10H11TimeOfInstallIsAllItsHooksAndWaitsTogether(t *testing.T) {
	f := newFixture(t)
	sealed := f.built(shop(t, nil), values{"setup": values{"outcome": "exit-0", "duration": "8s"}, "web": values{"outcome": "never-ready"}})
	start := time.Now()
	f.want(f.install(sealed, 20*time.Second), plan.Failed, release.ReasonNotReady)
	if took := time.Since(start); took > 26*time.Second {
		t.Errorf("install took %s, of 20 s: its hook, of 8 s, did not count", took)
	}
}

func TestH15StepsWakeWithTheCluster(t *testing.T) {
	f := newLoneFixture(t)
	sealed := f.built(shop(t, nil), nil)
	start := time.Now()
	f.want(f.install(sealed, limit), plan.Succeeded, "")
	f.want(f.test(sealed, limit), plan.Succeeded, "")
	f.want(f.clean(limit), plan.Succeeded, "")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("install, test and clean took %s", took)
	} else {
		t.Logf("install, test and clean took %s", took)
	}
}
