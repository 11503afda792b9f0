package release

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chartutil"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/saltside/soak-operator/internal/account"
)

// identity is a service account that operations act as, with all that they share: connections and what is known of
// the API. Made anew for each operation these would eat the memory of a process that runs for weeks.
type identity struct {
	account string
	host    string
	base    http.RoundTripper

	lock  sync.Mutex
	known *catalogue
}

// identities are the accounts that were used last.
type identities struct {
	config *rest.Config
	limit  int

	lock  sync.Mutex
	order *list.List // of *identity, the one used last in front
}

// get returns the identity of the target's service account.
func (i *identities) get(target Target) (*identity, error) {
	name := account.UserName(target.ExperimentNamespace, target.ServiceAccount)
	i.lock.Lock()
	defer i.lock.Unlock()
	for at := i.order.Front(); at != nil; at = at.Next() {
		if known, ok := at.Value.(*identity); ok && known.account == name {
			i.order.MoveToFront(at)
			return known, nil
		}
	}
	config := account.Impersonate(i.config, target.ExperimentNamespace, target.ServiceAccount)
	base, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", name, err)
	}
	url, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", name, err)
	}
	made := &identity{account: name, host: url.String(), base: base}
	i.order.PushFront(made)
	if i.order.Len() > i.limit {
		i.order.Remove(i.order.Back())
	}
	return made, nil
}

// catalogue is what the API server has, at some time. It does not change.
type catalogue struct {
	mapper       meta.RESTMapper
	capabilities *chartutil.Capabilities
	// countable are the kinds that can be listed, watched and deleted: all others leave nothing that could be found.
	countable map[schema.GroupVersionKind]bool
	// failed are the API groups whose server did not answer.
	failed map[string]error
}

// catalogue returns what is known of the API, or asks for it with the operation's client.
func (i *identity) catalogue(ctx context.Context, client discovery.DiscoveryInterface, refresh bool) (*catalogue, error) {
	i.lock.Lock()
	known := i.known
	i.lock.Unlock()
	if known != nil && !refresh {
		return known, nil
	}
	// Asked for without the lock: an operation that hangs must not hold up the others.
	known, err := discover(client)
	if err != nil {
		return nil, fmt.Errorf("ask for the kinds of the API: %w", errors.Join(context.Cause(ctx), err))
	}
	i.lock.Lock()
	defer i.lock.Unlock()
	i.known = known
	return known, nil
}

func discover(client discovery.DiscoveryInterface) (*catalogue, error) {
	known := &catalogue{countable: map[schema.GroupVersionKind]bool{}, failed: map[string]error{}}
	version, err := client.ServerVersion()
	if err != nil {
		return nil, err
	}
	cached := memory.NewMemCacheClient(client)
	_, resources, err := cached.ServerGroupsAndResources()
	var partial *discovery.ErrGroupDiscoveryFailed
	switch {
	case errors.As(err, &partial):
		for group, err := range partial.Groups {
			known.failed[group.Group] = err
		}
	case err != nil:
		return nil, err
	}
	groups, err := restmapper.GetAPIGroupResources(cached)
	if err != nil {
		return nil, err
	}
	versions, err := action.GetVersionSet(cached)
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, err
	}
	known.count(resources)
	known.mapper = restmapper.NewDiscoveryRESTMapper(groups)
	known.capabilities = &chartutil.Capabilities{
		APIVersions: versions,
		KubeVersion: chartutil.KubeVersion{Version: version.GitVersion, Major: version.Major, Minor: version.Minor},
		HelmVersion: chartutil.DefaultCapabilities.HelmVersion,
	}
	return known, nil
}

func (c *catalogue) count(lists []*metav1.APIResourceList) {
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue
		}
		for _, resource := range list.APIResources {
			if slices.Contains(resource.Verbs, "list") && slices.Contains(resource.Verbs, "watch") && slices.Contains(resource.Verbs, "delete") {
				c.countable[version.WithKind(resource.Kind)] = true
			}
		}
	}
}
