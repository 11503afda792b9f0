package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/internal/release"
)

// An admission webhook that refuses an object is told in its own words, and the iteration has failed.
func TestWebhookThatRejects(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.guardDeployments(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Result: &metav1.Status{Message: "no team label"}}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(review)
	})
	e.apply()
	e.wantTally(e.awaitFinished(), soakv1alpha1.Tally{Failed: 1})
	e.wantFailure(soakv1alpha1.StepInstall, release.ReasonObjectRejected, "Deployment/shop-ikman-sandbox-web")
	if message := e.runs()[0].Status.LastFailure.Message; !strings.Contains(message, "no team label") {
		t.Errorf("the webhook's words are missing: %s", message)
	}
	e.awaitCleaned()
	e.wantNothingLeft()
}

// One that hangs is no verdict on the chart: the attempt is thrown away and, when it has gone, made again.
func TestWebhookThatHangs(t *testing.T) {
	t.Parallel()
	e := newExperiment(t, onSharedBench(t))
	e.Spec.Timeouts.Install = "20s"
	asked := make(chan struct{}, 1)
	remove := e.guardDeployments(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-r.Context().Done()
	})
	e.apply()
	<-asked
	e.awaitAttempt(2)
	remove()
	object := e.awaitFinished()
	if tally := object.Status.Tally; tally.Passed != 1 || tally.Failed+tally.Errored != 0 || tally.Retried != 1 {
		t.Errorf("the tally is %+v", tally)
	}
	e.awaitCleaned()
	e.wantNothingLeft()
}

// guardDeployments has a webhook asked about each Deployment that is created in the experiment's namespace.
func (e *experiment) guardDeployments(answer http.HandlerFunc) (remove func()) {
	e.t.Helper()
	server := httptest.NewTLSServer(answer)
	e.t.Cleanup(server.CloseClientConnections)
	trusted := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	manifest := fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: %[1]s}
webhooks:
- name: deployments.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  timeoutSeconds: 5
  failurePolicy: Fail
  clientConfig: {url: %[2]q, caBundle: %[3]s}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
  rules:
  - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}
`, e.Namespace, server.URL, base64.StdEncoding.EncodeToString(trusted))
	file := filepath.Join(e.t.TempDir(), "webhook.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		e.t.Fatal(err)
	}
	e.bench.kubectl(e.t, "apply", "-f", file)
	remove = func() {
		e.t.Helper()
		if _, err := e.bench.cluster.Kubectl(context.Background(), "delete", "validatingwebhookconfiguration", e.Namespace, "--ignore-not-found"); err != nil {
			e.t.Error(err)
		}
	}
	e.t.Cleanup(remove)
	return remove
}
