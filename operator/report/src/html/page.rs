//! What the templates show, and the words they need for it.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use plimsoll_engine::finding::Severity;
use serde_json::Value;

use super::{CSS, JS, content_security_policy, data, data::Data, guide, svg};
use crate::{
    Given,
    entry::Entry,
    model::{
        BySeverity, Cell, ControlSummary, Counts, ExceptionSummary, Group, NamespaceSummary, Parameter,
        Report, SourceKind, State, UnknownGroup,
    },
    rows::Row,
    summary::headline::thousands,
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

/// Words that do not depend on the report.
#[allow(clippy::unused_self, reason = "called by the template")]
impl Page<'_, '_> {
    fn n(&self, n: impl std::borrow::Borrow<usize>) -> String {
        thousands(*n.borrow() as u64)
    }

    fn big(&self, n: impl std::borrow::Borrow<u64>) -> String {
        thousands(*n.borrow())
    }

    fn dash(&self, n: impl std::borrow::Borrow<u64>) -> String {
        match *n.borrow() {
            0 => "–".to_owned(),
            n => thousands(n),
        }
    }

    fn score(&self, score: impl std::borrow::Borrow<Option<f64>>) -> String {
        score
            .borrow()
            .map_or_else(|| "–".to_owned(), |score| format!("{}", score.floor()))
    }

    fn or_none<'t>(&self, name: &'t Option<String>) -> &'t str {
        name.as_deref().unwrap_or("no label")
    }

    fn or_dash<'t>(&self, name: &'t Option<String>) -> &'t str {
        name.as_deref().unwrap_or("–")
    }

    fn bar(&self, counts: &Counts) -> String {
        svg::bar(counts)
    }

    fn worst_word(&self, counts: &Counts) -> &'static str {
        counts.findings.worst().unwrap_or("low")
    }

    fn heat(&self, score: &Option<f64>) -> &'static str {
        match score {
            None => "blank",
            Some(score) if *score < 20.0 => "h0",
            Some(score) if *score < 40.0 => "h1",
            Some(score) if *score < 60.0 => "h2",
            Some(score) if *score < 80.0 => "h3",
            Some(score) if *score < 100.0 => "h4",
            Some(_) => "h5",
        }
    }

    fn open_words(&self, counts: &Counts) -> String {
        let open = counts.findings.total();
        if open == 0 && counts.unknown > 0 {
            return format!("{} unknown", thousands(counts.unknown));
        }
        match open {
            0 => String::new(),
            n => format!("{} open", thousands(n)),
        }
    }

    fn state_class(&self, state: &State) -> &'static str {
        match state {
            State::NotMeasured => "none",
            state => state.word(),
        }
    }

    /// The severity where something fails, else how it stands.
    fn control_word(&self, control: &ControlSummary) -> &'static str {
        match control.counts.state() {
            State::Failing => self.worst_word(&control.counts),
            State::NotMeasured => "no units",
            State::Passing => "pass",
            state => state.word(),
        }
    }

    fn control_class(&self, control: &ControlSummary) -> &'static str {
        match control.counts.state() {
            State::Failing => self.worst_word(&control.counts),
            state => self.state_class(&state),
        }
    }

    fn control_counts(&self, control: &ControlSummary) -> String {
        let counts = &control.counts;
        let parts = [
            ("pass", counts.pass),
            ("fail", counts.fail),
            ("unknown", counts.unknown),
            ("waived", counts.waived),
            ("not applicable", counts.not_applicable),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .map(|(word, n)| format!("{} {word}", thousands(n)))
            .collect();
        match parts.as_slice() {
            [] => "There was nothing to judge.".to_owned(),
            parts => format!(
                "{}; {} open findings.",
                parts.join(", "),
                thousands(counts.findings.total())
            ),
        }
    }

    fn severity_word(&self, control: &ControlSummary) -> &'static str {
        Severity::ALL[control.severity as usize].word()
    }

    fn value(&self, parameter: &Parameter) -> String {
        match &parameter.value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }
    }

    fn mappings(&self, control: &ControlSummary) -> String {
        let mappings = control.mappings.iter();
        let each: Vec<String> = mappings
            .map(|m| format!("{} {}", m.framework, m.criterion))
            .collect();
        each.join(" · ")
    }

    /// The control's id as the id of an element.
    fn anchor(&self, control: &str) -> String {
        control.replace('/', "--")
    }

    fn short<'t>(&self, control: &'t str) -> &'t str {
        control.split_once('/').map_or(control, |(_, name)| name)
    }

    /// A value as the links that filter have it.
    fn encoded(&self, text: &str) -> String {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
        text.bytes()
            .map(|byte| {
                if plain(&byte) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect()
    }

    fn examples(&self, group: &UnknownGroup) -> String {
        const SHOWN: usize = 3;
        let shown = group.examples[..group.examples.len().min(SHOWN)].join(", ");
        match group.units.saturating_sub(SHOWN as u64) {
            0 => shown,
            more => format!("{shown} and {} more", thousands(more)),
        }
    }

    fn ends(&self, exception: &ExceptionSummary) -> String {
        let day = exception.expires.as_deref().and_then(|at| at.split('T').next());
        match (day, exception.days_left) {
            (Some(day), Some(days)) if days < 0 => day.to_owned(),
            (Some(day), Some(0)) => format!("{day}, within a day"),
            (Some(day), Some(1)) => format!("{day}, in 1 day"),
            (Some(day), Some(days)) => format!("{day}, in {days} days"),
            _ => "–".to_owned(),
        }
    }

    fn word(&self, entry: &Entry<'_>) -> &'static str {
        match data::word(entry.result) {
            "fail" => Severity::ALL[entry.severity as usize].word(),
            word => word,
        }
    }

    fn object(&self, entry: &Entry<'_>) -> String {
        match &entry.object {
            None => "the cluster".to_owned(),
            Some(object) => match (object.name, object.namespace) {
                (None, _) => format!("every {}", object.kind),
                (Some(name), Some(namespace)) => format!("{namespace}/{name}"),
                (Some(name), None) => name.to_owned(),
            },
        }
    }

    fn kind(&self, entry: &Entry<'_>) -> &'static str {
        let named = entry.object.as_ref().filter(|object| object.name.is_some());
        named.map_or("", |object| object.kind)
    }

    /// Already harmless, line by line; here it becomes inert in HTML too.
    fn manifest(&self, object: &Value) -> String {
        askama::filters::escape(data::manifest(object), askama::filters::Html)
            .map(|safe| safe.to_string())
            .unwrap_or_default()
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
