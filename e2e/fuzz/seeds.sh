#!/usr/bin/env bash
# Seeds of one fuzz target, written into a folder: `seeds.sh TARGET FOLDER`. For those that read manifests all fixtures of the
# controls, and manifests as nobody writes them, large ones too; for the others some of each sort.
set -euo pipefail
target=$1
folder=$2
mkdir -p "$folder"
folder=$(realpath "$folder")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fixtures() {
  find operator/controls/src -path '*/fixtures/*.yaml' -exec cp --parents -t "$folder" {} + # read with what is below
}

# `times N FORMAT`: the format for each number from 1, which it may name as %d, joined by commas.
times() {
  awk -v n="$1" -v format="$2" 'BEGIN { for (i = 1; i <= n; i++) { if (i > 1) printf ", "; gsub(/%d/, "\001", format); line = format; gsub("\001", i, line); printf "%s", line } }'
}

scene() { # two namespaces of two tenants and environments, with a pod each
  cat <<'YAML'
apiVersion: v1
kind: Namespace
metadata: {name: a, labels: {plimsoll.dev/environment: production, plimsoll.dev/tenant: a}}
---
apiVersion: v1
kind: Namespace
metadata: {name: b, labels: {plimsoll.dev/environment: staging, plimsoll.dev/tenant: b}}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: a, labels: {app: x}}
spec: {containers: [{name: c, image: i, ports: [{name: web, containerPort: 80}]}]}
status: {podIP: 10.0.0.1, phase: Running}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: b, labels: {app: x}}
spec: {containers: [{name: c, image: i, ports: [{name: web, containerPort: 80}]}]}
status: {podIP: "fd00::1", phase: Running}
---
YAML
}

policy() { # one NetworkPolicy of namespace a with this spec
  scene
  printf 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: policy, namespace: a}\nspec: {%s}\n' "$1"
}

hostile() {
  policy "podSelector: {}, ingress: [{ports: [$(times 10000 '{port: %d, endPort: 65535}')]}]" >"$folder/ports"
  policy "podSelector: {}, ingress: [{from: [$(times 1000 '{ipBlock: {cidr: 10.0.0.0/%d, except: [10.0.0.0/24, "::/0"]}}')]}]" >"$folder/blocks"
  policy 'podSelector: {}, egress: [{to: [{ipBlock: {cidr: "::/0", except: ["fd00::/8", "::ffff:0:0/96"]}}, {ipBlock: {cidr: 0.0.0.0/0}}]}]' >"$folder/families"
  policy "podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [$(times 10000 v%d)]}]}, policyTypes: [Egress]" >"$folder/values"
  policy "podSelector: {matchExpressions: [$(times 1000 '{key: k%d, operator: DoesNotExist}')]}, ingress: [{from: [{namespaceSelector: {}}]}]" >"$folder/expressions"
  policy 'podSelector: {matchLabels: {app: x}, matchExpressions: [{key: app, operator: DoesNotExist}, {key: app, operator: In, values: []}]}, ingress: [{}]' >"$folder/contradiction"
  policy 'podSelector: , policyTypes: [], ingress: [{from: [{}], ports: [{port: -1}, {port: web, endPort: 1}, {port: 70000}]}]' >"$folder/invalid"
  {
    scene
    printf 'apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: o}\nspec: {tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [%s]}\n' \
      "$(times 25 '{action: Pass, to: [{networks: [10.0.0.0/%d, "::/0"]}, {namespaces: {}}], protocols: [{tcp: {destinationPort: {range: {start: %d, end: 65535}}}}]}')"
  } >"$folder/ordered"
  {
    scene
    printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: [%s]\n---\n' \
      "$(times 10000 '{apiGroups: [""], resources: [r%d], verbs: [get]}'), {apiGroups: ['*'], resources: ['*/scale'], verbs: ['*']}"
    printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b, namespace: a}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r}\n'
    printf 'subjects: [{kind: ServiceAccount, name: s, namespace: b}, {kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccounts:b"}]\n'
  } >"$folder/rules"
  {
    scene
    printf 'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: a}\nspec:\n  tls: [{hosts: ["*.\\u202eexample.com", "a\\u0000b"], secretName: s}]\n'
    printf '  rules: [{host: "a\\x1b[2J.example.com"}, {host: "b.\\n\\rexample.com"}, {host: "*.*"}, {host: "xn--\\u00e4"}]\n'
    printf 'status: {loadBalancer: {ingress: [{ip: "169.254.169.254\\x7f"}, {hostname: "\\x1b]0;x\\a"}, {ip: "::ffff:127.0.0.1"}]}}\n'
  } >"$folder/hosts"
  printf '{a: %.0s' $(seq 300) >"$folder/deep"
  printf '&a [*a, *a]\n---\nx: &x [1]\ny: [*x, *x]\n<<: {z: 1}\n' >"$folder/aliases"
}

as_watched() {
  printf 'Pod\n{"metadata":{"name":"p","namespace":"a","ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r","uid":"u","controller":true}]},"spec":{"containers":[{"name":"c","image":"i:1","resources":{"requests":{"cpu":"100m"}}}]},"status":{"phase":"Running","podIPs":[{"ip":"10.0.0.1"},{"ip":"fd00::1"}],"containerStatuses":[{"restartCount":5000}]}}' >"$folder/pod"
  printf 'ConfigMap\n{"metadata":{"name":"c","namespace":"a","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\\"data\\":{\\"PASSWORD\\":\\"x\\"}}"}},"data":{"PASSWORD":"x","url":"postgres://u:p@db.b.svc/x"},"binaryData":{"k":"AA=="}}' >"$folder/configmap"
  printf 'NetworkPolicy\n{"metadata":{"name":"n","namespace":"a"},"spec":{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"::/0"}}],"ports":[{"port":"web"},{"port":80,"endPort":90}]}]}}' >"$folder/networkpolicy"
  printf 'Ingress\n{"metadata":{"name":"i","namespace":"a"},"spec":{"rules":[{"host":"a\\u001b[2Jb"}]},"status":{"loadBalancer":{"ingress":[{"ip":"10.0.0.1","ports":[{"port":443,"protocol":"TCP"}]}]}}}' >"$folder/ingress"
  printf 'Node\n{"metadata":{"name":"n","labels":{"topology.kubernetes.io/zone":"z"}},"spec":{"podCIDRs":["10.0.0.0/24"]},"status":{"addresses":[{"type":"InternalIP","address":"10.1.1.1"}],"conditions":[{"type":"Ready","status":"True"}]}}' >"$folder/node"
}

texts() {
  local n=0
  while IFS= read -r text; do
    n=$((n + 1))
    printf '%b' "$text" >"$folder/text-$n"
  done <<'TEXTS'
0 2 * * *
CRON_TZ=Europe/Berlin 30 2 29 2 */2
0 0 2 * * MON-FRI
@every 1h30m
@daily-random
0 0 30 2 *
*/7 1-59/3 L * ?
1.5Gi
-9223372036854775808
1e-9
100m
26h
P1Y2M3DT4H5M6.7S
America/Havana
10.0.0.0/8\n::/0\n::ffff:10.0.0.0/104
169.254.169.254/32
system:serviceaccount:a:b
Group/\x1b[2J
Mon-Fri 08:00-18:00
Sat,Sun 22:00-24:00
{"backup":"b","rows":12,"checksumOk":true,"duration":"14m","backupTime":"2026-06-01T12:00:00Z"}
a\x1b]0;title\x07b\xe2\x80\xaec\x00
TEXTS
}

decisions() { # bytes that decide on clusters of every shape
  for n in $(seq 40); do
    LC_ALL=C awk -v seed="$n" 'BEGIN { srand(seed); for (i = 0; i < 300; i++) printf "%c", int(rand() * 128) }' >"$folder/random-$n"
  done
}

case $target in
  intake | evaluate) fixtures && hostile ;;
  decode) fixtures && hostile && as_watched ;;
  texts) texts ;;
  reach) decisions ;;
esac
