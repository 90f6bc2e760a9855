//! `postgresql.cnpg.io/v1` Cluster: a PostgreSQL cluster that CloudNativePG runs without a StatefulSet.

use serde::Deserialize;

use crate::quantity::Quantity;

/// What is kept of a CloudNativePG Cluster.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct CnpgCluster {
    /// `spec`.
    #[serde(default)]
    pub spec: CnpgClusterSpec,
}

/// `spec` of a CloudNativePG Cluster.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct CnpgClusterSpec {
    /// Instances, the primary included; absent means 1.
    #[serde(default)]
    pub instances: Option<i32>,
    /// Storage of each instance.
    #[serde(default)]
    pub storage: Option<CnpgStorage>,
}

/// `storage` of a CloudNativePG Cluster.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct CnpgStorage {
    /// Size of the volume.
    #[serde(default)]
    pub size: Option<Quantity>,
}
