//! `-o json`: written as it is made, so that half a million verdicts need no second copy in memory.

use std::{
    collections::HashMap,
    io::{self, BufWriter, Write},
};

use anyhow::Result;
use plimsoll_engine::{finding::Verdict, memory::Fingerprint, text::is_hostile};
use serde::{Serialize, Serializer};
use serde_json::ser::{Formatter, PrettyFormatter};

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

fn documents(scan: &Scan) -> Option<DocumentCounts<'_>> {
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

/// JSON that is safe to look at in a terminal: characters that move or hide text are written as `\uXXXX`, which means the
/// same to every program.
pub(crate) struct Harmless<'a>(pub(crate) PrettyFormatter<'a>);

impl Formatter for Harmless<'_> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_hostile(*c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
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

    #[test]
    fn hostile_characters_are_escaped_and_mean_the_same() {
        let text = "a\u{202e}b\u{9b}c\u{7f}\u{e0041}ä\u{1b}";
        let mut out = Vec::new();
        text.serialize(&mut serde_json::Serializer::with_formatter(
            &mut out,
            Harmless(PrettyFormatter::new()),
        ))
        .unwrap();
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written, "\"a\\u202eb\\u009bc\\u007f\\udb40\\udc41ä\\u001b\"");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
