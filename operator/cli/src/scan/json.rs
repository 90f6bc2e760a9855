//! `-o json`: written as it is made, so that half a million verdicts need no second copy in memory.

use std::{
    collections::HashMap,
    io::{self, BufWriter, Write},
};

use anyhow::Result;
use plimsoll_engine::{finding::Verdict, memory::Fingerprint};
use plimsoll_report::Harmless;
use serde::{Serialize, Serializer};
use serde_json::ser::PrettyFormatter;

use super::{
    assess::Scan,
    lines::locate,
    result::{
        API_VERSION, BaselineSummary, DocumentCounts, DuplicateObject, Entry, Place, ScanReport,
        UnreadableDocument, object_name,
    },
};

/// Prints the whole result on standard output.
pub(crate) fn print(scan: &Scan) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let formatter = Harmless(PrettyFormatter::new());
    report(scan).serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

fn report(scan: &Scan) -> ScanReport<'_, Results<'_>> {
    let findings = scan.units().flat_map(|(_, unit)| &unit.findings);
    ScanReport {
        api_version: API_VERSION,
        evaluated_at: scan.evaluated_at.to_string(),
        baselines: baselines(scan),
        assumptions: scan.assumptions.iter().map(String::as_str).collect(),
        problems: scan.complaints.iter().map(String::as_str).collect(),
        documents: documents(scan),
        duplicates: duplicates(scan),
        results: Results {
            scan,
            lines: locate(scan, findings),
        },
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

/// Every entry, made while it is written.
struct Results<'s> {
    scan: &'s Scan,
    lines: HashMap<Fingerprint, usize>,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.entries())
    }
}

impl<'s> Results<'s> {
    fn entries(&self) -> impl Iterator<Item = Entry<'s>> {
        let (scan, lines) = (self.scan, &self.lines);
        scan.units().flat_map(move |(baseline, unit)| {
            // A unit may fail in one respect and be unknown in another: its findings say the one, this the other.
            let has_own = unit.findings.is_empty() || matches!(unit.verdict, Verdict::Unknown(_));
            let own = has_own.then(|| {
                let source = scan.sources.get(&unit.key.subject).copied();
                Entry {
                    file: source.and_then(|source| scan.file(source)),
                    line: source.map(|source| source.line),
                    ..Entry::of_unit(baseline, unit)
                }
            });
            let findings = unit.findings.iter().map(move |reported| {
                let source = scan.sources.get(&reported.finding.object).copied();
                Entry {
                    file: source.and_then(|source| scan.file(source)),
                    line: lines.get(&reported.fingerprint).copied(),
                    ..Entry::of_finding(baseline, unit, reported)
                }
            });
            own.into_iter().chain(findings).collect::<Vec<_>>()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schema is generated from the types; the file beside the docs is kept by this test.
    /// `UPDATE=1 cargo test -p plimsoll` writes it.
    #[test]
    fn the_schema_in_docs_is_current() {
        let schema = schemars::generate::SchemaSettings::draft2020_12()
            .for_serialize()
            .into_generator()
            .into_root_schema_for::<ScanReport<'_, Vec<Entry<'_>>>>();
        let mut text = serde_json::to_string_pretty(&schema).unwrap();
        text.push('\n');
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/scan.schema.json");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(file, &text).unwrap();
        }
        let kept = std::fs::read_to_string(file).unwrap_or_default();
        assert!(kept == text, "{file} is out of date: run with UPDATE=1");
    }
}
