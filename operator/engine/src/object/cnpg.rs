//! `postgresql.cnpg.io/v1`: CloudNativePG's Cluster, ScheduledBackup and Backup; its plugin's ObjectStore.

use jiff::Timestamp;
use serde::Deserialize;

use std::collections::BTreeMap;

use super::time;

/// What is kept of a CloudNativePG Cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct CnpgCluster {
    /// `spec`.
    #[serde(default)]
    pub spec: CnpgClusterSpec,
    #[serde(default, rename = "status", deserialize_with = "ready")]
    ready: bool,
}

/// `spec` of a CloudNativePG Cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct CnpgClusterSpec {
    /// PostgreSQL instances, primary included; absent means 1.
    #[serde(default)]
    pub instances: Option<i32>,
    /// Where its volumes come from.
    #[serde(default)]
    pub storage: ClusterStorage,
    /// Where its backups go.
    #[serde(default)]
    pub backup: Option<ClusterBackup>,
    /// Plugins, one of which may make the backups.
    #[serde(default)]
    pub plugins: Option<Vec<ClusterPlugin>>,
    /// How it came to be.
    #[serde(default)]
    pub bootstrap: Option<Bootstrap>,
}

/// `spec.storage` of a Cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStorage {
    /// The class of its claims; absent means the default one.
    #[serde(default)]
    pub storage_class: Option<Box<str>>,
}

/// `spec.backup` of a Cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterBackup {
    /// The object store, where no plugin serves it.
    #[serde(default)]
    pub barman_object_store: Option<Store>,
}

/// An object store as Barman knows it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// `s3://bucket/path`, `gs://…`, or an Azure URL.
    #[serde(default)]
    pub destination_path: Box<str>,
    /// Where the store is, if not at the cloud provider.
    #[serde(default, rename = "endpointURL")]
    pub endpoint_url: Option<Box<str>>,
    /// How base backups are stored.
    #[serde(default)]
    pub data: Option<Stored>,
    /// How the write-ahead log is stored.
    #[serde(default)]
    pub wal: Option<Stored>,
}

/// How files are stored.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Stored {
    /// `AES256` or `aws:kms`; absent means as the bucket does.
    #[serde(default)]
    pub encryption: Option<Box<str>>,
}

/// One of `spec.plugins` of a Cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct ClusterPlugin {
    /// Name of the plugin.
    #[serde(default)]
    pub name: Box<str>,
    /// What it is told.
    #[serde(default)]
    pub parameters: Option<BTreeMap<Box<str>, Box<str>>>,
}

/// The plugin that stores backups with Barman.
const BARMAN: &str = "barman-cloud.cloudnative-pg.io";

impl CnpgCluster {
    /// The ObjectStore that the Barman Cloud plugin writes to.
    pub fn object_store(&self) -> Option<&str> {
        let plugins = self.spec.plugins.iter().flatten();
        let barman = plugins
            .filter(|plugin| &*plugin.name == BARMAN)
            .find_map(|p| p.parameters.as_ref())?;
        barman.get("barmanObjectName").map(|name| &**name)
    }

    /// The backup it was made from, where it was made from one: its name, or that of where it comes from.
    pub fn recovered_from(&self) -> Option<&str> {
        let recovery = self.spec.bootstrap.as_ref()?.recovery.as_ref()?;
        let backup = recovery.backup.as_ref().map(|backup| &*backup.name);
        Some(backup.or(recovery.source.as_deref()).unwrap_or_default())
    }

    /// Whether condition `Ready` is `True`.
    pub fn is_ready(&self) -> bool {
        self.ready
    }
}

/// `spec.bootstrap` of a Cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Bootstrap {
    #[serde(default)]
    recovery: Option<Recovery>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
struct Recovery {
    #[serde(default)]
    backup: Option<ClusterName>,
    #[serde(default)]
    source: Option<Box<str>>,
}

/// What is kept of an ObjectStore.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct CnpgObjectStore {
    /// `spec`.
    #[serde(default)]
    pub spec: ObjectStoreSpec,
}

/// `spec` of an ObjectStore.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct ObjectStoreSpec {
    /// The store.
    #[serde(default)]
    pub configuration: Store,
}

/// Reads of `status` only whether the cluster is ready.
fn ready<'de, D: serde::Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        conditions: Option<Vec<Condition>>,
    }
    #[derive(Deserialize)]
    struct Condition {
        #[serde(default)]
        r#type: Box<str>,
        #[serde(default)]
        status: Box<str>,
    }
    let status: Option<Status> = Option::deserialize(d)?;
    let conditions = status.and_then(|status| status.conditions).unwrap_or_default();
    Ok(conditions
        .iter()
        .any(|c| &*c.r#type == "Ready" && &*c.status == "True"))
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
