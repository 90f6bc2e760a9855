//! What the templates show, and the words they need for it.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;

use super::{CSS, JS, content_security_policy, data, data::Data, guide, svg};
use crate::{
    Given,
    entry::Entry,
    model::{BySeverity, Cell, ControlSummary, Group, NamespaceSummary, Report, SourceKind},
    rows::Row,
};

/// Most results that the page shows without its script.
const FIRST: usize = 100;
/// Most controls named as failing worst.
const WORST: usize = 8;
/// Most tenants, and most namespaces, in a table.
const MOST: usize = 60;
/// Most unreadable documents named.
const UNREADABLE: usize = 50;

#[derive(Template)]
#[template(path = "report.html")]
pub(super) struct Page<'a, 'r> {
    report: &'r Report,
    csp: &'static str,
    css: &'static str,
    js: &'static str,
    gauge: String,
    worst: Vec<&'r ControlSummary>,
    heat: Vec<HeatRow<'r>>,
    controls: Vec<ControlRow<'r>>,
    first: Vec<Entry<'a>>,
    rows: usize,
    embedded: usize,
    open: usize,
    most: usize,
    longest: u64,
    data: Data<'a, 'r>,
}

struct HeatRow<'r> {
    area: &'r str,
    cells: Vec<Option<Cell>>,
}

struct ControlRow<'r> {
    summary: &'r ControlSummary,
    /// The first of its control: several baselines may evaluate it.
    is_first: bool,
    guide: String,
}

impl<'a, 'r> Page<'a, 'r> {
    pub(super) fn new(given: &Given<'a>, report: &'r Report, rows: &'r [Row<'a>]) -> Self {
        let entry = |row: &Row<'a>| row.entry(given.places, given.live);
        let failing = |control: &&ControlSummary| control.counts.findings.total() > 0;
        let ages = report.ages.iter().flatten();
        Self {
            report,
            csp: content_security_policy(),
            css: CSS,
            js: JS,
            gauge: svg::gauge(report.score, &report.counts),
            worst: report.controls.iter().filter(failing).take(WORST).collect(),
            heat: heat(report),
            controls: controls(given, report),
            first: rows.iter().take(FIRST).map(entry).collect(),
            rows: rows.len(),
            embedded: rows.len().min(data::MOST),
            open: rows.iter().filter(|row| row.is_open()).count(),
            most: MOST,
            longest: ages.map(|age| age.findings.total()).max().unwrap_or_default(),
            data: Data { given: *given, rows },
        }
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.report.baselines.iter().map(|b| b.name.as_str()).collect();
        match names.as_slice() {
            [] => "no baseline".to_owned(),
            [one] => format!("baseline {one}"),
            several => format!("baselines {}", several.join(", ")),
        }
    }

    fn measured(&self) -> String {
        self.report
            .evaluated_at
            .as_deref()
            .map_or_else(|| "not yet".to_owned(), |at| self.moment(at))
    }

    fn day(&self) -> String {
        let at = self
            .report
            .evaluated_at
            .as_deref()
            .unwrap_or(&self.report.generated_at);
        at.split('T').next().unwrap_or_default().to_owned()
    }

    /// A moment to the minute, in UTC.
    #[allow(clippy::unused_self, reason = "called by the template")]
    fn moment(&self, at: &str) -> String {
        match at.split_once('T') {
            Some((day, time)) => format!("{day} {} UTC", time.get(..5).unwrap_or(time)),
            None => at.to_owned(),
        }
    }

    fn source_word(&self) -> &'static str {
        match self.report.source.kind {
            SourceKind::Files => "Files",
            SourceKind::Cluster => "Cluster",
            SourceKind::Operator => "Operator",
        }
    }

    fn tenants_word(&self) -> &'static str {
        if self.report.tenants.is_empty() {
            "Namespaces"
        } else {
            "Tenants"
        }
    }

    fn verdicts(&self) -> Vec<(&'static str, &'static str, u64)> {
        let counts = &self.report.counts;
        vec![
            ("pass", "pass", counts.pass),
            ("fail", "fail", counts.fail),
            ("unknown", "unknown", counts.unknown),
            ("waived", "waived", counts.waived),
            ("not applicable", "none", counts.not_applicable),
        ]
    }

    fn some_tenants(&self) -> &[Group] {
        &self.report.tenants[..self.report.tenants.len().min(MOST)]
    }

    fn some_namespaces(&self) -> &[NamespaceSummary] {
        &self.report.namespaces[..self.report.namespaces.len().min(MOST)]
    }

    fn some_unreadable(&self) -> &[String] {
        let unreadable = self.report.documents.as_ref().map(|d| d.unreadable.as_slice());
        unreadable.map_or(&[], |all| &all[..all.len().min(UNREADABLE)])
    }

    fn severities(&self, findings: &BySeverity) -> String {
        svg::severities(*findings, self.longest)
    }

    fn absent(&self) -> String {
        let absent = self
            .report
            .coverage
            .iter()
            .filter(|kind| kind.coverage == "absent");
        absent
            .map(|kind| kind.resource.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn measured_words(&self) -> String {
        let at = self.measured();
        match self.report.source.kind {
            SourceKind::Files => {
                format!("Manifests, read {at}. What only a live cluster can tell is unknown.")
            }
            SourceKind::Cluster => format!("The cluster as it was {at}, looked at once."),
            SourceKind::Operator => {
                format!(
                    "The cluster, watched continuously; last evaluated {at}. Every verdict is as fresh as that."
                )
            }
        }
    }
}

/// Areas by environments, with all environments together last where there are several.
fn heat(report: &Report) -> Vec<HeatRow<'_>> {
    let by: BTreeMap<(&str, Option<&str>), &Cell> = report
        .matrix
        .iter()
        .map(|cell| ((cell.area.as_str(), cell.environment.as_deref()), cell))
        .collect();
    let row = |area: &'_ Group| {
        let name = area.name.as_deref().unwrap_or_default().to_owned();
        let mut cells: Vec<Option<Cell>> = report
            .environments
            .iter()
            .map(|environment| {
                by.get(&(name.as_str(), environment.name.as_deref()))
                    .map(|cell| (*cell).clone())
            })
            .collect();
        if cells.len() > 1 {
            cells.push(Some(Cell {
                area: name,
                environment: None,
                score: area.score,
                counts: area.counts,
            }));
        }
        cells
    };
    report
        .areas
        .iter()
        .map(|area| HeatRow {
            area: area.name.as_deref().unwrap_or_default(),
            cells: row(area),
        })
        .collect()
}

fn controls<'r>(given: &Given<'_>, report: &'r Report) -> Vec<ControlRow<'r>> {
    let mut met = BTreeSet::new();
    let rows = report.controls.iter().map(|summary| {
        let page = given.controls.meta(summary.control).map_or("", |meta| meta.page);
        ControlRow {
            summary,
            is_first: met.insert(summary.control),
            guide: guide::html(page),
        }
    });
    rows.collect()
}
