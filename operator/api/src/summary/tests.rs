use std::{collections::BTreeMap, sync::Arc};

use plimsoll_engine::{
    baseline::Mode,
    finding::{Basis, Details, Finding, Severity, Verdict},
    kind::Kind,
    memory::Fingerprint,
    name::ObjRef,
    report::{Judgement, Reported, State, UnitResult},
};
use proptest::prelude::*;

use super::*;

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// Ids as long as any will be.
fn ids(count: usize) -> Vec<&'static str> {
    (0..count)
        .map(|n| &*Box::leak(format!("availability-family/{n:043}").into_boxed_str()))
        .collect()
}

#[allow(
    clippy::default_trait_access,
    reason = "the maps' crate is the engine's affair"
)]
fn report(controls: usize, tally: Tally, messages: &[String], problems: usize) -> BaselineReport {
    let ids = ids(controls);
    let mut report = BaselineReport {
        name: "b".into(),
        generation: i64::MAX,
        mode: Mode::Propose,
        problems: (0..problems).map(|n| problem(n, messages)).collect(),
        severities: Arc::new(
            ids.iter()
                .map(|id| (*id, Severity::Critical))
                .collect::<BTreeMap<_, _>>(),
        ),
        units: Default::default(),
        tallies: ids
            .iter()
            .map(|id| ((*id, Arc::from("production")), tally))
            .collect(),
        worst: Default::default(),
        repairable: Default::default(),
        tenants: Default::default(),
    };
    for (n, message) in messages.iter().enumerate() {
        add_finding(&mut report, ids[n % ids.len()], n, message);
    }
    report
}

fn problem(n: usize, messages: &[String]) -> Problem {
    let text = messages
        .get(n % messages.len().max(1))
        .cloned()
        .unwrap_or_default();
    Problem {
        field: format!("spec.controls.{text}"),
        message: text,
    }
}

fn add_finding(report: &mut BaselineReport, control: &'static str, n: usize, message: &str) {
    let subject = ObjRef::new(Kind::Deployment, "n".repeat(63), format!("{n:0253}"));
    let key = UnitKey {
        control,
        subject: subject.clone(),
    };
    let fingerprint = Fingerprint::of(&[&n.to_string()]);
    let reported = Reported {
        finding: Finding::new(
            subject,
            Details {
                reason: "SomeLongReasonThatSaysWhatIsWrong",
                field_path: Some(message.into()),
                message: message.into(),
                evidence: vec![message.into()],
                severity: None,
                detail: None,
                repair: None,
            },
        ),
        fingerprint,
        severity: Severity::Critical,
        first_seen: now(),
        state: State::Failing,
    };
    let judgement = Judgement {
        control: key.control,
        severity: Severity::Critical,
        basis: Basis::Automated,
        mode: Mode::Propose,
        environment: None,
        verdict: Verdict::Fail,
        findings: [reported].into(),
        notes: Box::default(),
        blind: false,
    };
    report.units.insert(UnitResult {
        key: key.clone(),
        judgement: Arc::new(judgement),
    });
    report.worst.insert(
        Rank {
            severity: Severity::Critical,
            first_seen: now(),
            fingerprint,
        },
        key,
    );
}

fn counts(n: u64) -> Tally {
    Tally {
        pass: n,
        fail: n,
        unknown: n,
        not_applicable: n,
        waived: n,
        ..Tally::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the cluster and its objects look like, the status fits and its counts are exact.
    #[test]
    fn the_status_is_bounded_and_exact(
        controls in 1usize..=100,
        n in 0u64..=u64::from(u32::MAX),
        problems in 0usize..200,
        messages in prop::collection::vec("(\\PC|[\\x00-\\x1f\"\\\\\u{10ffff}]){0,2000}", 0..40),
    ) {
        let status = status_of(&report(controls, counts(n), &messages, problems), now(), None);
        let bytes = serde_json::to_vec(&status).unwrap().len();
        prop_assert!(bytes <= MAX_STATUS_BYTES, "{bytes}");
        prop_assert_eq!(status.controls.len(), controls);
        prop_assert!(status.controls.iter().all(|c| c.fail == i64::try_from(n).unwrap()));
        prop_assert_eq!(status.totals.unwrap().unknown, i64::try_from(n * controls as u64).unwrap());
        prop_assert!(status.worst.len() <= MAX_WORST.min(messages.len()));
        for condition in &status.conditions {
            prop_assert!(condition.message.len() <= 2_100);
        }
    }
}

#[test]
fn a_hundred_controls_with_the_largest_counts_fit_and_leave_room_for_findings() {
    let messages: Vec<String> = (0..30).map(|_| "\u{1}".repeat(5_000)).collect();
    let status = status_of(
        &report(100, counts(u64::MAX / 1_000), &messages, 100),
        now(),
        None,
    );
    let bytes = serde_json::to_vec(&status).unwrap().len();
    assert!(bytes <= MAX_STATUS_BYTES, "{bytes}");
    assert_eq!(status.controls.len(), 100);
    assert!(!status.worst.is_empty());
}

#[test]
fn all_twenty_findings_are_listed_where_there_is_room() {
    let messages: Vec<String> = (0..30).map(|_| "the container web has no limit".into()).collect();
    let status = status_of(&report(12, counts(10), &messages, 0), now(), None);
    assert_eq!(status.worst.len(), MAX_WORST);
}

#[test]
fn a_condition_keeps_its_transition_time_until_its_status_changes() {
    let first = status_of(&report(1, counts(0), &[], 0), now(), None);
    let later = "2026-11-22T11:00:00Z".parse().unwrap();
    let same = status_of(&report(1, counts(0), &[], 0), later, Some(&first));
    assert!(same.says_the_same(&first));
    assert_ne!(same.last_evaluated, first.last_evaluated);
    let failing = status_of(&report(1, counts(1), &["x".into()], 1), later, Some(&same));
    assert!(!failing.says_the_same(&same));
    let since = |status: &SecurityBaselineStatus, kind: &str| {
        status
            .conditions
            .iter()
            .find(|c| c.type_ == kind)
            .unwrap()
            .last_transition_time
            .0
    };
    assert_eq!(since(&failing, "Ready"), now());
    assert_eq!(since(&failing, "Accepted"), later);
    assert_eq!(since(&failing, "Compliant"), later);
}

#[test]
fn a_hundred_percent_is_said_of_nothing_less_than_everything() {
    assert_eq!(percent(0.999_9), 99);
    assert_eq!(percent(1.0), 100);
    assert_eq!(percent(0.0), 0);
    let fine = status_of(
        &report(
            3,
            Tally {
                pass: 4,
                ..Tally::default()
            },
            &[],
            0,
        ),
        now(),
        None,
    );
    assert_eq!(fine.score, Some(100));
    assert!(crate::is_true(&fine.conditions, "Compliant"));
    let unknown = status_of(
        &report(
            3,
            Tally {
                pass: 4,
                unknown: 1,
                ..Tally::default()
            },
            &[],
            0,
        ),
        now(),
        None,
    );
    assert!(!crate::is_true(&unknown.conditions, "Compliant"));
    assert!(
        unknown
            .conditions
            .iter()
            .any(|c| c.type_ == "Compliant" && c.status == "Unknown")
    );
    let nothing = status_of(&report(3, Tally::default(), &[], 0), now(), None);
    assert_eq!(nothing.score, None);
}
