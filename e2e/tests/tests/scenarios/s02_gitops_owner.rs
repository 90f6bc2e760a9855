//! What Argo CD or Flux deploys is left to them; where an autoscaler sets the replicas, the autoscaler is repaired.

use plimsoll_e2e::{
    baseline::baseline,
    operator::{Operator, events, refused},
    scenario::{Scenario, deployed_by, deployment},
};

const REDUNDANCY: &str = "availability/replica-redundancy";

const CONTROLS: &str = "availability/replica-redundancy: {failAfter: 0s}";

const AUTOSCALER: &str = "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: scaled, namespace: shop-prod}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: scaled}
  minReplicas: 1
  maxReplicas: 4
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
";

/// Each deployed by a tool in one of its modes: name, field manager, server-side.
const DEPLOYED: [(&str, &str, bool); 3] = [
    ("by-argo", "argocd-controller", true),
    ("by-argo-client-side", "argocd-controller", false),
    ("by-flux", "kustomize-controller", true),
];

async fn deploy(scenario: &Scenario, (name, manager, server_side): (&str, &str, bool)) {
    let manifest = deployment("shop-prod", name, 1);
    deployed_by(&scenario.cluster, manager, server_side, manifest).await;
}

async fn versions(scenario: &Scenario) -> Vec<String> {
    let mut versions = Vec::new();
    for (name, _, _) in DEPLOYED {
        let object = format!("deployment/{name}");
        versions.push(
            scenario
                .field("shop-prod", &object, ".metadata.resourceVersion")
                .await,
        );
    }
    versions
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_deploy_is_theirs_and_an_autoscaler_is_the_object() {
    let scenario = Scenario::begin(&[("shop-prod", "production", "shop")]).await;
    for deployed in DEPLOYED {
        deploy(&scenario, deployed).await;
    }
    let scaled = deployment("shop-prod", "scaled", 1);
    scenario.cluster.apply(&scaled).await.unwrap();
    scenario.cluster.apply(AUTOSCALER).await.unwrap();
    for (name, _, _) in DEPLOYED {
        let object = format!("deployment/{name}");
        scenario
            .until_field("shop-prod", &object, ".status.availableReplicas", "1")
            .await;
    }
    let before = versions(&scenario).await;

    let operator = scenario.operator(&baseline("Enforce", CONTROLS)).await;
    scenario
        .until_written(
            "the autoscaler is repaired",
            &["patch horizontalpodautoscalers shop-prod/scaled"],
        )
        .await;
    theirs_is_left_alone(&scenario, &operator).await;
    assert_eq!(versions(&scenario).await, before, "not touched at all");
    // Their next deploy goes through without a conflict.
    for deployed in DEPLOYED {
        deploy(&scenario, deployed).await;
    }
    assert_eq!(refused(&scenario.cluster).await, [""; 0]);
}

async fn theirs_is_left_alone(scenario: &Scenario, operator: &Operator) {
    scenario
        .until_found(
            REDUNDANCY,
            "what others deploy still fails",
            &[
                "Deployment shop-prod/by-argo TooFewReplicas",
                "Deployment shop-prod/by-argo-client-side TooFewReplicas",
                "Deployment shop-prod/by-flux TooFewReplicas",
            ],
        )
        .await;
    let page = operator
        .until("each is counted", |page| {
            page.sum("plimsoll_remediations_total", &[("outcome", "managed_elsewhere")]) > 2.5
        })
        .await;
    let outcome = |word| {
        page.sum("plimsoll_remediations_total", &[("outcome", word)])
            .to_string()
    };
    operator.three_turns().await;
    assert_eq!(
        [
            outcome("applied"),
            outcome("managed_elsewhere"),
            outcome("failed")
        ],
        ["1", "3", "0"]
    );
    let hpa = scenario
        .field("shop-prod", "hpa/scaled", ".spec.minReplicas")
        .await;
    assert_eq!(hpa, "2");
    assert_eq!(
        scenario.written().await,
        ["patch horizontalpodautoscalers shop-prod/scaled"],
        "nothing else, and once"
    );
    let told = events(&scenario.client, "shop-prod").await;
    for (name, _, _) in DEPLOYED {
        let line = format!("Deployment/{name} ManagedElsewhere");
        assert!(told.contains(&line), "{line}: {told:#?}");
    }
}
