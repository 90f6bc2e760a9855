//! What there is to say, one by one, in the order of baselines, controls and objects: what every format for programs prints.

use std::collections::HashMap;

use plimsoll_engine::{
    finding::{RepairClass, Severity, Verdict},
    memory::Fingerprint,
    name::ObjRef,
    report::{Reported, UnitResult},
    text::escape,
};

use super::{
    assess::Scan,
    lines::{Span, locate},
    result::{Entry, ResultWord},
};

/// A finding, or the verdict on a unit without any.
pub(crate) struct Item<'s> {
    pub(crate) unit: &'s UnitResult,
    /// Nothing for the verdict on a unit.
    pub(crate) reported: Option<&'s Reported>,
    pub(crate) entry: Entry<'s>,
    /// Where the finding is, of what was read from a file.
    pub(crate) span: Option<Span>,
}

/// All of them; made while they are printed, so that half a million verdicts need no second copy in memory.
pub(crate) struct Items<'s> {
    scan: &'s Scan,
    spans: HashMap<Fingerprint, Span>,
}

impl<'s> Items<'s> {
    pub(crate) fn of(scan: &'s Scan) -> Self {
        let findings = scan.units().flat_map(|(_, unit)| &unit.findings);
        Self {
            scan,
            spans: locate(scan, findings),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Item<'s>> {
        self.scan
            .units()
            .flat_map(move |(baseline, unit)| self.of_unit(baseline, unit))
    }

    /// What there is to say of one unit.
    pub(crate) fn of_unit(
        &self,
        baseline: &'s str,
        unit: &'s UnitResult,
    ) -> impl Iterator<Item = Item<'s>> + use<'s> {
        // A unit may fail in one respect and be unknown in another: its findings say the one, this the other.
        let has_own = unit.findings.is_empty() || matches!(unit.verdict, Verdict::Unknown(_));
        let own = has_own.then(|| self.verdict(baseline, unit));
        let findings: Vec<Item<'s>> = unit
            .findings
            .iter()
            .map(|reported| self.finding(baseline, unit, reported))
            .collect();
        own.into_iter().chain(findings)
    }

    fn verdict(&self, baseline: &'s str, unit: &'s UnitResult) -> Item<'s> {
        let source = self.scan.sources.get(&unit.key.subject).copied();
        Item {
            unit,
            reported: None,
            span: None,
            entry: Entry {
                file: source.and_then(|source| self.scan.file(source)),
                line: source.map(|source| source.line),
                ..Entry::of_unit(baseline, unit)
            },
        }
    }

    fn finding(&self, baseline: &'s str, unit: &'s UnitResult, reported: &'s Reported) -> Item<'s> {
        let source = self.scan.sources.get(&reported.finding.object).copied();
        let span = self.spans.get(&reported.fingerprint).copied();
        Item {
            unit,
            reported: Some(reported),
            span,
            entry: Entry {
                file: source.and_then(|source| self.scan.file(source)),
                line: span.map(|span| span.line),
                ..Entry::of_finding(baseline, unit, reported)
            },
        }
    }
}

impl Item<'_> {
    /// The severity in force.
    pub(crate) fn severity(&self) -> Severity {
        self.reported
            .map_or(self.unit.severity, |reported| reported.severity)
    }

    /// Whether it is unknown although the input, or a right to look, could have told.
    pub(crate) fn is_open_question(&self, scan: &Scan) -> bool {
        self.entry.result == ResultWord::Unknown && scan.could_tell(self.unit)
    }

    /// The object, for people.
    pub(crate) fn who(&self) -> String {
        name_of(
            self.reported
                .map_or(&self.unit.key.subject, |reported| &reported.finding.object),
        )
    }

    /// What is so, in one line for people.
    pub(crate) fn headline(&self) -> String {
        let (who, entry) = (self.who(), &self.entry);
        let message = escape(entry.message.unwrap_or_default());
        match (entry.result, entry.exception) {
            (ResultWord::Unknown, _) => format!("{who} is unknown: {message}"),
            (_, Some(exception)) => {
                format!("{who}: {message} (waived by exception {})", escape(exception))
            }
            _ => format!("{who}: {message}"),
        }
    }

    /// What was seen and how to fix it, a line each, for people.
    pub(crate) fn details(&self) -> Vec<String> {
        let seen = self.entry.evidence.iter();
        let mut lines: Vec<String> = seen.map(|seen| format!("seen: {}", escape(seen))).collect();
        let repair = self
            .reported
            .and_then(|reported| reported.finding.repair.as_ref());
        for (repair, change) in repair
            .iter()
            .flat_map(|repair| repair.changes.iter().map(move |change| (repair, change)))
        {
            let class = match repair.class {
                RepairClass::Safe => "safe",
                RepairClass::NeedsApproval => "needs approval",
                RepairClass::NeverAutomatic => "by hand",
            };
            lines.push(format!("fix ({class}): {}", escape(&change.to_string())));
        }
        lines
    }
}

/// An object, for people.
pub(crate) fn name_of(object: &ObjRef) -> String {
    if object.is_all() {
        return format!("every {}", object.kind());
    }
    if object.name().is_empty() {
        return "the cluster".into();
    }
    escape(&object.to_string()).into_owned()
}

/// Baseline, control, reason and message.
type Cause<'s> = (&'s str, &'s str, Option<&'s str>, Option<&'s str>);

/// Questions of one cause that were not answered.
pub(crate) struct Question<'s> {
    /// One of them.
    pub(crate) first: Item<'s>,
    /// How many units.
    pub(crate) units: usize,
}

/// What is unknown, by control and cause: one missing object explains many verdicts. `open` chooses between what could have
/// been told, and what only a live cluster can tell.
pub(crate) fn questions<'s>(scan: &'s Scan, items: &Items<'s>, open: bool) -> Vec<Question<'s>> {
    let mut causes: Vec<Question<'s>> = Vec::new();
    let mut known: HashMap<Cause<'_>, usize> = HashMap::new();
    let unknown = items
        .iter()
        .filter(|item| item.entry.result == ResultWord::Unknown);
    for item in unknown.filter(|item| item.is_open_question(scan) == open) {
        let entry = &item.entry;
        let cause = (entry.baseline, entry.control, entry.reason, entry.message);
        if let Some(at) = known.get(&cause) {
            causes[*at].units += 1;
        } else {
            known.insert(cause, causes.len());
            causes.push(Question {
                first: item,
                units: 1,
            });
        }
    }
    causes
}

impl Question<'_> {
    /// What is not known, in one line for people.
    pub(crate) fn text(&self) -> String {
        match self.units {
            1 => self.first.headline(),
            units => format!("{} (and {} more units)", self.first.headline(), units - 1),
        }
    }
}
