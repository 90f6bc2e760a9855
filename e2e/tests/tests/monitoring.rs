//! The operator counts its own replicas, by the Lease that each keeps: on a real API server, with processes that end in peace
//! and processes that are killed. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    installed::{NAMESPACE, SOON, install_with},
    operator::{Operator, refused, status_until},
    series::Page,
};
use serde_json::{Value, json};

const CONTROL: &str = "governance/continuous-monitoring";
/// Short, so that a killed replica is missed soon.
const REPLICA: &[&str] = &["--replica-lease=4s"];

const BASELINE: &str = "
apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {name: live}
spec:
  controls:
    governance/continuous-monitoring: {interval: 30s, failAfter: 0s}
";

fn verdict(page: &Page) -> [u64; 3] {
    ["pass", "fail", "unknown"].map(|result| page.units(CONTROL, result))
}

fn passes(page: &Page) -> bool {
    verdict(page) == [1, 0, 0]
}

fn fails(page: &Page) -> bool {
    verdict(page) == [0, 1, 0]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_counts_its_replicas() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    let values = ["--set", "environment=production,baseline.install=false"];
    install_with(&cluster, &values).await;
    cluster.apply(BASELINE).await.unwrap();

    let first = Operator::ready(&cluster, "first", REPLICA).await;
    first
        .until("alone, and not for long: neither right nor wrong", |page| {
            verdict(page) == [0, 0, 1]
        })
        .await;
    let mut second = Operator::ready(&cluster, "second", REPLICA).await;
    for operator in [&first, &second] {
        operator.until("each sees both", passes).await;
    }
    assert_eq!(leases(&client).await, ["replica-first", "replica-second"]);

    second.process.kill();
    first.until("a killed replica is missed", fails).await;
    let missed = status_until(&client, "live", "the status says so", |status| {
        status["worst"][0]["reason"] == "TooFewReplicas"
    });
    let message = missed.await["worst"][0]["message"].clone();
    assert_eq!(message, "1 of at least 2 replicas of the operator are at work");
    assert_eq!(
        leases(&client).await,
        ["replica-first", "replica-second"],
        "it may come back"
    );

    abandon(&client, "replica-of-last-week").await;
    let mut third = Operator::ready(&cluster, "third", REPLICA).await;
    first.until("another takes its place", passes).await;
    eventually(
        SOON,
        "a Lease that nobody will renew is cleared away",
        async || {
            let left = leases(&client).await;
            let there = |name: &str| left.iter().any(|lease| lease == name);
            if there("replica-of-last-week") {
                Err(not_yet(left.join(" ")))
            } else {
                Ok(())
            }
        },
    )
    .await
    .unwrap();

    let (status, _) = third.stop().await;
    assert!(status.success(), "{}", third.process.log_tail(20));
    let left = leases(&client).await;
    assert_eq!(
        left,
        ["replica-first", "replica-second"],
        "who ends in peace takes its Lease away"
    );
    first.until("and is missed all the same", fails).await;
    assert_eq!(refused(&cluster).await, [""; 0]);
}

/// The Leases of replicas, by name.
async fn leases(client: &Client) -> Vec<String> {
    let api: Api<Lease> = Api::namespaced(client.clone(), NAMESPACE);
    let replicas = ListParams::default().labels("app.kubernetes.io/component=replica");
    let leases = api.list(&replicas).await.unwrap().items.into_iter();
    leases.filter_map(|lease| lease.metadata.name).collect()
}

/// What is left of a replica on a node that is gone.
async fn abandon(client: &Client, name: &str) {
    let renewed = Timestamp::now() - SignedDuration::from_hours(24 * 7);
    let labels: Value =
        json!({ "app.kubernetes.io/name": "plimsoll", "app.kubernetes.io/component": "replica" });
    let lease = json!({
        "metadata": { "name": name, "labels": labels },
        "spec": { "holderIdentity": "gone", "leaseDurationSeconds": 4, "renewTime": format!("{renewed:.6}") },
    });
    let api: Api<Lease> = Api::namespaced(client.clone(), NAMESPACE);
    api.create(&PostParams::default(), &serde_json::from_value(lease).unwrap())
        .await
        .unwrap();
}
