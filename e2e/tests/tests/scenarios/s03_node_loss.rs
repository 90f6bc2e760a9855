//! A node is lost: the gap counts once it lasts, the replacement heals it, and both replicas on one node are found.

use jiff::{SignedDuration, Timestamp};
use kube_test::{Cluster, Part};
use plimsoll_e2e::{
    baseline::{BASELINE, baseline},
    operator::{Operator, refused, status, time},
    scenario::Scenario,
    series::Page,
};

const HEALING: &str = "availability/self-healing";
const SPREAD: &str = "availability/topology-spread";
/// `failAfter` of the baseline.
const GRACE: SignedDuration = SignedDuration::from_secs(10);

const CONTROLS: &str = "
availability/self-healing: {failAfter: 10s}
availability/topology-spread: {failAfter: 0s}
";

/// Its pods leave a lost node after a second instead of five minutes.
const API: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop-prod}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers: [{name: c, image: "registry.k8s.io/pause:3.10"}]
      tolerations:
      - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 1}
      - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 1}
"#;

const DEBUG: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: debug, namespace: shop-prod}
spec: {containers: [{name: c, image: "registry.k8s.io/pause:3.10"}]}
"#;

/// Three nodes of one zone, of which kwok keeps alive those that carry its label: as a kubelet would, until it is stopped.
async fn begin() -> Scenario {
    let builder = Cluster::builder()
        .nodes(3)
        .zones([""; 0])
        .arg(Part::Kwok, "--manage-all-nodes=false")
        .arg(Part::Kwok, "--manage-nodes-with-label-selector=type=kwok")
        .arg(Part::ControllerManager, "--node-monitor-period=1s")
        .arg(Part::ControllerManager, "--node-monitor-grace-period=15s");
    Scenario::begin_with(builder, &[("shop-prod", "production", "shop")]).await
}

async fn kubectl(scenario: &Scenario, args: &str) {
    scenario.cluster.kubectl(args.split_whitespace()).await.unwrap();
}

/// What `control_status` says of a control in production.
fn control_status(page: &Page, control: &str) -> Option<f64> {
    let labels = [("control", control), ("environment", "production")];
    page.of("plimsoll_control_status", &labels)
        .next()
        .map(|series| series.value)
}

fn passes(page: &Page, control: &str) -> bool {
    control_status(page, control).is_some_and(|status| status > 0.5)
}

fn fails(page: &Page, control: &str) -> bool {
    control_status(page, control).is_some_and(|status| status.abs() < 0.5)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_node_is_a_failure_once_it_lasts_and_healing_shows_where_pods_went() {
    let scenario = begin().await;
    kubectl(&scenario, "cordon node-2").await;
    scenario.cluster.apply(API).await.unwrap();
    available(&scenario, "2").await;
    let operator = scenario.operator(&baseline("Enforce", CONTROLS)).await;
    operator
        .until("two pods on two nodes", |page| {
            passes(page, HEALING) && passes(page, SPREAD)
        })
        .await;

    // The other node takes no pod either, so that nothing replaces the one that is lost.
    kubectl(&scenario, "cordon node-1").await;
    kubectl(&scenario, "label node node-0 type-").await;
    available(&scenario, "1").await;
    missed_once_it_lasts(&scenario, &operator).await;

    kubectl(&scenario, "uncordon node-1").await;
    available(&scenario, "2").await;
    operator
        .until("healed, and both on one node", |page| {
            passes(page, HEALING) && fails(page, SPREAD)
        })
        .await;
    scenario
        .until_found(
            SPREAD,
            "two replicas on one node are one",
            &["Deployment shop-prod/api TooFewDomains"],
        )
        .await;
    scenario.until_found(HEALING, "nothing is missing", &[]).await;

    kubectl(&scenario, "uncordon node-2").await;
    scenario.cluster.apply(DEBUG).await.unwrap();
    scenario
        .until_found(
            HEALING,
            "nobody starts a bare pod again",
            &["Pod shop-prod/debug BarePod"],
        )
        .await;
    operator.three_turns().await;
    assert_eq!(
        scenario.written().await,
        [""; 0],
        "nothing of this is repaired by itself"
    );
    assert_eq!(refused(&scenario.cluster).await, [""; 0]);
}

async fn available(scenario: &Scenario, pods: &str) {
    scenario
        .until_field("shop-prod", "deployment/api", ".status.availableReplicas", pods)
        .await;
}

async fn missed_once_it_lasts(scenario: &Scenario, operator: &Operator) {
    operator
        .until("the gap has lasted", |page| fails(page, HEALING))
        .await;
    let failing = Timestamp::now();
    scenario
        .until_found(
            HEALING,
            "the gap is named",
            &["Deployment shop-prod/api Degraded"],
        )
        .await;
    let status = status(&scenario.client, BASELINE).await;
    let worst = status["worst"].as_array().unwrap();
    let gap = worst
        .iter()
        .find(|finding| finding["reason"] == "Degraded")
        .unwrap();
    let lasted = failing.duration_since(time(&gap["firstSeen"]));
    assert!(lasted >= GRACE, "it failed after {lasted:#}");
}
