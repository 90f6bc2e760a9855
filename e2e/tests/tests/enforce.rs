//! Repairs and exceptions on a real API server, by the operator's own process with the chart's own rights; by the API audit
//! log exactly the writes that were meant. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams},
};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    baseline::{BASELINE, baseline},
    installed::{SOON, api, exception, install_with, post},
    operator::{Operator, condition, events, foreign_writes, refused, status_until},
    scenario::deployed_by,
};
use serde_json::{Value, json};

const REDUNDANCY: &str = "availability/replica-redundancy";
const BUDGET: &str = "availability/disruption-budget";
const DENY: &str = "isolation/default-deny";

const CONTROLS: &str = "
availability/replica-redundancy: {minReplicas: 2, failAfter: 0s}
availability/disruption-budget: {failAfter: 0s}
isolation/default-deny: {failAfter: 0s}
";

/// An autoscaler that would let its Deployment fall to one replica.
const AUTOSCALER: &str = "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: scaled, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: scaled}
  minReplicas: 1
  maxReplicas: 4
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
";

/// What Enforce may write here, and nothing else.
const MEANT: [&str; 8] = [
    "patch deployments/scale shop/web",
    "patch horizontalpodautoscalers shop/scaled",
    "patch networkpolicies empty/baseline-allow-dns",
    "patch networkpolicies empty/baseline-allow-from-ingress",
    "patch networkpolicies empty/baseline-allow-same-namespace",
    "patch networkpolicies empty/baseline-default-deny",
    "patch poddisruptionbudgets shop/scaled-deployment-plimsoll",
    "patch poddisruptionbudgets shop/web-deployment-plimsoll",
];
/// And once the exception for `late` has expired.
const MEANT_LATER: [&str; 2] = [
    "patch poddisruptionbudgets shop/late-deployment-plimsoll",
    "patch deployments/scale shop/late",
];

fn deployment(name: &str, replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: c, image: \"registry.k8s.io/pause:3.10\"}}]}}
"
    )
}

async fn replicas(cluster: &Cluster, name: &str) -> String {
    let path = "jsonpath={.spec.replicas}";
    let args = ["get", "deployment", name, "-n", "shop", "-o", path];
    cluster.kubectl(args).await.unwrap().stdout
}

/// The writes that took effect, sorted.
async fn written(cluster: &Cluster) -> Vec<String> {
    let mut lines = foreign_writes(cluster).await.effective_writes().lines();
    lines.sort();
    lines
}

async fn until_written(cluster: &Cluster, what: &str, expected: &[&str]) {
    let seen = eventually(SOON, what, async || {
        let lines = written(cluster).await;
        if lines == expected {
            Ok(())
        } else {
            Err(not_yet(format!("{lines:#?}")))
        }
    });
    seen.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_safe_repairs_are_written_and_only_in_enforce() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    let values = "environment=production,baseline.install=false,remediation.enabled=true";
    install_with(&cluster, &["--set", values]).await;
    set_the_scene(&cluster, &client).await;

    let mut operator = Operator::ready(&cluster, "first", &["--remediation"]).await;
    in_observe_nothing_is_written(&cluster, &operator).await;
    in_enforce_what_is_safe_is_repaired(&cluster, &client, &operator).await;
    exceptions_say_what_they_are(&client, &operator).await;
    an_expired_exception_counts_again(&cluster, &client, &operator).await;

    assert!(operator.stop().await.0.success());
    let second = Operator::ready(&cluster, "second", &["--remediation"]).await;
    second
        .until("the successor leads", |page| {
            page.sum("plimsoll_leader", &[]) > 0.0
        })
        .await;
    second.three_turns().await;
    let meant: usize = MEANT.len() + MEANT_LATER.len();
    assert_eq!(
        written(&cluster).await.len(),
        meant,
        "a second pass changes nothing"
    );
    assert_eq!(
        refused(&cluster).await,
        [""; 0],
        "the chart grants what is needed"
    );
}

async fn set_the_scene(cluster: &Cluster, client: &Client) {
    for name in ["shop", "empty"] {
        let labels = [
            ("plimsoll.dev/environment", "production"),
            ("plimsoll.dev/tenant", "acme"),
        ];
        cluster.namespace(name, &labels).await.unwrap();
    }
    for (name, replicas) in [("web", 1), ("scaled", 2), ("waived", 1)] {
        cluster.apply(&deployment(name, replicas)).await.unwrap();
    }
    cluster.apply(AUTOSCALER).await.unwrap();
    argo_applies(cluster).await;
    let waiver = |name: &str| {
        json!({ "control": REDUNDANCY, "selector": {
            "namespaces": ["shop"], "objects": [{ "kind": "Deployment", "name": name }] } })
    };
    post(
        client,
        "BaselineException",
        "waiver",
        &exception(waiver("waived")),
        false,
    )
    .await
    .unwrap();
    post(
        client,
        "BaselineException",
        "inert",
        &exception(waiver("nobody")),
        false,
    )
    .await
    .unwrap();
    cluster.apply(&baseline("Observe", CONTROLS)).await.unwrap();
}

/// As Argo CD does with server-side apply; no Argo CD runs here.
async fn argo_applies(cluster: &Cluster) {
    deployed_by(cluster, "argocd-controller", true, deployment("gitops", 1)).await;
}

async fn in_observe_nothing_is_written(cluster: &Cluster, operator: &Operator) {
    // web, scaled and gitops have too few; scaled counts by its autoscaler, so that no budget is missing yet.
    operator
        .until("everything is judged", |page| {
            page.units(REDUNDANCY, "fail") == 3
                && page.units(REDUNDANCY, "waived") == 1
                && page.units(BUDGET, "fail") == 0
                && page.units(DENY, "fail") == 2
                && page.sum("plimsoll_leader", &[]) > 0.0
        })
        .await;
    operator.three_turns().await;
    let tried = foreign_writes(cluster).await.lines();
    assert_eq!(tried, [""; 0], "not even a dry run");
    let repairs = operator.page().await.sum("plimsoll_remediations_total", &[]);
    assert!(repairs.abs() < f64::EPSILON, "{repairs}");
}

async fn in_enforce_what_is_safe_is_repaired(cluster: &Cluster, client: &Client, operator: &Operator) {
    let enforce = Patch::Merge(json!({ "spec": { "mode": "Enforce" } }));
    let baselines = api(client, "SecurityBaseline");
    baselines
        .patch(BASELINE, &PatchParams::default(), &enforce)
        .await
        .unwrap();
    until_written(cluster, "what is safe is repaired", &MEANT).await;
    // gitops is left to Argo CD, and the policies of a namespace where something runs to people.
    let page = operator
        .until("the repairs help", |page| {
            page.units(REDUNDANCY, "fail") == 1
                && page.units(BUDGET, "pass") == 2
                && page.units(DENY, "fail") == 1
        })
        .await;
    let outcome = |word| page.sum("plimsoll_remediations_total", &[("outcome", word)]);
    let counted = [
        outcome("applied"),
        outcome("failed"),
        outcome("managed_elsewhere"),
    ]
    .map(|n| n.to_string());
    assert_eq!(counted, ["8", "0", "1"]);
    assert_eq!(page.units(REDUNDANCY, "waived"), 1, "shown, and not repaired");
    for (name, expected) in [("web", "2"), ("scaled", "2"), ("gitops", "1"), ("waived", "1")] {
        assert_eq!(replicas(cluster, name).await, expected, "{name}");
    }
    every_write_was_tried_first(cluster).await;

    let told = events(client, "shop").await;
    for line in [
        "Deployment/web Remediated",
        "HorizontalPodAutoscaler/scaled Remediated",
        "PodDisruptionBudget/web-deployment-plimsoll Remediated",
        "Deployment/gitops ManagedElsewhere",
    ] {
        assert_eq!(
            told.iter().filter(|told| *told == line).count(),
            1,
            "{line}: {told:#?}"
        );
    }
    // Nothing touched the object of the others, and their next deploy goes through.
    argo_applies(cluster).await;
    cluster.apply(&deployment("web", 2)).await.unwrap();
}

/// Each write had its dry run, and none was forced on anybody.
async fn every_write_was_tried_first(cluster: &Cluster) {
    let log = foreign_writes(cluster).await;
    for write in log.iter().filter(|event| event.is_effective_write()) {
        let trial = |event: &&kube_test::AuditEvent| event.dry_run && event.line() == write.line();
        assert_eq!(log.iter().filter(trial).count(), 1, "{}", write.line());
    }
    assert!(log.iter().all(|event| !event.force), "{:#?}", log.lines());
}

async fn phase_until(client: &Client, name: &str, phase: &str) -> Value {
    let what = format!("exception {name} is {phase}");
    let seen = eventually(SOON, &what, async || {
        let object = api(client, "BaselineException")
            .get(name)
            .await
            .map_err(|e| not_yet(e.to_string()))?;
        let status = object.data.get("status").cloned().unwrap_or_default();
        if status["phase"] == phase {
            Ok(status)
        } else {
            Err(not_yet(status.to_string()))
        }
    });
    seen.await.unwrap()
}

async fn exceptions_say_what_they_are(client: &Client, operator: &Operator) {
    let active = phase_until(client, "waiver", "Active").await;
    assert_eq!(active["matched"], 1, "{active}");
    assert_eq!(condition(&active, "Accepted")["status"], "True");
    assert_eq!(phase_until(client, "inert", "Inert").await["matched"], 0);
    let status = status_until(client, BASELINE, "the waiver is counted", |s| {
        s["totals"]["waived"] == 1
    })
    .await;
    assert!(!status["worst"].to_string().contains("waived"), "{status}");

    // Where no admission policy refuses it, the operator does.
    without_the_policy(client).await;
    let forever = exception(json!({ "expires": "2099-01-01T00:00:00Z" }));
    let refused = eventually(SOON, "the policy is gone", async || {
        post(client, "BaselineException", "forever", &forever, false)
            .await
            .map_err(not_yet)
    });
    refused.await.unwrap();
    let invalid = phase_until(client, "forever", "Invalid").await;
    let accepted = condition(&invalid, "Accepted");
    assert_eq!(accepted["status"], "False");
    assert!(
        accepted["message"].as_str().unwrap().contains("spec.expires"),
        "{accepted}"
    );
    operator
        .until("the metrics count them", |page| {
            ["active", "inert", "invalid"]
                .iter()
                .all(|s| page.sum("plimsoll_exceptions", &[("state", s)]) > 0.0)
        })
        .await;
}

async fn without_the_policy(client: &Client) {
    use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding as Binding;
    let bindings: Api<Binding> = Api::all(client.clone());
    for binding in bindings.list(&kube::api::ListParams::default()).await.unwrap() {
        let name = binding.metadata.name.unwrap();
        if name.contains("plimsoll") {
            bindings.delete(&name, &DeleteParams::default()).await.unwrap();
        }
    }
}

async fn an_expired_exception_counts_again(cluster: &Cluster, client: &Client, operator: &Operator) {
    let expires = Timestamp::now() + SignedDuration::from_secs(8);
    let waiver = json!({
        "control": REDUNDANCY, "expires": expires.to_string(),
        "selector": { "namespaces": ["shop"], "objects": [{ "kind": "Deployment", "name": "late" }] },
    });
    post(client, "BaselineException", "brief", &exception(waiver), false)
        .await
        .unwrap();
    let covers = |page: &plimsoll_e2e::series::Page| page.units(REDUNDANCY, "waived") == 2;
    // Known before the Deployment is there, or it would be repaired first.
    phase_until(client, "brief", "Inert").await;
    cluster.apply(&deployment("late", 1)).await.unwrap();
    operator.until("the new exception covers", covers).await;
    let all: Vec<&str> = [&MEANT[..], &MEANT_LATER[..]].concat();
    let mut all: Vec<&str> = all;
    all.sort_unstable();
    until_written(cluster, "what was waived is repaired", &all).await;
    let log = foreign_writes(cluster).await.filter(|event| event.name == "late");
    assert!(
        log.iter().all(|event| event.time >= expires),
        "not before it expired: {:#?}",
        log.lines()
    );
    phase_until(client, "brief", "Expired").await;
    operator
        .until("one is waived again", |page| {
            page.units(REDUNDANCY, "waived") == 1
        })
        .await;
}
