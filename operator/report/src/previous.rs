//! An earlier report, to tell what is new and what is gone.

use std::{collections::HashSet, io::Read};

use serde::Deserialize;

use crate::REPORT_VERSION;

/// What is kept of an earlier report.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Previous {
    pub(crate) evaluated_at: String,
    pub(crate) score: Option<f64>,
    /// Fingerprints of the findings that were open.
    pub(crate) open: HashSet<u128>,
}

/// Why an earlier report was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PreviousError {
    /// It is no JSON, or not what a report looks like.
    #[error("expected a report made with -o json: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of another version.
    #[error("found {0}, expected {REPORT_VERSION}")]
    Version(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Earlier {
    api_version: String,
    #[serde(default)]
    evaluated_at: String,
    score: Option<f64>,
    results: Vec<EarlierResult>,
}

#[derive(Deserialize)]
struct EarlierResult {
    result: String,
    fingerprint: Option<String>,
}

impl Previous {
    /// Reads what `-o json` wrote.
    pub fn read(from: impl Read) -> Result<Self, PreviousError> {
        let report: Earlier = serde_json::from_reader(from)?;
        if report.api_version != REPORT_VERSION {
            return Err(PreviousError::Version(report.api_version));
        }
        let open = report
            .results
            .into_iter()
            .filter(|result| result.result == "fail")
            .filter_map(|result| u128::from_str_radix(&result.fingerprint?, 16).ok())
            .collect();
        Ok(Self {
            evaluated_at: report.evaluated_at,
            score: report.score,
            open,
        })
    }
}
