//! JSON, written as it is made.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, PrettyFormatter};

use crate::{
    FINDINGS_VERSION, Filter, Given, Harmless, assemble,
    model::{Document, FindingList},
    rows::{Ranked, Streamed, ranked},
};

/// Writes the whole report (docs/report.md).
pub fn write(given: &Given<'_>, mut out: impl Write) -> io::Result<()> {
    let rows = ranked(given);
    let document = Document {
        report: assemble(given),
        results: Ranked {
            given: *given,
            rows: &rows,
        },
    };
    let formatter = Harmless(PrettyFormatter::new());
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))?;
    writeln!(out)?;
    out.flush()
}

/// Writes findings and units that cannot be judged, as they lie: nothing is collected, so that a hundred thousand need no
/// more memory than one.
pub fn write_findings(given: &Given<'_>, filter: &Filter, mut out: impl Write) -> io::Result<()> {
    let list = FindingList {
        api_version: FINDINGS_VERSION,
        evaluated_at: given.verdicts.evaluated_at.map(|at| at.to_string()),
        results: Streamed {
            given: *given,
            filter,
        },
    };
    let formatter = Harmless(CompactFormatter);
    list.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))?;
    writeln!(out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use crate::{entry::Entry, scan::ScanReport};

    use super::*;

    /// The schemas are generated from the types; the files beside the docs are kept by this test.
    /// `UPDATE=1 cargo test -p plimsoll-report` writes them.
    #[test]
    fn the_schemas_in_docs_are_current() {
        let generator = || {
            schemars::generate::SchemaSettings::draft2020_12()
                .for_serialize()
                .into_generator()
        };
        let report = generator().into_root_schema_for::<Document<Vec<Entry<'_>>>>();
        let findings = generator().into_root_schema_for::<FindingList<Vec<Entry<'_>>>>();
        let scan = generator().into_root_schema_for::<ScanReport<'_, Vec<Entry<'_>>>>();
        for (name, schema) in [("report", report), ("findings", findings), ("scan", scan)] {
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            let file = format!("{}/../../docs/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&file, &text).unwrap();
            }
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(kept == text, "{file} is out of date: run with UPDATE=1");
        }
    }
}
