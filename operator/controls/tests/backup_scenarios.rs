//! Stories about backups over time, with a clock of the test's own: success that is stale or no success at all, and the
//! yearly restore test, whose evidence outlives its objects and the operator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "tests"
)]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, Compiled, compile},
    decode::decode_json,
    kind::Kind,
    memory::Shard,
    name::ObjRef,
    report::UnitResult,
};
use serde_json::{Value, json};

const RECENT: &str = "backup/recent-success";
const RESTORE: &str = "backup/restore-test";
const ISOLATION: &str = "backup/restore-test-isolation";
const BACKUP_DUE: &str = "plimsoll_backup_due_timestamp_seconds";
const BACKUP_SUCCESS: &str = "plimsoll_backup_last_success_timestamp_seconds";
const RESTORE_SUCCESS: &str = "plimsoll_restore_test_last_success_timestamp_seconds";
const RESTORE_DURATION: &str = "plimsoll_restore_test_duration_seconds";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn baseline() -> Compiled {
    let entries = [RECENT, RESTORE, ISOLATION].map(|id| (id.to_owned(), serde_json::Map::new()));
    let spec = BaselineSpec {
        controls: BTreeMap::from(entries),
        ..BaselineSpec::default()
    };
    let compiled = compile("b", 1, &spec, &[], &plimsoll_controls::registry(), None);
    assert!(compiled.problems.is_empty(), "{:?}", compiled.problems);
    compiled
}

/// A running operator and its clock.
struct Cluster {
    engine: Engine,
    now: Timestamp,
    objects: BTreeMap<ObjRef, (Kind, Value)>,
}

impl Cluster {
    fn new(now: &str) -> Self {
        let mut cluster = Self {
            engine: Self::started(),
            now: at(now),
            objects: BTreeMap::new(),
        };
        cluster.namespace("shop", "production");
        cluster.namespace("restore", "staging");
        cluster.turn();
        cluster.engine.watching();
        cluster
    }

    fn started() -> Engine {
        let mut engine = Engine::live();
        engine.set_baselines(vec![baseline()]);
        engine.see_everything();
        engine
    }

    fn put(&mut self, kind: Kind, object: Value) {
        let decoded = decode_json(kind, &object.to_string()).unwrap();
        self.objects.insert(decoded.name.clone(), (kind, object));
        self.engine.upsert(decoded);
    }

    fn remove(&mut self, kind: Kind, namespace: &str, name: &str) {
        let name = ObjRef::new(kind, namespace, name);
        self.objects.remove(&name);
        self.engine.remove(&name);
    }

    fn namespace(&mut self, name: &str, environment: &str) {
        let labels = json!({"plimsoll.dev/environment": environment});
        let object = json!({"metadata": {"name": name, "uid": format!("uid-{name}"), "labels": labels}});
        self.put(Kind::Namespace, object);
        let deny = json!({
            "metadata": {"name": "deny", "namespace": name},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        });
        self.put(Kind::NetworkPolicy, deny);
    }

    fn database(&mut self, name: &str) {
        let object = json!({
            "metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2024-01-01T00:00:00Z"},
            "spec": {
                "template": {"spec": {"containers": [{"name": "db", "image": "postgres:17"}]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            },
        });
        self.put(Kind::StatefulSet, object);
    }

    fn dump(&mut self, of: &str, created: Timestamp, status: Value) {
        let object = json!({
            "metadata": {
                "name": format!("{of}-dump"), "namespace": "shop", "creationTimestamp": created.to_string(),
                "labels": {"plimsoll.dev/role": "backup"},
                "annotations": {"plimsoll.dev/backup-of": format!("StatefulSet/{of}")},
            },
            "spec": {"schedule": "0 2 * * *"},
            "status": status,
        });
        self.put(Kind::CronJob, object);
    }

    /// A restore test that has ended well at this moment.
    fn restore_test(&mut self, namespace: &str, name: &str, result: Option<Value>) {
        let mut annotations = json!({"plimsoll.dev/restore-of": "shop/StatefulSet/db"});
        if let Some(result) = result {
            annotations["plimsoll.dev/restore-result"] = result.to_string().into();
        }
        let object = json!({
            "metadata": {
                "name": name, "namespace": namespace,
                "labels": {"plimsoll.dev/role": "restore-test"}, "annotations": annotations,
            },
            "status": {
                "startTime": (self.now - SignedDuration::from_mins(20)).to_string(),
                "completionTime": self.now.to_string(),
            },
        });
        self.put(Kind::Job, object);
    }

    fn later(&mut self, hours: i64) {
        self.now += SignedDuration::from_hours(hours);
    }

    /// Another process: what was persisted is all it knows of the past.
    fn restart(&mut self) {
        let memory = self.engine.memory_mut().clone();
        self.engine = Self::started();
        for namespace in memory.namespaces() {
            if let Some(shard) = memory.shard(namespace) {
                let text = serde_json::to_string(shard).unwrap();
                let again: Shard = serde_json::from_str(&text).unwrap();
                assert_eq!(again, *shard);
                self.engine.load_memory(namespace, again);
            }
        }
        for (kind, object) in self.objects.values() {
            self.engine
                .upsert(decode_json(*kind, &object.to_string()).unwrap());
        }
        self.turn();
        self.engine.watching();
    }

    fn turn(&mut self) {
        self.engine.turn(self.now);
    }

    fn unit(&mut self, control: &str, name: &str) -> UnitResult {
        self.turn();
        let report = self.engine.report();
        let found = report.baselines["b"]
            .units
            .values()
            .find(|unit| unit.key.control == control && unit.key.subject.name() == name);
        found.unwrap_or_else(|| panic!("{control} does not judge {name}"))
    }

    /// The verdict, with the reasons of what fails.
    fn verdict(&mut self, control: &str, name: &str) -> String {
        let unit = self.unit(control, name);
        let reasons: Vec<&str> = unit.failing().map(|reported| reported.finding.reason).collect();
        format!("{} {}", unit.verdict.word(), reasons.join(", "))
            .trim()
            .to_owned()
    }

    /// The value of a gauge about the database; there is one in each story that asks, or the newest is meant.
    fn measured(&mut self, gauge: &str) -> Vec<f64> {
        self.turn();
        let asides = self.engine.asides();
        let values = asides.measures().filter(|measure| measure.metric.name == gauge);
        values.map(|measure| measure.value).collect()
    }
}

#[test]
fn stale_and_fake_success() {
    let mut cluster = Cluster::new("2026-06-01T12:00:00Z");
    let ago = |hours| (at("2026-06-01T12:00:00Z") - SignedDuration::from_hours(hours)).to_string();
    let old = at("2026-01-01T00:00:00Z");
    for name in ["h25", "h27", "never-old", "never-young"] {
        cluster.database(name);
    }
    cluster.dump("h25", old, json!({"lastSuccessfulTime": ago(25)}));
    cluster.dump("h27", old, json!({"lastSuccessfulTime": ago(27)}));
    cluster.dump("never-old", at(&ago(48)), json!({}));
    cluster.dump("never-young", at(&ago(1)), json!({}));
    assert_eq!(cluster.verdict(RECENT, "h25"), "pass");
    assert_eq!(cluster.verdict(RECENT, "h27"), "fail Stale");
    assert_eq!(cluster.verdict(RECENT, "never-old"), "fail NeverSucceeded");
    assert_eq!(cluster.verdict(RECENT, "never-young"), "unknown");
    // What an alert on age compares with 26 hours.
    let now = at("2026-06-01T12:00:00Z").as_second();
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let age = |success: &f64| (now as f64 - success) / 3600.0;
    let mut ages: Vec<f64> = cluster.measured(BACKUP_SUCCESS).iter().map(age).collect();
    ages.sort_by(f64::total_cmp);
    assert_eq!(ages, [25.0, 27.0], "what never succeeded has no series");
    // The alert fires once this is past: 26 hours after a success, or after what should have succeeded once came to be.
    let mut overdue: Vec<f64> = cluster.measured(BACKUP_DUE).iter().map(age).collect();
    overdue.sort_by(f64::total_cmp);
    assert_eq!(overdue, [-1.0, 1.0]);
}

#[test]
fn a_partial_backup_of_velero_is_no_success_however_recently_it_started() {
    let mut cluster = Cluster::new("2026-06-01T12:00:00Z");
    cluster.database("db");
    let schedule = json!({
        "metadata": {"name": "daily", "namespace": "velero", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"schedule": "0 3 * * *", "template": {}},
        "status": {"phase": "Enabled", "lastBackup": "2026-06-01T11:00:00Z"},
    });
    cluster.put(Kind::VeleroSchedule, schedule);
    let backup = json!({
        "metadata": {"name": "daily-1", "namespace": "velero", "labels": {"velero.io/schedule-name": "daily"}},
        "status": {
            "phase": "PartiallyFailed",
            "startTimestamp": "2026-06-01T11:00:00Z", "completionTimestamp": "2026-06-01T11:10:00Z",
        },
    });
    cluster.put(Kind::VeleroBackup, backup);
    assert_eq!(cluster.verdict(RECENT, "db"), "fail NeverSucceeded");
    assert!(cluster.measured(BACKUP_SUCCESS).is_empty());
}

fn verified() -> Value {
    json!({"backup": "db-1", "rows": 120_450, "checksumOk": true, "duration": "14m"})
}

#[test]
fn the_yearly_restore_test() {
    let mut cluster = Cluster::new("2025-06-02T12:00:00Z");
    cluster.database("db");
    cluster.dump("db", at("2024-01-01T00:00:00Z"), json!({}));
    cluster.restore_test("restore", "yearly-1", Some(verified()));
    assert_eq!(cluster.verdict(RESTORE, "db"), "pass");
    let first = cluster.measured(RESTORE_SUCCESS)[0];
    assert_eq!(cluster.measured(RESTORE_DURATION), [840.0]);
    // The Job is collected, and so is the operator.
    cluster.remove(Kind::Job, "restore", "yearly-1");
    assert_eq!(cluster.verdict(RESTORE, "db"), "pass");
    cluster.restart();
    cluster.later(364 * 24);
    assert_eq!(cluster.verdict(RESTORE, "db"), "pass");
    let notes = cluster.unit(RESTORE, "db").notes.clone();
    assert!(
        notes
            .iter()
            .any(|note| note.contains("the next restore test is due by 2026-06-02T12:00:00Z"))
    );

    cluster.later(48);
    assert_eq!(cluster.verdict(RESTORE, "db"), "fail Expired");

    // A Job that ends with 0 and leaves no result.
    cluster.restore_test("restore", "yearly-2", None);
    assert_eq!(cluster.verdict(RESTORE, "db"), "fail Expired");
    let unit = cluster.unit(RESTORE, "db");
    let seen = unit.failing().next().unwrap().finding.evidence.join("; ");
    assert!(seen.contains("restored, not verified"), "{seen}");
    assert_eq!(cluster.measured(RESTORE_SUCCESS), [first]);

    // One in a production namespace proves nothing and is wrong there.
    cluster.later(1);
    cluster.restore_test("shop", "yearly-3", Some(verified()));
    assert_eq!(cluster.verdict(RESTORE, "db"), "fail Expired");
    cluster.later(1); // a failure settles
    assert_eq!(cluster.verdict(ISOLATION, "shop"), "fail Production");
    assert_eq!(cluster.measured(RESTORE_SUCCESS), [first]);
    cluster.remove(Kind::Job, "shop", "yearly-3");

    // A correct one, whose result is its pod's termination message and whose Job goes by its TTL.
    cluster.later(1);
    cluster.restore_test("restore", "yearly-4", None);
    let pod = json!({
        "metadata": {
            "name": "yearly-4-x", "namespace": "restore",
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "yearly-4", "uid": "4", "controller": true}],
        },
        "status": {
            "phase": "Succeeded",
            "containerStatuses": [{"state": {"terminated": {"exitCode": 0, "message": verified().to_string()}}}],
        },
    });
    cluster.put(Kind::Pod, pod);
    assert_eq!(cluster.verdict(RESTORE, "db"), "pass");
    assert_eq!(cluster.verdict(ISOLATION, "restore"), "pass");
    assert!(cluster.measured(RESTORE_SUCCESS)[0] > first);
    cluster.remove(Kind::Job, "restore", "yearly-4");
    cluster.remove(Kind::Pod, "restore", "yearly-4-x");
    assert_eq!(cluster.verdict(RESTORE, "db"), "pass");
    cluster.restart();
    assert_eq!(cluster.verdict(RESTORE, "db"), "pass");

    // The copy it made is forgotten there.
    let copy = json!({"metadata": {
        "name": "copy", "namespace": "restore", "creationTimestamp": cluster.now.to_string(),
        "labels": {"plimsoll.dev/role": "restore-test"},
    }});
    cluster.put(Kind::PersistentVolumeClaim, copy);
    assert_eq!(cluster.verdict(ISOLATION, "restore"), "pass");
    cluster.later(25);
    cluster.turn();
    cluster.later(1);
    assert_eq!(cluster.verdict(ISOLATION, "restore"), "fail CopyKept");
    cluster.remove(Kind::PersistentVolumeClaim, "restore", "copy");
    assert_ne!(cluster.verdict(ISOLATION, "restore"), "fail CopyKept");
}

#[test]
fn what_a_test_proved_stands_whatever_becomes_of_its_namespace() {
    let mut cluster = Cluster::new("2026-06-01T12:00:00Z");
    cluster.database("db");
    cluster.dump("db", at("2024-01-01T00:00:00Z"), json!({}));
    cluster.namespace("scratch", "staging");
    cluster.restore_test("scratch", "test", Some(verified()));
    assert_eq!(cluster.verdict(RESTORE, "db"), "pass");
    cluster.remove(Kind::Job, "scratch", "test");
    cluster.remove(Kind::Namespace, "", "scratch");
    assert_eq!(cluster.verdict(RESTORE, "db"), "pass");
    // Another namespace of that name is production; the test was not made there.
    cluster.namespace("scratch", "production");
    assert_eq!(cluster.verdict(RESTORE, "db"), "pass");
    cluster.restart();
    assert_eq!(cluster.verdict(RESTORE, "db"), "pass");
}

#[test]
fn evidence_goes_with_the_namespace_of_the_database() {
    let mut cluster = Cluster::new("2026-06-01T12:00:00Z");
    cluster.database("db");
    cluster.dump("db", at("2024-01-01T00:00:00Z"), json!({}));
    cluster.restore_test("restore", "test", Some(verified()));
    assert_eq!(cluster.verdict(RESTORE, "db"), "pass");
    cluster.remove(Kind::Job, "restore", "test");
    let other = json!({"metadata": {
        "name": "shop", "uid": "another", "labels": {"plimsoll.dev/environment": "production"},
    }});
    cluster.put(Kind::Namespace, other);
    assert_eq!(cluster.verdict(RESTORE, "db"), "fail NeverTested");
}

#[test]
fn a_namespace_that_does_not_exist_gets_no_record() {
    let mut cluster = Cluster::new("2026-06-01T12:00:00Z");
    for i in 0..50 {
        let object = json!({
            "metadata": {
                "name": format!("t{i}"), "namespace": "restore", "labels": {"plimsoll.dev/role": "restore-test"},
                "annotations": {"plimsoll.dev/restore-of": format!("nowhere-{i}/*,no/such/{i}/x")},
            },
            "status": {"completionTime": "2026-06-01T11:00:00Z"},
        });
        cluster.put(Kind::Job, object);
    }
    cluster.turn();
    let remembered: Vec<String> = cluster
        .engine
        .memory_mut()
        .namespaces()
        .map(ToString::to_string)
        .collect();
    assert!(
        remembered
            .iter()
            .all(|name| ["shop", "restore"].contains(&&**name)),
        "{remembered:?}"
    );
}

#[test]
fn a_restore_runs_only_the_database_it_is_about() {
    let mut cluster = Cluster::new("2026-06-01T12:00:00Z");
    for i in 0..100 {
        cluster.database(&format!("db-{i}"));
        cluster.dump(&format!("db-{i}"), at("2024-01-01T00:00:00Z"), json!({}));
    }
    cluster.database("db");
    cluster.turn();
    // A Job that is no restore test concerns nobody.
    let other = json!({"metadata": {"name": "other", "namespace": "restore"}, "status": {"completionTime": "2026-06-01T11:00:00Z"}});
    cluster.put(Kind::Job, other);
    assert_eq!(cluster.engine.turn(cluster.now).evaluated, 0);
    cluster.restore_test("restore", "test", Some(verified()));
    let evaluated = cluster.engine.turn(cluster.now).evaluated;
    assert!(
        evaluated <= 102,
        "the databases of the namespace once, and the test's: {evaluated}"
    );
    assert_eq!(cluster.engine.turn(cluster.now).evaluated, 0);
}
