//! `k8up.io/v1`: Schedule, Backup and Restore.

use jiff::Timestamp;
use serde::Deserialize;

use super::time;
use crate::selector::LabelSelector;

/// What is kept of a K8up Schedule.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct K8upSchedule {
    /// `spec`.
    #[serde(default)]
    pub spec: K8upScheduleSpec,
    #[serde(default)]
    status: Option<Box<K8upScheduleStatus>>,
}

impl K8upSchedule {
    /// When backups really run: what K8up made of `@daily-random` and its kin (`status.effectiveSchedules`, by job type).
    pub fn effective_backup(&self) -> Option<&str> {
        let effective = self.status.as_ref()?.effective_schedules.as_ref()?;
        let backup = effective.iter().find(|one| &*one.job_type == "backup")?;
        backup
            .generated_schedule
            .as_deref()
            .filter(|text| !text.is_empty())
    }
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct K8upScheduleStatus {
    #[serde(default)]
    effective_schedules: Option<Box<[EffectiveSchedule]>>,
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EffectiveSchedule {
    #[serde(default)]
    job_type: Box<str>,
    #[serde(default)]
    generated_schedule: Option<Box<str>>,
}

/// `spec` of a K8up Schedule; only its backups, not its checks, prunes, archives and restores.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct K8upScheduleSpec {
    /// The backups of its namespace, if it makes any.
    #[serde(default)]
    pub backup: Option<K8upBackupJob>,
}

/// `spec.backup` of a K8up Schedule.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct K8upBackupJob {
    /// Five cron fields, or `@daily-random` and its kin.
    #[serde(default)]
    pub schedule: Box<str>,
    /// Claims (and pods with a backup command) must match one of them; absent means all.
    #[serde(default)]
    pub label_selectors: Option<Vec<LabelSelector>>,
}

/// What is kept of a K8up Backup.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct K8upBackup {
    /// `status`.
    #[serde(default)]
    pub status: Option<K8upBackupStatus>,
}

impl K8upBackup {
    /// When it ended and whether that was a success: condition `Completed` is True for both, its reason tells them apart.
    pub fn ended(&self) -> Option<(Timestamp, bool)> {
        self.status.as_ref()?.ended()
    }
}

/// What is kept of a K8up Restore.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct K8upRestore {
    /// `spec`.
    #[serde(default)]
    pub spec: K8upRestoreSpec,
    /// `status`.
    #[serde(default)]
    pub status: Option<K8upBackupStatus>,
}

/// `spec` of a K8up Restore.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct K8upRestoreSpec {
    /// The restic snapshot; absent means the newest.
    #[serde(default)]
    pub snapshot: Option<Box<str>>,
}

/// `status` of a K8up Backup.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct K8upBackupStatus {
    /// Whether its Job was created.
    #[serde(default)]
    pub started: Option<bool>,
    /// Whether it ended, well or not.
    #[serde(default)]
    pub finished: Option<bool>,
    #[serde(default)]
    conditions: Option<Vec<Condition>>,
}

impl K8upBackupStatus {
    pub(crate) fn ended(&self) -> Option<(Timestamp, bool)> {
        let completed = self
            .conditions
            .as_ref()?
            .iter()
            .find(|c| &*c.r#type == "Completed" && &*c.status == "True")?;
        Some((completed.last_transition_time?, &*completed.reason == "Succeeded"))
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    r#type: Box<str>,
    status: Box<str>,
    #[serde(default)]
    reason: Box<str>,
    #[serde(default, deserialize_with = "time::optional")]
    last_transition_time: Option<Timestamp>,
}
