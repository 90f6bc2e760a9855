//! Two tenants on an open network: what is open is found with its cause, an empty namespace is closed at once, the others are
//! left to people; and once a person closed one, nobody of the other tenant gets to its database any more.

use std::process::Command;

use plimsoll_e2e::{
    baseline::{BASELINE, baseline_with_platform},
    installed::NAMESPACE,
    operator::{ACCOUNT, Operator, program, refused, status},
    scenario::{Scenario, deployment},
    series::Page,
};
use serde_json::{Value, json};

const DENY: &str = "isolation/default-deny";
const TRAFFIC: &str = "isolation/cross-tenant-traffic";

const CONTROLS: &str = "
isolation/default-deny: {failAfter: 0s}
isolation/cross-tenant-traffic: {failAfter: 0s}
";

/// What is created in the empty namespace, and nothing else.
const MADE: [&str; 4] = [
    "patch networkpolicies initech/baseline-allow-dns",
    "patch networkpolicies initech/baseline-allow-from-ingress",
    "patch networkpolicies initech/baseline-allow-same-namespace",
    "patch networkpolicies initech/baseline-default-deny",
];

/// Ingress is denied in acme, and let in again from everywhere.
const WILDCARD: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: acme}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: wildcard, namespace: acme}
spec:
  podSelector: {}
  ingress: [{from: [{namespaceSelector: {}}]}]
";

fn database(namespace: &str) -> String {
    deployment(namespace, "db", 1)
        .replace("kind: Deployment", "kind: StatefulSet")
        .replace("\nspec:\n", "\nspec:\n  serviceName: db\n")
}

async fn play() -> Scenario {
    let tenants = ["acme", "globex", "initech"].map(|name| (name, "production", name));
    let scenario = Scenario::begin(&tenants).await;
    scenario.cluster.apply(WILDCARD).await.unwrap();
    for namespace in ["acme", "globex"] {
        let web = deployment(namespace, "web", 1);
        scenario.cluster.apply(&web).await.unwrap();
        scenario.cluster.apply(&database(namespace)).await.unwrap();
        scenario
            .until_field(namespace, "statefulset/db", ".status.readyReplicas", "1")
            .await;
    }
    scenario
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_network_is_found_closed_where_it_is_safe_and_left_to_people_elsewhere() {
    let scenario = play().await;
    let operator = scenario
        .operator(&baseline_with_platform("Observe", CONTROLS))
        .await;
    what_is_open_is_found(&scenario, &operator).await;
    let open = isolation(&operator.page().await);

    scenario
        .cluster
        .apply(&baseline_with_platform("Enforce", CONTROLS))
        .await
        .unwrap();
    let closed = the_empty_namespace_is_closed_at_once(&scenario, &operator).await;
    assert!(closed > open, "{closed} after {open}");

    assert!(is_open(&scenario, "acme/web", "globex/db").await);
    close_by_hand(&scenario, "globex", "[Ingress, Egress]").await;
    let guarded = nobody_comes_in_any_more(&scenario, &operator).await;
    assert!(guarded > closed, "{guarded} after {closed}");

    operator.three_turns().await;
    assert_eq!(scenario.written().await, MADE, "nothing else, and once");
    assert_eq!(refused(&scenario.cluster).await, [""; 0]);
}

async fn what_is_open_is_found(scenario: &Scenario, operator: &Operator) {
    let missing = [
        "Namespace acme EgressNotDenied",
        "Namespace globex EgressNotDenied",
        "Namespace globex IngressNotDenied",
        "Namespace initech EgressNotDenied",
        "Namespace initech IngressNotDenied",
    ];
    scenario.until_found(DENY, "what nobody denies", &missing).await;
    let open = [
        "Namespace globex NotIsolated",
        "NetworkPolicy acme/wildcard LetIn",
    ];
    scenario.until_found(TRAFFIC, "both are open", &open).await;
    // Each names the policy that is responsible, or says that there is none.
    let messages = messages(scenario, TRAFFIC).await;
    assert_eq!(
        messages,
        [
            "NetworkPolicy acme/wildcard lets 1 namespace of other tenants in to 2 workloads on ports all",
            "no policy keeps 1 namespace of other tenants out of 2 workloads",
        ]
    );
    operator.three_turns().await;
    assert_eq!(scenario.written().await, [""; 0], "observed only");
}

/// The messages of a control's failing findings, sorted.
async fn messages(scenario: &Scenario, control: &str) -> Vec<String> {
    let status = status(&scenario.client, BASELINE).await;
    let worst = status["worst"].as_array().cloned().unwrap_or_default();
    let of_control = worst.iter().filter(|finding| finding["control"] == control);
    let mut messages: Vec<String> = of_control
        .filter_map(|finding| finding["message"].as_str().map(str::to_owned))
        .collect();
    messages.sort();
    messages
}

async fn the_empty_namespace_is_closed_at_once(scenario: &Scenario, operator: &Operator) -> f64 {
    scenario
        .until_written("the empty namespace is closed", &MADE)
        .await;
    let left = [
        "Namespace acme EgressNotDenied",
        "Namespace globex EgressNotDenied",
        "Namespace globex IngressNotDenied",
    ];
    scenario
        .until_found(DENY, "where pods run it takes a person", &left)
        .await;
    let made = [("control", DENY), ("class", "safe"), ("outcome", "applied")];
    let page = operator
        .until("four policies count", |page| {
            page.sum("plimsoll_remediations_total", &made) > 3.5
        })
        .await;
    assert_eq!(page.sum("plimsoll_remediations_total", &[]).to_string(), "4");
    assert_eq!(page.units(DENY, "pass"), 1);
    isolation(&page)
}

/// The change that was proposed, as a person makes it who approves it.
async fn close_by_hand(scenario: &Scenario, namespace: &str, directions: &str) {
    let within = "{podSelector: {}}";
    let policies = format!(
        "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: baseline-default-deny, namespace: {namespace}}}
spec: {{podSelector: {{}}, policyTypes: {directions}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: baseline-allow-same-namespace, namespace: {namespace}}}
spec: {{podSelector: {{}}, policyTypes: {directions}, ingress: [{{from: [{within}]}}], egress: [{{to: [{within}]}}]}}
"
    );
    scenario.cluster.apply(&policies).await.unwrap();
}

async fn nobody_comes_in_any_more(scenario: &Scenario, operator: &Operator) -> f64 {
    let left = ["Namespace acme EgressNotDenied"];
    scenario
        .until_found(DENY, "acme still lets everything out", &left)
        .await;
    scenario
        .until_found(TRAFFIC, "no tenant reaches the other", &[])
        .await;
    assert!(!is_open(scenario, "acme/web", "globex/db").await);
    assert!(!is_open(scenario, "globex/web", "acme/db").await);
    assert!(is_open(scenario, "globex/web", "globex/db").await);
    assert!(is_open(scenario, "acme/web", "acme/db").await);
    let page = operator
        .until("the metrics say so", |page| page.units(TRAFFIC, "fail") == 0)
        .await;
    assert_eq!(page.units(TRAFFIC, "pass"), 2);
    isolation(&page)
}

fn isolation(page: &Page) -> f64 {
    let labels = [("family", "isolation"), ("environment", "production")];
    let series: Vec<f64> = page
        .of("plimsoll_compliance_ratio", &labels)
        .map(|s| s.value)
        .collect();
    assert_eq!(series.len(), 1);
    series[0]
}

/// Whether anything is open between two workloads: by `plimsoll reach`, in place of an attempt to connect.
async fn is_open(scenario: &Scenario, from: &str, to: &str) -> bool {
    let kubeconfig = scenario.cluster.kubeconfig_for(NAMESPACE, ACCOUNT).await.unwrap();
    let mut command = Command::new(program());
    command
        .args(["reach", "--cluster", "--from", from, "--to", to, "-o", "json"])
        .env("KUBECONFIG", kubeconfig);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let connections = answer["connections"].as_array().unwrap();
    assert_eq!(connections.len(), 1, "{answer}");
    connections[0]["allowed"] != json!([])
}
