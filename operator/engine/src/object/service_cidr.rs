//! `networking.k8s.io/v1` ServiceCIDR.

use serde::Deserialize;

use crate::probe::Net;

/// What is kept of a ServiceCIDR.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct ServiceCidr {
    /// `spec`.
    #[serde(default)]
    pub spec: ServiceCidrSpec,
}

/// `spec` of a ServiceCIDR.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct ServiceCidrSpec {
    /// Ranges from which Services get their addresses.
    #[serde(default)]
    pub cidrs: Vec<Net>,
}
