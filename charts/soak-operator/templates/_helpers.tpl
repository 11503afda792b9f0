{{/*
There is one operator in a cluster: two would act on the same experiments. So its names are the same whatever the release is
called, and Helm refuses a second one.
*/}}

{{- define "soak-operator.labels" -}}
app.kubernetes.io/name: soak-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: soak-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* By what the managers are found. It can never change. */}}
{{- define "soak-operator.selector" -}}
app.kubernetes.io/name: soak-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: manager
{{- end }}

{{- define "soak-operator.account" -}}
{{ .Values.serviceAccount.name | default "soak-operator" }}
{{- end }}

{{- define "soak-operator.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* What the managers and the test have in common: where they may run, and what the level "restricted" asks for. */}}
{{- define "soak-operator.pod" -}}
serviceAccountName: {{ include "soak-operator.account" . }}
securityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "soak-operator.container" -}}
image: {{ include "soak-operator.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
  readOnlyRootFilesystem: true
{{- end }}
