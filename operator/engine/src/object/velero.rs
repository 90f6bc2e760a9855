//! `velero.io/v1`: Schedule, Backup, Restore and BackupStorageLocation.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::time;
use crate::selector::LabelSelector;

/// What is kept of a Velero Schedule. `status.lastBackup` is left out: it is when a backup last started, not whether one succeeded.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct VeleroSchedule {
    /// `spec`.
    #[serde(default)]
    pub spec: VeleroScheduleSpec,
    #[serde(default)]
    status: Option<VeleroScheduleStatus>,
}

impl VeleroSchedule {
    /// Whether Velero refused the schedule (`status.phase: FailedValidation`) and never runs it.
    pub fn is_refused(&self) -> bool {
        self.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("FailedValidation")
    }
}

/// `spec` of a Velero Schedule.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct VeleroScheduleSpec {
    /// Five cron fields, possibly behind `CRON_TZ=`; the zone is else that of the Velero server (UTC in its image).
    #[serde(default)]
    pub schedule: Box<str>,
    /// Whether runs are held back.
    #[serde(default)]
    pub paused: Option<bool>,
    /// The backups it makes.
    #[serde(default)]
    pub template: BackupTemplate,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
struct VeleroScheduleStatus {
    #[serde(default)]
    phase: Option<Box<str>>,
}

/// `spec.template` of a Velero Schedule: what its backups hold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupTemplate {
    /// Namespaces, with `*` as a wildcard; absent or empty means all.
    #[serde(default)]
    pub included_namespaces: Option<Vec<Box<str>>>,
    /// Namespaces left out, with `*` as a wildcard.
    #[serde(default)]
    pub excluded_namespaces: Option<Vec<Box<str>>>,
    /// Resources; absent or empty means all.
    #[serde(default)]
    pub included_resources: Option<Vec<Box<str>>>,
    /// Resources left out.
    #[serde(default)]
    pub excluded_resources: Option<Vec<Box<str>>>,
    /// Namespaced resources, where the two filters above are not used; absent or empty means all.
    #[serde(default)]
    pub included_namespace_scoped_resources: Option<Vec<Box<str>>>,
    /// Namespaced resources left out.
    #[serde(default)]
    pub excluded_namespace_scoped_resources: Option<Vec<Box<str>>>,
    /// The BackupStorageLocation; absent means the default one.
    #[serde(default)]
    pub storage_location: Option<Box<str>>,
    /// Objects must match it.
    #[serde(default)]
    pub label_selector: Option<LabelSelector>,
    /// Objects must match one of them.
    #[serde(default)]
    pub or_label_selectors: Option<Vec<LabelSelector>>,
    /// Whether volumes are snapshotted; absent means where a location or CSI driver allows it.
    #[serde(default)]
    pub snapshot_volumes: Option<bool>,
    /// Whether the files of every volume are copied unless its pod opts out.
    #[serde(default, alias = "defaultVolumesToRestic")]
    pub default_volumes_to_fs_backup: Option<bool>,
}

/// What is kept of a Velero Backup.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct VeleroBackup {
    /// `status`.
    #[serde(default)]
    pub status: Option<VeleroBackupStatus>,
}

/// `status` of a Velero Backup.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VeleroBackupStatus {
    /// `New`, `InProgress`, `Finalizing`, `Completed`, `PartiallyFailed`, `Failed` …
    #[serde(default)]
    pub phase: Option<Box<str>>,
    /// When it started.
    #[serde(default, deserialize_with = "time::optional")]
    pub start_timestamp: Option<Timestamp>,
    /// When it ended, well or not.
    #[serde(default, deserialize_with = "time::optional")]
    pub completion_timestamp: Option<Timestamp>,
}

/// What is kept of a Velero Restore.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct VeleroRestore {
    /// `spec`.
    #[serde(default)]
    pub spec: VeleroRestoreSpec,
    /// `status`: phases and times as those of a Backup.
    #[serde(default)]
    pub status: Option<VeleroBackupStatus>,
}

/// `spec` of a Velero Restore.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VeleroRestoreSpec {
    /// The Backup it restores; or the newest of a schedule.
    #[serde(default)]
    pub backup_name: Option<Box<str>>,
    /// Namespaces that are restored under another name.
    #[serde(default)]
    pub namespace_mapping: Option<BTreeMap<Box<str>, Box<str>>>,
}

/// What is kept of a BackupStorageLocation.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct VeleroLocation {
    /// `spec`.
    #[serde(default)]
    pub spec: VeleroLocationSpec,
}

/// `spec` of a BackupStorageLocation.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct VeleroLocationSpec {
    /// `aws`, `azure`, `gcp`, possibly behind `velero.io/`, or another plugin's name.
    #[serde(default)]
    pub provider: Box<str>,
    /// Whether backups that name no location go here.
    #[serde(default)]
    pub default: Option<bool>,
    /// What the provider's plugin is told.
    #[serde(default)]
    pub config: Option<BTreeMap<Box<str>, Box<str>>>,
}
