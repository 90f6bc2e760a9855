//! What the operator may read, and what there is to read, change while it runs: on a real API server, with the chart's own
//! ServiceAccount. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use kube_test::Cluster;
use plimsoll_e2e::{
    baseline::{BASELINE, baseline},
    installed::install_with,
    operator::{Operator, status_until},
    series::Page,
};
use serde_json::{Value, json};

const REDUNDANCY: &str = "availability/replica-redundancy";
const DENY: &str = "isolation/default-deny";
const MONITORING: &str = "governance/continuous-monitoring";
/// The control's `interval`: within it a lost right has to show.
const INTERVAL: Duration = Duration::from_secs(30);
/// The chart's role for reading: release `plimsoll` in namespace `plimsoll-system`.
const ROLE: &str = "plimsoll-system-plimsoll";

const CONTROLS: &str = "
availability/replica-redundancy: {minReplicas: 2, failAfter: 0s}
isolation/default-deny: {failAfter: 0s}
governance/continuous-monitoring: {interval: 30s, minReplicas: 1, failAfter: 0s}
";

const OBJECTS: &str = r#"
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shut}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shut}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "registry.k8s.io/pause:3.10"}]}
"#;

/// As Argo Rollouts defines it, less the schema.
const ROLLOUTS: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rollouts.argoproj.io}
spec:
  group: argoproj.io
  names: {kind: Rollout, plural: rollouts, singular: rollout, listKind: RolloutList}
  scope: Namespaced
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

const ROLLOUT: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: canary, namespace: shut}
spec:
  replicas: 1
  selector: {matchLabels: {app: canary}}
  template:
    metadata: {labels: {app: canary}}
    spec: {containers: [{name: c, image: "registry.k8s.io/pause:3.10"}]}
"#;

fn verdicts(page: &Page, control: &str) -> [u64; 3] {
    ["pass", "fail", "unknown"].map(|result| page.units(control, result))
}

fn score(page: &Page) -> f64 {
    page.sum("plimsoll_score_ratio", &[("baseline", BASELINE)])
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_right_makes_verdicts_unknown_and_kinds_come_and_go() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    install_with(
        &cluster,
        &["--set", "environment=production,baseline.install=false"],
    )
    .await;
    for name in ["shut", "open"] {
        let labels = [
            ("plimsoll.dev/environment", "production"),
            ("plimsoll.dev/tenant", name),
        ];
        cluster.namespace(name, &labels).await.unwrap();
    }
    cluster.apply(&baseline("Observe", CONTROLS)).await.unwrap();
    cluster.apply(OBJECTS).await.unwrap();
    let operator = Operator::ready(&cluster, "operator", &["--access-interval=1s"]).await;
    let before = operator
        .until("everything is judged", |page| {
            verdicts(page, DENY) == [1, 1, 0]
                && verdicts(page, REDUNDANCY) == [1, 0, 0]
                && verdicts(page, MONITORING) == [1, 0, 0]
        })
        .await;

    a_right_is_revoked_and_returns(&client, &operator, &before).await;
    a_kind_comes_and_goes(&cluster, &operator).await;
}

async fn a_right_is_revoked_and_returns(client: &Client, operator: &Operator, before: &Page) {
    let policies = "networkpolicies.networking.k8s.io";
    assert!(before.covers(policies, "complete"));
    let rules = set_rules(client, &without_network_policies(&rules(client).await)).await;
    let revoked = Instant::now();
    let without = operator
        .until(
            "what needs NetworkPolicies is unknown, and the operator says that it is blind",
            |page| {
                verdicts(page, DENY) == [0, 0, 2]
                    && verdicts(page, MONITORING) == [0, 1, 0]
                    && page.covers(policies, "forbidden")
            },
        )
        .await;
    assert!(revoked.elapsed() < INTERVAL, "{:?}", revoked.elapsed());
    assert_eq!(
        verdicts(&without, REDUNDANCY),
        [1, 0, 0],
        "nothing else depends on it"
    );
    assert!(
        score(&without) <= score(before),
        "{} {}",
        score(&without),
        score(before)
    );
    let status = status_until(client, BASELINE, "the status says so", |s| {
        s["totals"]["unknown"] == 2
    })
    .await;
    assert_eq!(status["totals"]["fail"], 1, "{status}");
    let worst = &status["worst"][0];
    assert_eq!(worst["control"], MONITORING, "{status}");
    assert_eq!(worst["reason"], "Forbidden");
    assert!(worst["message"].as_str().unwrap().contains(policies), "{worst}");

    set_rules(client, &rules).await;
    let back = operator
        .until("the verdicts are back", |page| {
            verdicts(page, DENY) == [1, 1, 0]
                && verdicts(page, MONITORING) == [1, 0, 0]
                && page.covers(policies, "complete")
        })
        .await;
    assert!(same(score(&back), score(before)));
}

async fn rules(client: &Client) -> Value {
    let roles: Api<ClusterRole> = Api::all(client.clone());
    serde_json::to_value(roles.get(ROLE).await.unwrap().rules).unwrap()
}

/// The rules, without the right to list and watch NetworkPolicies.
fn without_network_policies(rules: &Value) -> Value {
    let mut rules = rules.as_array().unwrap().clone();
    for rule in &mut rules {
        let resources = rule["resources"].as_array_mut().unwrap();
        resources.retain(|resource| resource != "networkpolicies");
    }
    rules.retain(|rule| !rule["resources"].as_array().unwrap().is_empty());
    json!(rules)
}

/// Replaces the rules of the operator's role, and gives back those of before.
async fn set_rules(client: &Client, new: &Value) -> Value {
    let before = rules(client).await;
    assert_ne!(&before, new);
    let roles: Api<ClusterRole> = Api::all(client.clone());
    let patch = Patch::Merge(json!({ "rules": new }));
    roles.patch(ROLE, &PatchParams::default(), &patch).await.unwrap();
    before
}

async fn a_kind_comes_and_goes(cluster: &Cluster, operator: &Operator) {
    let kind = "rollouts.argoproj.io";
    assert!(operator.page().await.covers(kind, "absent"));
    cluster.apply(ROLLOUTS).await.unwrap();
    cluster
        .kubectl([
            "wait",
            "--for=condition=Established",
            "crd/rollouts.argoproj.io",
            "--timeout=30s",
        ])
        .await
        .unwrap();
    operator
        .until("the new kind is seen", |page| page.covers(kind, "complete"))
        .await;
    cluster.apply(ROLLOUT).await.unwrap();
    operator
        .until("the Rollout is judged", |page| {
            verdicts(page, REDUNDANCY) == [1, 1, 0]
        })
        .await;

    cluster
        .kubectl(["delete", "crd", "rollouts.argoproj.io"])
        .await
        .unwrap();
    let gone = operator
        .until("the Rollout vanishes with its kind", |page| {
            verdicts(page, REDUNDANCY) == [1, 0, 0] && page.covers(kind, "absent")
        })
        .await;
    assert_eq!(verdicts(&gone, DENY), [1, 1, 0]);
    assert_eq!(
        verdicts(&gone, MONITORING),
        [1, 0, 0],
        "a kind that a cluster may lack is not missed"
    );
}
