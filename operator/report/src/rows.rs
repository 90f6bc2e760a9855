//! The single results: found by one walk over the verdicts, made into entries only while they are written.

use plimsoll_engine::{
    finding::{Severity, Verdict},
    name::ObjRef,
    report::{BaselineReport, Judgement, Reported, State},
};
use serde::{Serialize, Serializer, ser::SerializeSeq};

use crate::{Given, Places, entry::Entry};

/// One result, where it lies.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) baseline: &'a BaselineReport,
    control: &'static str,
    subject: &'a ObjRef,
    unit: &'a Judgement,
    /// The finding; nothing for a unit that cannot be judged.
    pub(crate) finding: Option<&'a Reported>,
}

impl<'a> Row<'a> {
    /// Whether the finding counts.
    pub(crate) fn is_open(&self) -> bool {
        self.finding.is_some_and(|found| found.state == State::Failing)
    }

    fn object(&self) -> &'a ObjRef {
        self.finding.map_or(self.subject, |found| &found.finding.object)
    }

    /// Worst first; what counts before what does not; then oldest; what cannot be judged last.
    fn order(&self) -> (u8, Severity, jiff::Timestamp, u128, &'static str, &'a ObjRef) {
        match self.finding {
            Some(found) => {
                let place = match found.state {
                    State::Failing => 0,
                    State::Settling(_) => 1,
                    State::Waived(_) => 2,
                };
                let id = found.fingerprint.as_u128();
                (
                    place,
                    found.severity,
                    found.first_seen,
                    id,
                    self.control,
                    self.subject,
                )
            }
            None => (
                3,
                self.unit.severity,
                jiff::Timestamp::MIN,
                0,
                self.control,
                self.subject,
            ),
        }
    }

    /// The result as it is written.
    pub(crate) fn entry(&self, places: &'a dyn Places, live: bool) -> Entry<'a> {
        let of_unit = Entry::of_judgement(&self.baseline.name, self.control, self.subject, self.unit);
        let entry = match self.finding {
            Some(found) => of_unit.about(found),
            None => of_unit,
        };
        let place = match self.finding {
            Some(found) => places.of_finding(found.fingerprint, self.object()),
            None => places.of_object(self.subject),
        };
        let namespace = self.object().governing_namespace();
        Entry {
            tenant: namespace
                .and_then(|namespace| self.baseline.tenants.get(namespace))
                .map(|tenant| &**tenant),
            file: place.map(|place| place.file),
            line: place.map(|place| place.line),
            first_seen: self
                .finding
                .filter(|_| live)
                .map(|found| found.first_seen.to_string()),
            ..entry
        }
    }
}

/// Every result of a baseline but what passes or is not concerned, by control and object.
pub(crate) fn of_baseline(baseline: &BaselineReport) -> impl Iterator<Item = Row<'_>> {
    baseline.units.iter().flat_map(move |(control, subject, unit)| {
        let row = move |finding| Row {
            baseline,
            control,
            subject,
            unit,
            finding,
        };
        // A unit may fail in one respect and be unknown in another: its findings say the one, this the other.
        let unknown = matches!(unit.verdict, Verdict::Unknown(_)).then(|| row(None));
        let findings = unit.findings.iter().map(move |found| row(Some(found)));
        findings.chain(unknown)
    })
}

/// Every result, worst first.
pub(crate) fn ranked<'a>(given: &Given<'a>) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = given.verdicts.baselines.values().flat_map(of_baseline).collect();
    rows.sort_by_key(Row::order);
    rows
}

/// Which findings are asked for; what is not given asks for all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// In this namespace.
    pub namespace: Option<String>,
    /// Of this control.
    pub control: Option<String>,
    /// Of this baseline.
    pub baseline: Option<String>,
    /// Of this severity.
    pub severity: Option<Severity>,
    /// Whether units that cannot be judged are given too.
    pub unknown: UnknownFilter,
}

/// Whether units that cannot be judged are given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UnknownFilter {
    /// With the findings.
    #[default]
    Include,
    /// Findings only.
    Omit,
}

impl Filter {
    fn takes(&self, row: &Row<'_>) -> bool {
        let severity = row.finding.map_or(row.unit.severity, |found| found.severity);
        is(self.control.as_deref(), row.control)
            && is(
                self.namespace.as_deref(),
                row.object().governing_namespace().unwrap_or_default(),
            )
            && self.severity.is_none_or(|wanted| wanted == severity)
            && (row.finding.is_some() || self.unknown == UnknownFilter::Include)
    }
}

fn is(wanted: Option<&str>, value: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == value)
}

/// Results that are made into entries while they are written, in the order of a walk: nothing is collected.
pub(crate) struct Streamed<'a> {
    pub(crate) given: Given<'a>,
    pub(crate) filter: &'a Filter,
}

impl Serialize for Streamed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let baselines = self.given.verdicts.baselines.values();
        for baseline in baselines.filter(|b| is(self.filter.baseline.as_deref(), &b.name)) {
            for row in of_baseline(baseline).filter(|row| self.filter.takes(row)) {
                list.serialize_element(&row.entry(self.given.places, self.given.live))?;
            }
        }
        list.end()
    }
}

/// Results that are made into entries while they are written, worst first.
pub(crate) struct Ranked<'a, 'r> {
    pub(crate) given: Given<'a>,
    pub(crate) rows: &'r [Row<'a>],
}

impl Serialize for Ranked<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.rows.iter();
        serializer.collect_seq(rows.map(|row| row.entry(self.given.places, self.given.live)))
    }
}
