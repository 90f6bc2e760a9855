//! Reports for other tools on a real API server with the real definitions of OpenReports and PolicyReport, written by the
//! operator's own process with the rights of the chart. Needs `make controlplane`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

use std::{collections::BTreeMap, time::Duration};

use kube_test::{AuditEvent, Cluster, eventually, not_yet};
use plimsoll_e2e::{
    installed::{NAMESPACE, SOON, install_anew, top},
    operator::{ACCOUNT, Operator, refused},
    scenario::deployment,
};
use serde_json::{Value, json};

const VALUES: &str = "environment=production,baseline.install=false,policyReports.enabled=true";
/// What the chart gives the operator; the name of the role that owns the reports.
const ROLE: &str = "plimsoll-system-plimsoll-policy-reports";
/// The garbage collector looks for new kinds twice a minute.
const COLLECTED: Duration = Duration::from_mins(3);
const KINDS: [(&str, &str); 4] = [
    ("openreports.io_reports.yaml", "reports.openreports.io"),
    (
        "openreports.io_clusterreports.yaml",
        "clusterreports.openreports.io",
    ),
    (
        "wgpolicyk8s.io_policyreports.yaml",
        "policyreports.wgpolicyk8s.io",
    ),
    (
        "wgpolicyk8s.io_clusterpolicyreports.yaml",
        "clusterpolicyreports.wgpolicyk8s.io",
    ),
];

async fn define(cluster: &Cluster) {
    for (file, name) in KINDS {
        let file = top().join("e2e/tests/crds").join(file).display().to_string();
        cluster
            .kubectl(["apply", "--server-side", "-f", &file])
            .await
            .unwrap();
        let crd = format!("crd/{name}");
        let established = ["wait", "--for=condition=Established", &crd, "--timeout=60s"];
        cluster.kubectl(established).await.unwrap();
    }
}

fn baseline(name: &str, controls: &str) -> String {
    format!(
        "apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {{name: {name}}}
spec:
  controls:
    environments/labelled: {{failAfter: 0s}}
    availability/replica-redundancy: {{failAfter: 0s, minReplicas: 2}}
{controls}"
    )
}

async fn operator(cluster: &Cluster, name: &str, results: &str) -> Operator {
    let role = format!("--policy-reports={ROLE}");
    let results = format!("--policy-report-results={results}");
    Operator::ready(cluster, name, &[&role, &results]).await
}

/// All objects of a kind, by namespace and name.
async fn all(cluster: &Cluster, kind: &str) -> BTreeMap<String, Value> {
    let list = cluster
        .kubectl(["get", kind, "-A", "-o", "json", "--show-managed-fields"])
        .await
        .unwrap()
        .stdout;
    let list: Value = serde_json::from_str(&list).unwrap();
    let items = list["items"].as_array().unwrap().iter().map(|item| {
        let meta = &item["metadata"];
        let namespace = meta["namespace"].as_str().unwrap_or_default();
        (
            format!("{namespace}/{}", meta["name"].as_str().unwrap()),
            item.clone(),
        )
    });
    items.collect()
}

/// Waits until the report of `shop` tells of one failure.
async fn shop_fails_once(cluster: &Cluster, kind: &str, what: &str) -> Value {
    report_until(cluster, kind, "shop/plimsoll-production", what, |report| {
        report["summary"]["fail"] == 1
    })
    .await
}

/// Waits until a report is as it should be.
async fn report_until(
    cluster: &Cluster,
    kind: &str,
    name: &str,
    what: &str,
    holds: impl Fn(&Value) -> bool,
) -> Value {
    let seen = eventually(SOON, what, async || {
        let reports = all(cluster, kind).await;
        match reports.get(name) {
            Some(report) if holds(report) => Ok(report.clone()),
            other => Err(not_yet(format!("{other:#?} among {:?}", reports.keys()))),
        }
    });
    seen.await.unwrap()
}

/// What the operator sent to the kinds of reports and was accepted.
async fn writes(cluster: &Cluster) -> Vec<AuditEvent> {
    let log = cluster.audit().await.unwrap().by_account(NAMESPACE, ACCOUNT);
    let log = log.effective_writes();
    let reports = log.filter(|event| {
        KINDS
            .iter()
            .any(|(_, name)| *name == format!("{}.{}", event.resource, event.group))
    });
    reports.iter().cloned().collect()
}

fn lines(events: &[AuditEvent]) -> Vec<String> {
    events.iter().map(AuditEvent::line).collect()
}

fn fails(report: &Value) -> Vec<String> {
    let results = report["results"].as_array().unwrap().iter();
    let fails = results.filter(|result| result["result"] == "fail");
    let name = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    fails
        .map(|r| {
            format!(
                "{} {} {}",
                name(&r["policy"]),
                name(&r["resources"][0]["kind"]),
                name(&r["resources"][0]["name"])
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_appear_follow_and_go() {
    let cluster = Cluster::start().await.unwrap();
    install_anew(&cluster, &["--set", VALUES]).await;
    let labels = [
        ("plimsoll.dev/environment", "production"),
        ("plimsoll.dev/tenant", "acme"),
    ];
    cluster.namespace("shop", &labels).await.unwrap();
    cluster.namespace("bare", &[]).await.unwrap();
    cluster.apply(&deployment("shop", "web", 1)).await.unwrap();
    cluster.apply(&deployment("shop", "api", 2)).await.unwrap();
    cluster.apply(&deployment("bare", "lost", 1)).await.unwrap();
    cluster
        .apply(&baseline(
            "production",
            "    access/least-privilege: {failAfter: 0s}\n",
        ))
        .await
        .unwrap();
    let mut first = operator(&cluster, "first", "25").await;

    // No definition yet: nothing to write, and nothing wrong.
    first
        .until("it leads", |page| page.sum("plimsoll_leader", &[]) > 0.0)
        .await;
    first.three_turns().await;
    assert!(first.page().await.sum("plimsoll_report_writes_total", &[]) < 1.0);
    define(&cluster).await;

    appear(&cluster).await;
    assert_eq!(refused(&cluster).await, Vec::<String>::new());

    unwritten_without_change(&cluster, &first).await;
    follows_a_change(&cluster).await;
    repaired_when_tampered_with(&cluster).await;

    first.stop().await;
    let mut second = next_leader(&cluster).await;
    gone_with_what_they_are_about(&cluster).await;
    gone_with_the_chart(&cluster, &mut second).await;
}

/// What fails in one namespace, and what is unknown in another, in both forms.
async fn appear(cluster: &Cluster) {
    for (kind, api) in [
        ("reports.openreports.io", "openreports"),
        ("policyreports.wgpolicyk8s.io", "wgpolicy"),
    ] {
        let what = format!("{api}: what fails in shop");
        let report = report_until(cluster, kind, "shop/plimsoll-production", &what, |r| {
            r["summary"]["fail"] == 1
        })
        .await;
        assert_eq!(fails(&report), ["availability/replica-redundancy Deployment web"]);
        let result = &report["results"][0];
        assert_eq!(result["rule"], "TooFewReplicas");
        assert_eq!(result["severity"], "high");
        assert_eq!(result["category"], "availability");
        assert_eq!(result["properties"]["fieldPath"], "spec.replicas");
        assert_eq!(
            result["resources"][0],
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web",
            })
        );
        assert_eq!(
            report["scope"],
            json!({ "apiVersion": "v1", "kind": "Namespace", "name": "shop" })
        );
        let owner = &report["metadata"]["ownerReferences"][0];
        assert_eq!(
            (&owner["kind"], &owner["name"]),
            (&"ClusterRole".into(), &ROLE.into())
        );
        let source = if api == "openreports" {
            &report["source"]
        } else {
            &result["source"]
        };
        assert_eq!(source, "plimsoll");
        // Unknown is an error, never a pass.
        let bare = report_until(cluster, kind, "bare/plimsoll-production", &what, |r| {
            r["summary"]["fail"] == 1
        })
        .await;
        assert!(bare["summary"]["error"].as_u64().unwrap() >= 1, "{bare:#}");
        let errors = bare["results"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|r| r["result"] == "error")
            .count();
        assert!(errors >= 1, "{bare:#}");
    }
}

/// The next leader finds everything written: it says nothing anew, and goes on.
async fn next_leader(cluster: &Cluster) -> Operator {
    let before = quiet(cluster).await.len();
    let second = operator(cluster, "second", "25").await;
    second
        .until("it leads", |page| page.sum("plimsoll_leader", &[]) > 0.0)
        .await;
    second.three_turns().await;
    cluster.apply(&deployment("shop", "another", 1)).await.unwrap();
    report_until(
        cluster,
        KINDS[0].1,
        "shop/plimsoll-production",
        "the new workload",
        |r| fails(r).len() == 2,
    )
    .await;
    report_until(
        cluster,
        KINDS[2].1,
        "shop/plimsoll-production",
        "the new workload",
        |r| fails(r).len() == 2,
    )
    .await;
    let new = writes(cluster).await.split_off(before);
    assert!(
        new.iter()
            .all(|event| event.namespace == "shop" && event.verb == "patch"),
        "{:#?}",
        lines(&new)
    );
    second
}

/// All writes, once none was due any more: a report waits for its turn at most that long.
async fn quiet(cluster: &Cluster) -> Vec<AuditEvent> {
    let waited = jiff::SignedDuration::from_secs(25);
    let seen = eventually(2 * SOON, "nothing left to be written", async || {
        let writes = writes(cluster).await;
        match writes.last() {
            Some(last) if jiff::Timestamp::now().duration_since(last.time) < waited => {
                Err(not_yet(last.line()))
            }
            _ => Ok(writes),
        }
    });
    seen.await.unwrap()
}

/// What changes in the cluster without changing a verdict writes nothing.
async fn unwritten_without_change(cluster: &Cluster, operator: &Operator) {
    let before = lines(&quiet(cluster).await);
    let annotate = [
        "annotate",
        "deployment",
        "-n",
        "shop",
        "web",
        "note=nothing that matters",
    ];
    cluster.kubectl(annotate).await.unwrap();
    cluster
        .kubectl(["label", "report", "-n", "shop", "plimsoll-production", "team=a"])
        .await
        .unwrap();
    operator.three_turns().await;
    operator.three_turns().await;
    assert_eq!(lines(&writes(cluster).await), before);
}

async fn follows_a_change(cluster: &Cluster) {
    let before = writes(cluster).await.len();
    cluster
        .kubectl(["scale", "deployment", "-n", "shop", "web", "--replicas=2"])
        .await
        .unwrap();
    for kind in [KINDS[0].1, KINDS[2].1] {
        let report = report_until(
            cluster,
            kind,
            "shop/plimsoll-production",
            "web is repaired",
            |r| r["summary"]["fail"] == 0,
        )
        .await;
        assert_eq!(fails(&report), Vec::<String>::new());
        if kind == KINDS[0].1 {
            assert_eq!(report["metadata"]["labels"]["team"], "a", "labels of others stay");
        }
    }
    let new = lines(&writes(cluster).await.split_off(before));
    assert_eq!(
        new,
        [
            "patch reports shop/plimsoll-production",
            "patch policyreports shop/plimsoll-production"
        ]
    );
    cluster
        .kubectl(["scale", "deployment", "-n", "shop", "web", "--replicas=1"])
        .await
        .unwrap();
    shop_fails_once(cluster, KINDS[2].1, "web fails again").await;
}

/// Somebody edits one report and deletes another.
async fn repaired_when_tampered_with(cluster: &Cluster) {
    let lie = r#"{"summary":{"fail":0,"pass":99},"results":[]}"#;
    let patch = [
        "patch",
        "report",
        "-n",
        "shop",
        "plimsoll-production",
        "--type=merge",
        "-p",
        lie,
    ];
    cluster.kubectl(patch).await.unwrap();
    shop_fails_once(cluster, KINDS[0].1, "the truth again").await;
    cluster
        .kubectl(["delete", "policyreport", "-n", "shop", "plimsoll-production"])
        .await
        .unwrap();
    shop_fails_once(cluster, KINDS[2].1, "there again").await;
}

async fn gone_with_what_they_are_about(cluster: &Cluster) {
    // A second baseline reports beside the first, and takes only its own along.
    cluster.apply(&baseline("other", "")).await.unwrap();
    report_until(
        cluster,
        KINDS[0].1,
        "shop/plimsoll-other",
        "of the other baseline",
        |_| true,
    )
    .await;
    cluster
        .kubectl(["delete", "securitybaseline", "other"])
        .await
        .unwrap();
    let left = async |what: &str, gone: &str| {
        let seen = eventually(SOON, what, async || {
            let mut names = Vec::new();
            for (_, kind) in KINDS {
                names.extend(all(cluster, kind).await.into_keys());
            }
            if names.iter().any(|name| name.contains(gone)) {
                Err(not_yet(format!("{names:?}")))
            } else {
                Ok(names)
            }
        });
        seen.await.unwrap()
    };
    let names = left("those of the baseline that is gone", "plimsoll-other").await;
    assert!(
        names.contains(&"shop/plimsoll-production".to_owned()),
        "{names:?}"
    );
    cluster
        .kubectl(["delete", "namespace", "bare", "--wait=false"])
        .await
        .unwrap();
    left("those of a namespace that is gone", "bare/").await;
    // Into a namespace that is being deleted nothing can be written; besides that the chart's rights are enough.
    let mut refused = refused(cluster).await;
    refused.retain(|line| !(line.starts_with("create ") && line.contains(" bare")));
    assert_eq!(refused, Vec::<String>::new());
}

async fn gone_with_the_chart(cluster: &Cluster, operator: &mut Operator) {
    operator.stop().await;
    cluster
        .helm(["uninstall", "plimsoll", "-n", NAMESPACE])
        .await
        .unwrap();
    let gone = eventually(COLLECTED, "no report is left", async || {
        let mut left = Vec::new();
        for (_, kind) in KINDS {
            left.extend(all(cluster, kind).await.into_keys());
        }
        if left.is_empty() {
            Ok(())
        } else {
            Err(not_yet(format!("{left:?}")))
        }
    });
    gone.await.unwrap();
    // The baseline was not the chart's, and stays.
    cluster
        .kubectl(["get", "securitybaseline", "production"])
        .await
        .unwrap();
}

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
        let report = report_until(&cluster, KINDS[0].1, &name, "exact counts", |r| {
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
        KINDS[0].1,
        "two/plimsoll-production",
        "the other's",
        |_| true,
    )
    .await;
    assert_eq!((&left["source"], left.get("results")), (&"another".into(), None));
    report_until(
        &cluster,
        KINDS[2].1,
        "two/plimsoll-production",
        "ours beside it",
        |r| r["summary"]["fail"] == 40,
    )
    .await;
    let page = operator.page().await;
    assert!(page.sum("plimsoll_report_writes_total", &[("outcome", "foreign")]) > 0.0);

    for (kind, name) in [
        (KINDS[0].1, "evil/plimsoll-production"),
        (KINDS[3].1, "/plimsoll-production"),
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

/// What a role may be called.
const HOSTILE: &str = "evil\u{202e} <img src=x onerror=alert(1)> [a](javascript:alert)";

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
