//! The operator as a process on a real API server, with the rights the chart gives it: what it says, when, and what it
//! remembers. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::{apps::v1::Deployment, coordination::v1::Lease};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_api::EvidenceRecord;
use plimsoll_e2e::{
    baseline::{BASELINE, baseline},
    installed::{NAMESPACE, SOON, api, install_with},
    operator::{Operator, condition, events, status, status_until, time},
};
use serde_json::{Value, json};

const REDUNDANCY: &str = "availability/replica-redundancy";

/// Failures count at once, so that the test need not wait for `failAfter`.
const CONTROLS: &str = "
availability/replica-redundancy: {minReplicas: 2, failAfter: 0s}
environments/labelled: {failAfter: 0s}
isolation/default-deny: {failAfter: 0s}
";

fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": "shop" },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": name } }, "template": {
            "metadata": { "labels": { "app": name } },
            "spec": { "containers": [{ "name": "c", "image": "registry.k8s.io/pause:3.10" }] } } },
    })
}

fn deployments(client: &Client) -> Api<Deployment> {
    Api::namespaced(client.clone(), "shop")
}

async fn create(client: &Client, name: &str, replicas: u32) {
    let object = serde_json::from_value(deployment(name, replicas)).unwrap();
    let created = deployments(client).create(&PostParams::default(), &object).await;
    created.unwrap();
}

async fn merge(client: &Client, name: &str, patch: Value) {
    let patch = Patch::Merge(patch);
    deployments(client)
        .patch(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

/// The life of an operator and of its successor, step by step.
#[tokio::test(flavor = "multi_thread")]
async fn what_changes_is_told_once_and_survives_a_restart() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    install_with(
        &cluster,
        &["--set", "environment=production,baseline.install=false"],
    )
    .await;
    let labels = [
        ("plimsoll.dev/environment", "production"),
        ("plimsoll.dev/tenant", "acme"),
    ];
    cluster.namespace("shop", &labels).await.unwrap();
    create(&client, "old", 1).await;
    create(&client, "good", 2).await;
    cluster.apply(&baseline("Observe", CONTROLS)).await.unwrap();

    let mut first = Operator::start(&cluster, "first", &[]).await;
    assert_eq!(
        first.get("/livez").await.unwrap().trim(),
        "ok",
        "alive before it has read everything"
    );
    let ready = eventually(SOON, "ready", async || first.get("/readyz").await.map(drop));
    ready.await.unwrap();
    first
        .until("what was so is measured", |page| {
            page.units(REDUNDANCY, "fail") == 1
        })
        .await;
    reports_in_its_status(&cluster, &client).await;

    changes_are_seen_at_once(&client, &first).await;
    transitions_are_told_once(&client, &first).await;
    a_changed_baseline_is_observed(&cluster, &client).await;

    let (evidence, told) = (remembered(&client).await, events(&client, "shop").await);
    let before = status_until(&client, BASELINE, "the status is settled", |s| {
        s["totals"]["fail"] == 3
    })
    .await;
    stops_cleanly(&client, &mut first).await;
    create(&client, "meanwhile", 1).await;
    a_successor_goes_on(&cluster, &client, &before, &evidence, &told).await;
}

/// Conditions, counts and what `kubectl get` shows.
async fn reports_in_its_status(cluster: &Cluster, client: &Client) {
    let status = status_until(client, BASELINE, "the status is written", |s| {
        s["totals"]["fail"].is_u64()
    })
    .await;
    let generation = api(client, "SecurityBaseline")
        .get(BASELINE)
        .await
        .unwrap()
        .metadata
        .generation;
    assert_eq!(status["observedGeneration"].as_i64(), generation);
    for (kind, value) in [("Accepted", "True"), ("Ready", "True"), ("Compliant", "False")] {
        let condition = condition(&status, kind);
        assert_eq!(condition["status"], value, "{condition}");
        assert_eq!(
            condition["observedGeneration"].as_i64(),
            generation,
            "{condition}"
        );
    }
    let control = |id: &str| {
        let all = status["controls"].as_array().unwrap();
        all.iter().find(|control| control["id"] == id).unwrap().clone()
    };
    assert_eq!(
        (&control(REDUNDANCY)["fail"], &control(REDUNDANCY)["pass"]),
        (&json!(1), &json!(1))
    );
    let worst = status["worst"].as_array().unwrap();
    let old = worst
        .iter()
        .find(|finding| finding["object"]["name"] == "old")
        .unwrap();
    assert_eq!(
        (&old["reason"], &old["object"]["namespace"]),
        (&json!("TooFewReplicas"), &json!("shop"))
    );

    let table = cluster
        .kubectl(["get", "securitybaselines"])
        .await
        .unwrap()
        .stdout;
    let columns: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(columns, ["NAME", "MODE", "SCORE", "FAILING", "UNKNOWN", "AGE"]);
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    let number = |value: &Value| value.to_string();
    assert_eq!(row[..3], [BASELINE, "Observe", &number(&status["score"])]);
    assert_eq!(
        row[3..5],
        [
            number(&status["totals"]["fail"]),
            number(&status["totals"]["unknown"])
        ]
    );
}

/// From the API server's answer to the verdict, as a scrape would see it: far below any interval of polling.
async fn changes_are_seen_at_once(client: &Client, operator: &Operator) {
    let failing = operator.page().await.units(REDUNDANCY, "fail");
    let mut slowest = Duration::ZERO;
    for (name, expected) in [("one", failing + 1), ("two", failing + 2), ("three", failing + 3)] {
        let asked = Instant::now();
        create(client, name, 1).await;
        while operator.page().await.units(REDUNDANCY, "fail") != expected {
            assert!(asked.elapsed() < SOON, "{name} was never judged");
        }
        slowest = slowest.max(asked.elapsed());
    }
    eprintln!("from a change to its verdict: {slowest:?} at most");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    for name in ["one", "two", "three"] {
        deployments(client)
            .delete(name, &kube::api::DeleteParams::default())
            .await
            .unwrap();
    }
    operator
        .until("what is gone is not counted", |page| {
            page.units(REDUNDANCY, "fail") == failing
        })
        .await;
}

async fn told_of(client: &Client, name: &str) -> Vec<String> {
    let mut told = events(client, "shop").await;
    told.retain(|line| line.starts_with(&format!("Deployment/{name} ")));
    told
}

async fn until_told(client: &Client, name: &str, expected: &[&str]) {
    let seen = eventually(SOON, "events are written", async || {
        let told = told_of(client, name).await;
        if told == expected {
            Ok(())
        } else {
            Err(not_yet(format!("{told:?}")))
        }
    });
    seen.await.unwrap();
}

async fn transitions_are_told_once(client: &Client, operator: &Operator) {
    create(client, "fresh", 1).await;
    until_told(client, "fresh", &["Deployment/fresh TooFewReplicas"]).await;
    // Nothing that any control reads, and nothing that changes a verdict: nothing to tell.
    merge(
        client,
        "fresh",
        json!({ "metadata": { "annotations": { "note": "still one" } } }),
    )
    .await;
    merge(
        client,
        "fresh",
        json!({ "spec": { "template": { "metadata": { "labels": { "more": "x" } } } } }),
    )
    .await;
    merge(client, "fresh", json!({ "spec": { "replicas": 3 } })).await;
    until_told(
        client,
        "fresh",
        &[
            "Deployment/fresh TooFewReplicas",
            "Deployment/fresh BaselineSatisfied",
        ],
    )
    .await;
    assert_eq!(
        told_of(client, "old").await,
        [""; 0],
        "what was so when the operator started"
    );
    assert_eq!(told_of(client, "good").await, [""; 0]);
    let page = operator.page().await;
    assert!(page.sum("plimsoll_events_total", &[("outcome", "sent")]) >= 2.0);
}

async fn a_changed_baseline_is_observed(cluster: &Cluster, client: &Client) {
    let stricter = CONTROLS.replace("minReplicas: 2", "minReplicas: 3");
    cluster.apply(&baseline("Observe", &stricter)).await.unwrap();
    let seen = status_until(client, BASELINE, "the new generation is observed", |s| {
        s["observedGeneration"] == 2
    })
    .await;
    for kind in ["Accepted", "Ready", "Compliant"] {
        assert_eq!(condition(&seen, kind)["observedGeneration"], 2);
    }
    // old and good, which has two.
    let redundancy = |s: &Value| {
        s["controls"]
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["id"] == REDUNDANCY)
            .unwrap()["fail"]
            .clone()
    };
    assert_eq!(redundancy(&seen), 2, "{seen}");
}

/// Since when each finding has been there, by its fingerprint.
async fn remembered(client: &Client) -> Vec<(String, Timestamp)> {
    let records: Api<EvidenceRecord> = Api::all(client.clone());
    let seen = eventually(SOON, "what was found is remembered", async || {
        let record = records.get("shop").await.map_err(|e| not_yet(e.to_string()))?;
        let seen = record.spec.units.iter().flat_map(|unit| &unit.seen);
        let mut seen: Vec<_> = seen
            .map(|seen| (seen.fingerprint.clone(), seen.first_seen))
            .collect();
        seen.sort();
        // Two Deployments with too few replicas; nothing denied in either direction.
        if seen.len() == 4 {
            Ok(seen)
        } else {
            Err(not_yet(format!("{seen:?}")))
        }
    });
    seen.await.unwrap()
}

async fn stops_cleanly(client: &Client, operator: &mut Operator) {
    let leases: Api<Lease> = Api::namespaced(client.clone(), NAMESPACE);
    let holder = async || {
        leases
            .get("plimsoll")
            .await
            .unwrap()
            .spec
            .unwrap()
            .holder_identity
    };
    assert!(holder().await.unwrap().starts_with("first"));
    let (status, took) = operator.stop().await;
    assert!(status.success(), "{status}: {}", operator.process.log_tail(20));
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(holder().await, None, "the Lease is released");
}

async fn a_successor_goes_on(
    cluster: &Cluster,
    client: &Client,
    before: &Value,
    evidence: &[(String, Timestamp)],
    told: &[String],
) {
    let started = Timestamp::now();
    let second = Operator::ready(cluster, "second", &[]).await;
    let confirmed = |s: &Value| time(&s["lastEvaluated"]) >= started && s["totals"]["fail"] == 4;
    let after = status_until(client, BASELINE, "the successor confirms the status", confirmed).await;
    for kind in ["Accepted", "Ready", "Compliant"] {
        let since = |s: &Value| condition(s, kind)["lastTransitionTime"].clone();
        assert_eq!(since(before), since(&after), "{kind}");
    }
    let first_seen = |s: &Value| -> Vec<Value> {
        let old = s["worst"].as_array().unwrap().iter();
        let old = old.filter(|finding| finding["object"]["name"] != "meanwhile");
        old.map(|finding| json!([finding["reason"], finding["object"], finding["firstSeen"]]))
            .collect()
    };
    assert_eq!(first_seen(before), first_seen(&after));

    // Events come in order: when this one is there, those of the start would be, too.
    create(client, "last", 1).await;
    until_told(client, "last", &["Deployment/last TooFewReplicas"]).await;
    let mut all = events(client, "shop").await;
    all.retain(|line| !line.starts_with("Deployment/last "));
    assert_eq!(
        all, told,
        "nothing is told again, and nothing of what was so at the start"
    );

    let records: Api<EvidenceRecord> = Api::all(client.clone());
    let kept = eventually(SOON, "the new findings join the old ones", async || {
        let record = records.get("shop").await.unwrap();
        let seen = record.spec.units.iter().flat_map(|unit| &unit.seen);
        let seen: Vec<_> = seen
            .map(|seen| (seen.fingerprint.clone(), seen.first_seen))
            .collect();
        if seen.len() == 6 {
            Ok(seen)
        } else {
            Err(not_yet(format!("{seen:?}")))
        }
    });
    let kept = kept.await.unwrap();
    assert!(
        evidence.iter().all(|old| kept.contains(old)),
        "{evidence:?} {kept:?}"
    );
    assert_eq!(status(client, BASELINE).await["observedGeneration"], 2);
    drop(second);
}
