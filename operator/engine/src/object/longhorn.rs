//! `longhorn.io/v1beta2`: RecurringJob, Volume and Backup.

use jiff::Timestamp;
use serde::Deserialize;

use super::time;

/// What is kept of a RecurringJob.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct LonghornRecurringJob {
    /// `spec`.
    #[serde(default)]
    pub spec: RecurringJobSpec,
}

/// `spec` of a RecurringJob.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct RecurringJobSpec {
    /// Five cron fields; it becomes a CronJob.
    #[serde(default)]
    pub cron: Box<str>,
    /// `backup`, `backup-force-create`, `snapshot` …
    #[serde(default)]
    pub task: Box<str>,
    /// Groups of volumes it runs for; `default` holds the volumes without a job or group of their own.
    #[serde(default)]
    pub groups: Option<Vec<Box<str>>>,
}

impl RecurringJobSpec {
    /// Whether what it makes leaves the volume's own storage.
    pub fn is_backup(&self) -> bool {
        matches!(&*self.task, "backup" | "backup-force-create")
    }
}

/// What is kept of a Longhorn Volume, beside the labels that name its jobs and groups.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct LonghornVolume {
    /// `spec`.
    #[serde(default)]
    pub spec: VolumeSpec,
    #[serde(default)]
    status: Option<VolumeStatus>,
}

impl LonghornVolume {
    /// The claim that uses the volume: namespace and name.
    pub fn claim(&self) -> Option<(&str, &str)> {
        let used = self.status.as_ref()?.kubernetes_status.as_ref()?;
        (!used.pvc_name.is_empty()).then_some((&used.namespace, &used.pvc_name))
    }
}

/// `spec` of a Longhorn Volume.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct VolumeSpec {
    /// Whether its data, and so its backups, are encrypted.
    #[serde(default)]
    pub encrypted: Option<bool>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumeStatus {
    #[serde(default)]
    kubernetes_status: Option<KubernetesStatus>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KubernetesStatus {
    #[serde(default)]
    namespace: Box<str>,
    #[serde(default)]
    pvc_name: Box<str>,
}

/// What is kept of a Longhorn Backup.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct LonghornBackup {
    /// `status`.
    #[serde(default)]
    pub status: LonghornBackupStatus,
}

/// `status` of a Longhorn Backup.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LonghornBackupStatus {
    /// Empty, `New`, `Pending`, `InProgress`, `Completed`, `Error` …
    #[serde(default)]
    pub state: Box<str>,
    /// The volume that was backed up.
    #[serde(default)]
    pub volume_name: Box<str>,
    /// When the backup was created in the target.
    #[serde(default, deserialize_with = "time::optional")]
    pub backup_created_at: Option<Timestamp>,
    /// Bytes, as a decimal number.
    #[serde(default)]
    pub size: Option<Box<str>>,
}
