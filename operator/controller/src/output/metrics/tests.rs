use std::{collections::BTreeMap, time::Duration};

use plimsoll_engine::{
    coverage::Coverage,
    finding::Severity,
    kind::Kind,
    memory::Fingerprint,
    name::ObjRef,
    report::{BaselineReport, Rank, Report, Tally, UnitKey, Units},
};

use super::*;
use crate::Health;

const CONTROL: &str = "availability/replica-redundancy";

fn clock() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn baseline(name: &str) -> BaselineReport {
    let tally = Tally {
        pass: 3,
        fail: 1,
        findings: [0, 2, 0, 0],
        waived_findings: 1,
        ..Tally::default()
    };
    let blind = Tally {
        unknown: 2,
        ..Tally::default()
    };
    let absent = Tally {
        not_applicable: 4,
        ..Tally::default()
    };
    let first_seen = clock() - jiff::SignedDuration::from_hours(2);
    let rank = Rank {
        severity: Severity::High,
        first_seen,
        fingerprint: Fingerprint::of(&["a"]),
    };
    let unit = UnitKey {
        control: CONTROL,
        subject: ObjRef::new(Kind::Deployment, "shop", "secret-name"),
    };
    BaselineReport {
        name: name.into(),
        generation: 1,
        mode: plimsoll_engine::baseline::Mode::Observe,
        problems: Arc::from([]),
        severities: Arc::new(BTreeMap::from([
            (CONTROL, Severity::High),
            ("backup/recent-success", Severity::Critical),
        ])),
        units: Units::default(),
        tallies: imbl::OrdMap::from_iter([
            ((CONTROL, Arc::from("production")), tally),
            (("backup/recent-success", Arc::from("production")), blind),
            (("backup/recent-success", Arc::from("")), absent),
        ]),
        worst: imbl::OrdMap::from_iter([(rank, unit)]),
        repairable: imbl::OrdSet::new(),
        tenants: imbl::OrdMap::new(),
    }
}

fn published(baselines: &[&str]) -> Published {
    let named = baselines
        .iter()
        .map(|name| (Arc::<str>::from(*name), baseline(name)));
    Published {
        report: Report {
            baselines: named.collect(),
            ..Report::default()
        },
        health: Arc::new(Health {
            ready: true,
            evaluated_at: Some(clock()),
            turns: 7,
            panicked: 1,
            coverage: BTreeMap::from([(Kind::Pod, Coverage::Complete), (Kind::Rollout, Coverage::Absent)]),
            objects: 12,
            ..Health::default()
        }),
        ..Published::default()
    }
}

fn metrics(published: Published) -> (Metrics, watch::Sender<Arc<Published>>) {
    let (sender, receiver) = watch::channel(Arc::new(published));
    let (_, leading) = watch::channel(true);
    let turns = Turns::default();
    turns.took(Duration::from_millis(2));
    let outcomes = Outcomes::default();
    outcomes.get_or_create(&[("outcome", "sent")]).inc();
    let metrics = Metrics::new(receiver, leading, &turns, clock)
        .with(&catalog::EVENTS, outcomes)
        .with_counts(&catalog::REMEDIATIONS, || {
            vec![(["prod", CONTROL, "safe", "applied"].map(str::to_owned), 2)]
        });
    (metrics, sender)
}

fn page(baselines: &[&str]) -> String {
    metrics(published(baselines)).0.render(Format::Text).unwrap()
}

#[test]
fn what_the_report_says_is_what_is_scraped() {
    let page = page(&["prod"]);
    for line in [
        r#"plimsoll_control_status{baseline="prod",control="availability/replica-redundancy",family="availability",severity="high",environment="production"} 0.0"#,
        r#"plimsoll_control_status{baseline="prod",control="backup/recent-success",family="backup",severity="critical",environment="production"} -1.0"#,
        r#"plimsoll_findings{baseline="prod",control="availability/replica-redundancy",severity="high",environment="production",result="fail"} 2.0"#,
        r#"plimsoll_findings{baseline="prod",control="availability/replica-redundancy",severity="high",environment="production",result="waived"} 1.0"#,
        r#"plimsoll_findings{baseline="prod",control="backup/recent-success",severity="critical",environment="production",result="unknown"} 2.0"#,
        r#"plimsoll_compliance_ratio{baseline="prod",environment="production",family="availability"} 0.75"#,
        r#"plimsoll_compliance_ratio{baseline="prod",environment="production",family="backup"} 0.0"#,
        r#"plimsoll_score_ratio{baseline="prod"} 0.25"#,
        r#"plimsoll_finding_oldest_seconds{baseline="prod",severity="high"} 7200.0"#,
        r#"plimsoll_watched_kind_coverage{kind="rollouts.argoproj.io",state="absent"} 1.0"#,
        "plimsoll_evaluation_errors_total 1",
        "plimsoll_evaluations_total 7",
        "plimsoll_last_evaluation_timestamp_seconds 1795348800.0",
        "plimsoll_leader 1.0",
        "plimsoll_objects 12.0",
        r#"plimsoll_events_total{outcome="sent"} 1"#,
        r#"plimsoll_remediations_total{baseline="prod",control="availability/replica-redundancy",class="safe",outcome="applied"} 2"#,
        r#"plimsoll_evaluation_duration_seconds_bucket{le="0.005"} 1"#,
    ] {
        assert!(page.lines().any(|l| l == line), "no {line} in\n{page}");
    }
    let unjudged = r#"family="backup",severity="critical",environment="""#;
    assert!(
        !page.contains(unjudged),
        "a control that judged nothing has a status"
    );
    assert!(!page.contains("severity=\"critical\"} 7200"));
}

#[test]
fn no_object_is_named() {
    let page = page(&["prod"]);
    assert!(!page.contains("secret-name") && !page.contains("shop"), "{page}");
}

#[test]
fn series_of_a_vanished_baseline_vanish() {
    let (metrics, sender) = metrics(published(&["prod", "old"]));
    assert!(metrics.render(Format::Text).unwrap().contains("baseline=\"old\""));
    sender.send_replace(Arc::new(published(&["prod"])));
    assert!(!metrics.render(Format::Text).unwrap().contains("baseline=\"old\""));
}

#[test]
fn verdicts_are_silent_until_everything_was_seen() {
    let mut early = published(&["prod"]);
    early.health = Arc::default();
    let page = metrics(early).0.render(Format::Text).unwrap();
    assert!(!page.contains("plimsoll_control_status") && !page.contains("plimsoll_last_evaluation"));
    assert!(page.contains("plimsoll_ready 0.0"), "{page}");
}

#[test]
fn series_are_bounded_by_the_documented_formula() {
    let page = page(&["prod"]);
    let (controls, environments) = (2, 2);
    let count = |family: &str| {
        page.lines()
            .filter(|l| l.starts_with(&format!("plimsoll_{family}{{")))
            .count()
    };
    assert!(count("control_status") <= controls * environments);
    assert!(count("findings") <= 6 * controls * environments);
    assert!(count("units") <= 5 * controls * environments);
}

#[test]
fn every_family_appears_once_and_the_page_ends() {
    let page = metrics(published(&["prod"]))
        .0
        .render(Format::OpenMetrics)
        .unwrap();
    let mut types: Vec<&str> = page.lines().filter(|l| l.starts_with("# TYPE")).collect();
    let all = types.len();
    types.sort_unstable();
    types.dedup();
    assert_eq!(types.len(), all);
    assert!(page.ends_with("# EOF\n"));
    assert!(!page.contains("_total_total"));
}
