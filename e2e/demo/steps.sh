# shellcheck shell=bash disable=SC2034,SC2154 # variables of run.sh and lib.sh
# The steps of the demo, in their order.

prepare() {
  local bin
  bin=$(e2e/controlplane/build.sh)
  PATH=$bin:$PATH
  patiently "building Plimsoll" "$work/build.log" cargo build -p plimsoll -p kube-test ||
    { tail -n 30 "$work/build.log" >&2; die "Plimsoll does not build"; }
  PATH=$(cd "$target" && pwd):$PATH
}

a_cluster() {
  heading "A cluster"
  # Its input is ours: it ends with this script, whatever ends it.
  exec 8> >(exec kube-test-up --until-stdin-closes --ready-file "$work/ready" >"$work/cluster.log" 2>&1)
  cluster_pid=$!
  wait_for "the cluster: $work/cluster.log" 120 test -s "$work/ready"
  KUBECONFIG=$(cat "$work/ready")
  export KUBECONFIG
  tell "A real Kubernetes API server, scheduler and controller manager run on this machine. Four nodes in three zones" \
    "and the containers are simulated; everything else is as in any cluster."
  show kubectl get nodes -L topology.kubernetes.io/zone
}

the_tenants() {
  heading "Tenants"
  tell "Two tenants, the shop and the bank, with production and staging (e2e/demo/manifests). They have deployments," \
    "a database with a backup job, ingresses, network policies: all the right objects, and half of them have no effect."
  kubectl apply -f "$manifests/platform.yaml" -f "$manifests/shop.yaml" -f "$manifests/bank.yaml" >/dev/null
  kubectl apply --server-side --field-manager=argocd-controller -f "$manifests/gitops.yaml" >/dev/null
  helm install reports e2e/demo/reports-chart --namespace shop >/dev/null
  kubectl patch cronjob postgres-backup -n shop --subresource=status --type=merge >/dev/null \
    -p "{\"status\":{\"lastSuccessfulTime\":\"$(rfc3339 -2)\",\"lastScheduleTime\":\"$(rfc3339 -2)\"}}"
  show kubectl get namespaces -L plimsoll.dev/tenant,plimsoll.dev/environment -l 'plimsoll.dev/tenant'
}

# A moment so many days from now.
rfc3339() { printf '%(%Y-%m-%dT%H:%M:%SZ)T' $((EPOCHSECONDS + $1 * 86400)); }

# A TLS server that still accepts TLS 1.0, behind the ingress api. Without openssl the demo goes on without it.
a_legacy_server() {
  command -v openssl >/dev/null || return 0
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=api.example.com \
    -keyout "$work/tls.key" -out "$work/tls.crt" >/dev/null 2>&1
  openssl s_server -www -cert "$work/tls.crt" -key "$work/tls.key" -accept 127.0.0.2:0 \
    -cipher 'ALL:@SECLEVEL=0' -min_protocol TLSv1 -no_tls1_3 -naccept 100000 >"$work/legacy.log" 2>&1 8>&- </dev/null &
  legacy_pid=$!
  wait_for "the legacy TLS server" 20 listens_at
  kubectl patch ingress api -n shop --subresource=status --type=merge >/dev/null -p \
    "{\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"127.0.0.2\",\"ports\":[{\"port\":$(listens_at),\"protocol\":\"TCP\"}]}]}}}"
}

# The port at which the legacy server listens.
listens_at() { sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$work/legacy.log" | grep .; }

the_installation() {
  heading "Plimsoll is installed"
  tell "By its two Helm charts: the kinds, then the operator, its rights, its admission policies and a SecurityBaseline for" \
    "production, at first in mode Observe: it looks and changes nothing. The operator runs here as a process with the token" \
    "of the chart's own ServiceAccount, so it may do what the chart grants and nothing else."
  helm install plimsoll-crds charts/plimsoll-crds -n "$system" --create-namespace >/dev/null
  helm install plimsoll charts/plimsoll -n "$system" -f e2e/demo/values.yaml >/dev/null
  operator_kubeconfig
  KUBECONFIG=$work/operator.kubeconfig plimsoll run --health-listen=127.0.0.1:0 --listen=127.0.0.1:0 --identity=demo \
    --remediation --probing 2>"$work/operator.log" 8>&- &
  operator_pid=$!
  wait_for "the operator's address" 30 grep -q '"address":' "$work/operator.log"
  metrics=https://$(sed -n 's/.*"secure":"\([^"]*\)".*/\1/p' "$work/operator.log" | head -n 1)/metrics
  wait_for "the operator to know the cluster" 60 \
    curl -sf "http://$(sed -n 's/.*"address":"\([^"]*\)".*/\1/p' "$work/operator.log" | head -n 1)/readyz"
  a_scraper
  wait_for "the first verdicts in status" 30 has_verdicts
}

# Who scrapes: a ServiceAccount that may read the metrics and nothing else.
a_scraper() {
  kubectl create serviceaccount prometheus -n "$system" >/dev/null
  kubectl create clusterrolebinding prometheus-plimsoll --clusterrole="$system-plimsoll-metrics-reader" \
    --serviceaccount="$system:prometheus" >/dev/null
  (umask 077 && printf 'Authorization: Bearer %s\n' "$(kubectl create token prometheus -n "$system" --duration=12h)" >"$work/scraper")
  wait_for "the operator to let its scraper in" 30 scrape
}

# Scrapes the operator and evaluates the rules that the chart brings, from here on.
a_prometheus() {
  cat >"$work/prometheus.yaml" <<EOF
global: {scrape_interval: 2s, evaluation_interval: 2s}
rule_files: ["$PWD/alerts/rules.yaml"]
scrape_configs:
  - job_name: plimsoll
    scheme: https
    tls_config: {insecure_skip_verify: true}
    authorization: {credentials_file: "$work/token"}
    static_configs: [{targets: ["$(sed 's|^https://||; s|/metrics$||' <<<"$metrics")"]}]
EOF
  (umask 077 && sed 's/^Authorization: Bearer //' "$work/scraper" | tr -d '\n' >"$work/token")
  prometheus --config.file="$work/prometheus.yaml" --storage.tsdb.path="$work/prometheus" \
    --web.listen-address=127.0.0.1:0 >"$work/prometheus.log" 2>&1 8>&- &
  prometheus_pid=$!
  wait_for "Prometheus" 30 prometheus_listens
  prometheus=http://$(prometheus_listens)
}

prometheus_listens() { sed -n 's/.*msg="Listening on".* address=\([^ ]*\).*/\1/p' "$work/prometheus.log" | grep -m 1 .; }

operator_kubeconfig() {
  local file=$work/operator.kubeconfig token admin
  token=$(kubectl create token plimsoll -n "$system" --duration=12h)
  cp "$KUBECONFIG" "$file"
  admin=$(kubectl config view -o 'jsonpath={.users[0].name}')
  KUBECONFIG=$file kubectl config set-credentials plimsoll --token="$token" >/dev/null
  KUBECONFIG=$file kubectl config set-context --current --user=plimsoll >/dev/null
  KUBECONFIG=$file kubectl config delete-user "$admin" >/dev/null
}

# Once all pods run: what spreads over zones is judged where it runs.
has_verdicts() {
  [ -n "$(field securitybaseline/production '{.status.score}')" ] &&
    is "" field pods '{.items[?(@.status.phase!="Running")].metadata.name}' -A
}

what_it_sees() {
  heading "What it sees"
  show kubectl get securitybaselines
  tell "" \
    "Not what is declared counts but what it does. The baseline's status has the worst findings; here one of each control:"
  worst
  tell "" "What cannot be told is never a pass: the namespace legacy has no labels, so what it must hold is Unknown, and counts" \
    "against the score."
}

# Two lines for the worst finding of each control.
worst() {
  local template='{{range .status.worst}}{{.severity}}{{"\t"}}{{.control}}{{"\t"}}{{.object.kind}} '
  template+='{{with .object.namespace}}{{.}}/{{end}}{{.object.name}}{{"\t"}}{{.message}}{{"\n"}}{{end}}'
  kubectl get securitybaseline production -o "go-template=$template" |
    awk -F '\t' '!seen[$2]++ { printf "%-9s %-33s %s\n          %s\n", $1, $2, $3, substr($4, 1, 120) }' | indent
}

what_gets_through() {
  heading "What gets through"
  tell "There are network policies, and still every namespace reaches the shop's database. Who can talk to whom follows from" \
    "all policies together; the finding names what opens the way, and plimsoll reach answers for any two workloads:"
  show plimsoll reach --cluster --from legacy/intranet --to shop/postgres
  show plimsoll reach --cluster --from shop/web --to bank-staging/ledger
  [ -n "$legacy_pid" ] || return 0
  tell "" "The ingress api declares TLS. Its server was asked what it really accepts:"
  wait_for "the handshake with the legacy server" 60 legacy_is_found
  scrape | grep '^plimsoll_tls_version_accepted' | indent
}

legacy_is_found() { scrape | grep -q '^plimsoll_tls_version_accepted{.*version="1.0"} 1'; }

what_it_repairs() {
  heading "What it repairs"
  tell "So far nothing was touched. Before:"
  before_and_after
  tell "" "One field of the baseline allows it to write what is safe:"
  show kubectl patch securitybaseline production --type=merge -p '{"spec":{"mode":"Enforce"}}'
  wait_for "the second replica of shop/web" 30 is 2 field deployment/web '{.spec.replicas}' -n shop
  wait_for "the disruption budget of shop/web" 30 kubectl get pdb web-deployment-plimsoll -n shop
  wait_for "the default deny of bank" 30 kubectl get networkpolicy baseline-default-deny -n bank
  wait_for "the events of the repairs" 30 all_are_told
  tell "" "After: web has a second replica, then (two can be drained at once) a disruption budget. The bank's new production" \
    "namespace is still empty, so nothing can be cut off: it denies all traffic, except DNS and what it commonly needs."
  before_and_after
  tell "" "Every change is an Event on its object, and what was there before is kept in an EvidenceRecord:"
  events Remediated
}

before_and_after() {
  show kubectl get deployment web -n shop
  show kubectl get poddisruptionbudgets -n shop
  show kubectl get networkpolicies -n bank
}

# One for the replicas, one for the budget, four for the policies.
all_are_told() { [ "$(kubectl get events -A --field-selector reason=Remediated -o name | wc -l)" -ge 6 ]; }

events() {
  kubectl get events -A --field-selector "reason=$1" --no-headers \
    -o custom-columns=':.involvedObject.kind,:.involvedObject.namespace,:.involvedObject.name,:.message' | cut -c 1-190 | indent
}

what_it_leaves_alone() {
  heading "What it leaves alone, and why"
  tell "A change that the owner's next deployment would undo, or that could break something, is not made. It is said whose" \
    "it is. Argo CD applied checkout:"
  wait_for "the word on shop/checkout" 30 has_events ManagedElsewhere
  events ManagedElsewhere
  tell "" "Helm installed reports, and a second replica of a database is no copy of the first:"
  prompt plimsoll scan --cluster --control availability/replica-redundancy
  { plimsoll scan --cluster --control availability/replica-redundancy || [ $? -eq 1 ]; } 2>/dev/null |
    awk '/shop\/(reports|postgres)/ { on = 1 } /^ *$|shop\/(checkout|web|scheduler)/ { on = 0 } on' | indent
}

has_events() { [ -n "$(kubectl get events -A --field-selector "reason=$1" -o name)" ]; }

an_accepted_risk() {
  heading "An accepted risk"
  tell "The shop's scheduler cannot run twice. Somebody answers for that, until a day; it is shown as waived, and not repaired:"
  sed "s/EXPIRES/$(rfc3339 180)/" "$manifests/exception.yaml" | kubectl apply -f - >/dev/null
  wait_for "the exception to cover its finding" 30 is Active field baselineexception/scheduler-runs-once '{.status.phase}'
  show kubectl get baselineexceptions
}

a_change_noticed() {
  heading "A change, noticed"
  tell "Nothing is polled. TLS is taken from the ingress api and put back, three times; measured is the time from sending the" \
    "change to the API server until /metrics has the new verdict:" ""
  kubectl proxy --port=0 >"$work/proxy.log" 2>&1 8>&- &
  proxy_pid=$!
  wait_for "kubectl proxy" 20 grep -q 'Starting to serve' "$work/proxy.log"
  local url
  url=http://$(awk '/Starting to serve/ { print $NF }' "$work/proxy.log")/apis/networking.k8s.io/v1/namespaces/shop/ingresses/api
  for _ in 1 2 3; do
    change "$url" '{"spec":{"tls":null}}' 2 "TLS taken away: Fail after"
    change "$url" '{"spec":{"tls":[{"hosts":["api.example.com"],"secretName":"api-tls"}]}}' 1 "put back:       Pass after"
  done
  end "$proxy_pid"
  proxy_pid=''
}

# change URL PATCH FAILING TEXT: how long until so many ingresses fail.
change() {
  local sent deadline=$((SECONDS + 20))
  sent=$(now_ms)
  curl -sf -X PATCH -H 'Content-Type: application/merge-patch+json' -d "$2" "$1" >/dev/null || die "the API server refused $2"
  until is "$3" series '^plimsoll_findings\{.*control="encryption/ingress-tls".*environment="production",result="fail"'; do
    [ "$SECONDS" -lt "$deadline" ] || die "no verdict within 20 s of: $4"
  done
  printf '   %s %4d ms\n' "$4" $(($(now_ms) - sent))
}

some_metrics() {
  heading "Metrics"
  tell "For Prometheus, with bounded labels: never the names of objects or tenants. Over TLS, and only to whom the API server" \
    "knows and lets read them:"
  prompt curl -k "$metrics"
  curl -sk "$metrics" | indent
  prompt curl -k -H 'Authorization: Bearer …' "$metrics"
  scrape | cut -c 1-150 | indent |
    grep -E '^ +plimsoll_(score_ratio|compliance_ratio.*"production",fam|remediations_total|exceptions.*active|findings.*tls.*"production")'
}

what_prometheus_says() {
  heading "Alerts"
  tell "A real Prometheus has scraped the operator since it started, with the rules of the chart (alerts/rules.yaml). Those that" \
    "are pending fire when they have lasted: a critical finding after a minute, and once more after an hour."
  wait_for "the first alerts" 60 alerts_are_told
  prompt promtool query instant "$prometheus" 'ALERTS'
  alerts_told | indent
}

alerts_told() {
  promtool query instant "$prometheus" ALERTS |
    sed -n 's/.*alertname="\([^"]*\)".*alertstate="\([^"]*\)".*/\2 \1/p' | sort | uniq -c |
    awk '{ printf "%-8s %s, %d series\n", $2, $3, $1 }'
}

alerts_are_told() { alerts_told | grep -q PlimsollCriticalFindings; }

before_it_is_merged() {
  heading "Before it is merged"
  tell "The same controls read manifests, in CI, without a cluster. The exit code is 1 when one fails:"
  prompt plimsoll scan "$manifests/pull-request.yaml"
  local code=0
  plimsoll scan "$manifests/pull-request.yaml" >"$work/scan.txt" 2>/dev/null || code=$?
  cat <(indent <"$work/scan.txt") <(tell "exit code $code")
  [ "$code" -eq 1 ] || die "the scan should have exited with 1"
}

how_to_look_further() {
  heading "Look further"
  tell "plimsoll explain encryption/tls-min-version     what a control decides, and why; without a name it lists them"
  tell "README.md                                       how to install it in your own cluster"
  if ! { [ -t 0 ] && [ -t 1 ]; }; then
    tell "" "Done in $((SECONDS - started)) s. (On a terminal the cluster stays until Ctrl-C.)"
    return
  fi
  tell "" "The cluster runs until Ctrl-C. In another terminal:" "" \
    "export KUBECONFIG=$KUBECONFIG PATH=$(dirname "$(command -v kube-apiserver)"):$(dirname "$(command -v plimsoll)"):\$PATH" \
    "kubectl get securitybaseline production -o yaml" \
    "kubectl explain securitybaseline.spec.controls" \
    "kubectl scale deployment web -n shop --replicas=1; kubectl get events -n shop --watch" \
    "kubectl get evidencerecords" \
    "curl -k -H @$work/scraper $metrics" \
    "promtool query instant $prometheus 'ALERTS{alertstate=\"firing\"}'" "" \
    "In a Grafana of yours on this machine: Connections / Data sources / Prometheus with the address $prometheus, then" \
    "Dashboards / New / Import with dashboards/compliance.json, uptime.json and operator.json (docs/dashboards.md)."
  trap 'exit 0' INT TERM HUP
  wait "$operator_pid" || die "the operator ended"
}
