//! `policy/v1` PodDisruptionBudget.

use serde::Deserialize;

use crate::{intorstring::IntOrString, selector::LabelSelector};

/// What is kept of a PodDisruptionBudget.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct PodDisruptionBudget {
    /// `spec`.
    #[serde(default)]
    pub spec: BudgetSpec,
}

/// `spec` of a PodDisruptionBudget.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetSpec {
    /// Pods it protects: `{}` is every pod of the namespace, absent is none.
    #[serde(default)]
    pub selector: Option<LabelSelector>,
    /// Pods that must stay healthy.
    #[serde(default)]
    pub min_available: Option<IntOrString>,
    /// Pods that may be missing.
    #[serde(default)]
    pub max_unavailable: Option<IntOrString>,
}
