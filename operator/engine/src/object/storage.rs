//! Storage: PersistentVolumeClaim, PersistentVolume, StorageClass.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, de::IgnoredAny};

use super::template::{ClaimSpec, HostPath, Nfs};

/// What is kept of a PersistentVolumeClaim.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct PersistentVolumeClaim {
    /// `spec`.
    #[serde(default)]
    pub spec: ClaimSpec,
}

/// What is kept of a PersistentVolume.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct PersistentVolume {
    /// `spec`.
    #[serde(default)]
    pub spec: VolumeSource,
}

/// `spec` of a PersistentVolume: where the data is, and the class it was made for.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSource {
    /// The class; empty or absent for none.
    #[serde(default)]
    pub storage_class_name: Option<Arc<str>>,
    /// A CSI driver's volume.
    #[serde(default)]
    pub csi: Option<CsiVolume>,
    /// A directory of a node.
    #[serde(default)]
    pub host_path: Option<HostPath>,
    /// A disk or directory of one node.
    #[serde(default)]
    pub local: Option<IgnoredAny>,
    /// An NFS export.
    #[serde(default)]
    pub nfs: Option<Nfs>,
    #[serde(default)]
    aws_elastic_block_store: Option<IgnoredAny>,
    #[serde(default)]
    gce_persistent_disk: Option<IgnoredAny>,
    #[serde(default)]
    azure_disk: Option<IgnoredAny>,
    #[serde(default)]
    azure_file: Option<IgnoredAny>,
    #[serde(default)]
    cinder: Option<IgnoredAny>,
    #[serde(default)]
    vsphere_volume: Option<IgnoredAny>,
    #[serde(default)]
    portworx_volume: Option<IgnoredAny>,
}

/// `csi` of a PersistentVolume.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CsiVolume {
    /// Name of the driver.
    #[serde(default)]
    pub driver: Box<str>,
    /// What the driver recorded; some copy the parameters of the class.
    #[serde(default)]
    pub volume_attributes: Option<BTreeMap<Box<str>, Box<str>>>,
}

impl VolumeSource {
    /// The driver that serves the volume: a CSI name, or the in-tree name that migrated to one.
    pub fn driver(&self) -> Option<&str> {
        let in_tree = [
            (self.aws_elastic_block_store.is_some(), "kubernetes.io/aws-ebs"),
            (self.gce_persistent_disk.is_some(), "kubernetes.io/gce-pd"),
            (self.azure_disk.is_some(), "kubernetes.io/azure-disk"),
            (self.azure_file.is_some(), "kubernetes.io/azure-file"),
            (self.cinder.is_some(), "kubernetes.io/cinder"),
            (self.vsphere_volume.is_some(), "kubernetes.io/vsphere-volume"),
            (self.portworx_volume.is_some(), "kubernetes.io/portworx-volume"),
            (self.host_path.is_some(), "kubernetes.io/host-path"),
            (self.local.is_some(), "kubernetes.io/no-provisioner"),
            (self.nfs.is_some(), "kubernetes.io/nfs"),
        ];
        self.csi
            .as_ref()
            .map(|csi| &*csi.driver)
            .or_else(|| in_tree.into_iter().find(|(set, _)| *set).map(|(_, name)| name))
    }
}

/// What is kept of a StorageClass.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct StorageClass {
    /// Name of the driver.
    #[serde(default)]
    pub provisioner: Box<str>,
    /// What the driver is told.
    #[serde(default)]
    pub parameters: Option<BTreeMap<Box<str>, Box<str>>>,
}
