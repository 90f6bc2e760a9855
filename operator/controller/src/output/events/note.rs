//! From a transition to what is said about it.

use std::sync::Arc;

use plimsoll_engine::{
    finding::Verdict,
    name::ObjRef,
    report::{Reported, Transition, UnitResult},
    text::cut,
};

use super::{super::text::harmless, is_object};

/// Longest note the API server takes, in bytes (`events.k8s.io/v1` Event `note`).
const LONGEST: usize = 1024;
/// Longest reason, in bytes.
const LONGEST_REASON: usize = 128;
/// Reason of an event whose finding has none that fits.
const VIOLATED: &str = "BaselineViolated";

/// What is to be said about an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The object; nothing for the cluster as a whole, which its baseline stands for.
    pub subject: Option<ObjRef>,
    /// The baseline.
    pub baseline: Arc<str>,
    /// The control.
    pub control: &'static str,
    /// Whether something is wrong.
    pub warning: bool,
    /// A CamelCase word.
    pub reason: &'static str,
    /// At most 1024 bytes, one line.
    pub note: String,
}

/// What a transition says to people: that something began to fail, failed in a new way, or passes again.
pub fn notice(transition: &Transition) -> Option<Notice> {
    let after = transition.after.as_ref()?;
    if after.blind {
        return None; // no object of that kind is known
    }
    let before = transition.before.as_ref();
    match (before.map(|unit| &unit.verdict), &after.verdict) {
        (_, Verdict::Fail) => violated(transition, before, after),
        (Some(Verdict::Fail), Verdict::Pass) => Some(Notice {
            warning: false,
            reason: "BaselineSatisfied",
            note: bounded(&format!(
                "{} of baseline {} passes again",
                after.key.control, transition.baseline
            )),
            ..about(transition, after)
        }),
        _ => None,
    }
}

fn violated(transition: &Transition, before: Option<&UnitResult>, after: &UnitResult) -> Option<Notice> {
    let known = |reported: &&Reported| {
        before.is_none_or(|b| b.failing().all(|k| k.fingerprint != reported.fingerprint))
    };
    let mut fresh: Vec<&Reported> = after.failing().filter(known).collect();
    fresh.sort_by_key(|reported| (reported.severity, reported.fingerprint));
    let (worst, others) = fresh.split_first()?;
    let finding = &worst.finding;
    let more = match others.len() {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    let place = if finding.object == after.key.subject {
        String::new()
    } else {
        format!("{}: ", finding.object)
    };
    Some(Notice {
        warning: true,
        reason: if finding.reason.is_empty() || finding.reason.len() > LONGEST_REASON {
            VIOLATED
        } else {
            finding.reason
        },
        note: with_end(
            &format!(
                "{} of baseline {}: {place}{}",
                after.key.control, transition.baseline, finding.message
            ),
            &more,
        ),
        ..about(transition, after)
    })
}

fn about(transition: &Transition, unit: &UnitResult) -> Notice {
    let subject = &unit.key.subject;
    Notice {
        subject: is_object(subject).then(|| subject.clone()),
        baseline: transition.baseline.clone(),
        control: unit.key.control,
        warning: false,
        reason: VIOLATED,
        note: String::new(),
    }
}

fn bounded(text: &str) -> String {
    with_end(text, "")
}

/// The text, made harmless, cut so that it fits together with `end`.
fn with_end(text: &str, end: &str) -> String {
    cut(&harmless(text), LONGEST - end.len()) + end
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use plimsoll_engine::{
        baseline::Mode,
        finding::{Basis, Details, Finding, Severity},
        kind::Kind,
        memory::Fingerprint,
        report::{Judgement, State, UnitKey},
        unknown::Unknown,
    };

    use super::*;

    fn finding(reason: &'static str, message: &str) -> Reported {
        Reported {
            finding: Finding::new(
                ObjRef::new(Kind::Deployment, "shop", "web"),
                Details {
                    reason,
                    field_path: None,
                    message: message.into(),
                    evidence: Vec::new(),
                    severity: None,
                    detail: None,
                    repair: None,
                },
            ),
            fingerprint: Fingerprint::of(&[reason]),
            severity: Severity::High,
            first_seen: Timestamp::UNIX_EPOCH,
            state: State::Failing,
        }
    }

    #[allow(clippy::unnecessary_wraps, reason = "as a transition has it")]
    fn unit(verdict: Verdict, findings: Vec<Reported>) -> Option<UnitResult> {
        let judgement = Judgement {
            control: "availability/replica-redundancy",
            severity: Severity::High,
            basis: Basis::Automated,
            mode: Mode::Observe,
            environment: None,
            verdict,
            findings: findings.into(),
            notes: Box::default(),
            blind: false,
        };
        Some(UnitResult {
            key: UnitKey {
                control: "availability/replica-redundancy",
                subject: ObjRef::new(Kind::Deployment, "shop", "web"),
            },
            judgement: Arc::new(judgement),
        })
    }

    fn said(before: Option<UnitResult>, after: Option<UnitResult>) -> Option<Notice> {
        notice(&Transition {
            baseline: "production".into(),
            before,
            after,
        })
    }

    fn failing(message: &str) -> Option<UnitResult> {
        unit(Verdict::Fail, vec![finding("TooFewReplicas", message)])
    }

    #[test]
    fn failing_is_a_warning_with_the_reason_of_the_finding() {
        for before in [None, unit(Verdict::Pass, vec![])] {
            let notice = said(before, failing("one replica")).unwrap();
            assert!(notice.warning);
            assert_eq!(notice.reason, "TooFewReplicas");
            assert_eq!(
                notice.note,
                "availability/replica-redundancy of baseline production: one replica"
            );
            assert_eq!(notice.subject.unwrap().name(), "web");
        }
    }

    #[test]
    fn passing_again_is_said_and_passing_at_all_is_not() {
        let notice = said(failing("x"), unit(Verdict::Pass, vec![])).unwrap();
        assert!(!notice.warning);
        assert_eq!(notice.reason, "BaselineSatisfied");
        assert_eq!(said(None, unit(Verdict::Pass, vec![])), None);
        let unknown = || unit(Verdict::Unknown(Unknown::new("Forbidden", "no right")), vec![]);
        assert_eq!(said(failing("x"), unknown()), None);
        assert_eq!(said(unknown(), unit(Verdict::Pass, vec![])), None);
        assert_eq!(said(failing("x"), None), None, "gone is no success");
    }

    #[test]
    fn only_new_findings_of_what_fails_already_are_said() {
        assert_eq!(said(failing("one replica"), failing("still one replica")), None);
        let more = unit(
            Verdict::Fail,
            vec![
                finding("TooFewReplicas", "x"),
                finding("OneNode", "both on one node"),
            ],
        );
        assert_eq!(said(failing("x"), more.clone()).unwrap().reason, "OneNode");
        assert!(said(None, more).unwrap().note.ends_with(" (and 1 more)"));
    }

    #[test]
    fn hostile_text_is_one_short_harmless_line() {
        let evil = format!(
            "a\nWarning: all is well\u{1b}[2J\u{202e}\u{0}{}",
            "é".repeat(2000)
        );
        let both = unit(
            Verdict::Fail,
            vec![finding("A", &evil), finding("B", &evil), finding("C", &evil)],
        );
        let note = said(None, both).unwrap().note;
        assert!(note.len() <= LONGEST, "{}", note.len());
        assert!(note.ends_with(" (and 2 more)"));
        assert!(
            !note.chars().any(|c| c.is_control() || c == '\u{202e}'),
            "{note:?}"
        );
    }

    #[test]
    fn the_cluster_is_spoken_for_by_its_baseline_and_kinds_out_of_sight_by_nobody() {
        let change = |blind| {
            let mut unit = failing("x").unwrap();
            unit.key.subject = ObjRef::cluster(Kind::Namespace, "");
            unit.judgement = Arc::new(Judgement {
                blind,
                ..(*unit.judgement).clone()
            });
            said(None, Some(unit))
        };
        assert_eq!(change(false).unwrap().subject, None);
        assert_eq!(change(true), None);
    }
}
