//! `-o json`: written as it is made, so that half a million verdicts need no second copy in memory.

use std::io::{self, BufWriter, Write};

use anyhow::Result;
use plimsoll_report::Harmless;
use serde::{Serialize, Serializer};
use serde_json::ser::PrettyFormatter;

use super::{
    assess::Scan,
    items::Items,
    result::{
        API_VERSION, BaselineSummary, DocumentCounts, DuplicateObject, Place, ScanReport, UnreadableDocument,
        object_name,
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
    ScanReport {
        api_version: API_VERSION,
        evaluated_at: scan.evaluated_at.to_string(),
        baselines: baselines(scan),
        assumptions: scan.assumptions.iter().map(String::as_str).collect(),
        problems: scan.complaints.iter().map(String::as_str).collect(),
        documents: documents(scan),
        duplicates: duplicates(scan),
        results: Results {
            items: Items::of(scan),
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
    items: Items<'s>,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.items.iter().map(|item| item.entry))
    }
}
