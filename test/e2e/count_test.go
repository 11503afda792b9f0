package e2e

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// count is a tally of our own, which does not ask the operator: of the release records and test pods that were seen.
type count struct {
	t    *testing.T
	stop context.CancelFunc
	done sync.WaitGroup

	lock sync.Mutex
	// names of the cells by their label.
	names map[string]string
	// deployed releases and passed tests, by the attempt.
	deployed, passed map[attempt]bool
}

// attempt as the labels of objects tell of it.
type attempt struct {
	cell, run, iteration, number string
}

func attemptOf(labels map[string]string) attempt {
	return attempt{
		labels[soakv1alpha1.LabelCell], labels[soakv1alpha1.LabelRun],
		labels[soakv1alpha1.LabelIteration], labels[soakv1alpha1.LabelAttempt],
	}
}

// countReleases begins to count what happens in the namespace of the experiment.
func (e *experiment) countReleases() *count {
	e.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := &count{t: e.t, stop: stop, names: map[string]string{}, deployed: map[attempt]bool{}, passed: map[attempt]bool{}}
	e.t.Cleanup(c.end)
	c.observe(ctx, e, &corev1.SecretList{}, c.seeSecret)
	c.observe(ctx, e, &corev1.PodList{}, c.seePod)
	return c
}

// observe follows objects without a gap; where there is one, the count is worth nothing.
func (c *count) observe(ctx context.Context, e *experiment, list client.ObjectList, see func(watch.Event)) {
	e.t.Helper()
	watcher, err := e.bench.client.Watch(ctx, list, client.InNamespace(e.Namespace))
	if err != nil {
		e.t.Fatal(err)
	}
	c.done.Go(func() {
		for event := range watcher.ResultChan() {
			see(event)
		}
		if ctx.Err() == nil {
			c.t.Error("the watch of the count has broken off")
		}
	})
}

func (c *count) end() {
	c.stop()
	c.done.Wait()
}

// seeSecret sees a release that Helm has recorded as deployed.
func (c *count) seeSecret(event watch.Event) {
	secret, ok := event.Object.(*corev1.Secret)
	if !ok || event.Type == watch.Deleted || secret.Type != "helm.sh/release.v1" {
		return
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	c.names[secret.Labels[soakv1alpha1.LabelCell]] = secret.Labels["soak.saltside.io/market"] + "/" + secret.Labels["soak.saltside.io/environment"]
	if secret.Labels["status"] == "deployed" {
		c.deployed[attemptOf(secret.Labels)] = true
	}
}

// seePod sees a test that has succeeded.
func (c *count) seePod(event watch.Event) {
	pod, ok := event.Object.(*corev1.Pod)
	if !ok || !strings.Contains(pod.Annotations["helm.sh/hook"], "test") || pod.Status.Phase != corev1.PodSucceeded {
		return
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	c.passed[attemptOf(pod.Labels)] = true
}

// iterations that have passed in each cell: in which an attempt was deployed and its test has succeeded.
func (c *count) iterations() map[string]int {
	c.lock.Lock()
	defer c.lock.Unlock()
	seen := map[attempt]bool{}
	for tried := range c.deployed {
		if c.passed[tried] {
			tried.number = ""
			seen[tried] = true
		}
	}
	counts := map[string]int{}
	for iteration := range seen {
		counts[c.names[iteration.cell]]++
	}
	return counts
}

// attempts that were begun: of which a release was seen.
func (c *count) attempts() int {
	c.lock.Lock()
	defer c.lock.Unlock()
	return len(c.deployed)
}

func (c *count) want(want map[string]int) {
	c.t.Helper()
	c.end()
	if got := c.iterations(); !maps.Equal(got, want) {
		c.t.Errorf("seen to pass: %v, want %v", got, want)
	}
}
