//! Projections: of each watched object only what some control reads.
//!
//! One file per kind (workload kinds share one). A projection implements `Deserialize` once; watch events, list pages and
//! manifests all come in through [`crate::decode`]. Fields are optional wherever the API allows `null` or absence.

mod admin_policy;
mod autoscaler;
mod budget;
mod cnpg;
mod configmap;
mod database;
mod foreign_policy;
mod gateway;
mod index;
mod ingress;
mod k8up;
mod longhorn;
mod meta;
mod namespace;
mod network_policy;
mod node;
mod openshift;
mod pod;
mod publisher;
mod quota;
mod rbac;
mod script;
mod service;
mod service_cidr;
mod snapscheduler;
mod snapshot;
mod storage;
mod template;
mod time;
mod velero;
mod word;
mod workload;

use std::sync::LazyLock;

use triomphe::Arc;

use crate::{kind::Kind, labels::Labels};

pub use admin_policy::{ADMIN_POLICIES, Action, AdminPeer, AdminPolicy, AdminPort, AdminRule, PodSet, Tier};
pub use autoscaler::{HorizontalPodAutoscaler, ScaledObject};
pub use budget::PodDisruptionBudget;
pub use cnpg::{CnpgBackup, CnpgCluster, CnpgObjectStore, CnpgScheduledBackup, Store};
pub use configmap::{ConfigMap, TLS_SETTINGS};
pub use database::{DatabaseCr, NativeSchedule};
pub use foreign_policy::{FOREIGN_POLICIES, ForeignPolicy};
pub use gateway::{
    BackendRef, ClientTrafficPolicy, Gateway, GatewayAddress, GatewayClass, HttpRoute, Listener, ParentRef,
    ReferenceGrant,
};
pub(crate) use index::{AGGREGATES, EVERYTHING, implied_namespaces, restore_tests};
pub use index::{BACKUP_OF, ROLE, restore_tests_in, restore_tests_of};
pub use ingress::{
    FrontendConfig, Ingress, IngressClass, IngressClassParams, IngressRule, IngressTls, LoadBalancer,
    LoadBalancerStatus,
};
pub use k8up::{K8upBackup, K8upRestore, K8upSchedule};
pub use longhorn::{LonghornBackup, LonghornRecurringJob, LonghornVolume};
pub use meta::{Annotations, Common, Meta, OwnerRef};
pub use namespace::Namespace;
pub use network_policy::{Direction, IpBlock, NetworkPolicy, Peer, Port, Rule};
pub use node::Node;
pub use openshift::{OpenShiftRoute, TlsSecurity};
pub use pod::{MOST_RESTARTS, Pod};
pub use publisher::{
    EmissaryHost, HttpProxy, IstioGateway, IstioServer, Opaque, TlsOption, TraefikMiddleware, TraefikRoute,
    TraefikRule,
};
pub use quota::{QuotaStatus, ResourceQuota};
pub use rbac::{Binding, Role};
pub use script::Script;
pub use service::{Service, ServicePort, ServiceType};
pub use service_cidr::ServiceCidr;
pub use snapscheduler::SnapshotSchedule;
pub use snapshot::{VolumeSnapshot, VolumeSnapshotClass};
pub use storage::{PersistentVolume, PersistentVolumeClaim, StorageClass, VolumeSource};
pub use template::{
    AccessModes, Affinity, AffinityTerm, ClaimSpec, Container, ContainerPort, HostPath, PodSpec, PodTemplate,
    RestartPolicy, SpreadConstraint, Volume,
};
pub use velero::{BackupTemplate, VeleroBackup, VeleroLocation, VeleroRestore, VeleroSchedule};
pub(crate) use word::Word;
pub use workload::{ClaimTemplate, Workload, WorkloadStatus, base_name};

impl Body {
    /// The pod template of a workload.
    pub(crate) fn template(&self) -> Option<&PodTemplate> {
        match self {
            Self::Workload(workload) => workload.template(),
            _ => None,
        }
    }

    /// The label sets within it that other objects are likely to have too.
    pub(crate) fn each_labels(&mut self, mut visit: impl FnMut(&mut Labels)) {
        let selector = match self {
            Self::Workload(workload) => match Arc::get_mut(workload) {
                Some(workload) => {
                    workload.template_labels().map(&mut visit);
                    workload.spec.selector.as_mut()
                }
                None => None,
            },
            Self::PodDisruptionBudget(budget) => {
                Arc::get_mut(budget).and_then(|budget| budget.spec.selector.as_mut())
            }
            _ => None,
        };
        if let Some(selector) = selector {
            visit(&mut selector.match_labels);
        }
    }

    /// Lets go of what a workload says: of a ReplicaSet that another one runs, of which there are ten for each Deployment with
    /// templates as large as its own, nothing counts but that it is there and whose it is.
    pub(crate) fn forget_workload(&mut self) {
        if let Self::Workload(workload) = self {
            static FORGOTTEN: LazyLock<Arc<Workload>> = LazyLock::new(Arc::default);
            *workload = FORGOTTEN.clone();
        }
    }

    /// The specification of a workload's pods; a bare pod's own.
    pub(crate) fn pod_spec(&self) -> Option<&PodSpec> {
        match self {
            Self::Pod(pod) => pod.spec(),
            _ => self.template().map(|template| &template.spec),
        }
    }
}

/// A projection that can be taken out of a [`Body`].
pub trait Projection: Sized + 'static {
    /// The projection, if this body holds one of its kinds.
    fn of(body: &Body) -> Option<&Self>;
}

macro_rules! bodies {
    ($($variant:ident($ty:ty): $($kind:ident)|+;)+) => {
        /// The projected body of an object, shared where many are equal.
        #[derive(Clone, PartialEq, Debug)]
        #[allow(missing_docs, reason = "variants are named after the projections they hold")]
        pub enum Body { $($variant(Arc<$ty>),)+ }

        $(impl Projection for $ty {
            fn of(body: &Body) -> Option<&Self> {
                match body { Body::$variant(inner) => Some(inner), _ => None }
            }
        })+

        impl Body {
            /// Decodes the body of an object of `kind`.
            pub(crate) fn decode<'de, D: serde::Deserializer<'de>>(kind: Kind, d: D) -> Result<Self, D::Error> {
                match kind {
                    $($(Kind::$kind)|+ => <$ty as serde::Deserialize>::deserialize(d).map(|b| Body::$variant(Arc::new(b))),)+
                }
            }
        }
    };
}

bodies! {
    Namespace(Namespace): Namespace;
    Node(Node): Node;
    Pod(Pod): Pod;
    PersistentVolumeClaim(PersistentVolumeClaim): PersistentVolumeClaim;
    PersistentVolume(PersistentVolume): PersistentVolume;
    StorageClass(StorageClass): StorageClass;
    ConfigMap(ConfigMap): ConfigMap;
    Ingress(Ingress): Ingress;
    ServiceCidr(ServiceCidr): ServiceCidr;
    IngressClass(IngressClass): IngressClass;
    IngressClassParams(IngressClassParams): IngressClassParams;
    FrontendConfig(FrontendConfig): FrontendConfig;
    GatewayClass(GatewayClass): GatewayClass;
    Gateway(Gateway): Gateway;
    HttpRoute(HttpRoute): HttpRoute;
    ReferenceGrant(ReferenceGrant): ReferenceGrant;
    ClientTrafficPolicy(ClientTrafficPolicy): ClientTrafficPolicy;
    TraefikRoute(TraefikRoute): TraefikIngressRoute;
    TraefikMiddleware(TraefikMiddleware): TraefikMiddleware;
    TlsOption(TlsOption): TraefikTlsOption;
    HttpProxy(HttpProxy): HttpProxy;
    IstioGateway(IstioGateway): IstioGateway;
    OpenShiftRoute(OpenShiftRoute): OpenShiftRoute;
    TlsSecurity(TlsSecurity): OpenShiftIngressController | OpenShiftApiServer;
    EmissaryHost(EmissaryHost): EmissaryHost;
    Opaque(Opaque): NginxVirtualServer | ApisixRoute | LegacyIngressRoute;
    Workload(Workload): Deployment | StatefulSet | DaemonSet | ReplicaSet | Job | CronJob | Rollout;
    HorizontalPodAutoscaler(HorizontalPodAutoscaler): HorizontalPodAutoscaler;
    ScaledObject(ScaledObject): ScaledObject;
    PodDisruptionBudget(PodDisruptionBudget): PodDisruptionBudget;
    ResourceQuota(ResourceQuota): ResourceQuota;
    CnpgCluster(CnpgCluster): CnpgCluster;
    NetworkPolicy(NetworkPolicy): NetworkPolicy;
    ForeignPolicy(ForeignPolicy): CiliumNetworkPolicy | CiliumClusterwideNetworkPolicy | CalicoNetworkPolicy
        | CalicoGlobalNetworkPolicy | CalicoStoredNetworkPolicy | CalicoStoredGlobalNetworkPolicy;
    AdminPolicy(AdminPolicy): AdminNetworkPolicy | BaselineAdminNetworkPolicy | ClusterNetworkPolicy;
    Role(Role): Role | ClusterRole;
    Binding(Binding): RoleBinding | ClusterRoleBinding;
    VeleroSchedule(VeleroSchedule): VeleroSchedule;
    VeleroBackup(VeleroBackup): VeleroBackup;
    VeleroRestore(VeleroRestore): VeleroRestore;
    VeleroLocation(VeleroLocation): VeleroLocation;
    CnpgScheduledBackup(CnpgScheduledBackup): CnpgScheduledBackup;
    CnpgBackup(CnpgBackup): CnpgBackup;
    K8upSchedule(K8upSchedule): K8upSchedule;
    CnpgObjectStore(CnpgObjectStore): CnpgObjectStore;
    K8upBackup(K8upBackup): K8upBackup;
    K8upRestore(K8upRestore): K8upRestore;
    LonghornRecurringJob(LonghornRecurringJob): LonghornRecurringJob;
    LonghornBackup(LonghornBackup): LonghornBackup;
    LonghornVolume(LonghornVolume): LonghornVolume;
    SnapshotSchedule(SnapshotSchedule): SnapshotSchedule;
    VolumeSnapshot(VolumeSnapshot): VolumeSnapshot;
    VolumeSnapshotClass(VolumeSnapshotClass): VolumeSnapshotClass;
    Service(Service): Service;
    DatabaseCr(DatabaseCr): ZalandoPostgresql | PerconaPgCluster | PerconaXtraDbCluster | PerconaServerMongoDb | InnoDbCluster | MongoDbCommunity;
}
