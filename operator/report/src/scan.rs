//! The result of a scan as programs read it (docs/scan-json.md). A field that is added leaves the version; one that changes
//! its meaning raises it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::entry::{ObjectName, Place};

/// Version of the format.
pub const API_VERSION: &str = "scan.plimsoll.dev/v1";

/// The result of `plimsoll scan -o json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanReport<'a, R> {
    /// `scan.plimsoll.dev/v1`.
    pub api_version: &'static str,
    /// When the verdicts were reached (RFC 3339).
    pub evaluated_at: String,
    /// Counts and score of each baseline, by name.
    pub baselines: Vec<BaselineSummary<'a>>,
    /// What the verdicts rest on that nobody said, in words.
    pub assumptions: Vec<&'a str>,
    /// What is wrong beyond single documents: kinds that may not be listed, exceptions that cannot be accepted.
    pub problems: Vec<&'a str>,
    /// What became of the documents: `decoded`, `notRelevant` and the length of `unreadable` add up to `total`. Absent when a
    /// cluster was scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<DocumentCounts<'a>>,
    /// Objects given more than once; the last one read counts.
    pub duplicates: Vec<DuplicateObject<'a>>,
    /// One entry for each finding, and one for each unit without any.
    pub results: R,
}

/// Counts and score of one baseline.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaselineSummary<'a> {
    /// Its name.
    pub name: &'a str,
    /// Share that passes, 0 to 100, over controls weighted by severity; absent where nothing was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Units that pass.
    pub pass: u64,
    /// Units that fail.
    pub fail: u64,
    /// Units that cannot be judged.
    pub unknown: u64,
    /// Units a control does not concern.
    pub not_applicable: u64,
    /// Units whose every finding is waived.
    pub waived: u64,
}

/// What became of the documents.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentCounts<'a> {
    /// Documents read; a `List` is one.
    pub total: usize,
    /// Documents with at least one object that some control reads.
    pub decoded: usize,
    /// Documents of other kinds, patches, and what is no Kubernetes object.
    pub not_relevant: usize,
    /// Documents that could not be read, in whole or in part.
    pub unreadable: Vec<UnreadableDocument<'a>>,
}

/// A document that could not be read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnreadableDocument<'a> {
    /// The file.
    pub file: &'a str,
    /// Line in the file, from 1.
    pub line: usize,
    /// What was found and what was expected.
    pub why: &'a str,
}

/// An object given more than once.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DuplicateObject<'a> {
    /// The object.
    pub object: ObjectName<'a>,
    /// The place that does not count.
    pub lost: Place<'a>,
    /// The place that counts.
    pub kept: Place<'a>,
}
