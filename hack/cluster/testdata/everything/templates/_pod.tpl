{{/* The script of a pod for a simulated node. */}}
{{- define "script" -}}
simulated.soak.saltside.io/outcome: {{ .outcome | default "runs" | quote }}
simulated.soak.saltside.io/start-delay: {{ .startDelay | default "0s" | quote }}
simulated.soak.saltside.io/stop-delay: {{ .stopDelay | default "0s" | quote }}
{{- end }}

{{/* A container that serves, and is ready when its probe says so. */}}
{{- define "service" -}}
image: {{ .Values.image }}
imagePullPolicy: IfNotPresent
args:
- serve
- --listen=:8080
- --ready-after={{ if eq (.script.outcome | default "runs") "never-ready" }}1000h{{ else }}{{ .script.startDelay | default "0s" }}{{ end }}
readinessProbe:
  httpGet: {port: 8080, path: /}
  periodSeconds: 1
resources:
  requests: {cpu: 10m, memory: 16Mi}
{{- end }}

{{/* A container that ends. */}}
{{- define "task" -}}
image: {{ .Values.image }}
imagePullPolicy: IfNotPresent
args: [exit, --code={{ .script.outcome | trimPrefix "exit-" }}, --log={{ .log }}]
{{- end }}
