//! Storage: PersistentVolumeClaim.

use serde::Deserialize;

use super::template::ClaimSpec;

/// What is kept of a PersistentVolumeClaim.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct PersistentVolumeClaim {
    /// `spec`.
    #[serde(default)]
    pub spec: ClaimSpec,
}
