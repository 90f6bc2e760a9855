//! Volumes of pods, and the claims that some of them are.

use serde::{Deserialize, de::IgnoredAny};

use crate::{
    object::Word,
    texts::{Configs, of_projection, of_volume},
};

/// One volume; only the sources that some control judges.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Name, unique in the pod.
    #[serde(default)]
    pub name: Box<str>,
    /// A claim of the pod's namespace.
    #[serde(default)]
    pub persistent_volume_claim: Option<ClaimSource>,
    /// A ConfigMap.
    #[serde(default, deserialize_with = "of_volume")]
    pub config_map: Configs,
    /// ConfigMaps among what is projected into one volume.
    #[serde(default, deserialize_with = "of_projection")]
    pub projected: Configs,
    /// A directory of the node.
    #[serde(default)]
    pub host_path: Option<Box<HostPath>>,
    /// An NFS export.
    #[serde(default)]
    pub nfs: Option<Box<Nfs>>,
    /// A claim that lives and dies with the pod.
    #[serde(default)]
    pub ephemeral: Option<Box<Ephemeral>>,
    /// An inline CSI volume.
    #[serde(default)]
    pub csi: Option<InlineCsi>,
    /// An in-tree disk of a cloud that encrypts every disk; of a volume's sources only one is ever set.
    #[serde(
        default,
        rename = "gcePersistentDisk",
        alias = "azureDisk",
        alias = "azureFile"
    )]
    pub cloud_disk: Option<IgnoredAny>,
    /// A disk or share in the network, mounted without a claim.
    #[serde(
        default,
        rename = "awsElasticBlockStore",
        alias = "cinder",
        alias = "cephfs",
        alias = "rbd",
        alias = "iscsi",
        alias = "fc",
        alias = "glusterfs",
        alias = "vsphereVolume",
        alias = "portworxVolume",
        alias = "flexVolume"
    )]
    pub network_disk: Option<IgnoredAny>,
    /// A source that Kubernetes has given up, kept because the restricted Pod Security level forbids it.
    #[serde(
        default,
        rename = "gitRepo",
        alias = "flocker",
        alias = "quobyte",
        alias = "photonPersistentDisk",
        alias = "scaleIO",
        alias = "storageos"
    )]
    pub retired: Option<IgnoredAny>,
}

/// `persistentVolumeClaim` of a volume.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimSource {
    /// The claim's name.
    pub claim_name: Box<str>,
}

/// `hostPath` of a volume.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct HostPath {
    /// Path on the node.
    pub path: Box<str>,
    /// What must be there, such as `Directory` or `Socket`; empty or absent: anything.
    #[serde(default)]
    pub r#type: Option<Box<str>>,
    /// Whether containers mount it, and all of them with `readOnly`: none of them can leave anything there.
    #[serde(skip)]
    pub read_only: bool,
}

/// `nfs` of a volume.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Nfs {
    /// Host name or address of the server.
    pub server: Box<str>,
    /// Exported path.
    pub path: Box<str>,
}

/// `ephemeral` of a volume.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ephemeral {
    /// The claim that is made for each pod.
    #[serde(default)]
    pub volume_claim_template: Option<EphemeralTemplate>,
}

/// `volumeClaimTemplate` of an ephemeral volume.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct EphemeralTemplate {
    /// `spec` of the claim.
    #[serde(default)]
    pub spec: ClaimSpec,
}

/// `csi` of a volume.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct InlineCsi {
    /// Name of the driver.
    pub driver: Box<str>,
}

/// What is kept of a claim's `spec`, here and in templates.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimSpec {
    /// `storageClassName`: absent means the default class, empty means a static volume.
    #[serde(default)]
    pub storage_class_name: Option<Box<str>>,
    /// What of the access modes is kept.
    #[serde(default)]
    pub access_modes: AccessModes,
    /// The bound volume.
    #[serde(default)]
    pub volume_name: Option<Box<str>>,
}

/// `accessModes` of a claim, as far as some control reads them: the first that keeps others away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "Option<Vec<Word<AccessModes>>>")]
pub enum AccessModes {
    /// None does: `ReadOnlyMany`, `ReadWriteMany`.
    #[default]
    Many,
    /// `ReadWriteOnce`: one node.
    Once,
    /// `ReadWriteOncePod`: one pod.
    OncePod,
}

impl AccessModes {
    /// The mode that keeps others away, as written.
    pub const fn exclusive(self) -> Option<&'static str> {
        match self {
            Self::Many => None,
            Self::Once => Some("ReadWriteOnce"),
            Self::OncePod => Some("ReadWriteOncePod"),
        }
    }
}

impl From<&str> for AccessModes {
    fn from(word: &str) -> Self {
        match word {
            "ReadWriteOnce" => Self::Once,
            "ReadWriteOncePod" => Self::OncePod,
            _ => Self::Many,
        }
    }
}

impl From<Option<Vec<Word<Self>>>> for AccessModes {
    fn from(modes: Option<Vec<Word<Self>>>) -> Self {
        let mut modes = modes.into_iter().flatten().map(|word| word.0);
        modes.find(|mode| *mode != Self::Many).unwrap_or_default()
    }
}
