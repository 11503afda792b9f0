package release

import (
	"io"
	"sync"

	"helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/validation"
)

// getter gives Helm the operation's clients instead of making it build its own from a kubeconfig.
type getter struct{ o *operation }

// ToRESTConfig returns a copy: Helm changes what it gets.
func (g getter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.o.config), nil }

// ToDiscoveryClient is used by Helm after it has installed CustomResourceDefinitions, and for nothing else here.
func (g getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return memory.NewMemCacheClient(g.o.discovery), nil
}

// ToRESTMapper returns the mapper of the operation.
func (g getter) ToRESTMapper() (meta.RESTMapper, error) { return g.o.mapper() }

// ToRawKubeConfigLoader is asked for a default namespace, which the client has been told.
func (g getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	return clientcmd.NewDefaultClientConfig(clientcmdapi.Config{}, &clientcmd.ConfigOverrides{})
}

// mapper finds the resource of a kind, and asks the API server again, once, for a kind that it does not know: a
// CustomResourceDefinition may be new.
type mapper struct {
	meta.RESTMapper
	o     *operation
	lock  sync.Mutex
	fresh bool
}

var _ meta.ResettableRESTMapper = (*mapper)(nil)

func (o *operation) mapper() (*mapper, error) {
	known, err := o.catalogue(false)
	if err != nil {
		return nil, err
	}
	o.lock.Lock()
	defer o.lock.Unlock()
	if o.kinds == nil {
		o.kinds = &mapper{RESTMapper: known.mapper, o: o}
	}
	return o.kinds, nil
}

// mapping returns the resource of a kind.
func (o *operation) mapping(kind schema.GroupVersionKind) (*meta.RESTMapping, error) {
	mapper, err := o.mapper()
	if err != nil {
		return nil, err
	}
	return mapper.RESTMapping(kind.GroupKind(), kind.Version)
}

// RESTMapping implements [meta.RESTMapper].
func (m *mapper) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	mapping, err := m.RESTMapper.RESTMapping(kind, versions...)
	if !meta.IsNoMatchError(err) || m.fresh {
		return mapping, err
	}
	known, refreshErr := m.o.catalogue(true)
	if refreshErr != nil {
		return nil, refreshErr
	}
	m.RESTMapper, m.fresh = known.mapper, true
	if mapping, err = m.RESTMapper.RESTMapping(kind, versions...); meta.IsNoMatchError(err) && known.failed[kind.Group] != nil {
		return nil, known.failed[kind.Group]
	}
	return mapping, err
}

// Reset makes the next unknown kind be looked for again.
func (m *mapper) Reset() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.fresh = false
}

// factory is Helm's, without what it would spend on validating objects by the API's OpenAPI documents: a server that
// validates fields itself, as all have since Kubernetes 1.27, makes Helm skip it, but only after it has fetched them.
type factory struct{ kube.Factory }

func newFactory(g getter) factory { return factory{cmdutil.NewFactory(g)} }

// Validator implements [kube.Factory].
func (factory) Validator(string) (validation.Schema, error) { return validation.NullSchema{}, nil }

func discard(string, ...any) {}

func discardHookOutput(string, string, string) io.Writer { return io.Discard }
