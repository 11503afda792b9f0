package e2e

import (
	"context"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// failingHook is a hook that fails when the release is uninstalled.
const failingHook = `
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-farewell
  annotations: {helm.sh/hook: pre-delete}
spec:
  backoffLimit: 0
  template:
    metadata:
      annotations: {simulated.soak.saltside.io/outcome: exit-1}
    spec:
      restartPolicy: Never
      containers:
      - {name: farewell, image: soak.local/app:1, args: [exit, --code=1]}
`

// leftHook is a hook that Helm forgets.
const leftHook = `
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-left
  annotations: {helm.sh/hook: post-install}
data: {}
`

// What an uninstall leaves does not get into the next iteration, be it that the uninstall itself fails.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	for name, template := range map[string]string{"claims and hooks": leftHook, "pre-delete hook that fails": failingHook} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t, onSharedBench(t))
			e.putChart(withTemplate("leftover.yaml", template))
			e.Spec.Stop.MaxIterations = 3
			claims := e.countClaims()
			e.apply()
			e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 3})
			e.awaitCleaned()
			e.wantNothingLeft()
			if count := claims(); count != 3 {
				t.Errorf("%d claims were made in 3 iterations: each is to begin without data", count)
			}
		})
	}
}

// countClaims counts the claims that there ever are in the namespace, until it is asked how many.
func (e *experiment) countClaims() func() int {
	e.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := &count{t: e.t, stop: stop}
	e.t.Cleanup(c.end)
	seen := map[types.UID]bool{}
	var lock sync.Mutex
	c.observe(ctx, e, &corev1.PersistentVolumeClaimList{}, func(event watch.Event) {
		lock.Lock()
		defer lock.Unlock()
		if claim, ok := event.Object.(*corev1.PersistentVolumeClaim); ok {
			seen[claim.UID] = true
		}
	})
	return func() int {
		c.end()
		return len(seen)
	}
}

// The operator is killed while Helm is at work, which leaves the release locked: Helm itself would not touch it any more.
func testKillWhileHelmWorks(t *testing.T, b *bench) {
	for _, status := range []string{"pending-install", "uninstalling"} {
		t.Run(status, func(t *testing.T) {
			e := newExperiment(t, b)
			e.Spec.Values = values(t, "{web: {startDelay: 2s, stopDelay: 2s}}")
			e.Spec.Stop.MaxIterations = 2
			e.apply()
			e.follow(patience, &corev1.SecretList{}, func(event watch.Event) bool {
				record, ok := event.Object.(*corev1.Secret)
				return ok && event.Type != watch.Deleted && record.Labels["status"] == status
			}, "the release is "+status)
			b.process.Kill()
			left := b.kubectl(t, "get", "secrets", "-n", e.Namespace, "-l", "owner=helm", "-o", `jsonpath={.items[*].metadata.labels.status}`)
			if !strings.Contains(left, status) {
				t.Errorf("the release was left %q: the test has tested nothing", left)
			}
			if err := b.start(); err != nil {
				t.Fatal(err)
			}
			e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Passed: 2})
			e.awaitCleaned()
			e.wantNothingLeft()
		})
	}
}
