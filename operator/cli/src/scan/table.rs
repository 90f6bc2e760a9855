//! The result for people: what fails, worst first, with where and how to fix it; then what is unknown and why.

mod sections;

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, BufWriter, Write},
};

use anyhow::Result;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets::NOTHING};
use plimsoll_engine::{
    finding::{RepairClass, Severity},
    memory::Fingerprint,
    name::ObjRef,
    report::{Reported, State, UnitResult},
    text::escape,
};

use super::{
    assess::Scan,
    items::name_of,
    lines::{Span, locate},
};
use crate::say;

/// Evidence shown for one finding; JSON has all of it.
const EVIDENCE: usize = 3;

/// Prints the result on standard output.
pub(crate) fn print(scan: &Scan, quiet: bool, limit: usize) -> Result<()> {
    let mut page = Page::new(scan, if limit == 0 { usize::MAX } else { limit });
    for name in scan.report.baselines.keys() {
        if !quiet {
            page.findings(name)?;
            page.unknown(name)?;
            page.waived(name)?;
        }
    }
    if !quiet {
        page.unreadable()?;
        page.assumptions()?;
    }
    page.summary()?;
    page.out.flush()?;
    Ok(())
}

/// What is printed to, and how.
struct Page<'s> {
    scan: &'s Scan,
    out: BufWriter<io::StdoutLock<'static>>,
    styled: bool,
    width: Option<u16>,
    limit: usize,
}

impl<'s> Page<'s> {
    fn new(scan: &'s Scan, limit: usize) -> Self {
        Self {
            scan,
            styled: say::styled(&io::stdout()),
            // Nothing where standard output is no terminal: then lines are as long as they are, for grep.
            width: Table::new().width(),
            out: BufWriter::new(io::stdout().lock()),
            limit,
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        if !self.styled {
            table.force_no_tty();
        }
        if let Some(width) = self.width {
            table.set_width(width);
        }
        table
    }

    fn print_table(&mut self, table: &Table) -> io::Result<()> {
        for line in table.lines() {
            writeln!(self.out, " {}", line.trim_end())?;
        }
        Ok(())
    }

    fn heading(&mut self, text: &str, color: Option<Color>) -> io::Result<()> {
        let mut table = self.table();
        let mut cell = Cell::new(text).add_attribute(Attribute::Bold);
        if let Some(color) = color {
            cell = cell.fg(color);
        }
        table.add_row([cell]);
        writeln!(self.out)?;
        for line in table.lines() {
            writeln!(self.out, "{}", line.trim())?;
        }
        Ok(())
    }

    /// What fails, by control, the worst control first.
    fn findings(&mut self, name: &str) -> io::Result<()> {
        let mut by_control: BTreeMap<(Severity, &str), Vec<(&UnitResult, &Reported)>> = BTreeMap::new();
        for unit in self.scan.units_of(name) {
            for reported in unit.failing() {
                by_control
                    .entry((unit.severity, unit.key.control))
                    .or_default()
                    .push((unit, reported));
            }
        }
        for findings in by_control.values_mut() {
            findings.sort_by_key(|(_, reported)| reported.severity);
        }
        let shown = by_control
            .values()
            .flat_map(|findings| findings.iter().take(self.limit));
        let spans = locate(self.scan, shown.map(|(_, reported)| *reported));
        for ((severity, control), findings) in by_control {
            let title = plimsoll_controls::registry()
                .meta(control)
                .map_or("", |meta| meta.title);
            let of = if self.scan.report.baselines.len() > 1 {
                format!(" [{}]", escape(name))
            } else {
                String::new()
            };
            let heading = format!(
                "{}  {control}{of}: {title} ({} failing)",
                severity.word(),
                findings.len()
            );
            self.heading(&heading, Some(color(severity)))?;
            self.finding_rows(&findings, severity, &spans)?;
        }
        Ok(())
    }

    fn finding_rows(
        &mut self,
        findings: &[(&UnitResult, &Reported)],
        severity: Severity,
        spans: &HashMap<Fingerprint, Span>,
    ) -> io::Result<()> {
        let mut table = self.table();
        let mut above = None;
        for (_, reported) in findings.iter().take(self.limit) {
            let finding = &reported.finding;
            // Two findings of one object are often repaired by one change.
            let repeated =
                finding.repair.is_some() && above.replace(&finding.repair) == Some(&finding.repair);
            let reason = if reported.severity == severity {
                finding.reason.to_owned()
            } else {
                format!("{} ({})", finding.reason, reported.severity.word())
            };
            let place = self.place(
                &finding.object,
                spans.get(&reported.fingerprint).map(|span| span.line),
            );
            table.add_row([name_of(&finding.object), place, reason, what(reported, repeated)]);
        }
        self.print_table(&table)?;
        self.more(findings.len())
    }

    fn more(&mut self, total: usize) -> io::Result<()> {
        if total > self.limit {
            writeln!(
                self.out,
                "  … and {} more (--limit 0 or -o json shows all)",
                total - self.limit
            )?;
        }
        Ok(())
    }

    /// `file:line` of an object, where it has one.
    fn place(&self, object: &ObjRef, line: Option<usize>) -> String {
        let Some(source) = self.scan.sources.get(object).copied() else {
            return String::new();
        };
        let file = self.scan.file(source).unwrap_or_default();
        format!("{}:{}", escape(file), line.unwrap_or(source.line))
    }
}

/// The message, what was seen, and the proposed change.
fn what(reported: &Reported, repeated: bool) -> String {
    let finding = &reported.finding;
    let mut lines = vec![escape(&finding.message).into_owned()];
    lines.extend(
        finding
            .evidence
            .iter()
            .take(EVIDENCE)
            .map(|seen| format!("seen: {}", escape(seen))),
    );
    if repeated {
        lines.push("fix: as above".into());
    } else if let Some(repair) = &finding.repair {
        let class = match repair.class {
            RepairClass::Safe => "safe",
            RepairClass::NeedsApproval => "needs approval",
            RepairClass::NeverAutomatic => "by hand",
        };
        for change in &repair.changes {
            lines.push(format!("fix ({class}): {}", escape(&change.to_string())));
        }
        if repair.class != RepairClass::Safe && !repair.why.is_empty() {
            lines.push(format!("why {class}: {}", escape(&repair.why)));
        }
    }
    lines.join("\n")
}

fn color(severity: Severity) -> Color {
    match severity {
        Severity::Critical | Severity::High => Color::Red,
        Severity::Medium => Color::Yellow,
        Severity::Low => Color::Cyan,
    }
}

/// The exception a finding is waived by.
fn waiver(reported: &Reported) -> Option<&str> {
    match &reported.state {
        State::Waived(exception) => Some(exception),
        State::Failing | State::Settling(_) => None,
    }
}
