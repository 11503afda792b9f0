package chart

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/account"
)

// requestLimit is how long one object may take to read, however often the client asks for it.
const requestLimit = 15 * time.Second

// reader reads objects of one namespace with the rights of a service account.
type reader struct {
	namespace, serviceAccount string
	core                      corev1client.CoreV1Interface
}

// reader is made for each call: connections are shared by all that is made of one configuration.
func (c *Charts) reader(namespace, serviceAccount string) (*reader, error) {
	core, err := corev1client.NewForConfig(account.Impersonate(c.config, namespace, serviceAccount))
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", account.UserName(namespace, serviceAccount), err)
	}
	return &reader{namespace: namespace, serviceAccount: serviceAccount, core: core}, nil
}

// object names an object of the reader's namespace to people.
func (r *reader) object(kind, name string) string { return kind + " " + r.namespace + "/" + name }

// configMap reads a ConfigMap. The reason is that of the problem if there is none.
func (r *reader) configMap(ctx context.Context, name, missing string) (*corev1.ConfigMap, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	found, err := r.core.ConfigMaps(r.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, r.explain(err, "ConfigMap", name, missing)
	}
	return found, nil
}

func (r *reader) secret(ctx context.Context, name, missing string) (*corev1.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	found, err := r.core.Secrets(r.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, r.explain(err, "Secret", name, missing)
	}
	return found, nil
}

// defaultValuesKey is where values are in an object if it is not said.
const defaultValuesKey = "values.yaml"

// values reads the content of the key that valuesFrom refers to.
func (r *reader) values(ctx context.Context, from soakv1alpha1.ValuesReference) ([]byte, error) {
	key := from.Key
	if key == "" {
		key = defaultValuesKey
	}
	object := r.object(string(from.Kind), from.Name)
	switch from.Kind {
	case soakv1alpha1.ValuesKindSecret:
		found, err := r.secret(ctx, from.Name, ReasonValuesNotFound)
		if err != nil {
			return nil, err
		}
		content, there := found.Data[key]
		if !there {
			return nil, mend(ReasonValuesNotFound, "%s has no key %s", object, key)
		}
		return content, nil
	case soakv1alpha1.ValuesKindConfigMap:
		found, err := r.configMap(ctx, from.Name, ReasonValuesNotFound)
		if err != nil {
			return nil, err
		}
		content, there := found.Data[key]
		if _, binary := found.BinaryData[key]; binary {
			return nil, mend(ReasonValuesInvalid, "%s has %s in its binaryData: values must be text in UTF-8, in its data", object, key)
		}
		if !there {
			return nil, mend(ReasonValuesNotFound, "%s has no key %s in its data%s", object, key, listed(found.Data))
		}
		return []byte(content), nil
	default:
		return nil, mend(ReasonValuesNotFound, "valuesFrom names a %s: only ConfigMap and Secret are known", from.Kind)
	}
}

// The message of the API server's authorizers.
var missingRight = regexp.MustCompile(`User "([^"]*)" cannot ([^ ]+) resource "([^"]*)"`)

// explain tells what the user must mend from what the API server failed to do. What comes from something in between, such
// as a proxy, is no answer: it must not be taken for "there is none".
func (r *reader) explain(err error, kind, name, missing string) error {
	switch {
	case apierrors.IsUnexpectedServerError(err):
	case apierrors.IsNotFound(err):
		return mend(missing, "there is no %s", r.object(kind, name))
	case apierrors.IsForbidden(err):
		return r.forbidden(err, kind, name)
	}
	return fmt.Errorf("get %s: %w", r.object(kind, name), err)
}

// forbidden says which right is missing, in the words of package release. The user is not always the service account:
// the operator itself may lack the right to act as it.
func (r *reader) forbidden(err error, kind, name string) error {
	user, verb, resource := account.UserName(r.namespace, r.serviceAccount), "get", strings.ToLower(kind)+"s"
	if match := missingRight.FindStringSubmatch(err.Error()); match != nil {
		user, verb, resource = match[1], match[2], match[3]
	}
	if strings.HasPrefix(verb, "impersonate") { // or one of the newer verbs, which name the request that it was for
		verb, resource = "impersonate", "serviceaccounts"
	}
	problem := &problemError{}
	problem.Reason = ReasonForbidden
	problem.Message = fmt.Sprintf("%s may not %s %s in namespace %s, to read %s", called(user), verb, resource, r.namespace, r.object(kind, name))
	if _, doubt, found := strings.Cut(err.Error(), ": RBAC: "); found {
		// The server could not read its own rules: it has just been started, or a binding names a role that is not there.
		problem.doubtful = true
		problem.Message += ": " + doubt
	}
	problem.Message = oneLine(problem.Message)
	return problem
}

// called is how people call a user of the API.
func called(user string) string {
	if serviceAccount, ok := strings.CutPrefix(user, "system:serviceaccount:"); ok {
		return "service account " + strings.Replace(serviceAccount, ":", "/", 1)
	}
	return "user " + user
}
