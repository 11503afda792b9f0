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
		for _, template := range claimTemplates(set) {
			ordinal, ok := strings.CutPrefix(claim.GetName(), template+"-"+set.GetName()+"-")
			if _, err := strconv.ParseUint(ordinal, 10, 31); ok && err == nil && !o.target.owns(claim.GetLabels()) {
				return because(o.inTheWay(objectName(claims.Kind, claim.GetName()), claim.GetNamespace(), claim.GetLabels()))
			}
		}
	}
	return nil
}
