//! What a report says: exact counts, and the findings that matter most. Nothing in it changes by itself.

use std::collections::BTreeMap;

use plimsoll_engine::{
    finding::{Severity, Verdict},
    memory::Fingerprint,
    name::ObjRef,
    report::{BaselineReport, Judgement, Reported},
    text::{cut, escape},
};
use serde_json::{Map, Value, json};

use super::outlet::{Outlet, ReportApi};

/// Longest message of a result, in bytes.
const MESSAGE: usize = 300;
/// What the reports call their author.
const SOURCE: &str = "plimsoll";

/// A report of one baseline on one namespace, or on what no namespace governs.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Content {
    namespace: Box<str>,
    summary: Summary,
    results: Vec<Value>,
    /// How many results there would be beyond those listed.
    pub(super) omitted: usize,
    most: usize,
}

/// Units by verdict: the numbers that status and metrics tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Summary {
    pass: u64,
    fail: u64,
    error: u64,
    skip: u64,
}

impl Summary {
    fn count(&mut self, verdict: &Verdict) {
        *match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Unknown(_) => &mut self.error,
            Verdict::NotApplicable(_) | Verdict::Waived => &mut self.skip,
        } += 1;
    }
}

/// A finding that fails.
struct Failing<'r> {
    severity: Severity,
    /// How many of its control are worse or come before it: every control is heard before one is heard twice.
    turn: usize,
    control: &'static str,
    reported: &'r Reported,
}

/// Units that are unknown for one cause.
struct Question<'r> {
    severity: Severity,
    subject: &'r ObjRef,
    units: usize,
}

/// By control, reason and message.
type Questions<'r> = BTreeMap<(&'static str, &'static str, &'r str), Question<'r>>;

impl Content {
    /// What there is to say of the units that a namespace governs; nothing where there are none. At most so many results.
    pub(super) fn of(report: &BaselineReport, namespace: &str, most: usize) -> Option<Self> {
        let mut summary = Summary::default();
        let mut failing: BTreeMap<(&'static str, Severity), Vec<&Reported>> = BTreeMap::new();
        let mut questions = Questions::new();
        let mut total = 0;
        for (control, subject, judgement) in report.units.governed_by(namespace) {
            summary.count(&judgement.verdict);
            for reported in judgement.failing() {
                total += 1;
                let of_control = failing.entry((control, reported.severity)).or_default();
                if of_control.len() < most {
                    of_control.push(reported);
                }
            }
            ask(&mut questions, control, subject, judgement);
        }
        if summary == Summary::default() {
            return None;
        }
        total += questions.len();
        let mut results: Vec<Value> = worst(failing, most).iter().map(Failing::result).collect();
        let room = most - results.len();
        results.extend(
            questions
                .iter()
                .take(room)
                .map(|(key, question)| question.result(*key)),
        );
        Some(Self {
            namespace: namespace.into(),
            summary,
            omitted: total - results.len(),
            results,
            most,
        })
    }

    /// As an object of a kind, without its metadata.
    pub(super) fn body(&self, outlet: Outlet) -> Map<String, Value> {
        let Summary {
            pass,
            fail,
            error,
            skip,
        } = self.summary;
        let mut body = Map::new();
        if !outlet.cluster {
            let scope = json!({ "apiVersion": "v1", "kind": "Namespace", "name": self.namespace });
            body.insert("scope".into(), scope);
        }
        body.insert(
            "summary".into(),
            json!({ "pass": pass, "fail": fail, "warn": 0, "error": error, "skip": skip }),
        );
        let mut results = self.results.clone();
        match outlet.api {
            ReportApi::OpenReports => {
                body.insert("source".into(), SOURCE.into());
                let limits = json!({ "maxResults": self.most, "statusFilter": ["fail", "error"] });
                body.insert("configuration".into(), json!({ "limits": limits }));
            }
            // Here only results say who wrote them.
            ReportApi::PolicyReport => {
                for result in &mut results {
                    result["source"] = SOURCE.into();
                }
            }
        }
        body.insert("results".into(), results.into());
        body
    }

    /// The same for the same content, in every process.
    pub(super) fn digest(&self, outlet: Outlet) -> String {
        let body = Value::Object(self.body(outlet)).to_string();
        Fingerprint::of(&[&body, &self.omitted.to_string()]).to_string()
    }
}

/// The findings that matter most, in an order of their own: by severity, control and object.
fn worst<'r>(
    failing: BTreeMap<(&'static str, Severity), Vec<&'r Reported>>,
    most: usize,
) -> Vec<Failing<'r>> {
    let mut all: Vec<Failing<'_>> = failing
        .into_iter()
        .flat_map(|((control, severity), found)| {
            let of_turn = move |(turn, reported)| Failing {
                severity,
                turn,
                control,
                reported,
            };
            found.into_iter().enumerate().map(of_turn)
        })
        .collect();
    all.sort_by_key(|one| (one.severity, one.turn));
    all.truncate(most);
    all.sort_by_key(|one| (one.severity, one.control));
    all
}

fn ask<'r>(
    questions: &mut Questions<'r>,
    control: &'static str,
    subject: &'r ObjRef,
    judgement: &'r Judgement,
) {
    if let Verdict::Unknown(why) = &judgement.verdict {
        let severity = judgement.severity;
        let first = || Question {
            severity,
            subject,
            units: 0,
        };
        let cause = (control, why.reason(), why.message());
        questions.entry(cause).or_insert_with(first).units += 1;
    }
}

impl Failing<'_> {
    fn result(&self) -> Value {
        let finding = &self.reported.finding;
        let mut result = json!({
            "policy": self.control,
            "rule": finding.reason,
            "category": family(self.control),
            "severity": self.severity.word(),
            "result": "fail",
            "message": text(&finding.message),
            "resources": resources(&finding.object),
        });
        if let Some(path) = &finding.field_path {
            result["properties"] = json!({ "fieldPath": text(path) });
        }
        result
    }
}

impl Question<'_> {
    fn result(&self, (control, reason, message): (&str, &str, &str)) -> Value {
        json!({
            "policy": control,
            "rule": reason,
            "category": family(control),
            "severity": self.severity.word(),
            "result": "error",
            "message": text(message),
            "resources": resources(self.subject),
            "properties": { "units": self.units.to_string() },
        })
    }
}

fn family(control: &str) -> &str {
    control.split_once('/').map_or(control, |(family, _)| family)
}

/// Other people's text, made fit to be shown and short.
fn text(text: &str) -> String {
    cut(&escape(text), MESSAGE)
}

/// The object a result is about; none for the cluster as a whole, and for a kind that cannot be seen.
fn resources(object: &ObjRef) -> Value {
    if object.name().is_empty() || object.is_all() {
        return json!([]);
    }
    let mut reference = json!({
        "apiVersion": object.kind().api_version(),
        "kind": object.kind().info().kind,
        "name": object.name(),
    });
    if let Some(namespace) = object.namespace() {
        reference["namespace"] = namespace.into();
    }
    json!([reference])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use imbl::{OrdMap, OrdSet};
    use jiff::Timestamp;
    use plimsoll_engine::{
        baseline::Mode,
        finding::{Basis, Details, Finding},
        kind::Kind,
        report::{State, UnitKey, UnitResult, Units},
        unknown::Unknown,
    };

    use super::*;

    const OUTLETS: [Outlet; 2] = [
        Outlet {
            api: ReportApi::OpenReports,
            cluster: false,
        },
        Outlet {
            api: ReportApi::PolicyReport,
            cluster: false,
        },
    ];

    fn unit(
        control: &'static str,
        name: &str,
        severity: Severity,
        verdict: Verdict,
        message: &str,
    ) -> UnitResult {
        let subject = ObjRef::new(Kind::Deployment, "shop", name);
        let finding = Finding::new(
            subject.clone(),
            Details {
                reason: "Bad",
                field_path: Some("spec.replicas".into()),
                message: message.into(),
                evidence: Vec::new(),
                severity: None,
                detail: None,
                repair: None,
            },
        );
        let reported = Reported {
            fingerprint: Fingerprint::of(&[control, name]),
            finding,
            severity,
            first_seen: Timestamp::now(),
            state: State::Failing,
        };
        let findings = if verdict == Verdict::Fail {
            vec![reported]
        } else {
            Vec::new()
        };
        let judgement = Judgement {
            control,
            severity,
            basis: Basis::Automated,
            mode: Mode::Observe,
            environment: None,
            verdict,
            findings: findings.into(),
            notes: Box::default(),
            blind: false,
        };
        UnitResult {
            key: UnitKey { control, subject },
            judgement: Arc::new(judgement),
        }
    }

    fn report(units: impl IntoIterator<Item = UnitResult>) -> BaselineReport {
        BaselineReport {
            name: "b".into(),
            generation: 1,
            mode: Mode::Observe,
            problems: Arc::from([]),
            severities: Arc::default(),
            units: units.into_iter().collect::<Units>(),
            tallies: OrdMap::new(),
            worst: OrdMap::new(),
            repairable: OrdSet::new(),
            tenants: OrdMap::new(),
        }
    }

    fn policies(content: &Content) -> Vec<String> {
        let results = content.results.iter();
        results
            .map(|r| {
                format!(
                    "{} {}",
                    r["policy"].as_str().unwrap(),
                    r["resources"][0]["name"].as_str().unwrap()
                )
            })
            .collect()
    }

    #[test]
    fn counts_are_exact_and_every_control_is_heard() {
        let low = (0..5).map(|i| unit("a/low", &format!("w{i}"), Severity::Low, Verdict::Fail, "x"));
        let high = (0..5).map(|i| unit("b/high", &format!("w{i}"), Severity::High, Verdict::Fail, "x"));
        let other = [unit("c/high", "w9", Severity::High, Verdict::Fail, "x")];
        let unknown = (0..3).map(|i| {
            let why = Unknown::new("Hidden", "nobody may look");
            unit(
                "d/blind",
                &format!("w{i}"),
                Severity::High,
                Verdict::Unknown(why),
                "",
            )
        });
        let rest = [
            unit("e/fine", "w0", Severity::High, Verdict::Pass, ""),
            unit(
                "e/fine",
                "w1",
                Severity::High,
                Verdict::NotApplicable("scaled to zero"),
                "",
            ),
            unit("e/fine", "w2", Severity::High, Verdict::Waived, ""),
        ];
        let report = report(low.chain(high).chain(other).chain(unknown).chain(rest));
        let content = Content::of(&report, "shop", 3).unwrap();
        assert_eq!(
            content.summary,
            Summary {
                pass: 1,
                fail: 11,
                error: 3,
                skip: 2
            }
        );
        assert_eq!(policies(&content), ["b/high w0", "b/high w1", "c/high w9"]);
        assert_eq!(content.omitted, 9, "of 11 findings and one cause");

        let all = Content::of(&report, "shop", 100).unwrap();
        assert_eq!((all.results.len(), all.omitted), (12, 0));
        let last = all.results.last().unwrap();
        assert_eq!(
            (&last["result"], &last["properties"]["units"]),
            (&"error".into(), &"3".into())
        );
        assert_eq!(Content::of(&report, "elsewhere", 3), None);
        assert_eq!(Content::of(&report, "", 3), None);
    }

    #[test]
    fn the_digest_changes_with_the_content_and_with_nothing_else() {
        let units = |message: &str| [unit("a/x", "w", Severity::High, Verdict::Fail, message)];
        for outlet in OUTLETS {
            let digest = |message| {
                Content::of(&report(units(message)), "shop", 9)
                    .unwrap()
                    .digest(outlet)
            };
            // The second is made later: `firstSeen` differs.
            assert_eq!(digest("one"), digest("one"));
            assert_ne!(digest("one"), digest("two"));
        }
    }

    #[test]
    fn texts_of_others_are_short_and_harmless() {
        let hostile = format!("\u{1b}[31m<script>\u{202e}{}", "ä".repeat(999));
        let content = Content::of(
            &report([unit("a/x", "w", Severity::High, Verdict::Fail, &hostile)]),
            "shop",
            9,
        )
        .unwrap();
        let message = content.results[0]["message"].as_str().unwrap();
        assert!(
            message.len() <= MESSAGE && message.starts_with("\\u{1b}[31m<script>\\u{202e}ä"),
            "{message}"
        );
    }
}
