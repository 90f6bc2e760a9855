{{- define "plimsoll.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .process.name }}
  {{- include "plimsoll.metadata" . | nindent 2 }}
spec:
  replicas: {{ .process.replicas }}
  revisionHistoryLimit: 3
  selector:
    matchLabels: {{- include "plimsoll.deploymentSelector" . | nindent 6 }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  template:
    metadata:
      {{- include "plimsoll.metadata" (merge (dict "ownLabels" .Values.podLabels "ownAnnotations" .Values.podAnnotations) .) | nindent 6 }}
    spec:
      serviceAccountName: {{ .process.account }}
      automountServiceAccountToken: true
      enableServiceLinks: false
      terminationGracePeriodSeconds: 30
      {{- with .Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .Values.image.pullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        seccompProfile: {type: RuntimeDefault}
        {{- with .Values.podSecurityContext }}{{ toYaml . | nindent 8 }}{{ end }}
      topologySpreadConstraints:
        {{- range .Values.topologySpreadConstraints }}
        - {{- merge (dict) . (dict "labelSelector" (dict "matchLabels" (include "plimsoll.processSelector" $ | fromYaml))) | toYaml | nindent 10 }}
        {{- else }}
        {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - topologyKey: {{ $key }}
          maxSkew: 1
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "plimsoll.processSelector" $ | nindent 14 }}
        {{- end }}
        {{- end }}
      containers:
        - name: plimsoll
          image: {{ include "plimsoll.image" . }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          args:
            - run
            - --health-listen=0.0.0.0:8080
            - --listen=0.0.0.0:8443
            {{- if .Values.metrics.tls.secretName }}
            - --tls-cert=/etc/plimsoll/tls/tls.crt
            - --tls-key=/etc/plimsoll/tls/tls.key
            {{- else }}
            - --tls-names=plimsoll.{{ .Release.Namespace }}.svc,plimsoll.{{ .Release.Namespace }}.svc.cluster.local
            {{- end }}
            {{- if .Values.metrics.plaintext }}
            - --plain-metrics
            {{- end }}
            {{- with .Values.reports.clusterName }}
            - {{ printf "--cluster-name=%s" . | quote }}
            {{- end }}
            - --duties={{ join "," .process.duties }}
            {{- if and .Values.remediation.enabled (has "repair" .process.duties) }}
            - --remediation
            {{- end }}
            {{- if and .Values.probing.enabled (has "probe" .process.duties) }}
            - --probing
            {{- end }}
            {{- if and .Values.policyReports.enabled (has "read" .process.duties) }}
            - --policy-reports={{ include "plimsoll.clusterName" . }}-policy-reports
            - --policy-report-apis={{ join "," .Values.policyReports.apis }}
            - --policy-report-results={{ .Values.policyReports.maxResults | int }}
            {{- end }}
            {{- range .Values.extraArgs }}
            - {{ . | quote }}
            {{- end }}
          env:
            - name: POD_NAME
              valueFrom: {fieldRef: {fieldPath: metadata.name}}
            - name: POD_NAMESPACE
              valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
            - name: PLIMSOLL_LOG
              value: {{ .Values.logLevel | quote }}
            {{- with .Values.extraEnv }}{{ toYaml . | nindent 12 }}{{ end }}
          ports:
            - {name: https, containerPort: 8443, protocol: TCP}
            - {name: health, containerPort: 8080, protocol: TCP}
          livenessProbe:
            httpGet: {path: /livez, port: health}
            periodSeconds: 10
            failureThreshold: 3
          readinessProbe:
            httpGet: {path: /readyz, port: health}
            periodSeconds: 5
          startupProbe:
            httpGet: {path: /livez, port: health}
            periodSeconds: 2
            failureThreshold: 60
          resources: {{- toYaml .process.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          {{- if .Values.metrics.tls.secretName }}
          volumeMounts:
            - {name: tls, mountPath: /etc/plimsoll/tls, readOnly: true}
          {{- end }}
      {{- with .Values.metrics.tls.secretName }}
      volumes:
        - name: tls
          secret: {secretName: {{ . }}, defaultMode: 0440}
      {{- end }}
      {{- with .Values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.affinity }}
      affinity: {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
