//! `snapscheduler.backube/v1` SnapshotSchedule: snapshots on a schedule, on the storage of the volume itself.

use serde::Deserialize;

/// What is kept of a SnapshotSchedule.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct SnapshotSchedule {
    /// `spec`.
    #[serde(default)]
    pub spec: SnapshotScheduleSpec,
}

/// `spec` of a SnapshotSchedule.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct SnapshotScheduleSpec {
    /// Five cron fields.
    #[serde(default)]
    pub schedule: Box<str>,
    /// Whether runs are held back.
    #[serde(default)]
    pub disabled: Option<bool>,
}
