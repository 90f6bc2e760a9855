//! Reports are small and exact however many findings there are, harmless whatever things are called, and leave those of others
//! alone.

use std::collections::BTreeMap;

use kube_test::Cluster;
use plimsoll_e2e::{installed::install_anew, scenario::deployment};
use serde_json::{Value, json};

use crate::{
    CLUSTER_POLICY_REPORTS, KINDS, POLICY_REPORTS, REPORTS, VALUES, baseline, define, operator,
    stored::{all, report_until, writes},
};

/// What a role may be called.
const HOSTILE: &str = "evil\u{202e} <img src=x onerror=alert(1)> [a](javascript:alert)";

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_small_exact_and_leave_others_alone() {
    let cluster = Cluster::builder().nodes(4).start().await.unwrap();
    install_anew(&cluster, &["--set", VALUES]).await;
    define(&cluster).await;
    let labels = [
        ("plimsoll.dev/environment", "production"),
        ("plimsoll.dev/tenant", "acme"),
    ];
    for namespace in ["one", "two", "three"] {
        cluster.namespace(namespace, &labels).await.unwrap();
        let many: Vec<String> = (0..40)
            .map(|i| deployment(namespace, &format!("web-{i:02}"), 3))
            .collect();
        cluster.apply(&many.join("---\n")).await.unwrap();
    }
    // Somebody else's object has the name that ours would have.
    let foreign = "apiVersion: openreports.io/v1alpha1
kind: Report
metadata: {name: plimsoll-production, namespace: two}
source: another
summary: {pass: 1}
";
    cluster.apply(foreign).await.unwrap();
    hostile(&cluster).await;
    let strict = baseline("production", "    access/least-privilege: {failAfter: 0s}\n");
    let strict = strict.replace("minReplicas: 2", "minReplicas: 4");
    cluster.apply(&strict).await.unwrap();
    let mut operator = operator(&cluster, "operator", "10").await;

    for namespace in ["one", "three"] {
        let name = format!("{namespace}/plimsoll-production");
        let report = report_until(&cluster, REPORTS, &name, "exact counts", |r| {
            r["summary"]["fail"] == 40
        })
        .await;
        assert_eq!(report["results"].as_array().unwrap().len(), 10);
        assert_eq!(
            report["metadata"]["annotations"]["plimsoll.dev/omitted-results"],
            "30"
        );
        assert_eq!(report["configuration"]["limits"]["maxResults"], 10);
    }
    let left = report_until(
        &cluster,
        REPORTS,
        "two/plimsoll-production",
        "the other's",
        |_| true,
    )
    .await;
    assert_eq!((&left["source"], left.get("results")), (&"another".into(), None));
    report_until(
        &cluster,
        POLICY_REPORTS,
        "two/plimsoll-production",
        "ours beside it",
        |r| r["summary"]["fail"] == 40,
    )
    .await;
    let page = operator.page().await;
    assert!(page.sum("plimsoll_report_writes_total", &[("outcome", "foreign")]) > 0.0);

    for (kind, name) in [
        (REPORTS, "evil/plimsoll-production"),
        (CLUSTER_POLICY_REPORTS, "/plimsoll-production"),
    ] {
        let is_hostile = |result: &Value| result["resources"][0]["name"] == HOSTILE;
        let report = report_until(&cluster, kind, name, "a hostile name", |report| {
            report["results"].as_array().unwrap().iter().any(is_hostile)
        });
        let report = report.await;
        let mut results = report["results"].as_array().unwrap().iter();
        let message = results.find(|result| is_hostile(result)).unwrap()["message"]
            .as_str()
            .unwrap();
        let hostile = |c: char| c.is_control() || c == '\u{202e}';
        assert!(
            message.contains("\\u{202e}") && !message.contains(hostile),
            "{message}"
        );
    }
    measure(&cluster).await;
    operator.stop().await;
}

/// Roles may be called nearly anything, and so may those who hold them.
async fn hostile(cluster: &Cluster) {
    cluster
        .namespace("evil", &[("plimsoll.dev/environment", "production")])
        .await
        .unwrap();
    for (prefix, namespace) in [("", Some("evil")), ("Cluster", None)] {
        let group = "rbac.authorization.k8s.io";
        let role = json!({
            "apiVersion": format!("{group}/v1"), "kind": format!("{prefix}Role"),
            "metadata": { "name": HOSTILE, "namespace": namespace },
            "rules": [{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }],
        });
        let binding = json!({
            "apiVersion": format!("{group}/v1"), "kind": format!("{prefix}RoleBinding"),
            "metadata": { "name": "evil", "namespace": namespace },
            "roleRef": { "apiGroup": group, "kind": format!("{prefix}Role"), "name": HOSTILE },
            "subjects": [{ "apiGroup": group, "kind": "User", "name": "mallory\u{202e}\u{1b}[31m" }],
        });
        cluster.apply(&role.to_string()).await.unwrap();
        cluster.apply(&binding.to_string()).await.unwrap();
    }
}

/// What the operator saw of the three namespaces, and what it stored and wrote for it: all in all at most a hundredth for each kind,
/// written once.
async fn measure(cluster: &Cluster) {
    let bytes =
        |objects: &BTreeMap<String, Value>| objects.values().map(|o| o.to_string().len()).sum::<usize>();
    let mut observed = 0;
    let workloads = ["deployments", "replicasets", "pods", "namespaces", "nodes"];
    let rights = ["roles", "rolebindings", "clusterroles", "clusterrolebindings"];
    for kind in workloads.into_iter().chain(rights) {
        observed += bytes(&all(cluster, kind).await);
    }
    let sent = writes(cluster).await;
    for (_, kind) in KINDS {
        let reports = all(cluster, kind).await;
        let stored = bytes(&reports);
        let (resource, group) = kind.split_once('.').unwrap();
        let sent = sent
            .iter()
            .filter(|event| event.resource == resource && event.group == group);
        let sent: usize = sent
            .filter_map(|event| event.request.as_ref())
            .map(|r| r.to_string().len())
            .sum();
        eprintln!(
            "{kind}: {} objects, {stored} bytes stored, {sent} sent, for {observed} observed",
            reports.len()
        );
        assert!(stored * 100 <= observed, "{kind}: {stored} of {observed}");
        assert!(sent * 100 <= observed * 2, "{kind}: {sent} of {observed}");
    }
}
