//! Backups on a real API server, judged by the real actor in this process: schedules that only look daily, a backup that is
//! made at last, and restore tests whose evidence outlives what ran them. Jobs complete at once here (kwok); CloudNativePG's
//! kinds are there without its operator. An approved repair is applied by hand: approvals come later. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kube::{Api, Client};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_api::{EvidenceRecord, SecurityBaseline};
use plimsoll_e2e::{
    installed::SOON,
    series::Page,
    within::{Within, define},
};
use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, compile},
    finding::Change,
    intake::Intake,
};
use serde_json::{Value, json};

const SCHEDULED: &str = "backup/database-scheduled";
const RECENT: &str = "backup/recent-success";
const RESTORE: &str = "backup/restore-test";

/// CloudNativePG's kinds, without its operator.
const CNPG: [(&str, &str); 3] = [
    ("Cluster", "clusters"),
    ("ScheduledBackup", "scheduledbackups"),
    ("Backup", "backups"),
];

fn definition(kind: &str, plural: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.postgresql.cnpg.io") },
        "spec": {
            "group": "postgresql.cnpg.io", "scope": "Namespaced",
            "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    })
}

async fn install(cluster: &Cluster) -> Client {
    define(cluster, CNPG.map(|(kind, plural)| definition(kind, plural))).await;
    cluster.admin().unwrap()
}

fn baseline() -> Value {
    let at_once = json!({ "failAfter": "0s" });
    json!({
        "apiVersion": "plimsoll.dev/v1alpha1", "kind": "SecurityBaseline", "metadata": { "name": "production" },
        "spec": {
            "mode": "Propose",
            "controls": { SCHEDULED: at_once, RECENT: {}, RESTORE: { "firstTestWithin": "0s" } },
        },
    })
}

fn database(name: &str) -> Value {
    let volume = json!({
        "metadata": { "name": "data" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
    });
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": name, "namespace": "shop" },
        "spec": {
            "serviceName": name, "replicas": 1, "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "db", "image": "postgres:17" }] },
            },
            "volumeClaimTemplates": [volume],
        },
    })
}

fn pod() -> Value {
    let container = json!({ "name": "job", "image": "postgres:17" });
    json!({ "spec": { "restartPolicy": "Never", "containers": [container] } })
}

fn dump(of: &str, schedule: &str, suspend: bool) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {
            "name": format!("baseline-backup-{of}"), "namespace": "shop",
            "labels": { "plimsoll.dev/role": "backup" },
            "annotations": { "plimsoll.dev/backup-of": format!("StatefulSet/{of}") },
        },
        "spec": { "schedule": schedule, "suspend": suspend, "jobTemplate": { "spec": { "template": pod() } } },
    })
}

async fn apply(cluster: &Cluster, objects: &[Value]) {
    let text: Vec<String> = objects.iter().map(Value::to_string).collect();
    cluster.apply(&text.join("\n---\n")).await.unwrap();
}

/// What of the control fails, by the name of the database.
async fn failing(client: &Client, control: &str) -> Vec<String> {
    let baselines: Api<SecurityBaseline> = Api::all(client.clone());
    let status = baselines
        .get("production")
        .await
        .unwrap()
        .status
        .unwrap_or_default();
    let of_control = status.worst.iter().filter(|finding| finding.control == control);
    let mut failing: Vec<String> = of_control
        .map(|finding| format!("{} {}", finding.object.name, finding.reason))
        .collect();
    failing.sort();
    failing
}

async fn until_failing(client: &Client, control: &str, expected: &[&str]) {
    let what = format!("{control} says {expected:?}");
    let seen = eventually(SOON, &what, async || {
        let found = failing(client, control).await;
        if found == expected {
            Ok(())
        } else {
            Err(not_yet(format!("{found:?}")))
        }
    });
    seen.await.unwrap();
}

/// What a failing finding about a database says.
async fn message(client: &Client, control: &str, database: &str) -> String {
    let baselines: Api<SecurityBaseline> = Api::all(client.clone());
    let status = baselines.get("production").await.unwrap().status.unwrap();
    let mut findings = status.worst.into_iter();
    let about = findings.find(|finding| finding.control == control && finding.object.name == database);
    about.unwrap().message
}

/// The findings about schedules that fail, and how many of them a change is proposed for.
fn pending(page: &Page) -> [u64; 2] {
    let fail = [
        ("control", SCHEDULED),
        ("environment", "production"),
        ("result", "fail"),
    ];
    let waits = [("control", SCHEDULED)];
    let counts = [
        ("plimsoll_findings", &fail[..]),
        ("plimsoll_remediation_pending", &waits),
    ];
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small counts"
    )]
    counts.map(|(name, labels)| page.sum(name, labels) as u64)
}

/// The objects that the control proposes to create for a database of these.
fn proposed(objects: &[Value], database: &str) -> Vec<Value> {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": "shop", "labels": { "plimsoll.dev/environment": "production" } },
    });
    let documents: Vec<String> = objects.iter().chain([&namespace]).map(Value::to_string).collect();
    let registry = plimsoll_controls::registry();
    let spec = BaselineSpec {
        controls: [(SCHEDULED.to_owned(), serde_json::Map::new())].into(),
        ..BaselineSpec::default()
    };
    let mut engine = Engine::scan();
    engine.set_baselines(vec![compile("b", 1, &spec, &[], &registry, None)]);
    engine.see_everything();
    for (object, _) in Intake::read(&documents, "default").objects {
        engine.upsert(object);
    }
    let report = engine.look(jiff::Timestamp::now());
    let units = report.baselines["b"].units.values();
    let failing: Vec<_> = units
        .flat_map(|unit| unit.failing().cloned().collect::<Vec<_>>())
        .collect();
    let about = failing
        .iter()
        .find(|f| f.finding.object.name() == database)
        .unwrap();
    let changes = &about.finding.repair.as_ref().unwrap().changes;
    let created = changes.iter().map(|change| match change {
        Change::Create { manifest, .. } => manifest.value(),
        other => panic!("{other}"),
    });
    created.collect()
}

/// The claim that a proposed backup writes to.
fn room_for_backups(database: &str) -> [Value; 2] {
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": { "name": "local-path" }, "provisioner": "rancher.io/local-path",
    });
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": format!("{database}-backups"), "namespace": "shop" },
        "spec": {
            "storageClassName": "local-path", "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Gi" } },
        },
    });
    [class, claim]
}

fn units(page: &Page, control: &str) -> [u64; 3] {
    ["pass", "fail", "not_applicable"].map(|result| page.units(control, result))
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_that_look_daily_are_seen_through() {
    let cluster = Cluster::start().await.unwrap();
    let client = install(&cluster).await;
    let production = [("plimsoll.dev/environment", "production")];
    cluster.namespace("shop", &production).await.unwrap();
    let mut objects: Vec<Value> = ["p1", "p2", "p3", "p4", "p5"].map(database).into();
    objects.push(dump("p1", "0 2 * * *", false));
    objects.push(dump("p2", "0 2 * * 1-5", false));
    objects.push(dump("p3", "0 2 * * *", true));
    objects.push(dump("p4", "0 0 30 2 *", false));
    let cnpg = |kind: &str, spec: Value| {
        json!({
            "apiVersion": "postgresql.cnpg.io/v1", "kind": kind,
            "metadata": { "name": "p6", "namespace": "shop" }, "spec": spec,
        })
    };
    objects.push(cnpg("Cluster", json!({ "instances": 3 })));
    let nightly = json!({ "schedule": "0 0 2 * * *", "cluster": { "name": "p6" } });
    objects.push(cnpg("ScheduledBackup", nightly));
    objects.push(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "shop" },
        "spec": {
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "web", "image": "nginx:1.29" }] },
            },
        },
    }));
    objects.push(baseline());
    apply(&cluster, &objects).await;
    let operator = Within::ready(client.clone(), "a").await;
    operator
        .until("two pass, four fail, one is stateless", |page| {
            units(page, SCHEDULED)[..2] == [2, 4] && page.units(SCHEDULED, "not_applicable") >= 1
        })
        .await;
    let expected = ["p2 TooRare", "p3 Suspended", "p4 NeverFires", "p5 NoBackup"];
    until_failing(&client, SCHEDULED, &expected).await;
    let said = message(&client, SCHEDULED, "p2").await;
    assert!(said.contains("up to 72 h apart"), "{said}");
    let page = operator
        .until("two can be repaired", |page| pending(page) == [4, 2])
        .await;
    assert_eq!(page.units(RECENT, "pass"), 0);

    // The proposal, as it is, approved: the CronJob is made with the claim it asks for, and run once by hand.
    apply(&cluster, &room_for_backups("p5")).await;
    apply(&cluster, &proposed(&objects, "p5")).await;
    operator
        .until("three fail", |page| {
            units(page, SCHEDULED)[..2] == [3, 3] && pending(page) == [3, 1]
        })
        .await;
    let from = "--from=cronjob/baseline-backup-p5";
    cluster
        .kubectl(["create", "job", "p5-now", from, "-n", "shop"])
        .await
        .unwrap();
    let page = operator
        .until("the backup of p5 has a success", |page| {
            units(page, RECENT)[0] == 1
        })
        .await;
    let labels = [
        ("environment", "production"),
        ("target_kind", "StatefulSet"),
        ("mechanism", "cronjob"),
    ];
    let series: Vec<_> = page
        .of("plimsoll_backup_last_success_timestamp_seconds", &labels)
        .collect();
    assert_eq!(series.len(), 1, "{series:?}");
    assert!(series[0].labels["target"].len() == 16 && !series[0].labels["target"].contains("p5"));
    operator.end().await.unwrap();
}

/// A restore test that is gone a moment after it ended.
fn restore_test(name: &str, annotations: &Value) -> Value {
    let mut all = json!({ "plimsoll.dev/restore-of": "shop/StatefulSet/p1" });
    for (key, value) in annotations.as_object().unwrap() {
        all[key] = value.clone();
    }
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": name, "namespace": "restore",
            "labels": { "plimsoll.dev/role": "restore-test" }, "annotations": all,
        },
        "spec": { "ttlSecondsAfterFinished": 2, "template": pod() },
    })
}

async fn until_collected(cluster: &Cluster, job: &str) {
    let gone = eventually(SOON, "the Job is collected", async || {
        let left = cluster
            .kubectl(["get", "jobs", "-n", "restore", "-o", "name"])
            .await?;
        if left.stdout.contains(job) {
            Err(not_yet(left.stdout))
        } else {
            Ok(())
        }
    });
    gone.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_of_a_restore_outlives_its_job_and_the_operator() {
    let cluster = Cluster::start().await.unwrap();
    let client = install(&cluster).await;
    for (name, environment) in [("shop", "production"), ("restore", "staging")] {
        let labels = [("plimsoll.dev/environment", environment)];
        cluster.namespace(name, &labels).await.unwrap();
    }
    apply(
        &cluster,
        &[database("p1"), dump("p1", "0 2 * * *", false), baseline()],
    )
    .await;
    let operator = Within::ready(client.clone(), "a").await;
    until_failing(&client, RESTORE, &["p1 NeverTested"]).await;

    apply(&cluster, &[restore_test("blind", &json!({}))]).await;
    until_failing(&client, RESTORE, &["p1 NotVerified"]).await;

    let result = json!({ "backup": "p1-1", "rows": 12, "checksumOk": true, "duration": "14m" }).to_string();
    let annotations = json!({ "plimsoll.dev/restore-result": result });
    apply(&cluster, &[restore_test("seen", &annotations)]).await;
    let page = operator
        .until("the restore counts", |page| units(page, RESTORE)[0] == 1)
        .await;
    let took = page.sum("plimsoll_restore_test_duration_seconds", &[]);
    assert!((took - 840.0).abs() < 0.1, "{took}");
    until_collected(&cluster, "seen").await;
    let records: Api<EvidenceRecord> = Api::all(client.clone());
    let kept = eventually(SOON, "the evidence is written", async || {
        let restores = records.get("shop").await?.spec.restores;
        Ok::<_, kube::Error>(restores.into_iter().find(|r| r.backup == "p1-1"))
    })
    .await
    .unwrap()
    .unwrap();
    assert_eq!((&*kept.namespace, kept.flaw), ("restore", None));
    assert_eq!(kept.environments["plimsoll.dev/environment"], "staging");
    operator.end().await.unwrap();

    // Another process, which never saw the Job; the namespace of the test is gone as well.
    cluster.kubectl(["delete", "namespace", "restore"]).await.unwrap();
    let operator = Within::ready(client.clone(), "b").await;
    let page = operator
        .until("the restore still counts", |page| units(page, RESTORE)[0] == 1)
        .await;
    assert_eq!(page.units(RESTORE, "fail"), 0);
    assert_eq!(
        page.of("plimsoll_restore_test_last_success_timestamp_seconds", &[])
            .count(),
        1
    );
    operator.end().await.unwrap();
}
