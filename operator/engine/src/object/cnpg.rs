//! `postgresql.cnpg.io/v1`: CloudNativePG's Cluster, ScheduledBackup and Backup.

use jiff::Timestamp;
use serde::Deserialize;

use super::time;

/// What is kept of a CloudNativePG Cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct CnpgCluster {
    /// `spec`.
    #[serde(default)]
    pub spec: CnpgClusterSpec,
}

/// `spec` of a CloudNativePG Cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct CnpgClusterSpec {
    /// PostgreSQL instances, primary included; absent means 1.
    #[serde(default)]
    pub instances: Option<i32>,
}

/// What is kept of a ScheduledBackup.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct CnpgScheduledBackup {
    /// `spec`.
    #[serde(default)]
    pub spec: CnpgScheduledBackupSpec,
}

/// `spec` of a ScheduledBackup.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct CnpgScheduledBackupSpec {
    /// Six cron fields, seconds first, in UTC.
    #[serde(default)]
    pub schedule: Box<str>,
    /// Whether runs are held back.
    #[serde(default)]
    pub suspend: Option<bool>,
    /// The Cluster that is backed up.
    #[serde(default)]
    pub cluster: ClusterName,
    /// `barmanObjectStore` (default), `volumeSnapshot` or `plugin`.
    #[serde(default)]
    pub method: Option<Box<str>>,
}

/// A reference to a Cluster of the same namespace.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct ClusterName {
    /// Its name.
    #[serde(default)]
    pub name: Box<str>,
}

/// What is kept of a CloudNativePG Backup.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct CnpgBackup {
    /// `spec`.
    #[serde(default)]
    pub spec: CnpgBackupSpec,
    /// `status`.
    #[serde(default)]
    pub status: Option<CnpgBackupStatus>,
}

/// `spec` of a CloudNativePG Backup.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct CnpgBackupSpec {
    /// The Cluster that is backed up.
    #[serde(default)]
    pub cluster: ClusterName,
}

/// `status` of a CloudNativePG Backup.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CnpgBackupStatus {
    /// `pending`, `started`, `running`, `finalizing`, `completed`, `failed`, `walArchivingFailing`.
    #[serde(default)]
    pub phase: Option<Box<str>>,
    /// When it started.
    #[serde(default, deserialize_with = "time::optional")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, deserialize_with = "time::optional")]
    pub stopped_at: Option<Timestamp>,
}
