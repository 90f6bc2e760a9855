//! `-o json`: written as it is made, a few thousand verdicts at a time and in parallel, so that half a million need no second
//! copy in memory.

use std::io::{self, BufWriter, Write};

use anyhow::Result;
use plimsoll_engine::report::UnitResult;
use plimsoll_report::Harmless;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::ser::{Formatter as _, PrettyFormatter};

use super::{
    assess::Scan,
    items::Items,
    result::{
        API_VERSION, BaselineSummary, DocumentCounts, DuplicateObject, Entry, Place, ScanReport,
        UnreadableDocument, object_name,
    },
};

/// Prints the whole result on standard output.
pub(crate) fn print(scan: &Scan) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    write(scan, &mut out)?;
    out.flush()?;
    Ok(())
}

/// How deep the results lie: in the report.
const DEPTH: usize = 1;
/// Units written at once by each thread.
const AT_ONCE: usize = 4096;

/// Writes the report as if it were serialised in one go; its last field, the results, is by far the largest.
fn write(scan: &Scan, out: &mut impl Write) -> Result<()> {
    let mut head = Vec::new();
    let formatter = Harmless(PrettyFormatter::new());
    report(scan).serialize(&mut serde_json::Serializer::with_formatter(&mut head, formatter))?;
    let Some(head) = head.strip_suffix(b"[]\n}") else {
        anyhow::bail!("the results are not the last field of the report");
    };
    out.write_all(head)?;
    out.write_all(b"[")?;
    results(scan, out)?;
    if scan.units().next().is_some() {
        new_line(out, DEPTH)?;
    }
    out.write_all(b"]\n}\n")?;
    Ok(())
}

/// Writes every entry: made in parallel, written in order, and let go.
fn results(scan: &Scan, out: &mut impl Write) -> Result<()> {
    let items = Items::of(scan);
    let mut units = scan.units();
    let mut is_first = true;
    loop {
        let some: Vec<_> = units
            .by_ref()
            .take(AT_ONCE * rayon::current_num_threads())
            .collect();
        if some.is_empty() {
            return Ok(());
        }
        let entries = |units: &[(&str, &UnitResult)]| {
            let items = units
                .iter()
                .flat_map(|(baseline, unit)| items.of_unit(baseline, unit));
            elements(items.map(|item| item.entry), DEPTH)
        };
        let texts: Vec<Result<Vec<u8>>> = some.par_chunks(AT_ONCE).map(entries).collect();
        for text in texts {
            let text = text?;
            // Each brings the comma that parts it from the one before.
            out.write_all(&text[usize::from(is_first && !text.is_empty())..])?;
            is_first &= text.is_empty();
        }
    }
}

/// Elements of an array at some depth, each after a comma and on a line of its own.
fn elements(all: impl Iterator<Item = impl Serialize>, depth: usize) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for element in all {
        text.push(b',');
        new_line(&mut text, depth + 1)?;
        let mut formatter = PrettyFormatter::new();
        for _ in 0..=depth {
            formatter.begin_array(&mut io::sink())?;
        }
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, Harmless(formatter));
        element.serialize(&mut serializer)?;
    }
    Ok(text)
}

fn new_line(out: &mut impl Write, depth: usize) -> io::Result<()> {
    write!(out, "\n{:1$}", "", depth * 2)
}

/// The report without its results.
fn report(scan: &Scan) -> ScanReport<'_, [Entry<'_>; 0]> {
    ScanReport {
        api_version: API_VERSION,
        evaluated_at: scan.evaluated_at.to_string(),
        baselines: baselines(scan),
        assumptions: scan.assumptions.iter().map(String::as_str).collect(),
        problems: scan.complaints.iter().map(String::as_str).collect(),
        documents: documents(scan),
        duplicates: duplicates(scan),
        results: [],
    }
}

fn baselines(scan: &Scan) -> Vec<BaselineSummary<'_>> {
    let summary = |(name, baseline): (_, &plimsoll_engine::report::BaselineReport)| {
        let total = baseline.total();
        let name: &std::sync::Arc<str> = name;
        BaselineSummary {
            name: scan
                .report
                .baselines
                .get_key_value(name)
                .map_or("", |(name, _)| name),
            score: baseline.score().map(|score| (score * 1000.0).round() / 10.0),
            pass: total.pass,
            fail: total.fail,
            unknown: total.unknown,
            not_applicable: total.not_applicable,
            waived: total.waived,
        }
    };
    scan.report.baselines.iter().map(summary).collect()
}

pub(crate) fn documents(scan: &Scan) -> Option<DocumentCounts<'_>> {
    let documents = scan.documents.as_ref()?;
    Some(DocumentCounts {
        total: documents.total,
        decoded: documents.decoded,
        not_relevant: documents.not_relevant,
        unreadable: documents
            .unreadable
            .iter()
            .map(|document| UnreadableDocument {
                file: scan.files.get(document.file).map_or("", |file| &file.name),
                line: document.line,
                why: &document.why,
            })
            .collect(),
    })
}

fn duplicates(scan: &Scan) -> Vec<DuplicateObject<'_>> {
    let place = |source| Place {
        file: scan.file(source).unwrap_or_default(),
        line: source.line,
    };
    scan.duplicates
        .iter()
        .filter_map(|duplicate| {
            Some(DuplicateObject {
                object: object_name(&duplicate.object)?,
                lost: place(duplicate.lost),
                kept: place(duplicate.kept),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_written_as_an_array_in_an_object_has_them() {
        let values = [
            serde_json::json!({"a": [1, {"b": []}], "c": {}}),
            serde_json::json!("x"),
        ];
        let whole = serde_json::to_string_pretty(&serde_json::json!({"results": values})).unwrap();
        let written = String::from_utf8(elements(values.iter(), DEPTH).unwrap()).unwrap();
        assert_eq!(format!("{{\n  \"results\": [{}\n  ]\n}}", &written[1..]), whole);
    }
}
