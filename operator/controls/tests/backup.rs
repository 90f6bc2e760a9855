//! Backups over time and under events: deadlines pass without an event, and an event runs only who is concerned.
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
    baseline::{BaselineSpec, compile},
    coverage::Coverage,
    decode::decode_json,
    finding::Verdict,
    kind::Kind,
};
use serde_json::{Value, json};

const SCHEDULED: &str = "backup/database-scheduled";
const RECENT: &str = "backup/recent-success";

struct Cluster(Engine);

impl Cluster {
    fn new(controls: &[&str]) -> Self {
        let entries = controls
            .iter()
            .map(|id| ((*id).to_owned(), serde_json::Map::new()));
        let spec = BaselineSpec {
            controls: entries.collect::<BTreeMap<_, _>>(),
            ..BaselineSpec::default()
        };
        let compiled = compile("b", 1, &spec, &[], &plimsoll_controls::registry(), None);
        assert!(compiled.problems.is_empty(), "{:?}", compiled.problems);
        let mut cluster = Self(Engine::live());
        cluster.0.set_baselines(vec![compiled]);
        cluster.0.see_everything();
        let labels = json!({"plimsoll.dev/environment": "production"});
        cluster.put(
            Kind::Namespace,
            json!({"metadata": {"name": "shop", "labels": labels}}),
        );
        cluster
    }

    fn put(&mut self, kind: Kind, object: Value) {
        self.0.upsert(decode_json(kind, &object.to_string()).unwrap());
    }

    fn database(&mut self, name: &str) {
        let object = json!({
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {
                "template": {"spec": {"containers": [{"name": "db", "image": "postgres:17"}]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            },
        });
        self.put(Kind::StatefulSet, object);
    }

    fn backup(&mut self, of: &str, status: Value) {
        let object = json!({
            "metadata": {
                "name": format!("{of}-backup"), "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"plimsoll.dev/role": "backup"},
                "annotations": {"plimsoll.dev/backup-of": format!("StatefulSet/{of}")},
            },
            "spec": {"schedule": "0 2 * * *"},
            "status": status,
        });
        self.put(Kind::CronJob, object);
    }

    fn velero(&mut self, phase: &str, completed: Option<&str>) {
        let schedule = json!({
            "metadata": {"name": "daily", "namespace": "velero", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"schedule": "0 3 * * *", "template": {}},
        });
        self.put(Kind::VeleroSchedule, schedule);
        let backup = json!({
            "metadata": {"name": "daily-1", "namespace": "velero", "labels": {"velero.io/schedule-name": "daily"}},
            "status": {"phase": phase, "startTimestamp": "2026-06-01T03:00:00Z", "completionTimestamp": completed},
        });
        self.put(Kind::VeleroBackup, backup);
    }

    /// How many units of a control have each verdict, after a turn.
    fn verdicts(&mut self, now: Timestamp, control: &str) -> BTreeMap<&'static str, usize> {
        self.0.turn(now);
        let mut count = BTreeMap::new();
        for unit in self.0.report().baselines["b"].units.values().filter(|u| !u.blind) {
            if unit.key.control == control {
                *count.entry(unit.verdict.word()).or_default() += 1;
            }
        }
        count
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOON: &str = "2026-06-01T12:00:00Z";

#[test]
fn a_pass_turns_to_fail_at_the_deadline_without_an_event() {
    let mut cluster = Cluster::new(&[RECENT]);
    cluster.database("db");
    cluster.backup("db", json!({"lastSuccessfulTime": "2026-06-01T02:10:00Z"}));
    assert_eq!(cluster.verdicts(at(NOON), RECENT), [("pass", 1)].into());
    cluster.0.watching();
    let deadline = at("2026-06-02T04:10:00Z");
    assert_eq!(cluster.0.next_wake(), Some(deadline));
    let before = deadline - SignedDuration::from_secs(1);
    assert_eq!(cluster.verdicts(before, RECENT), [("pass", 1)].into());
    assert_eq!(cluster.verdicts(deadline, RECENT), [("fail", 1)].into());
    cluster.backup("db", json!({"lastSuccessfulTime": "2026-06-02T04:11:00Z"}));
    assert_eq!(
        cluster.verdicts(deadline + SignedDuration::from_mins(2), RECENT),
        [("pass", 1)].into()
    );
}

#[test]
fn a_source_that_never_succeeded_fails_when_it_is_as_old_as_the_deadline() {
    let mut cluster = Cluster::new(&[RECENT]);
    cluster.database("db");
    cluster.backup("db", json!({}));
    assert_eq!(
        cluster.verdicts(at("2026-01-01T01:00:00Z"), RECENT),
        [("unknown", 1)].into()
    );
    let deadline = at("2026-01-02T02:00:00Z");
    assert_eq!(cluster.0.next_wake(), Some(deadline));
    assert_eq!(cluster.verdicts(deadline, RECENT), [("fail", 1)].into());
}

#[test]
fn a_run_under_way_puts_the_deadline_off_until_it_takes_too_long() {
    let mut cluster = Cluster::new(&[RECENT]);
    cluster.database("db");
    let status = json!({
        "lastSuccessfulTime": "2026-06-01T02:10:00Z", "lastScheduleTime": "2026-06-02T02:00:00Z",
        "active": [{"kind": "Job", "name": "j"}],
    });
    cluster.backup("db", status);
    for (now, verdict) in [
        ("2026-06-02T04:00:00Z", "pass"),
        ("2026-06-02T05:59:59Z", "pass"),
        // Four hours are over, and the success of yesterday is more than 26 old.
        ("2026-06-02T06:00:00Z", "fail"),
    ] {
        assert_eq!(cluster.verdicts(at(now), RECENT), [(verdict, 1)].into(), "{now}");
    }
}

#[test]
fn an_event_runs_only_the_databases_concerned() {
    let mut cluster = Cluster::new(&[SCHEDULED, RECENT]);
    let success = |hour| json!({"lastSuccessfulTime": format!("2026-06-01T{hour:02}:10:00Z")});
    for i in 0..200 {
        cluster.database(&format!("db-{i}"));
        cluster.backup(&format!("db-{i}"), success(2));
    }
    assert_eq!(cluster.verdicts(at(NOON), RECENT), [("pass", 200)].into());
    let evaluated = |cluster: &mut Cluster| cluster.0.turn(at(NOON)).evaluated;
    assert_eq!(evaluated(&mut cluster), 0);

    // A finished run: the one database, and only by the control that asks for runs.
    cluster.backup("db-7", success(11));
    assert_eq!(evaluated(&mut cluster), 1);
    // A backup of Velero's, of a schedule that is nobody's last resort.
    cluster.velero("InProgress", None);
    evaluated(&mut cluster);
    cluster.velero("Completed", Some("2026-06-01T03:20:00Z"));
    assert_eq!(evaluated(&mut cluster), 0);
    // An ordinary CronJob concerns nobody.
    let report =
        json!({"metadata": {"name": "report", "namespace": "shop"}, "spec": {"schedule": "0 5 * * *"}});
    cluster.put(Kind::CronJob, report);
    assert!(evaluated(&mut cluster) <= 2, "itself at most");
}

#[test]
fn a_backup_of_velero_reaches_every_database_it_holds() {
    let mut cluster = Cluster::new(&[SCHEDULED, RECENT]);
    for i in 0..20 {
        cluster.database(&format!("db-{i}"));
    }
    cluster.velero("PartiallyFailed", Some("2026-06-01T03:20:00Z"));
    assert_eq!(cluster.verdicts(at(NOON), RECENT), [("fail", 20)].into());
    assert_eq!(cluster.verdicts(at(NOON), SCHEDULED), [("pass", 20)].into());
    cluster.velero("Completed", Some("2026-06-01T03:20:00Z"));
    let delta = cluster.0.turn(at(NOON));
    assert_eq!(
        delta.evaluated, 20,
        "each database once, and none by the schedule's control"
    );
    assert_eq!(cluster.verdicts(at(NOON), RECENT), [("pass", 20)].into());
}

#[test]
fn hiding_a_kind_never_improves_a_verdict() {
    for hidden in Kind::ALL.iter().filter(|k| **k != Kind::Namespace) {
        for control in [SCHEDULED, RECENT] {
            let mut cluster = Cluster::new(&[control]);
            cluster.database("good");
            cluster.backup("good", json!({"lastSuccessfulTime": "2026-06-01T02:10:00Z"}));
            cluster.database("bad");
            cluster.verdicts(at(NOON), control);
            let before = words(&cluster);
            cluster.0.set_coverage(*hidden, Coverage::Forbidden);
            cluster.0.turn(at(NOON));
            for (subject, word) in words(&cluster) {
                assert!(
                    word == "unknown" || before[&subject] == word,
                    "{control}, {hidden:?} hidden: {subject} {word}"
                );
            }
        }
    }
}

fn words(cluster: &Cluster) -> BTreeMap<String, &'static str> {
    let report = cluster.0.report();
    report.baselines["b"]
        .units
        .values()
        .filter(|unit| !unit.blind)
        .map(|unit| (unit.key.subject.to_string(), unit.verdict.word()))
        .collect()
}

#[test]
fn the_finding_names_both_ends_of_the_pause() {
    let mut cluster = Cluster::new(&[SCHEDULED]);
    cluster.database("db");
    let object = json!({
        "metadata": {
            "name": "nightly", "namespace": "shop", "labels": {"plimsoll.dev/role": "backup"},
            "annotations": {"plimsoll.dev/backup-of": "*"},
        },
        "spec": {"schedule": "0 2 * * *", "timeZone": "Europe/Berlin"},
    });
    cluster.put(Kind::CronJob, object);
    cluster.0.turn(at(NOON));
    let report = cluster.0.report();
    let unit = report.baselines["b"]
        .units
        .values()
        .find(|u| u.verdict == Verdict::Fail)
        .unwrap();
    let finding = &unit.failing().next().unwrap().finding;
    assert_eq!(
        &*finding.message,
        "CronJob shop/nightly runs too rarely: up to 47 h apart, at most 25 h (maxInterval 24h and 1 h) are allowed"
    );
    let evidence = &finding.evidence[0];
    for part in [
        "Sat 2027-03-27 02:00 CET",
        "Mon 2027-03-29 02:00 CEST",
        "choose another hour",
    ] {
        assert!(evidence.contains(part), "{evidence}");
    }
}
