//! The sections after the findings: unknown, waived, unreadable, assumed, and the summary.

use std::{collections::BTreeMap, io, io::Write};

use comfy_table::Color;
use plimsoll_engine::{
    finding::Verdict,
    report::{Tally, UnitResult},
    text::escape,
    unknown::Unknown,
};

use super::{super::items::name_of, Page, waiver};

/// Objects named for one cause of not knowing.
const NAMED: usize = 3;

/// Units that are unknown for one cause.
type Causes<'r> = BTreeMap<(&'static str, String), Vec<&'r UnitResult>>;

impl Page<'_> {
    /// What is unknown: first what the input could have told, then what only a live cluster can.
    pub(super) fn unknown(&mut self, baseline: &str) -> io::Result<()> {
        let (live, input) = causes(self.scan.units_of(baseline));
        self.causes("unknown: the input does not tell", &input)?;
        self.causes("unknown: only a live cluster can tell", &live)
    }

    fn causes(&mut self, title: &str, causes: &Causes<'_>) -> io::Result<()> {
        if causes.is_empty() {
            return Ok(());
        }
        let units: usize = causes.values().map(Vec::len).sum();
        self.heading(&format!("{title} ({units})"), Some(Color::Magenta))?;
        let mut table = self.table();
        for ((control, reason), units) in causes.iter().take(self.limit) {
            table.add_row([(*control).to_owned(), reason.clone(), why(units), who(units)]);
        }
        self.print_table(&table)?;
        self.more(causes.len())
    }

    /// What fails and is accepted.
    pub(super) fn waived(&mut self, baseline: &str) -> io::Result<()> {
        let waived: Vec<_> = self
            .scan
            .units_of(baseline)
            .iter()
            .flat_map(|unit| unit.findings.iter().map(move |reported| (unit, reported)))
            .filter_map(|(unit, reported)| Some((unit, reported, waiver(reported)?)))
            .collect();
        if waived.is_empty() {
            return Ok(());
        }
        self.heading(&format!("waived ({})", waived.len()), None)?;
        let mut table = self.table();
        for (unit, reported, exception) in waived.iter().take(self.limit) {
            table.add_row([
                unit.key.control.to_owned(),
                name_of(&reported.finding.object),
                reported.finding.reason.to_owned(),
                format!("by exception {}", escape(exception)),
            ]);
        }
        self.print_table(&table)?;
        self.more(waived.len())
    }

    /// Documents that could not be read, and what else is wrong with the input.
    pub(super) fn unreadable(&mut self) -> io::Result<()> {
        let scan = self.scan;
        let documents = scan
            .documents
            .as_ref()
            .map_or(&[][..], |documents| &documents.unreadable);
        if !documents.is_empty() {
            self.heading(
                &format!("unreadable documents ({})", documents.len()),
                Some(Color::Red),
            )?;
            let mut table = self.table();
            for document in documents.iter().take(self.limit) {
                let file = scan.files.get(document.file).map_or("", |file| &file.name);
                table.add_row([
                    format!("{}:{}", escape(file), document.line),
                    escape(&document.why).into_owned(),
                ]);
            }
            self.print_table(&table)?;
            self.more(documents.len())?;
        }
        if !scan.complaints.is_empty() {
            self.heading("problems", Some(Color::Red))?;
            for complaint in &scan.complaints {
                writeln!(self.out, "  {}", escape(complaint))?;
            }
        }
        Ok(())
    }

    /// What the verdicts rest on that nobody said.
    pub(super) fn assumptions(&mut self) -> io::Result<()> {
        let scan = self.scan;
        if scan.assumptions.is_empty() {
            return Ok(());
        }
        self.heading("assumed", None)?;
        let mut table = self.table();
        for assumption in &scan.assumptions {
            table.add_row([escape(assumption).into_owned()]);
        }
        self.print_table(&table)
    }

    /// The documents, and one line for each baseline.
    pub(super) fn summary(&mut self) -> io::Result<()> {
        writeln!(self.out)?;
        if let Some(documents) = &self.scan.documents {
            writeln!(
                self.out,
                "documents: {} = {} decoded + {} not relevant + {} unreadable, in {} files",
                documents.total,
                documents.decoded,
                documents.not_relevant,
                documents.unreadable.len(),
                self.scan.files.len()
            )?;
        }
        for (name, baseline) in &self.scan.report.baselines {
            writeln!(
                self.out,
                "{}: {}",
                escape(name),
                counts(baseline.score(), &baseline.total())
            )?;
        }
        Ok(())
    }
}

fn causes(units: &[UnitResult]) -> (Causes<'_>, Causes<'_>) {
    let (mut live, mut input) = (Causes::new(), Causes::new());
    for unit in units {
        if let Verdict::Unknown(why) = &unit.verdict {
            let causes = if why.is_live_only() { &mut live } else { &mut input };
            causes
                .entry((unit.key.control, why.reason().to_owned()))
                .or_default()
                .push(unit);
        }
    }
    (live, input)
}

fn cause(unit: &UnitResult) -> Option<&Unknown> {
    match &unit.verdict {
        Verdict::Unknown(why) => Some(why),
        _ => None,
    }
}

/// The first message, and how many others there are of its reason.
fn why(units: &[&UnitResult]) -> String {
    let mut messages: Vec<&str> = units
        .iter()
        .filter_map(|unit| cause(unit))
        .map(Unknown::message)
        .collect();
    messages.sort_unstable();
    messages.dedup();
    match messages.as_slice() {
        [] => String::new(),
        [only] => escape(only).into_owned(),
        [first, others @ ..] => format!("{} (and {} like it)", escape(first), others.len()),
    }
}

/// A few of the objects concerned, and how many more.
fn who(units: &[&UnitResult]) -> String {
    let mut names: Vec<String> = units
        .iter()
        .take(NAMED)
        .map(|unit| name_of(&unit.key.subject))
        .collect();
    if units.len() > NAMED {
        names.push(format!("and {} more", units.len() - NAMED));
    }
    names.join(", ")
}

fn counts(score: Option<f64>, total: &Tally) -> String {
    let score = score.map_or_else(
        || "nothing to judge".to_owned(),
        |score| format!("score {:.1} %", score * 100.0),
    );
    format!(
        "{score}, {} fail, {} unknown, {} pass, {} waived, {} not applicable",
        total.fail, total.unknown, total.pass, total.waived, total.not_applicable
    )
}
