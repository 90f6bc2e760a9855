{{- define "plimsoll.selector" -}}
app.kubernetes.io/name: plimsoll
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "plimsoll.labels" -}}
{{ include "plimsoll.selector" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: plimsoll
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Names of cluster-scoped objects carry the namespace: two installations must not take each other's rights away. */}}
{{- define "plimsoll.clusterName" -}}
{{ printf "%s-%s" .Release.Namespace .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "plimsoll.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- define "plimsoll.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ .Values.serviceAccount.name }}
{{- end }}

{{/* A list of strings as CEL writes it. */}}
{{- define "plimsoll.celList" -}}
[{{- range $i, $s := . }}{{ if $i }}, {{ end }}{{ $s | squote }}{{ end -}}]
{{- end }}
