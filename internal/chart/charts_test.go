package chart

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/plan"
)

// server is an API server of few objects. A real one does not fail as is wanted here.
type server struct {
	lock sync.Mutex
	// answers by path. What has none is not found.
	answers map[string]func(http.ResponseWriter, *http.Request)
	users   []string
}

const (
	chartPath  = "/api/v1/namespaces/soak/configmaps/shop"
	secretPath = "/api/v1/namespaces/soak/secrets/shared"
)

// newServer has a chart and a Secret.
func newServer(t *testing.T) (*server, *Charts) {
	t.Helper()
	s := &server{answers: map[string]func(http.ResponseWriter, *http.Request){}}
	s.set(chartPath, configMap(shop(t)))
	s.set(secretPath, secret("a: 1"))
	listening := httptest.NewServer(s)
	t.Cleanup(listening.Close)
	return s, New(&rest.Config{Host: listening.URL, QPS: 0.001, Burst: 1})
}

func configMap(chart []byte) *corev1.ConfigMap {
	return &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, BinaryData: map[string][]byte{"shop.tgz": chart}}
}

func secret(values string) *corev1.Secret {
	return &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, Data: map[string][]byte{"values.yaml": []byte(values)}}
}

func (s *server) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	s.lock.Lock()
	s.users = append(s.users, request.Header.Get("Impersonate-User")+strings.Join(request.Header.Values("Impersonate-Group"), ","))
	answer := s.answers[request.URL.Path]
	s.lock.Unlock()
	if answer == nil {
		answer = refuse(apierrors.NewNotFound(schema.GroupResource{}, "it"))
	}
	answer(writer, request)
}

func (s *server) answer(path string, answer func(http.ResponseWriter, *http.Request)) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.answers[path] = answer
}

func (s *server) set(path string, object any) {
	s.answer(path, func(writer http.ResponseWriter, _ *http.Request) { write(writer, http.StatusOK, object) })
}

func write(writer http.ResponseWriter, code int, object any) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(code)
	_ = json.NewEncoder(writer).Encode(object) //nolint:errchkjson // the test sees what is missing
}

// refuse answers as the API server does.
func refuse(err *apierrors.StatusError) func(http.ResponseWriter, *http.Request) {
	status := err.Status()
	status.APIVersion, status.Kind = "v1", "Status"
	return func(writer http.ResponseWriter, _ *http.Request) { write(writer, int(status.Code), status) }
}

// page answers as a proxy does.
func page(code int) func(http.ResponseWriter, *http.Request) {
	return func(writer http.ResponseWriter, _ *http.Request) { http.Error(writer, "<html>", code) }
}

func anInput() *soakv1alpha1.Inputs {
	return &soakv1alpha1.Inputs{
		ServiceAccountName: "runner",
		Chart:              soakv1alpha1.ChartSource{ConfigMap: soakv1alpha1.ConfigMapChart{Name: "shop", Key: "shop.tgz"}},
		ValuesFrom:         []soakv1alpha1.ValuesReference{{Kind: soakv1alpha1.ValuesKindSecret, Name: "shared"}},
		Markets:            []soakv1alpha1.Market{{Name: "ikman"}},
		Environments:       []soakv1alpha1.Environment{{Name: "sandbox"}},
	}
}

// aRun is pinned to what the inputs refer to now.
func aRun(t *testing.T, charts *Charts) *soakv1alpha1.SoakRun {
	t.Helper()
	inputs := anInput()
	found, err := charts.Resolve(t.Context(), "soak", inputs, "")
	if err != nil || found.Problem != nil {
		t.Fatalf("problem %+v, error %v", found.Problem, err)
	}
	return &soakv1alpha1.SoakRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "soak", Name: "shop-1"},
		Spec:       soakv1alpha1.SoakRunSpec{Inputs: *inputs, Pins: soakv1alpha1.Pins{Chart: found.Chart, Salt: found.Salt, Values: found.Values}},
	}
}

func TestResolveAndLoad(t *testing.T) {
	t.Parallel()
	s, charts := newServer(t)
	run := aRun(t, charts)
	pins := run.Spec.Pins
	if pins.Chart != (soakv1alpha1.ChartIdentity{Name: "shop", Version: "1.0.0", Digest: chartDigest(shop(t))}) || len(pins.Values) != 1 || pins.Salt == "" {
		t.Errorf("pins are %+v", pins)
	}
	again, err := charts.Resolve(t.Context(), "soak", anInput(), pins.Salt)
	if err != nil || again.Salt != pins.Salt || !slices.Equal(again.Values, pins.Values) || again.Chart != pins.Chart {
		t.Errorf("with the same salt it is %+v: %v", again, err)
	}
	other, err := charts.Resolve(t.Context(), "soak", anInput(), "")
	if err != nil || other.Salt == pins.Salt || slices.Equal(other.Values, pins.Values) {
		t.Errorf("with a new salt it is %+v: %v", other, err)
	}
	loaded, outcome := charts.Load(t.Context(), run, "ikman", "sandbox")
	if outcome.Result != plan.Succeeded || loaded.Chart.Name() != "shop" || loaded.Values["a"] != 1. {
		t.Errorf("loaded %+v: %+v", loaded, outcome)
	}
	for _, user := range s.users {
		if user != "system:serviceaccount:soak:runner" {
			t.Errorf("asked as %q", user)
		}
	}
}

// Each of them is what the API server, or something in between, may answer to a read of the Secret.
func TestWhatTheServerAnswers(t *testing.T) {
	t.Parallel()
	secrets := schema.GroupResource{Resource: "secrets"}
	denied := `User "system:serviceaccount:soak:runner" cannot get resource "secrets" in API group "" in the namespace "soak"`
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		// problem is the reason if the user must mend it, and outcome that of Load.
		problem, outcome string
		hopeless         bool
		message          string
	}{
		"not found": {answer: refuse(apierrors.NewNotFound(secrets, "shared")), problem: ReasonValuesNotFound, outcome: ReasonValuesNotFound, hopeless: true,
			message: "there is no Secret soak/shared"},
		"not found, says a proxy": {answer: page(http.StatusNotFound), outcome: ReasonAPIUnavailable, message: "get Secret soak/shared"},
		"forbidden": {answer: refuse(apierrors.NewForbidden(secrets, "shared", errors.New(denied))), problem: ReasonForbidden, outcome: ReasonForbidden, hopeless: true,
			message: "service account soak/runner may not get secrets in namespace soak, to read Secret soak/shared"},
		"forbidden, perhaps": {answer: refuse(apierrors.NewForbidden(secrets, "shared", errors.New(denied+`: RBAC: role.rbac.authorization.k8s.io "x" not found`))),
			problem: ReasonForbidden, outcome: ReasonForbidden, message: `to read Secret soak/shared: role.rbac.authorization.k8s.io "x" not found`},
		"forbidden, in other words": {answer: refuse(apierrors.NewForbidden(secrets, "shared", errors.New("no"))), problem: ReasonForbidden, outcome: ReasonForbidden,
			hopeless: true, message: "service account soak/runner may not get secrets in namespace soak"},
		"forbidden, says a proxy": {answer: page(http.StatusForbidden), outcome: ReasonAPIUnavailable},
		"no impersonation": {answer: refuse(apierrors.NewForbidden(secrets, "shared",
			errors.New(`User "operator" cannot impersonate-on:serviceaccount:get resource "secrets" in API group "" in the namespace "soak"`))),
			problem: ReasonForbidden, outcome: ReasonForbidden, hopeless: true,
			message: "user operator may not impersonate serviceaccounts in namespace soak"},
		"unauthorized":   {answer: refuse(apierrors.NewUnauthorized("no")), outcome: ReasonAPIUnavailable},
		"throttled":      {answer: refuse(apierrors.NewTooManyRequestsError("slowly")), outcome: ReasonAPIUnavailable},
		"internal error": {answer: refuse(apierrors.NewInternalError(errors.New("etcd"))), outcome: ReasonAPIUnavailable, message: "the API server did not answer: get Secret soak/shared"},
		"unavailable":    {answer: page(http.StatusServiceUnavailable), outcome: ReasonAPIUnavailable},
		"something else": {answer: refuse(apierrors.NewBadRequest("what?")), outcome: ReasonUnexpected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, charts := newServer(t)
			run := aRun(t, charts)
			s.answer(secretPath, test.answer)
			found, err := charts.Resolve(t.Context(), "soak", anInput(), "salt")
			switch {
			case test.problem == "" && (err == nil || found.Problem != nil):
				t.Errorf("problem %+v, error %v", found.Problem, err)
			case test.problem != "" && (err != nil || found.Problem == nil || found.Problem.Reason != test.problem):
				t.Errorf("problem %+v, error %v, want %s", found.Problem, err, test.problem)
			case test.problem != "" && !strings.Contains(found.Problem.Message, test.message):
				t.Errorf("message %q does not say %q", found.Problem.Message, test.message)
			}
			loaded, outcome := charts.Load(t.Context(), run, "ikman", "sandbox")
			if outcome.Result != plan.Errored || outcome.Reason != test.outcome || outcome.UserMustAct != test.hopeless || loaded.Chart != nil || loaded.Values != nil {
				t.Errorf("outcome is %+v, want %s", outcome, test.outcome)
			}
			if !strings.Contains(outcome.Message, test.message) {
				t.Errorf("message %q does not say %q", outcome.Message, test.message)
			}
		})
	}
}

func TestServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, charts := newServer(t)
	run := aRun(t, charts)
	charts.config.Host = "http://127.0.0.1:1"
	if found, err := charts.Resolve(t.Context(), "soak", anInput(), ""); err == nil || found.Problem != nil {
		t.Errorf("problem %+v, error %v", found.Problem, err)
	}
	if _, outcome := charts.Load(t.Context(), run, "ikman", "sandbox"); outcome.Result != plan.Errored || outcome.Reason != ReasonAPIUnavailable || outcome.UserMustAct {
		t.Errorf("outcome is %+v", outcome)
	}
}

// A server that does not answer holds nobody up for longer than the context allows.
func TestContextThatEnds(t *testing.T) {
	t.Parallel()
	over := errors.New("suspended")
	for name, test := range map[string]struct {
		context func(context.Context) (context.Context, context.CancelFunc)
		result  plan.Result
		reason  string
		message string
	}{
		"by its deadline": {
			context: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 20*time.Millisecond)
			},
			result: plan.Errored, reason: ReasonUnobserved, message: "the time was over",
		},
		"by a deadline with a cause": {
			context: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeoutCause(ctx, 20*time.Millisecond, over)
			},
			result: plan.Errored, reason: ReasonUnobserved, message: "the time was over",
		},
		"on request": {
			context: func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				timer := time.AfterFunc(20*time.Millisecond, func() { cancel(over) })
				return ctx, func() { timer.Stop(); cancel(nil) }
			},
			result: plan.Stopped, reason: ReasonStopped, message: "stopped: suspended",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, charts := newServer(t)
			run := aRun(t, charts)
			s.answer(secretPath, func(_ http.ResponseWriter, request *http.Request) { <-request.Context().Done() })
			ctx, cancel := test.context(t.Context())
			defer cancel()
			_, outcome := charts.Load(ctx, run, "ikman", "sandbox")
			if outcome.Result != test.result || outcome.Reason != test.reason || !strings.Contains(outcome.Message, test.message) {
				t.Errorf("outcome is %+v", outcome)
			}
			if found, err := charts.Resolve(ctx, "soak", anInput(), ""); err == nil || found.Problem != nil {
				t.Errorf("problem %+v, error %v", found.Problem, err)
			}
		})
	}
}

func TestProblemsOfTheDefinition(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change  func(*soakv1alpha1.Inputs, *server)
		reason  string
		message string
	}{
		"no source": {change: func(inputs *soakv1alpha1.Inputs, _ *server) { inputs.Chart = soakv1alpha1.ChartSource{} },
			reason: ReasonChartNotFound, message: "names no source"},
		"a kind that is not known": {change: func(inputs *soakv1alpha1.Inputs, _ *server) { inputs.ValuesFrom[0].Kind = "Pod" },
			reason: ReasonValuesNotFound, message: "valuesFrom names a Pod"},
		"a version that is too long": {change: func(_ *soakv1alpha1.Inputs, s *server) {
			s.set(chartPath, configMap(archived(t, file{name: "shop/Chart.yaml", content: "apiVersion: v2\nname: shop\nversion: 1.0.0-" + strings.Repeat("x", 128)})))
		}, reason: ReasonChartInvalid, message: "its version 128"},
		"a path that sets nothing": {change: func(inputs *soakv1alpha1.Inputs, _ *server) { inputs.MatrixValues.MarketPath = ".a" },
			reason: ReasonValuesInvalid, message: "it sets nothing"},
		"many other keys": {change: func(_ *soakv1alpha1.Inputs, s *server) {
			other := configMap(nil)
			other.BinaryData = map[string][]byte{"a": nil, "b": nil, "c": nil, "d": nil, "e": nil, "f": nil, "g": nil}
			s.set(chartPath, other)
		}, reason: ReasonChartNotFound, message: "has no key shop.tgz in its binaryData, only a, b, c, d, e and 2 more: create it with: kubectl create configmap shop --namespace soak --from-file=shop.tgz"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, charts := newServer(t)
			inputs := anInput()
			test.change(inputs, s)
			found, err := charts.Resolve(t.Context(), "soak", inputs, "")
			if err != nil || found.Problem == nil || found.Problem.Reason != test.reason || !strings.Contains(found.Problem.Message, test.message) {
				t.Errorf("problem %+v, error %v", found.Problem, err)
			}
		})
	}
}

func TestMessagesAreShortAndInOneLine(t *testing.T) {
	t.Parallel()
	problem, ok := asProblem(mend(ReasonChartInvalid, "a\n  b %s", strings.Repeat("ü", messageLimit)))
	if !ok || len(problem.Message) > messageLimit || !strings.HasPrefix(problem.Message, "a b ü") || !strings.HasSuffix(problem.Message, "ü...") {
		t.Errorf("message is %q", problem.Message)
	}
}
