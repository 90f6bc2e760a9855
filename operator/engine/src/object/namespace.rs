//! `v1` Namespace.

use serde::Deserialize;

/// What is kept of a Namespace: everything that matters is in its metadata, but for its phase.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Namespace {
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    phase: Option<Box<str>>,
}

impl Namespace {
    /// Whether the namespace is being deleted (`status.phase: Terminating`).
    pub fn is_terminating(&self) -> bool {
        self.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Terminating")
    }
}
