//! `v1` Namespace.

use serde::Deserialize;

/// What is kept of a Namespace: everything that matters is in its metadata, but for its phase.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Namespace {
    #[serde(default)]
    metadata: Identity,
    #[serde(default)]
    status: Option<Status>,
    /// Never read from anywhere: set by a scan for namespaces that objects are in and nobody gave.
    #[serde(skip)]
    implied: bool,
}

/// Of all objects, only of namespaces does it matter which one bears a name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
struct Identity {
    #[serde(default)]
    uid: Option<Box<str>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    phase: Option<Box<str>>,
}

impl Namespace {
    /// A namespace that must exist although its object was not given: nothing is known of its labels.
    pub(crate) fn implied() -> Self {
        Self {
            implied: true,
            ..Self::default()
        }
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> Option<&str> {
        self.metadata.uid.as_deref()
    }

    /// Whether the object was not given, and stands for one that must exist.
    pub fn is_implied(&self) -> bool {
        self.implied
    }

    /// Whether the namespace is being deleted (`status.phase: Terminating`).
    pub fn is_terminating(&self) -> bool {
        self.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Terminating")
    }
}
