{{- define "script" -}}
simulated.soak.saltside.io/outcome: {{ .outcome | default "runs" | quote }}
simulated.soak.saltside.io/start-delay: {{ .startDelay | default "0s" | quote }}
simulated.soak.saltside.io/run-duration: {{ .duration | default "0s" | quote }}
simulated.soak.saltside.io/stop-delay: {{ .stopDelay | default "0s" | quote }}
{{- end }}
