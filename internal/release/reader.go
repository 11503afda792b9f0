package release

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// reader is a client that reads a view instead of the API server, for Helm's checker: that asks for whole objects, one by
// one, each time that it is asked.
func (v *view) reader() (kubernetes.Interface, error) {
	return kubernetes.NewForConfigAndClient(&rest.Config{Host: "http://view", QPS: -1}, &http.Client{Transport: shelf{v}})
}

// shelf answers the requests of such a client from the view.
type shelf struct{ v *view }

// path of a read of objects in a namespace: group, version, namespace, resource, name.
var readPath = regexp.MustCompile(`^/(?:api|apis/([^/]+))/([^/]+)/namespaces/([^/]+)/([^/]+)(?:/([^/]+))?$`)

// RoundTrip implements [http.RoundTripper].
func (s shelf) RoundTrip(request *http.Request) (*http.Response, error) {
	match := readPath.FindStringSubmatch(request.URL.Path)
	if request.Method != http.MethodGet || match == nil {
		return respond(request, http.StatusMethodNotAllowed, apierrors.NewMethodNotSupported(schema.GroupResource{}, "read").Status())
	}
	resource := schema.GroupVersionResource{Group: match[1], Version: match[2], Resource: match[4]}
	namespace, name := match[3], match[5]
	selector, err := labels.Parse(request.URL.Query().Get("labelSelector"))
	if err != nil {
		return nil, err
	}
	items, kind := s.read(resource, namespace, name, selector)
	switch {
	case name == "":
		list := &unstructured.UnstructuredList{Items: items}
		list.SetAPIVersion(resource.GroupVersion().String())
		list.SetKind(kind + "List")
		return respond(request, http.StatusOK, list)
	case len(items) == 0:
		return respond(request, http.StatusNotFound, apierrors.NewNotFound(resource.GroupResource(), name).Status())
	}
	return respond(request, http.StatusOK, &items[0])
}

// read returns the objects of a resource, all or the one of that name, and their kind.
func (s shelf) read(resource schema.GroupVersionResource, namespace, name string, selector labels.Selector) ([]unstructured.Unstructured, string) {
	kind := ""
	for _, from := range s.v.sources {
		if from.mapping.Resource == resource {
			kind = from.kind()
		}
	}
	var items []unstructured.Unstructured
	s.v.each(func(from source, object metav1.Object) bool {
		whole, ok := object.(*unstructured.Unstructured)
		if ok && from.mapping.Resource == resource && whole.GetNamespace() == namespace &&
			(name == "" || name == whole.GetName()) && selector.Matches(labels.Set(whole.GetLabels())) {
			items = append(items, *whole)
		}
		return true
	})
	return items, kind
}

func respond(request *http.Request, code int, object any) (*http.Response, error) {
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Request: request, StatusCode: code, Status: http.StatusText(code),
		Header: http.Header{"Content-Type": []string{"application/json"}},
		Body:   io.NopCloser(bytes.NewReader(encoded)),
	}, nil
}
