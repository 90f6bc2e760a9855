//! Projections: of each watched object only what some control reads.
//!
//! One file per kind (workload kinds share one). A projection implements `Deserialize` once; watch events, list pages and
//! manifests all come in through [`crate::decode`]. Fields are optional wherever the API allows `null` or absence.

mod cnpg;
mod database;
mod index;
mod k8up;
mod longhorn;
mod meta;
mod namespace;
mod node;
mod pod;
mod script;
mod snapscheduler;
mod template;
mod time;
mod velero;
mod workload;

use crate::kind::Kind;

pub use cnpg::{CnpgBackup, CnpgCluster, CnpgScheduledBackup};
pub use database::{DatabaseCr, NativeSchedule};
pub use index::{BACKUP_OF, ROLE};
pub use k8up::{K8upBackup, K8upSchedule};
pub use longhorn::{LonghornBackup, LonghornRecurringJob, LonghornVolume};
pub use meta::{Annotations, Meta, OwnerRef};
pub use namespace::Namespace;
pub use node::Node;
pub use pod::Pod;
pub use script::Script;
pub use snapscheduler::SnapshotSchedule;
pub use template::{Container, ContainerPort, PodSpec, PodTemplate, Volume};
pub use velero::{BackupTemplate, VeleroBackup, VeleroSchedule};
pub use workload::{ClaimTemplate, Workload, base_name};

/// A projection that can be taken out of a [`Body`].
pub trait Projection: Sized + 'static {
    /// The projection, if this body holds one of its kinds.
    fn of(body: &Body) -> Option<&Self>;
}

macro_rules! bodies {
    ($($variant:ident($ty:ty): $($kind:ident)|+;)+) => {
        /// The projected body of an object.
        #[derive(Clone, PartialEq, Debug)]
        #[allow(missing_docs, reason = "variants are named after the projections they hold")]
        pub enum Body { $($variant(Box<$ty>),)+ }

        $(impl Projection for $ty {
            fn of(body: &Body) -> Option<&Self> {
                match body { Body::$variant(inner) => Some(inner), _ => None }
            }
        })+

        impl Body {
            /// Decodes the body of an object of `kind`.
            pub(crate) fn decode<'de, D: serde::Deserializer<'de>>(kind: Kind, d: D) -> Result<Self, D::Error> {
                match kind {
                    $($(Kind::$kind)|+ => <$ty as serde::Deserialize>::deserialize(d).map(|b| Body::$variant(Box::new(b))),)+
                }
            }
        }
    };
}

bodies! {
    Namespace(Namespace): Namespace;
    Node(Node): Node;
    Pod(Pod): Pod;
    Workload(Workload): Deployment | StatefulSet | DaemonSet | ReplicaSet | Job | CronJob | Rollout;
    VeleroSchedule(VeleroSchedule): VeleroSchedule;
    VeleroBackup(VeleroBackup): VeleroBackup;
    CnpgCluster(CnpgCluster): CnpgCluster;
    CnpgScheduledBackup(CnpgScheduledBackup): CnpgScheduledBackup;
    CnpgBackup(CnpgBackup): CnpgBackup;
    K8upSchedule(K8upSchedule): K8upSchedule;
    K8upBackup(K8upBackup): K8upBackup;
    LonghornRecurringJob(LonghornRecurringJob): LonghornRecurringJob;
    LonghornBackup(LonghornBackup): LonghornBackup;
    LonghornVolume(LonghornVolume): LonghornVolume;
    SnapshotSchedule(SnapshotSchedule): SnapshotSchedule;
    DatabaseCr(DatabaseCr): ZalandoPostgresql | PerconaPgCluster | PerconaXtraDbCluster | PerconaServerMongoDb | InnoDbCluster | MongoDbCommunity;
}
