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
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels and annotations of an object: those of all objects (of a process, where one is given), and its own. */}}
{{- define "plimsoll.metadata" -}}
labels:
  {{- include (ternary "plimsoll.processLabels" "plimsoll.labels" (hasKey . "process")) . | nindent 2 }}
  {{- with .ownLabels }}{{ toYaml . | nindent 2 }}{{ end }}
{{- with mergeOverwrite (dict) .Values.commonAnnotations (.ownAnnotations | default dict) }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Names of cluster-scoped objects carry the namespace: two installations must not take each other's rights away. */}}
{{- define "plimsoll.clusterName" -}}
{{ printf "%s-%s" .Release.Namespace .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "plimsoll.image" -}}
{{- with .Values.image -}}
{{- with .registry }}{{ . }}/{{ end }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* The processes of the operator: which duties each has, under which account. The first one reads. */}}
{{- define "plimsoll.processes" -}}
{{- $repairs := and .Values.remediation.enabled .Values.remediation.separate -}}
{{- $probes := and .Values.probing.enabled .Values.probing.separate -}}
{{- $duties := list "read" -}}
{{- if not $repairs }}{{ $duties = append $duties "repair" }}{{ end -}}
{{- if not $probes }}{{ $duties = append $duties "probe" }}{{ end -}}
{{- $account := .Values.serviceAccount.name -}}
{{- $all := list (dict "name" "plimsoll" "component" "operator" "account" $account "duties" $duties "replicas" .Values.replicas "resources" .Values.resources) -}}
{{- if $repairs }}
{{- $all = append $all (dict "name" "plimsoll-repairs" "component" "repairs" "account" (printf "%s-repairs" $account) "duties" (list "repair") "replicas" .Values.remediation.replicas "resources" (.Values.remediation.resources | default .Values.resources)) -}}
{{- end }}
{{- if $probes }}
{{- $all = append $all (dict "name" "plimsoll-probes" "component" "probes" "account" (printf "%s-probes" $account) "duties" (list "probe") "replicas" .Values.probing.replicas "resources" (.Values.probing.resources | default .Values.resources)) -}}
{{- end }}
{{- toYaml $all }}
{{- end }}

{{/* The account of the process that has a duty. */}}
{{- define "plimsoll.accountFor" -}}
{{- range (include "plimsoll.processes" . | fromYamlArray) }}{{ if has $.duty .duties }}{{ .account }}{{ end }}{{ end -}}
{{- end }}

{{- define "plimsoll.processSelector" -}}
{{ include "plimsoll.selector" . }}
app.kubernetes.io/component: {{ .process.component }}
{{- end }}

{{/* By what a Deployment knows its pods. That cannot be changed: where the Deployment is there already, it stays what it is (before
0.1.0 it lacked the component). All of its labels are on the pods in any case. */}}
{{- define "plimsoll.deploymentSelector" -}}
{{- $installed := lookup "apps/v1" "Deployment" .Release.Namespace .process.name -}}
{{- $wanted := include "plimsoll.processSelector" . | fromYaml -}}
{{- toYaml (dig "spec" "selector" "matchLabels" $wanted $installed) }}
{{- end }}

{{/* The name of the baseline that the chart installs. */}}
{{- define "plimsoll.baseline" -}}
{{ .Values.baseline.name | default .Values.environment }}
{{- end }}

{{- define "plimsoll.processLabels" -}}
{{ include "plimsoll.labels" . | replace "component: operator" (printf "component: %s" .process.component) }}
{{- end }}

{{/* Who writes as the operator. */}}
{{- define "plimsoll.users" -}}
{{- $users := list -}}
{{- range (include "plimsoll.processes" . | fromYamlArray) }}
{{- $users = append $users (printf "system:serviceaccount:%s:%s" $.Release.Namespace .account) -}}
{{- end }}
{{- toYaml $users }}
{{- end }}

{{/* A list of strings as CEL writes it. */}}
{{- define "plimsoll.celList" -}}
[{{- range $i, $s := . }}{{ if $i }}, {{ end }}{{ $s | squote }}{{ end -}}]
{{- end }}
