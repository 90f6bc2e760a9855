//! The outputs on a real API server, fed by the real actor: Events, status, evidence, metrics. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use k8s_openapi::api::events::v1::Event;
use kube::{Api, Client, api::ListParams};
use kube_test::{Cluster, Prometheus, eventually, not_yet, promtool};
use plimsoll_api::{EvidenceRecord, ObjectReference, RepairRecord, SecurityBaseline, crds};
use plimsoll_controller::{
    Config, Running,
    leader::Fence,
    output::{
        events::Events,
        evidence::{Evidence, Keeper, load_all},
        metrics::{Format, Metrics, Outcomes, Turns},
        server::Server,
        status::Statuses,
    },
    start,
};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(60);

/// An operator without remediation, in this process; leads as it is told.
struct Operator {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    keeper: Keeper,
    leading: watch::Sender<bool>,
    published: watch::Receiver<Arc<plimsoll_controller::Published>>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    running: Running,
}

async fn install(cluster: &Cluster) -> Client {
    let path = cluster.dir().join("crds.json");
    let items = crds(&plimsoll_controls::registry()).unwrap();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    std::fs::write(&path, list.to_string()).unwrap();
    let path = path.to_str().unwrap();
    // Server-side: the definitions are too large for the annotation of client-side apply.
    cluster
        .kubectl(["apply", "--server-side", "-f", path])
        .await
        .unwrap();
    cluster
        .kubectl(["wait", "--for=condition=Established", "-f", path, "--timeout=60s"])
        .await
        .unwrap();
    cluster.admin().unwrap()
}

async fn operator(client: &Client, leads: bool) -> Operator {
    let stop = CancellationToken::new();
    let memory = load_all(client.clone()).await.unwrap();
    let config = Config::default();
    let mut running = start(
        client,
        &config,
        plimsoll_controls::registry(),
        Vec::new(),
        memory.clone(),
        &stop,
    );
    let (leading, follows) = watch::channel(leads);
    let fence = Fence::follows(follows.clone());
    let (events, statuses, evidences) = (Outcomes::default(), Outcomes::default(), Outcomes::default());
    let metrics = Metrics::new(
        running.published.clone(),
        follows.clone(),
        &Turns::default(),
        jiff::Timestamp::now,
    )
    .with("events", "Events by what became of them", events.clone())
    .with(
        "status_writes",
        "Writes of status by what became of them",
        statuses.clone(),
    )
    .with(
        "evidence_writes",
        "Writes of evidence by what became of them",
        evidences.clone(),
    );
    let metrics = Arc::new(metrics);
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = server.address();
    let (evidence, keeper) = Evidence::new(client.clone(), fence.clone(), evidences, &memory);
    let mut tasks = JoinSet::new();
    tasks.spawn(server.run(running.published.clone(), metrics.clone(), stop.clone()));
    tasks.spawn(Events::new(client.clone(), "pod-1", events).run(
        running.changes.subscribe(),
        follows.clone(),
        stop.clone(),
    ));
    tasks.spawn(Statuses::new(client.clone(), fence, statuses).run(
        running.published.clone(),
        follows.clone(),
        stop.clone(),
    ));
    let remembered = std::mem::replace(&mut running.remembered, mpsc::unbounded_channel().1);
    tasks.spawn(evidence.run(remembered, follows, stop.clone()));
    Operator {
        address,
        metrics,
        keeper,
        leading,
        published: running.published.clone(),
        stop,
        tasks,
        running,
    }
}

impl Operator {
    async fn ready(&self) {
        let mut published = self.published.clone();
        let ready = tokio::time::timeout(SOON, published.wait_for(|p| p.health.ready)).await;
        assert!(matches!(ready, Ok(Ok(_))), "never ready");
    }

    async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.running.join().await;
    }

    fn page(&self, format: Format) -> String {
        self.metrics.render(format).unwrap()
    }
}

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
    let client = install(&cluster).await;
    cluster.namespace("old", &[]).await.unwrap();
    apply(&cluster, &labelled()).await;
    let operator = operator(&client, true).await;
    operator.ready().await;

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
    let status = eventually(SOON, "the status counts both", async || {
        let status = baselines
            .get("production")
            .await
            .unwrap()
            .status
            .unwrap_or_default();
        match &status.totals {
            Some(totals) if totals.fail >= 2 => Ok(status),
            _ => Err(not_yet(format!("{status:?}"))),
        }
    })
    .await
    .unwrap();
    assert!(status.worst.iter().any(|finding| finding.object.name == "fresh"));

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
    operator.end().await;
    let old = load_all(client.clone()).await.unwrap();
    assert!(old.iter().any(|(namespace, _)| &**namespace == "old"));
    let units = old.iter().filter(|(namespace, _)| &**namespace == "fresh");
    assert!(
        units.flat_map(|(_, shard)| shard.units.values()).count() == 0,
        "repaired: forgotten"
    );
    assert!(first_seen <= jiff::Timestamp::now());
}

async fn prometheus_agrees(operator: &Operator) {
    let prometheus = Prometheus::start(&[&operator.address.to_string()], "")
        .await
        .unwrap();
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
    let checked = promtool(&["check", "metrics"], &operator.page(Format::Text))
        .await
        .unwrap();
    assert_eq!((checked.stdout.as_str(), checked.stderr.as_str()), ("", ""));
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
    let client = install(&cluster).await;
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
    let follower = operator(&client, false).await;
    follower.ready().await;
    let writes = async || {
        let log = cluster.audit().await.unwrap();
        let status = |e: &kube_test::AuditEvent| e.line().contains("/status");
        let own = log.effective_writes().filter(status);
        own.on("securitybaselines").len()
    };
    assert_eq!(writes().await, 0, "followers write nothing");

    follower.leading.send_replace(true);
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

    let quiet = writes().await;
    let mut published = follower.published.clone();
    for _ in 0..2 {
        published.borrow_and_update();
        published.changed().await.unwrap(); // the actor's heartbeat
    }
    assert_eq!(writes().await, quiet, "nothing new was said");

    apply(&cluster, &baseline(&json!({ "environments/labeled": {} }))).await;
    let refused = accepted("False").await;
    assert!(
        refused.message.contains("environments/labeled"),
        "{}",
        refused.message
    );
    assert_eq!(refused.observed_generation, Some(2));
    follower.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_outlives_processes_and_changes_of_leader() {
    let cluster = Cluster::start().await.unwrap();
    let client = install(&cluster).await;
    cluster.namespace("shop", &[]).await.unwrap();
    apply(&cluster, &labelled()).await;
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

    let first = operator(&client, true).await;
    let second = operator(&client, false).await; // sees the findings a little later
    first.ready().await;
    second.ready().await;
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
