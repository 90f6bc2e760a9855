//! The compliance report: one typed model, built purely from what the engine published, and written as HTML, Markdown or JSON.
//!
//! The same model serves `plimsoll report`, the operator's `/report` and `/findings`; entries are those of `plimsoll scan`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod entry;
mod frameworks;
mod given;
mod harmless;
mod html;
mod json;
mod markdown;
pub mod model;
mod previous;
mod rows;
pub mod scan;
mod summary;

pub use given::{Given, Nowhere, Places, Waiver};
pub use harmless::Harmless;
pub use html::{content_security_policy, write as write_html};
pub use json::{write as write_json, write_findings};
pub use markdown::write as write_markdown;
pub use previous::{Previous, PreviousError};
pub use rows::{Filter, UnknownFilter};
pub use summary::assemble;

/// Version of the report's JSON.
pub const REPORT_VERSION: &str = "report.plimsoll.dev/v1";
/// Version of the list of findings that the operator serves.
pub const FINDINGS_VERSION: &str = "findings.plimsoll.dev/v1";
