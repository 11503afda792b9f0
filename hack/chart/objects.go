package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"strings"
	"text/template"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// object is one of config. What is in its body goes into the chart as it is.
type object struct {
	APIVersion, Kind, Name string
	Namespaced             bool
	Annotations            map[string]string
	// Aggregate are labels that make a role part of others.
	Aggregate map[string]string
	Body      string
}

// The chart's own actions are in braces, those of this program in brackets.
var objectTemplate = template.Must(template.New("object").Delims("[[", "]]").Parse(`
{{- /* Made by "make manifests" of [[.Source]]. */}}
{{- if [[.Condition]] }}
[[- range $i, $object := .Objects]]
[[- if $i]]
---
[[- end]]
apiVersion: [[.APIVersion]]
kind: [[.Kind]]
metadata:
  name: [[.Name]]
  [[- if .Namespaced]]
  namespace: {{ .Release.Namespace }}
  [[- end]]
  labels: {{- include "soak-operator.labels" . | nindent 4 }}
    [[- range $name, $is := .Aggregate]]
    [[$name]]: {{ .Values.rbac.aggregate | quote }}
    [[- end]]
  [[- if .Annotations]]
  annotations:
    [[- range $name, $is := .Annotations]]
    [[$name]]: [[$is]]
    [[- end]]
  [[- end]]
[[.Body]]
[[- end]]
{{- end }}
`))

// templateOf makes a template of a manifest, for a chart that has it only if the condition, an expression, is true.
func templateOf(file, condition string, annotations map[string]string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var objects []object
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		o, err := parseObject(document, annotations)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	var out strings.Builder
	err = objectTemplate.Execute(&out, map[string]any{"Source": file, "Condition": condition, "Objects": objects})
	return []byte(strings.TrimPrefix(out.String(), "\n")), err
}

func parseObject(document []byte, annotations map[string]string) (object, error) {
	var head struct {
		APIVersion, Kind string
		Metadata         struct {
			Name, Namespace     string
			Labels, Annotations map[string]string
		}
	}
	var body map[string]any
	if err := errors.Join(yaml.Unmarshal(document, &head), yaml.Unmarshal(document, &body)); err != nil {
		return object{}, err
	}
	maps.DeleteFunc(body, func(key string, _ any) bool { return key == "apiVersion" || key == "kind" || key == "metadata" })
	written, err := yaml.Marshal(body)
	if err != nil {
		return object{}, err
	}
	all := map[string]string{}
	maps.Copy(all, head.Metadata.Annotations)
	maps.Copy(all, annotations)
	return object{
		APIVersion: head.APIVersion, Kind: head.Kind, Name: head.Metadata.Name, Namespaced: head.Metadata.Namespace != "",
		Annotations: all, Aggregate: head.Metadata.Labels,
		// Braces of a description are none of the chart's.
		Body: strings.ReplaceAll(strings.TrimSpace(string(written)), "{{", `{{ "{{" }}`),
	}, nil
}
