//! `-o junit`: JUnit XML, as GitLab, Jenkins and Azure Pipelines read it. One suite for each control, one case for each unit, so
//! that a case that is repaired is the same one and passes.
//!
//! Unknown is never a pass: what the input could have told is an `error`, what only a live cluster can tell is `skipped`.

use std::io::{self, BufWriter, Write};

use anyhow::Result;
use plimsoll_engine::{
    finding::Verdict,
    report::{State, UnitResult},
    text::escape,
};
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};

use super::{
    assess::Scan,
    items::{Item, Items, name_of},
};

type Xml<W> = Writer<W>;

/// Prints the whole report on standard output.
pub(crate) fn print(scan: &Scan) -> Result<()> {
    let mut xml = Writer::new_with_indent(BufWriter::new(io::stdout().lock()), b' ', 2);
    report(scan, &mut xml)?;
    let mut out = xml.into_inner();
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

fn report<W: Write>(scan: &Scan, xml: &mut Xml<W>) -> io::Result<()> {
    let items = Items::of(scan);
    let input = input_cases(scan);
    let mut total = Counts::of(scan, scan.units().map(|(_, unit)| unit));
    total.tests += input.len();
    total.errors += input.len();
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = xml
        .create_element("testsuites")
        .with_attribute(("name", "plimsoll"));
    let attributes = total.attributes();
    let root = root.with_attributes(attributes.iter().map(|(k, v)| (*k, v.as_str())));
    root.write_inner_content(|xml| {
        input_suite(xml, &input)?;
        for name in scan.report.baselines.keys() {
            let units = scan.units_of(name);
            for units in units.chunk_by(|a, b| a.key.control == b.key.control) {
                suite(scan, &items, name, units, xml)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// How many cases there are of each sort.
#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of<'u>(scan: &Scan, units: impl Iterator<Item = &'u UnitResult>) -> Self {
        let mut counts = Self::default();
        for unit in units {
            counts.tests += 1;
            match outcome(scan, unit) {
                Outcome::Passed => {}
                Outcome::Failed => counts.failures += 1,
                Outcome::Error(..) => counts.errors += 1,
                Outcome::Skipped(_) => counts.skipped += 1,
            }
        }
        counts
    }

    fn attributes(&self) -> [(&'static str, String); 4] {
        [
            ("tests", self.tests),
            ("failures", self.failures),
            ("errors", self.errors),
            ("skipped", self.skipped),
        ]
        .map(|(name, count)| (name, count.to_string()))
    }
}

/// What became of a case.
enum Outcome {
    Passed,
    Failed,
    /// Reason and message.
    Error(&'static str, String),
    /// Message.
    Skipped(String),
}

fn outcome(scan: &Scan, unit: &UnitResult) -> Outcome {
    match &unit.verdict {
        Verdict::Pass => Outcome::Passed,
        Verdict::Fail => Outcome::Failed,
        Verdict::NotApplicable(why) => Outcome::Skipped(format!("not applicable: {why}")),
        Verdict::Waived => Outcome::Skipped(waived(unit)),
        Verdict::Unknown(why) if scan.could_tell(unit) => {
            Outcome::Error(why.reason(), format!("unknown: {}", escape(why.message())))
        }
        Verdict::Unknown(why) => Outcome::Skipped(format!(
            "unknown, only a live cluster can tell: {}",
            escape(why.message())
        )),
    }
}

fn waived(unit: &UnitResult) -> String {
    let mut names: Vec<&str> = unit
        .findings
        .iter()
        .filter_map(|reported| match &reported.state {
            State::Waived(exception) => Some(&**exception),
            State::Failing | State::Settling(_) => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    format!("waived by exception {}", escape(&names.join(", ")))
}

fn suite<W: Write>(
    scan: &Scan,
    items: &Items<'_>,
    baseline: &str,
    units: &[UnitResult],
    xml: &mut Xml<W>,
) -> io::Result<()> {
    let control = units.first().map_or("", |unit| unit.key.control);
    let name = if scan.report.baselines.len() > 1 {
        format!("{control} [{}]", escape(baseline))
    } else {
        control.to_owned()
    };
    let attributes = Counts::of(scan, units.iter()).attributes();
    let suite = xml
        .create_element("testsuite")
        .with_attribute(("name", name.as_str()));
    let suite = suite.with_attributes(attributes.iter().map(|(k, v)| (*k, v.as_str())));
    suite.write_inner_content(|xml| {
        for unit in units {
            case(scan, items, &name, unit, xml)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn case<W: Write>(
    scan: &Scan,
    items: &Items<'_>,
    suite: &str,
    unit: &UnitResult,
    xml: &mut Xml<W>,
) -> io::Result<()> {
    let all: Vec<Item<'_>> = items.of_unit("", unit).collect();
    let Some(own) = all.first() else { return Ok(()) };
    let failing: Vec<&Item<'_>> = all.iter().filter(|item| fails(item)).collect();
    let place = failing.first().copied().unwrap_or(own);
    // A unit's findings may be about other objects: its own name is what its case is called.
    let name = name_of(&unit.key.subject);
    let mut case = xml
        .create_element("testcase")
        .with_attribute(("name", name.as_str()))
        .with_attribute(("classname", suite));
    if let Some(file) = place.entry.file {
        case = case.with_attribute(("file", &*escape(file)));
    }
    if let Some(line) = place.entry.line {
        case = case.with_attribute(("line", line.to_string().as_str()));
    }
    match outcome(scan, unit) {
        Outcome::Passed => case.write_empty()?,
        Outcome::Failed => case.write_inner_content(|xml| failure(&failing, xml))?,
        Outcome::Error(reason, message) => case.write_inner_content(|xml| {
            let element = xml
                .create_element("error")
                .with_attribute(("message", message.as_str()));
            element.with_attribute(("type", reason)).write_empty().map(drop)
        })?,
        Outcome::Skipped(message) => case.write_inner_content(|xml| {
            let element = xml
                .create_element("skipped")
                .with_attribute(("message", message.as_str()));
            element.write_empty().map(drop)
        })?,
    };
    Ok(())
}

fn fails(item: &Item<'_>) -> bool {
    item.reported
        .is_some_and(|reported| reported.state == State::Failing)
}

/// One element for all findings of a case: readers expect no second one.
fn failure<W: Write>(failing: &[&Item<'_>], xml: &mut Xml<W>) -> io::Result<()> {
    let Some(worst) = failing.iter().min_by_key(|item| item.severity()) else {
        return Ok(());
    };
    let message = match failing.len() {
        1 => worst.headline(),
        more => format!("{} (and {} more)", worst.headline(), more - 1),
    };
    let text: Vec<String> = failing.iter().map(|item| told(item)).collect();
    xml.create_element("failure")
        .with_attribute(("message", message.as_str()))
        .with_attribute(("type", worst.entry.reason.unwrap_or_default()))
        .write_text_content(BytesText::new(&text.join("\n\n")))
        .map(drop)
}

/// A finding with all that is known of it.
fn told(item: &Item<'_>) -> String {
    let mut lines = vec![format!(
        "{} {}: {}",
        item.severity().word(),
        item.entry.reason.unwrap_or_default(),
        item.headline()
    )];
    if let (Some(file), Some(line)) = (item.entry.file, item.entry.line) {
        lines.push(format!("at {}:{line}", escape(file)));
    }
    lines.extend(item.details());
    lines.join("\n")
}

/// What could not be read at all: where, and why.
fn input_cases(scan: &Scan) -> Vec<(String, String)> {
    let unreadable = scan.documents.iter().flat_map(|documents| &documents.unreadable);
    let documents = unreadable.map(|document| {
        let file = scan.files.get(document.file).map_or("", |file| &file.name);
        (
            format!("{}:{}", escape(file), document.line),
            escape(&document.why).into_owned(),
        )
    });
    let problems = scan.complaints.iter().enumerate();
    let problems = problems.map(|(i, text)| (format!("problem {}", i + 1), escape(text).into_owned()));
    documents.chain(problems).collect()
}

/// A clean report of an input that could not be read would be a lie.
fn input_suite<W: Write>(xml: &mut Xml<W>, cases: &[(String, String)]) -> io::Result<()> {
    if cases.is_empty() {
        return Ok(());
    }
    let count = cases.len().to_string();
    let suite = xml
        .create_element("testsuite")
        .with_attribute(("name", "input"))
        .with_attribute(("tests", count.as_str()))
        .with_attribute(("failures", "0"))
        .with_attribute(("errors", count.as_str()))
        .with_attribute(("skipped", "0"));
    suite.write_inner_content(|xml| {
        for (name, why) in cases {
            let case = xml
                .create_element("testcase")
                .with_attribute(("name", name.as_str()))
                .with_attribute(("classname", "input"));
            case.write_inner_content(|xml| {
                let element = xml
                    .create_element("error")
                    .with_attribute(("message", why.as_str()));
                element
                    .with_attribute(("type", "Unreadable"))
                    .write_empty()
                    .map(drop)
            })?;
        }
        Ok(())
    })?;
    Ok(())
}
