//! `snapshot.storage.k8s.io/v1`: VolumeSnapshot and VolumeSnapshotClass.

use jiff::Timestamp;
use serde::Deserialize;

use super::time;

/// What is kept of a VolumeSnapshot.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct VolumeSnapshot {
    /// `spec`.
    #[serde(default)]
    pub spec: VolumeSnapshotSpec,
    /// `status`.
    #[serde(default)]
    pub status: Option<VolumeSnapshotStatus>,
}

impl VolumeSnapshot {
    /// When the snapshot was taken, if it can be used.
    pub fn taken(&self) -> Option<Timestamp> {
        let status = self.status.as_ref()?;
        status.creation_time.filter(|_| status.ready_to_use == Some(true))
    }
}

/// `spec` of a VolumeSnapshot.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct VolumeSnapshotSpec {
    /// What it is taken of.
    #[serde(default)]
    pub source: SnapshotSource,
}

/// `spec.source` of a VolumeSnapshot.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotSource {
    /// A claim of its namespace; absent for a snapshot that was there before.
    #[serde(default)]
    pub persistent_volume_claim_name: Option<Box<str>>,
}

/// `status` of a VolumeSnapshot.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSnapshotStatus {
    /// Whether a volume can be made from it.
    #[serde(default)]
    pub ready_to_use: Option<bool>,
    /// When it was taken.
    #[serde(default, deserialize_with = "time::optional")]
    pub creation_time: Option<Timestamp>,
}

/// What is kept of a VolumeSnapshotClass.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct VolumeSnapshotClass {
    /// The CSI driver whose volumes it is for.
    #[serde(default)]
    pub driver: Box<str>,
}
