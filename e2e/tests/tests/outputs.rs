//! The outputs on a real API server, fed by the real actor: Events, status, evidence, metrics. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::events::v1::Event;
use kube::{Api, Client, api::ListParams};
use kube_test::{Cluster, Prometheus, eventually, not_yet, promtool};
use plimsoll_api::{EvidenceRecord, ObjectReference, RepairRecord, SecurityBaseline};
use plimsoll_controller::{
    Duties,
    leader::Fence,
    output::{
        evidence::{Evidence, Keeper, load_all},
        outcomes::Outcomes,
    },
};
use plimsoll_e2e::{
    series::Page,
    within::{Within, define},
};
use plimsoll_engine::memory::{Fingerprint, Held, Seen, Shard};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_mins(1);

async fn apply(cluster: &Cluster, object: &Value) {
    let path = cluster.dir().join("object.json");
    std::fs::write(&path, object.to_string()).unwrap();
    cluster
        .kubectl(["apply", "-f", path.to_str().unwrap()])
        .await
        .unwrap();
}

fn baseline(controls: &Value) -> Value {
    json!({
        "apiVersion": "plimsoll.dev/v1alpha1",
        "kind": "SecurityBaseline",
        "metadata": { "name": "production" },
        "spec": { "controls": controls },
    })
}

fn labelled() -> Value {
    baseline(&json!({ "environments/labelled": { "failAfter": "0s" } }))
}

async fn events_on(client: &Client, name: &str) -> Vec<Event> {
    let api: Api<Event> = Api::namespaced(client.clone(), "default");
    let all = api.list(&ListParams::default()).await.unwrap();
    let on = |event: &Event| event.regarding.as_ref().and_then(|r| r.name.as_deref()) == Some(name);
    all.items.into_iter().filter(on).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_to_fail_is_told_reported_remembered_and_measured() {
    let cluster = Cluster::start().await.unwrap();
    define(&cluster, []).await;
    let client = cluster.admin().unwrap();
    cluster.namespace("old", &[]).await.unwrap();
    apply(&cluster, &labelled()).await;
    let operator = Within::start(client.clone(), "a");
    operator.until_ready().await;

    cluster.namespace("fresh", &[]).await.unwrap();
    let warning = eventually(SOON, "an Event on the namespace", async || {
        events_on(&client, "fresh")
            .await
            .into_iter()
            .next()
            .ok_or_else(|| not_yet("none"))
    })
    .await
    .unwrap();
    assert_eq!(warning.type_.as_deref(), Some("Warning"));
    assert!(
        warning
            .note
            .unwrap()
            .starts_with("environments/labelled of baseline production: ")
    );
    assert!(
        warning.regarding.unwrap().uid.is_some(),
        "kubectl describe finds it"
    );
    assert!(
        events_on(&client, "old").await.is_empty(),
        "what was so before is no transition"
    );

    let baselines: Api<SecurityBaseline> = Api::all(client.clone());
    eventually(SOON, "the status counts both and names the new one", async || {
        let status = baselines
            .get("production")
            .await
            .unwrap()
            .status
            .unwrap_or_default();
        let named = status.worst.iter().any(|finding| finding.object.name == "fresh");
        match &status.totals {
            Some(totals) if totals.fail >= 2 && named => Ok(status),
            _ => Err(not_yet(format!("{status:?}"))),
        }
    })
    .await
    .unwrap();

    let first_seen = eventually(SOON, "evidence of the namespace", async || {
        let records: Api<EvidenceRecord> = Api::all(client.clone());
        let record = records.get("fresh").await?;
        let seen = record
            .spec
            .units
            .first()
            .and_then(|unit| unit.seen.first().map(|seen| seen.first_seen));
        Ok::<_, kube::Error>(seen)
    })
    .await
    .unwrap()
    .unwrap();

    prometheus_agrees(&operator).await;
    passing_again(&cluster, &client).await;

    // A new process finds what the earlier one remembered.
    operator.end().await.unwrap();
    let old = load_all(client.clone()).await.unwrap();
    assert!(old.iter().any(|(namespace, _)| &**namespace == "old"));
    let units = old.iter().filter(|(namespace, _)| &**namespace == "fresh");
    assert!(
        units.flat_map(|(_, shard)| shard.units.values()).count() == 0,
        "repaired: forgotten"
    );
    assert!(first_seen <= jiff::Timestamp::now());
}

async fn prometheus_agrees(operator: &Within) {
    let prometheus = Prometheus::start(&[&operator.address], "").await.unwrap();
    let query = r#"plimsoll_control_status{control="environments/labelled"}"#;
    let samples = eventually(SOON, "Prometheus scraped", async || {
        let samples = prometheus.query(query).await.unwrap();
        if samples.is_empty() {
            Err(not_yet("nothing"))
        } else {
            Ok(samples)
        }
    })
    .await
    .unwrap();
    assert!(
        samples.iter().any(|s| s.value.abs() < f64::EPSILON),
        "{samples:?}"
    );
    for name in [
        "plimsoll_evaluations_total",
        "plimsoll_leader",
        "process_resident_memory_bytes",
        "plimsoll_events_total",
    ] {
        assert!(!prometheus.query(name).await.unwrap().is_empty(), "{name}");
    }
    let page = operator.pages.get("/metrics").await.unwrap();
    let checked = promtool(&["check", "metrics"], &page).await.unwrap();
    assert_eq!(
        (checked.stdout.as_str(), checked.stderr.as_str()),
        ("", ""),
        "{page}"
    );
}

async fn passing_again(cluster: &Cluster, client: &Client) {
    cluster
        .kubectl(["label", "namespace", "fresh", "plimsoll.dev/environment=staging"])
        .await
        .unwrap();
    eventually(SOON, "an Event that all is well again", async || {
        let events = events_on(client, "fresh").await;
        let satisfied = |event: &Event| {
            event.type_.as_deref() == Some("Normal") && event.reason.as_deref() == Some("BaselineSatisfied")
        };
        if events.iter().any(satisfied) {
            Ok(())
        } else {
            Err(not_yet(format!("{} events", events.len())))
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_are_written_when_they_say_something_new_and_by_the_leader_only() {
    let cluster = Cluster::start().await.unwrap();
    define(&cluster, []).await;
    let client = cluster.admin().unwrap();
    apply(&cluster, &labelled()).await;
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let exception = json!({
        "apiVersion": "plimsoll.dev/v1alpha1",
        "kind": "BaselineException",
        "metadata": { "name": "nothing" },
        "spec": {
            "control": "environments/labelled",
            "selector": { "namespaces": ["nowhere"] },
            "reason": "nothing of that name exists",
            "riskId": "R-1",
            "approvedBy": "a test",
            "expires": later.to_string(),
        },
    });
    apply(&cluster, &exception).await;
    let as_replica = |name: &str| cluster.client_impersonating(name, &["system:masters"]).unwrap();
    let leader = Within::start(as_replica("replica-a"), "a");
    let writes = async |replica: &str| {
        let log = cluster.audit().await.unwrap();
        let status = |e: &kube_test::AuditEvent| e.line().contains("status");
        let log = log.by_user(replica).effective_writes();
        log.on("securitybaselines").filter(status).len()
    };

    let baselines: Api<SecurityBaseline> = Api::all(client.clone());
    let accepted = async |wanted: &str| {
        eventually(SOON, "the condition Accepted", async || {
            let status = baselines
                .get("production")
                .await
                .unwrap()
                .status
                .unwrap_or_default();
            let condition = status.conditions.iter().find(|c| c.type_ == "Accepted").cloned();
            match condition {
                Some(condition) if condition.status == wanted => Ok(condition),
                other => Err(not_yet(format!("{other:?}"))),
            }
        })
        .await
        .unwrap()
    };
    accepted("True").await;
    eventually(SOON, "the exception is inert", async || {
        let phase = ["get", "bex", "nothing", "-o", "jsonpath={.status.phase}"];
        let phase = cluster.kubectl(phase).await.unwrap().stdout;
        if phase == "Inert" {
            Ok(())
        } else {
            Err(not_yet(phase))
        }
    })
    .await
    .unwrap();

    let follower = Within::start(as_replica("replica-b"), "b");
    follower.until_ready().await;
    let quiet = writes("replica-a").await;
    assert!(quiet > 0);
    // Two heartbeats of the actor later nothing new was said, and the other replica said nothing at all.
    let turns = |page: &Page| page.sum("plimsoll_evaluations_total", &[]);
    let before = turns(&follower.pages.metrics().await);
    let two_more = |page: &Page| turns(page) >= before + 2.0;
    follower.until("two more turns", two_more).await;
    assert_eq!(writes("replica-a").await, quiet);
    assert_eq!(writes("replica-b").await, 0);
    leader.end().await.unwrap();

    apply(&cluster, &baseline(&json!({ "environments/labeled": {} }))).await;
    let refused = accepted("False").await;
    assert!(
        refused.message.contains("environments/labeled"),
        "{}",
        refused.message
    );
    assert_eq!(refused.observed_generation, Some(2));
    follower.end().await.unwrap();
}

/// What writes evidence, fed by hand.
struct Replica {
    keeper: Keeper,
    leading: watch::Sender<bool>,
    remembered: mpsc::UnboundedSender<Vec<(Arc<str>, Shard)>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn replica(client: &Client, leads: bool) -> Replica {
    let (leading, follows) = watch::channel(leads);
    let fence = Fence::follows(follows.clone());
    let (evidence, keeper) = Evidence::new(client.clone(), Duties::ALL, fence, Outcomes::default(), &[]);
    let (remembered, changed) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let task = tokio::spawn(evidence.run(changed, follows, stop.clone()));
    Replica {
        keeper,
        leading,
        remembered,
        stop,
        task,
    }
}

impl Replica {
    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_outlives_processes_and_changes_of_leader() {
    let cluster = Cluster::start().await.unwrap();
    define(&cluster, []).await;
    let client = cluster.admin().unwrap();
    let records: Api<EvidenceRecord> = Api::all(client.clone());
    let repair = |minutes: i64| RepairRecord {
        control: "availability/replica-redundancy".into(),
        object: ObjectReference {
            kind: "Deployment".into(),
            name: "web".into(),
            ..ObjectReference::default()
        },
        uid: None,
        summary: "set spec.replicas from 1 to 2".into(),
        fields: Vec::new(),
        time: jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes),
        undone: 0,
    };

    let shard = |minutes: i64| {
        let first_seen = jiff::Timestamp::from_second(1_790_000_000 + minutes * 60).unwrap();
        let seen = Seen {
            fingerprint: Fingerprint::of(&["finding"]),
            first_seen,
            fails_at: first_seen,
            held: Held::Unknown,
        };
        let mut shard = Shard::default();
        shard.units.insert(Fingerprint::of(&["unit"]), vec![seen]);
        vec![(Arc::from("shop"), shard)]
    };
    let first = replica(&client, true);
    let second = replica(&client, false);
    first.remembered.send(shard(0)).unwrap();
    second.remembered.send(shard(7)).unwrap(); // sees the findings a little later
    assert!(
        second.keeper.keep("shop", repair(2)).await.is_err(),
        "followers keep nothing"
    );
    let seen = async || {
        let record = records.get("shop").await.ok()?;
        Some(record.spec.units.first()?.seen.first()?.first_seen)
    };
    let first_seen = eventually(SOON, "evidence", async || {
        seen().await.ok_or_else(|| not_yet("none"))
    })
    .await
    .unwrap();
    eventually(SOON, "the repair is kept", async || {
        first.keeper.keep("shop", repair(2)).await
    })
    .await
    .unwrap();
    assert_eq!(first.keeper.repairs().await.unwrap().len(), 1);

    first.end().await;
    second.leading.send_replace(true);
    eventually(SOON, "the second leader keeps a repair", async || {
        second.keeper.keep("shop", repair(1)).await
    })
    .await
    .unwrap();
    let record = records.get("shop").await.unwrap();
    assert_eq!(record.spec.repairs.len(), 2, "the first leader's is still there");
    assert_eq!(seen().await, Some(first_seen), "no finding became younger");

    // Somebody deletes the record: it comes back with what is known.
    cluster
        .kubectl(["delete", "evidencerecord", "shop"])
        .await
        .unwrap();
    eventually(SOON, "the record is written again", async || {
        second.keeper.keep("shop", repair(0)).await?;
        Ok::<_, plimsoll_controller::output::evidence::PersistError>(())
    })
    .await
    .unwrap();
    assert!(!records.get("shop").await.unwrap().spec.units.is_empty());
    second.end().await;
}
