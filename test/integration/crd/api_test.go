package crd_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/cluster"
	"github.com/saltside/soak-operator/hack/cluster/clustertest"
)

// server is an API server with the CRDs, seen from a namespace of the test's own.
type server struct {
	cluster   *cluster.Cluster
	namespace string
	client    dynamic.Interface
}

// installed keeps the CRDs from being applied by several tests at once.
var installed sync.Mutex

func newServer(t *testing.T) server {
	t.Helper()
	c := clustertest.Shared(t, "none")
	installed.Lock()
	defer installed.Unlock()
	for _, args := range [][]string{
		{"apply", "--filename", "../../../config/crd/bases"},
		{"wait", "--for=condition=Established", "--timeout=1m", "--filename", "../../../config/crd/bases"},
	} {
		if _, err := c.Kubectl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1 // There is nobody to be considerate of.
	core := kubernetes.NewForConfigOrDie(config).CoreV1().Namespaces()
	namespace, err := core.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "api-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := core.Delete(context.WithoutCancel(t.Context()), namespace.Name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return server{cluster: c, namespace: namespace.Name, client: dynamic.NewForConfigOrDie(config)}
}

func (s server) resource(plural string) dynamic.ResourceInterface {
	return s.client.Resource(soakv1alpha1.GroupVersion.WithResource(plural)).Namespace(s.namespace)
}

// kubectl returns what kubectl prints in the namespace of the test.
func (s server) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.cluster.Kubectl(t.Context(), append([]string{"--namespace", s.namespace}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// object reads a manifest.
func object(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	fields := map[string]any{}
	if err := yaml.Unmarshal([]byte(manifest), &fields); err != nil {
		t.Fatalf("%v in %s", err, manifest)
	}
	return &unstructured.Unstructured{Object: fields}
}

// with returns a copy of the object that the patch, a YAML merge patch, was applied to.
func with(t *testing.T, base *unstructured.Unstructured, patch string) *unstructured.Unstructured {
	t.Helper()
	return &unstructured.Unstructured{Object: merge(base.DeepCopy().Object, object(t, patch).Object)}
}

func merge(base, patch map[string]any) map[string]any {
	for key, value := range patch {
		under, isMap := base[key].(map[string]any)
		over, overIsMap := value.(map[string]any)
		switch {
		case value == nil:
			delete(base, key)
		case isMap && overIsMap:
			base[key] = merge(under, over)
		default:
			base[key] = value
		}
	}
	return base
}

// notChecked is what the API server adds when an object is not even well-formed.
const notChecked = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"

// refusal returns what the API server had against an object, one line a cause, in the order of the fields.
func refusal(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return fmt.Sprint(err)
	}
	lines := map[string]bool{}
	for _, cause := range status.Status().Details.Causes {
		if strings.HasSuffix(cause.Message, notChecked) {
			continue
		}
		lines[cause.Field+": "+cause.Message] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(lines)), "\n")
}

func create(t *testing.T, resource dynamic.ResourceInterface, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	created, err := resource.Create(t.Context(), o, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		t.Fatal(err)
	}
	return created
}
