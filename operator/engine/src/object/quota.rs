//! `v1` ResourceQuota.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::quantity::Quantity;

/// What is kept of a ResourceQuota. Scopes are not: a scoped quota is taken to count every pod, which errs on the side of
/// asking first.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct ResourceQuota {
    /// `spec`.
    #[serde(default)]
    pub spec: QuotaSpec,
    /// `status`; absent until the controller has counted.
    #[serde(default)]
    pub status: Option<QuotaStatus>,
}

/// `spec` of a ResourceQuota.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct QuotaSpec {
    /// Limits by resource name (`pods`, `requests.cpu`, `count/deployments.apps`).
    #[serde(default)]
    pub hard: Option<BTreeMap<Box<str>, Quantity>>,
}

/// `status` of a ResourceQuota.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct QuotaStatus {
    /// What is used of each.
    #[serde(default)]
    pub used: Option<BTreeMap<Box<str>, Quantity>>,
}
