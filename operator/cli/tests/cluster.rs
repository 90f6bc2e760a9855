//! `plimsoll scan --cluster` and `plimsoll reach --cluster` on a real API server. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{collections::BTreeSet, path::Path, process::Command, time::Duration};

use kube_test::{Cluster, eventually, not_yet};
use plimsoll_engine::kind::Kind;
use serde_json::Value;

const SOON: Duration = Duration::from_mins(1);

const SCENE: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: scan-shop, labels: {plimsoll.dev/environment: production, plimsoll.dev/tenant: shop}}
---
apiVersion: v1
kind: Namespace
metadata: {name: scan-bare}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: scan-shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: scan-shop}
spec:
  rules:
  - host: shop.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: nobody, namespace: scan-bare}
";

/// Runs a command on a cluster; its exit code, report and what it said on standard error.
fn asked(kubeconfig: &Path, command: &[&str], args: &[&str]) -> (i32, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(command)
        .args(["-o", "json"])
        .args(args)
        .env("KUBECONFIG", kubeconfig)
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), report, said)
}

fn scan(kubeconfig: &Path, args: &[&str]) -> (i32, Value, String) {
    asked(kubeconfig, &["scan"], args)
}

fn reach(kubeconfig: &Path, args: &[&str]) -> (i32, Value, String) {
    asked(kubeconfig, &["reach", "--cluster"], args)
}

/// What was decided, without where it was read.
fn verdicts(report: &Value) -> BTreeSet<String> {
    let decided = [
        "control",
        "result",
        "reason",
        "object",
        "environment",
        "message",
        "fingerprint",
        "fix",
    ];
    let entries = report["results"].as_array().into_iter().flatten();
    entries
        .map(|entry| decided.map(|field| entry[field].to_string()).join(" "))
        .collect()
}

/// Everything that controls read and the cluster serves, as `kubectl get` dumps it.
async fn dump(cluster: &Cluster) -> String {
    let served = cluster
        .kubectl(["api-resources", "-o", "name"])
        .await
        .unwrap()
        .stdout;
    let kinds: Vec<String> = plimsoll_controls::registry()
        .reads()
        .iter()
        .map(Kind::resource)
        .filter(|name| served.lines().any(|line| line == name))
        .collect();
    cluster
        .kubectl(["get", &kinds.join(","), "-A", "-o", "json"])
        .await
        .unwrap()
        .stdout
}

/// The shared cluster with the scene in it: set once, for two tests that apply it at a time get in each other's way.
async fn scene() -> kube_test::Shared {
    static SET: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let cluster = Cluster::shared().await.unwrap();
    SET.get_or_init(async || _ = cluster.apply(SCENE).await.unwrap())
        .await;
    cluster
}

#[tokio::test]
async fn a_cluster_and_its_dump_get_the_same_verdicts() {
    let cluster = scene().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump.json");
    // The cluster goes on living between one look and the next, so what is compared must hold still.
    eventually(SOON, "the cluster and its dump agree", async || {
        let (_, before, said) = scan(&cluster.kubeconfig(), &["--cluster"]);
        if verdicts(&before).is_empty() {
            return Err(not_yet(said));
        }
        std::fs::write(&file, dump(&cluster).await).unwrap();
        let (_, dumped, _) = scan(&cluster.kubeconfig(), &[file.to_str().unwrap()]);
        let (live, dumped) = (verdicts(&before), verdicts(&dumped));
        if live == dumped {
            Ok(())
        } else {
            Err(not_yet(format!("{:#?}", live.symmetric_difference(&dumped))))
        }
    })
    .await
    .unwrap();
    let (code, report, _) = scan(&cluster.kubeconfig(), &["--cluster"]);
    assert_eq!(code, 1);
    assert!(report.get("documents").is_none());
    for (control, name) in [
        ("environments/labelled", "scan-bare"),
        ("availability/replica-redundancy", "web"),
    ] {
        let fails = |entry: &Value| {
            entry["control"] == control && entry["object"]["name"] == name && entry["result"] == "fail"
        };
        assert!(
            report["results"].as_array().unwrap().iter().any(fails),
            "{control} {name}: {report:#}"
        );
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_unknown_and_said() {
    let cluster = scene().await;
    // Somebody who may list workloads and nothing else.
    let role = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: scan-some}
rules: [{apiGroups: [apps], resources: [deployments], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: scan-some}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: scan-some}
subjects: [{kind: ServiceAccount, name: nobody, namespace: scan-bare}]
";
    cluster.apply(role).await.unwrap();
    let kubeconfig = cluster.kubeconfig_for("scan-bare", "nobody").await.unwrap();
    eventually(SOON, "the role is in force", async || {
        let (code, report, said) = scan(&kubeconfig, &["--cluster"]);
        if code != 2 || report.is_null() {
            return Err(not_yet(format!("{code} {said}")));
        }
        Ok(())
    })
    .await
    .unwrap();
    let (_, report, _) = scan(&kubeconfig, &["--cluster"]);
    let results = report["results"].as_array().unwrap();
    assert!(
        results
            .iter()
            .all(|entry| entry["result"] != "pass" && entry["result"] != "fail"),
        "{report:#}"
    );
    let forbidden = |entry: &Value| entry["reason"] == "Forbidden" && entry["object"]["kind"] == "Namespace";
    assert!(results.iter().any(forbidden), "{report:#}");
    let problems = report["problems"].to_string();
    assert!(problems.contains("namespaces is forbidden"), "{problems}");
}

#[tokio::test]
async fn a_cluster_tells_who_reaches_whom() {
    let cluster = scene().await;
    let guarded = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: desk, namespace: scan-bare}
spec:
  selector: {matchLabels: {app: desk}}
  template:
    metadata: {labels: {app: desk}}
    spec: {containers: [{name: desk, image: desk}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: scan-shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: scan-bare}}}], ports: [{port: 8443}]}]
";
    cluster.apply(guarded).await.unwrap();
    let (code, report, said) = reach(
        &cluster.kubeconfig(),
        &["--from", "scan-bare/desk", "--to", "scan-shop/web"],
    );
    assert_eq!(code, 0, "{said}");
    let connection = &report["connections"][0];
    assert_eq!(
        connection["allowed"],
        serde_json::json!([{"protocol": "TCP", "port": 8443, "endPort": 8443}])
    );
    assert_eq!(
        connection["because"][1],
        "NetworkPolicy scan-shop/web opens TCP/8443 (ingress[0])"
    );
    // Who may not see every policy is told nothing: what is closed could be open, and the other way round.
    let kubeconfig = cluster.kubeconfig_for("scan-bare", "nobody").await.unwrap();
    let (code, report, said) = reach(&kubeconfig, &[]);
    assert_eq!(code, 2, "{said}");
    assert!(report.is_null() && said.contains("forbidden"), "{said}");
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    let nowhere = "
apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: 'http://127.0.0.1:9'}}]
users: [{name: me, user: {}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: me}}]
current-context: nowhere
";
    std::fs::write(&kubeconfig, nowhere).unwrap();
    let (code, report, said) = scan(&kubeconfig, &["--cluster"]);
    assert_eq!(code, 2, "{said}");
    assert!(
        report.is_null() && said.contains("the cluster cannot be read"),
        "{said}"
    );
    let (code, _, said) = scan(&kubeconfig, &["--cluster", "--context", "elsewhere"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("elsewhere"), "{said}");
}
