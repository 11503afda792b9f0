package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const someValues = `# The image.
image:
  # Its name,
  # all of it.
  repository: soak
  # Its tag | none.
  tag: ""

# What it gets.
resources:
  limits: {memory: 1Gi}
`

func TestReadme(t *testing.T) {
	t.Parallel()
	values, err := parseValues([]byte(someValues))
	if err != nil {
		t.Fatal(err)
	}
	const want = `# Title

` + tableBegins + `
| value | default | |
|---|---|---|
| ` + "`image`" + ` |  | The image. |
| ` + "`image.repository` | `\"soak\"`" + ` | Its name, all of it. |
| ` + "`image.tag` | `\"\"`" + ` | Its tag \| none. |
| ` + "`resources` | `{\"limits\":{\"memory\":\"1Gi\"}}`" + ` | What it gets. |

` + tableEnds + `
The end.
`
	readme := "# Title\n\n" + tableBegins + "old\n" + tableEnds + "\nThe end.\n"
	for range 2 { // the second time nothing changes
		made, err := withTable([]byte(readme), values)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(made)); diff != "" {
			t.Error(diff)
		}
		readme = string(made)
	}
	if _, err := withTable([]byte("# Title\n"), values); err == nil {
		t.Error("a README without a place for the values was written")
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	values, err := parseValues([]byte(someValues))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "type": "object",
  "properties": {
    "image": {
      "description": "The image.",
      "properties": {
        "repository": {"description": "Its name, all of it.", "type": "string"},
        "tag": {"description": "Its tag | none.", "maxLength": 128}
      }
    },
    "resources": {"description": "What it gets.", "additionalProperties": false, "enum": [null, 1, "a \"b\""]},
    "global": {"type": "object"}
  }
}
`
	schema := `{"type": "object", "properties": {
		"image": {"properties": {"repository": {"description": "old", "type": "string"}, "tag": {"maxLength": 128}}},
		"resources": {"additionalProperties": false, "enum": [null, 1, "a \"b\""]}, "global": {"type": "object"}}}`
	for range 2 {
		made, err := withDescriptions([]byte(schema), values)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(made)); diff != "" {
			t.Error(diff)
		}
		schema = string(made)
	}
}

// What one of the files knows and the other does not is a mistake in one of them.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ values, schema, want string }{
		"no comment":       {"image: soak\n", `{"properties": {"image": {}}}`, "image has no comment"},
		"not in schema":    {"# A.\na: 1\n", `{"properties": {}}`, "does not know a"},
		"not in values":    {"# A.\na: 1\n", `{"properties": {"a": {}, "b": {}}}`, "does not know b"},
		"deep, not schema": {"# A.\na:\n  # B.\n  b: 1\n", `{"properties": {"a": {}}}`, "does not know a.b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values, err := parseValues([]byte(test.values))
			if err == nil {
				_, err = withDescriptions([]byte(test.schema), values)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "role.yaml")
	const roles = `# Words.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: worker
  namespace: system
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: looker
  labels:
    rbac.authorization.k8s.io/aggregate-to-view: "true"
note: "{{ no action }}"
`
	if err := os.WriteFile(file, []byte(roles), 0o600); err != nil {
		t.Fatal(err)
	}
	want := `{{- /* Made by "make manifests" of ` + file + `. */}}
{{- if and .Values.rbac.create .Values.people }}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: worker
  namespace: {{ .Release.Namespace }}
  labels: {{- include "soak-operator.labels" . | nindent 4 }}
  annotations:
    kept: always
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: looker
  labels: {{- include "soak-operator.labels" . | nindent 4 }}
    rbac.authorization.k8s.io/aggregate-to-view: {{ .Values.rbac.aggregate | quote }}
  annotations:
    kept: always
note: '{{ "{{" }} no action }}'
{{- end }}
`
	made, err := templateOf(file, "and .Values.rbac.create .Values.people", map[string]string{"kept": "always"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(made)); diff != "" {
		t.Error(diff)
	}
}
