//! A single replica in production is found, and proposed rather than repaired; once a person raised it, the budget that then
//! makes sense is created.

use plimsoll_e2e::{
    baseline::baseline,
    operator::{Operator, events, refused},
    scenario::{Scenario, deployment},
    series::Page,
};

const REDUNDANCY: &str = "availability/replica-redundancy";
const BUDGET: &str = "availability/disruption-budget";

const CONTROLS: &str = "
availability/replica-redundancy: {mode: Propose, failAfter: 0s}
availability/disruption-budget: {failAfter: 0s}
";

fn units(page: &Page, control: &str, environment: &str, result: &str) -> f64 {
    let labels = [
        ("control", control),
        ("environment", environment),
        ("result", result),
    ];
    page.sum("plimsoll_units", &labels)
}

fn holds(page: &Page, expected: [(&str, &str, &str); 4]) -> bool {
    expected
        .iter()
        .all(|(control, environment, result)| units(page, control, environment, result) > 0.5)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_replica_in_production_is_raised_by_a_person_and_then_guarded() {
    let scenario = Scenario::begin(&[
        ("shop-prod", "production", "shop"),
        ("shop-staging", "staging", "shop"),
    ])
    .await;
    for namespace in ["shop-prod", "shop-staging"] {
        scenario
            .cluster
            .apply(&deployment(namespace, "web", 1))
            .await
            .unwrap();
    }
    let operator = scenario.operator(&baseline("Enforce", CONTROLS)).await;
    found_and_left_to_people(&scenario, &operator).await;
    raised_and_guarded(&scenario, &operator).await;
    assert_eq!(refused(&scenario.cluster).await, [""; 0]);
}

async fn found_and_left_to_people(scenario: &Scenario, operator: &Operator) {
    let page = operator
        .until("production fails; staging and budgets are no matter", |page| {
            holds(
                page,
                [
                    (REDUNDANCY, "production", "fail"),
                    (REDUNDANCY, "staging", "not_applicable"),
                    (BUDGET, "production", "not_applicable"),
                    (BUDGET, "staging", "not_applicable"),
                ],
            )
        })
        .await;
    assert_eq!(failing(&page), 1);
    scenario
        .until_found(
            REDUNDANCY,
            "the status names it",
            &["Deployment shop-prod/web TooFewReplicas"],
        )
        .await;
    operator.three_turns().await;
    assert_eq!(scenario.written().await, [""; 0], "proposed only");
}

async fn raised_and_guarded(scenario: &Scenario, operator: &Operator) {
    let args = ["scale", "deployment/web", "-n", "shop-prod", "--replicas=2"];
    scenario.cluster.kubectl(args).await.unwrap();
    let budget = "patch poddisruptionbudgets shop-prod/web-deployment-plimsoll";
    scenario
        .until_written("the budget that two replicas need", &[budget])
        .await;
    let object = "poddisruptionbudget/web-deployment-plimsoll";
    assert_eq!(
        scenario.field("shop-prod", object, ".spec.maxUnavailable").await,
        "1"
    );
    scenario
        .until_field("shop-prod", "deployment/web", ".status.availableReplicas", "2")
        .await;
    let page = operator
        .until("production passes", |page| {
            holds(
                page,
                [
                    (REDUNDANCY, "production", "pass"),
                    (REDUNDANCY, "staging", "not_applicable"),
                    (BUDGET, "production", "pass"),
                    (BUDGET, "staging", "not_applicable"),
                ],
            )
        })
        .await;
    assert_eq!(failing(&page), 0, "the series stays, at zero");
    let made = [("control", BUDGET), ("class", "safe"), ("outcome", "applied")];
    assert_eq!(page.sum("plimsoll_remediations_total", &made).to_string(), "1");
    assert_eq!(page.sum("plimsoll_remediations_total", &[]).to_string(), "1");
    scenario.until_found(REDUNDANCY, "the finding is gone", &[]).await;
    let told = events(&scenario.client, "shop-prod").await;
    let remediated = told.iter().filter(|line| line.ends_with(" Remediated"));
    assert_eq!(
        remediated.collect::<Vec<_>>(),
        ["PodDisruptionBudget/web-deployment-plimsoll Remediated"],
        "{told:#?}"
    );
    operator.three_turns().await;
    assert_eq!(scenario.written().await, [budget], "once");
}

/// The findings of `replica-redundancy` that fail; its series is there whatever its value.
fn failing(page: &Page) -> usize {
    let labels = [
        ("control", REDUNDANCY),
        ("environment", "production"),
        ("result", "fail"),
    ];
    let series: Vec<f64> = page.of("plimsoll_findings", &labels).map(|s| s.value).collect();
    assert_eq!(series.len(), 1);
    usize::from(series[0] > 0.5)
}
