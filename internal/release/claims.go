package release

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// claimTemplates names the templates by which a StatefulSet has claims made for its pods.
func claimTemplates(object *unstructured.Unstructured) []string {
	if object.GetKind() != "StatefulSet" {
		return nil
	}
	templates, _, _ := unstructured.NestedSlice(object.Object, "spec", "volumeClaimTemplates")
	var names []string
	for _, template := range templates {
		if template, ok := template.(map[string]any); ok {
			if name, _, _ := unstructured.NestedString(template, "metadata", "name"); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// claimsAreFree checks that no pod of a StatefulSet would be given a claim of somebody else: its controller takes one that
// has the name, whoever made it.
func (o *operation) claimsAreFree(set *unstructured.Unstructured) error {
	mapping, err := o.mapping(kindOf(claims))
	if err != nil {
		return err
	}
	found, _, err := o.list(o.late, source{mapping: mapping, namespace: o.target.Namespace})
	if err != nil {
		return err
	}
	for _, claim := range found {
		if !o.target.owns(claim.GetLabels()) && wouldTake(set, claim.GetName()) {
			return because(o.inTheWay(objectName(claims.Kind, claim.GetName()), claim.GetNamespace(), claim.GetLabels()))
		}
	}
	return nil
}

// wouldTake tells whether a claim of that name is one for a pod of the StatefulSet: TEMPLATE-SET-ORDINAL.
func wouldTake(set *unstructured.Unstructured, claim string) bool {
	replicas, found, err := unstructured.NestedFieldNoCopy(set.Object, "spec", "replicas")
	count, counts := asInt(replicas)
	if err != nil || !found || !counts {
		count = 1
	}
	start, _, _ := unstructured.NestedFieldNoCopy(set.Object, "spec", "ordinals", "start")
	first, _ := asInt(start)
	for _, template := range claimTemplates(set) {
		text, ok := strings.CutPrefix(claim, template+"-"+set.GetName()+"-")
		if ordinal, err := strconv.ParseInt(text, 10, 64); ok && err == nil && ordinal >= first && ordinal < first+count {
			return true
		}
	}
	return false
}

// asInt reads a number as YAML has it, which knows no integers.
func asInt(number any) (int64, bool) {
	switch number := number.(type) {
	case int64:
		return number, true
	case float64:
		return int64(number), true
	}
	return 0, false
}
