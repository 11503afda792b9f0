package release_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/saltside/soak-operator/internal/plan"
	"github.com/saltside/soak-operator/internal/release"
)

// What the controller of a kind of its own makes of an object may carry none of our labels: the object is there, and not
// clean, until that is gone.
func TestWhatOthersMakeOfTheirKindsIsWaitedFor(t *testing.T) {
	f := newFixture(t)
	f.mayDefine("gizmos")
	f.installed(shop(t, map[string]string{
		"crds/gizmo.yaml":      strings.NewReplacer("widget", "gizmo", "Widget", "Gizmo").Replace(definition),
		"templates/gizmo.yaml": "apiVersion: release.example.com/v1\nkind: Gizmo\nmetadata: {name: ours}\n",
	}), nil)
	f.apply(fmt.Sprintf(`
apiVersion: v1
kind: ConfigMap
metadata:
  name: made-of-it
  namespace: %s
  finalizers: [example.com/held]
  ownerReferences:
  - {apiVersion: release.example.com/v1, kind: Gizmo, name: ours, controller: true, blockOwnerDeletion: true, uid: %s}
`, f.target.Namespace, f.in("get", "gizmo", "ours", "--output=jsonpath={.metadata.uid}")))
	outcome := f.clean(short)
	f.want(outcome, plan.Failed, release.ReasonResourcesNotDeleted, "Gizmo/ours is being deleted since 2")
	f.in("patch", "configmap", "made-of-it", "--type=json", `--patch=[{"op":"remove","path":"/metadata/finalizers"}]`)
	f.want(f.clean(limit), plan.Succeeded, "")
	if left := f.in("get", "configmap", "made-of-it", "--ignore-not-found", "--output=name"); left != "" {
		t.Errorf("%s is left", left)
	}
	f.isClean()
}
