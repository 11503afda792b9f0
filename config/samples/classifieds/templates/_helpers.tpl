{{- define "classifieds.labels" -}}
app.kubernetes.io/name: classifieds
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "classifieds.metadata" -}}
name: {{ .root.Release.Name }}-{{ .component }}
labels:
  {{- include "classifieds.labels" . | nindent 2 }}
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* The pod of a workload that serves until it is stopped. */}}
{{- define "classifieds.pod" -}}
metadata:
  labels: {{- include "classifieds.labels" . | nindent 4 }}
  annotations:
    checksum/config: {{ include (print .root.Template.BasePath "/config.yaml") .root | sha256sum }}
spec:
  terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    seccompProfile: {type: RuntimeDefault}
  containers:
  - name: {{ .component }}
    image: {{ .root.Values.image }}
    imagePullPolicy: IfNotPresent
    args: [serve, "--listen=:8080"]
    envFrom:
    - configMapRef: {name: {{ .root.Release.Name }}-config}
    ports: [{name: http, containerPort: 8080}]
    readinessProbe:
      httpGet: {port: http, path: /}
      periodSeconds: 1
    resources:
      requests: {cpu: 10m, memory: 16Mi}
      limits: {memory: 64Mi}
    securityContext:
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
    {{- with .mounts }}
    volumeMounts: {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* The pod of something that ends. */}}
{{- define "classifieds.task" -}}
restartPolicy: Never
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  seccompProfile: {type: RuntimeDefault}
containers:
- name: {{ .component }}
  image: {{ .root.Values.image }}
  imagePullPolicy: IfNotPresent
  args: [exit, "--log={{ .says }}"]
  resources:
    requests: {cpu: 10m, memory: 16Mi}
    limits: {memory: 64Mi}
  securityContext:
    allowPrivilegeEscalation: false
    capabilities: {drop: [ALL]}
{{- end }}
