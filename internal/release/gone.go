package release

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/cli-runtime/pkg/resource"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// byName is the source of the one object that has the name of the given one.
func byName(info *resource.Info, whole bool) source {
	return source{
		mapping: info.Mapping, namespace: info.Namespace, whole: whole,
		fields: fields.OneTermEqualSelector("metadata.name", info.Name).String(),
	}
}

// within is the step's context, for no longer than Helm was told to wait.
func (o *operation) within(timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(o.ctx, timeout)
}

// awaitDeletion waits until an object is gone that was there.
func (o *operation) awaitDeletion(ctx context.Context, info *resource.Info, found metav1.Object) error {
	uid := found.GetUID()
	v := o.follow(ctx, byName(info, false), found)
	defer v.close()
	err := v.await(ctx, func() (bool, error) {
		_, deleted := v.find(uid)
		return deleted, nil
	})
	if err == nil || o.stopped() || ctx.Err() == nil {
		return err
	}
	now, err := o.find(info)
	if err != nil {
		return err
	}
	if now == nil || now.UID != uid {
		return nil
	}
	if blind := o.blind(v); blind != nil {
		return o.judge(errored(ReasonUnobserved, "%s; but for some of the time nothing could be seen: %v", hookRemnant(info, now), blind))
	}
	outcome := failed(ReasonResourcesNotDeleted, "%s", hookRemnant(info, now))
	if o.step == soakv1alpha1.StepClean {
		outcome.Reason = ReasonHookTimedOut // the rest can be done without hooks
	}
	outcome.Object = infoName(info)
	return o.judge(outcome)
}

func hookRemnant(info *resource.Info, now *metav1.PartialObjectMetadata) string {
	text := fmt.Sprintf("hook %s of an earlier use is still there", infoName(info))
	if len(now.Finalizers) > 0 {
		text += ", held by the finalizers " + strings.Join(now.Finalizers, ", ")
	}
	return text
}
