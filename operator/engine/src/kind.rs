//! The kinds Plimsoll reads: one table, from which decoding, watches, RBAC and scan all follow.

use std::fmt;

/// Whether a cluster must serve a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// Part of every Kubernetes API server.
    Builtin,
    /// Installed by a CustomResourceDefinition; absent means empty.
    Optional,
}

/// What is fixed about a kind: its coordinates in the API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KindInfo {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Versions we can read, preferred first.
    pub versions: &'static [&'static str],
    /// `kind` as written in manifests.
    pub kind: &'static str,
    /// Resource name in URLs and RBAC rules.
    pub plural: &'static str,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether the kind may be missing.
    pub presence: Presence,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident: $group:literal [$($version:literal),+] $kind:literal $plural:literal $scope:ident $presence:ident;)+) => {
        /// A kind of object that Plimsoll reads.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Kind { $($(#[$doc])* $variant,)+ }

        impl Kind {
            /// Every kind, in table order.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant,)+];

            /// The kind's coordinates in the API.
            pub const fn info(self) -> &'static KindInfo {
                match self {
                    $(Kind::$variant => &KindInfo {
                        group: $group,
                        versions: &[$($version),+],
                        kind: $kind,
                        plural: $plural,
                        namespaced: kinds!(@scope $scope),
                        presence: Presence::$presence,
                    },)+
                }
            }
        }
    };
    (@scope Namespaced) => { true };
    (@scope Cluster) => { false };
}

kinds! {
    /// `v1` Namespace.
    Namespace: "" ["v1"] "Namespace" "namespaces" Cluster Builtin;
    /// `v1` Node.
    Node: "" ["v1"] "Node" "nodes" Cluster Builtin;
    /// `v1` Pod.
    Pod: "" ["v1"] "Pod" "pods" Namespaced Builtin;
    /// `apps/v1` Deployment.
    Deployment: "apps" ["v1"] "Deployment" "deployments" Namespaced Builtin;
    /// `apps/v1` StatefulSet.
    StatefulSet: "apps" ["v1"] "StatefulSet" "statefulsets" Namespaced Builtin;
    /// `apps/v1` DaemonSet.
    DaemonSet: "apps" ["v1"] "DaemonSet" "daemonsets" Namespaced Builtin;
    /// `apps/v1` ReplicaSet.
    ReplicaSet: "apps" ["v1"] "ReplicaSet" "replicasets" Namespaced Builtin;
    /// `batch/v1` Job.
    Job: "batch" ["v1"] "Job" "jobs" Namespaced Builtin;
    /// `batch/v1` CronJob.
    CronJob: "batch" ["v1"] "CronJob" "cronjobs" Namespaced Builtin;
    /// `argoproj.io/v1alpha1` Rollout.
    Rollout: "argoproj.io" ["v1alpha1"] "Rollout" "rollouts" Namespaced Optional;
    /// `v1` PersistentVolumeClaim.
    PersistentVolumeClaim: "" ["v1"] "PersistentVolumeClaim" "persistentvolumeclaims" Namespaced Builtin;
    /// `autoscaling/v2` HorizontalPodAutoscaler.
    HorizontalPodAutoscaler: "autoscaling" ["v2"] "HorizontalPodAutoscaler" "horizontalpodautoscalers" Namespaced Builtin;
    /// `keda.sh/v1alpha1` ScaledObject.
    ScaledObject: "keda.sh" ["v1alpha1"] "ScaledObject" "scaledobjects" Namespaced Optional;
    /// `policy/v1` PodDisruptionBudget.
    PodDisruptionBudget: "policy" ["v1"] "PodDisruptionBudget" "poddisruptionbudgets" Namespaced Builtin;
    /// `v1` ResourceQuota.
    ResourceQuota: "" ["v1"] "ResourceQuota" "resourcequotas" Namespaced Builtin;
    /// `v1` PersistentVolume.
    PersistentVolume: "" ["v1"] "PersistentVolume" "persistentvolumes" Cluster Builtin;
    /// `storage.k8s.io/v1` StorageClass.
    StorageClass: "storage.k8s.io" ["v1"] "StorageClass" "storageclasses" Cluster Builtin;
    /// `v1` ConfigMap: of its data only the TLS settings of ingress controllers are kept, and what the rest showed.
    ConfigMap: "" ["v1"] "ConfigMap" "configmaps" Namespaced Builtin;
    /// `networking.k8s.io/v1` Ingress.
    Ingress: "networking.k8s.io" ["v1"] "Ingress" "ingresses" Namespaced Builtin;
    /// `networking.k8s.io/v1` ServiceCIDR, served from Kubernetes 1.33 on.
    ServiceCidr: "networking.k8s.io" ["v1", "v1beta1"] "ServiceCIDR" "servicecidrs" Cluster Optional;
    /// `networking.k8s.io/v1` IngressClass.
    IngressClass: "networking.k8s.io" ["v1"] "IngressClass" "ingressclasses" Cluster Builtin;
    /// `gateway.networking.k8s.io/v1` GatewayClass.
    GatewayClass: "gateway.networking.k8s.io" ["v1"] "GatewayClass" "gatewayclasses" Cluster Optional;
    /// `gateway.networking.k8s.io/v1` Gateway.
    Gateway: "gateway.networking.k8s.io" ["v1"] "Gateway" "gateways" Namespaced Optional;
    /// `gateway.networking.k8s.io/v1` HTTPRoute.
    HttpRoute: "gateway.networking.k8s.io" ["v1"] "HTTPRoute" "httproutes" Namespaced Optional;
    /// `gateway.networking.k8s.io/v1beta1` ReferenceGrant.
    ReferenceGrant: "gateway.networking.k8s.io" ["v1", "v1beta1"] "ReferenceGrant" "referencegrants" Namespaced Optional;
    /// `gateway.envoyproxy.io/v1alpha1` ClientTrafficPolicy.
    ClientTrafficPolicy: "gateway.envoyproxy.io" ["v1alpha1"] "ClientTrafficPolicy" "clienttrafficpolicies" Namespaced Optional;
    /// `traefik.io/v1alpha1` IngressRoute.
    TraefikIngressRoute: "traefik.io" ["v1alpha1"] "IngressRoute" "ingressroutes" Namespaced Optional;
    /// `traefik.io/v1alpha1` Middleware.
    TraefikMiddleware: "traefik.io" ["v1alpha1"] "Middleware" "middlewares" Namespaced Optional;
    /// `traefik.io/v1alpha1` TLSOption.
    TraefikTlsOption: "traefik.io" ["v1alpha1"] "TLSOption" "tlsoptions" Namespaced Optional;
    /// `projectcontour.io/v1` HTTPProxy.
    HttpProxy: "projectcontour.io" ["v1"] "HTTPProxy" "httpproxies" Namespaced Optional;
    /// `networking.istio.io/v1` Gateway.
    IstioGateway: "networking.istio.io" ["v1"] "Gateway" "gateways" Namespaced Optional;
    /// `route.openshift.io/v1` Route.
    OpenShiftRoute: "route.openshift.io" ["v1"] "Route" "routes" Namespaced Optional;
    /// `operator.openshift.io/v1` IngressController.
    OpenShiftIngressController: "operator.openshift.io" ["v1"] "IngressController" "ingresscontrollers" Namespaced Optional;
    /// `config.openshift.io/v1` APIServer, whose TLS profile is the default of OpenShift's routers.
    OpenShiftApiServer: "config.openshift.io" ["v1"] "APIServer" "apiservers" Cluster Optional;
    /// `elbv2.k8s.aws/v1beta1` IngressClassParams.
    IngressClassParams: "elbv2.k8s.aws" ["v1beta1"] "IngressClassParams" "ingressclassparams" Cluster Optional;
    /// `networking.gke.io/v1beta1` FrontendConfig.
    FrontendConfig: "networking.gke.io" ["v1beta1"] "FrontendConfig" "frontendconfigs" Namespaced Optional;
    /// `k8s.nginx.org/v1` VirtualServer; publishes hosts, not modelled.
    NginxVirtualServer: "k8s.nginx.org" ["v1"] "VirtualServer" "virtualservers" Namespaced Optional;
    /// `getambassador.io/v3alpha1` Host.
    EmissaryHost: "getambassador.io" ["v3alpha1"] "Host" "hosts" Namespaced Optional;
    /// `apisix.apache.org/v2` ApisixRoute; publishes hosts, not modelled.
    ApisixRoute: "apisix.apache.org" ["v2"] "ApisixRoute" "apisixroutes" Namespaced Optional;
    /// `traefik.containo.us/v1alpha1` IngressRoute of Traefik before 3.0; publishes hosts, not modelled.
    LegacyIngressRoute: "traefik.containo.us" ["v1alpha1"] "IngressRoute" "ingressroutes" Namespaced Optional;
    /// `networking.k8s.io/v1` NetworkPolicy.
    NetworkPolicy: "networking.k8s.io" ["v1"] "NetworkPolicy" "networkpolicies" Namespaced Builtin;
    /// `cilium.io/v2` CiliumNetworkPolicy.
    CiliumNetworkPolicy: "cilium.io" ["v2"] "CiliumNetworkPolicy" "ciliumnetworkpolicies" Namespaced Optional;
    /// `cilium.io/v2` CiliumClusterwideNetworkPolicy.
    CiliumClusterwideNetworkPolicy: "cilium.io" ["v2"] "CiliumClusterwideNetworkPolicy" "ciliumclusterwidenetworkpolicies" Cluster Optional;
    /// `projectcalico.org/v3` NetworkPolicy, served by Calico's own API server.
    CalicoNetworkPolicy: "projectcalico.org" ["v3"] "NetworkPolicy" "networkpolicies" Namespaced Optional;
    /// `projectcalico.org/v3` GlobalNetworkPolicy, served by Calico's own API server.
    CalicoGlobalNetworkPolicy: "projectcalico.org" ["v3"] "GlobalNetworkPolicy" "globalnetworkpolicies" Cluster Optional;
    /// `crd.projectcalico.org/v1` NetworkPolicy, as Calico stores it.
    CalicoStoredNetworkPolicy: "crd.projectcalico.org" ["v1"] "NetworkPolicy" "networkpolicies" Namespaced Optional;
    /// `crd.projectcalico.org/v1` GlobalNetworkPolicy, as Calico stores it.
    CalicoStoredGlobalNetworkPolicy: "crd.projectcalico.org" ["v1"] "GlobalNetworkPolicy" "globalnetworkpolicies" Cluster Optional;
    /// `policy.networking.k8s.io/v1alpha1` AdminNetworkPolicy.
    AdminNetworkPolicy: "policy.networking.k8s.io" ["v1alpha1"] "AdminNetworkPolicy" "adminnetworkpolicies" Cluster Optional;
    /// `policy.networking.k8s.io/v1alpha1` BaselineAdminNetworkPolicy.
    BaselineAdminNetworkPolicy: "policy.networking.k8s.io" ["v1alpha1"] "BaselineAdminNetworkPolicy" "baselineadminnetworkpolicies" Cluster Optional;
    /// `policy.networking.k8s.io/v1alpha2` ClusterNetworkPolicy.
    ClusterNetworkPolicy: "policy.networking.k8s.io" ["v1alpha2"] "ClusterNetworkPolicy" "clusternetworkpolicies" Cluster Optional;
    /// `rbac.authorization.k8s.io/v1` Role.
    Role: "rbac.authorization.k8s.io" ["v1"] "Role" "roles" Namespaced Builtin;
    /// `rbac.authorization.k8s.io/v1` ClusterRole.
    ClusterRole: "rbac.authorization.k8s.io" ["v1"] "ClusterRole" "clusterroles" Cluster Builtin;
    /// `rbac.authorization.k8s.io/v1` RoleBinding.
    RoleBinding: "rbac.authorization.k8s.io" ["v1"] "RoleBinding" "rolebindings" Namespaced Builtin;
    /// `rbac.authorization.k8s.io/v1` ClusterRoleBinding.
    ClusterRoleBinding: "rbac.authorization.k8s.io" ["v1"] "ClusterRoleBinding" "clusterrolebindings" Cluster Builtin;
    /// `velero.io/v1` Schedule.
    VeleroSchedule: "velero.io" ["v1"] "Schedule" "schedules" Namespaced Optional;
    /// `velero.io/v1` Backup.
    VeleroBackup: "velero.io" ["v1"] "Backup" "backups" Namespaced Optional;
    /// `velero.io/v1` Restore.
    VeleroRestore: "velero.io" ["v1"] "Restore" "restores" Namespaced Optional;
    /// `velero.io/v1` BackupStorageLocation.
    VeleroLocation: "velero.io" ["v1"] "BackupStorageLocation" "backupstoragelocations" Namespaced Optional;
    /// `postgresql.cnpg.io/v1` Cluster.
    CnpgCluster: "postgresql.cnpg.io" ["v1"] "Cluster" "clusters" Namespaced Optional;
    /// `postgresql.cnpg.io/v1` ScheduledBackup.
    CnpgScheduledBackup: "postgresql.cnpg.io" ["v1"] "ScheduledBackup" "scheduledbackups" Namespaced Optional;
    /// `postgresql.cnpg.io/v1` Backup.
    CnpgBackup: "postgresql.cnpg.io" ["v1"] "Backup" "backups" Namespaced Optional;
    /// `barmancloud.cnpg.io/v1` ObjectStore, of CloudNativePG's Barman Cloud plugin.
    CnpgObjectStore: "barmancloud.cnpg.io" ["v1"] "ObjectStore" "objectstores" Namespaced Optional;
    /// `k8up.io/v1` Schedule.
    K8upSchedule: "k8up.io" ["v1"] "Schedule" "schedules" Namespaced Optional;
    /// `k8up.io/v1` Backup.
    K8upBackup: "k8up.io" ["v1"] "Backup" "backups" Namespaced Optional;
    /// `k8up.io/v1` Restore.
    K8upRestore: "k8up.io" ["v1"] "Restore" "restores" Namespaced Optional;
    /// `longhorn.io/v1beta2` RecurringJob.
    LonghornRecurringJob: "longhorn.io" ["v1beta2"] "RecurringJob" "recurringjobs" Namespaced Optional;
    /// `longhorn.io/v1beta2` Backup.
    LonghornBackup: "longhorn.io" ["v1beta2"] "Backup" "backups" Namespaced Optional;
    /// `longhorn.io/v1beta2` Volume.
    LonghornVolume: "longhorn.io" ["v1beta2"] "Volume" "volumes" Namespaced Optional;
    /// `snapscheduler.backube/v1` SnapshotSchedule.
    SnapshotSchedule: "snapscheduler.backube" ["v1"] "SnapshotSchedule" "snapshotschedules" Namespaced Optional;
    /// `snapshot.storage.k8s.io/v1` VolumeSnapshot.
    VolumeSnapshot: "snapshot.storage.k8s.io" ["v1"] "VolumeSnapshot" "volumesnapshots" Namespaced Optional;
    /// `snapshot.storage.k8s.io/v1` VolumeSnapshotClass.
    VolumeSnapshotClass: "snapshot.storage.k8s.io" ["v1"] "VolumeSnapshotClass" "volumesnapshotclasses" Cluster Optional;
    /// `v1` Service.
    Service: "" ["v1"] "Service" "services" Namespaced Builtin;
    /// `acid.zalan.do/v1` postgresql (Zalando's operator).
    ZalandoPostgresql: "acid.zalan.do" ["v1"] "postgresql" "postgresqls" Namespaced Optional;
    /// `pgv2.percona.com/v2` PerconaPGCluster.
    PerconaPgCluster: "pgv2.percona.com" ["v2"] "PerconaPGCluster" "perconapgclusters" Namespaced Optional;
    /// `pxc.percona.com/v1` PerconaXtraDBCluster.
    PerconaXtraDbCluster: "pxc.percona.com" ["v1"] "PerconaXtraDBCluster" "perconaxtradbclusters" Namespaced Optional;
    /// `psmdb.percona.com/v1` PerconaServerMongoDB.
    PerconaServerMongoDb: "psmdb.percona.com" ["v1"] "PerconaServerMongoDB" "perconaservermongodbs" Namespaced Optional;
    /// `mysql.oracle.com/v2` InnoDBCluster.
    InnoDbCluster: "mysql.oracle.com" ["v2"] "InnoDBCluster" "innodbclusters" Namespaced Optional;
    /// `mongodbcommunity.mongodb.com/v1` MongoDBCommunity.
    MongoDbCommunity: "mongodbcommunity.mongodb.com" ["v1"] "MongoDBCommunity" "mongodbcommunity" Namespaced Optional;
}

impl Kind {
    /// The kind a manifest's `apiVersion` and `kind` name, if Plimsoll reads it.
    /// Any version of a known group counts: an older manifest is decoded leniently rather than skipped.
    pub fn of_manifest(api_version: &str, kind: &str) -> Option<Kind> {
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        Kind::ALL
            .iter()
            .copied()
            .find(|k| k.info().kind == kind && k.info().group == group)
    }

    /// `apiVersion` of the preferred version.
    pub fn api_version(self) -> String {
        let info = self.info();
        if info.group.is_empty() {
            info.versions[0].into()
        } else {
            format!("{}/{}", info.group, info.versions[0])
        }
    }

    /// Whether the kind may be missing from a cluster.
    pub const fn is_optional(self) -> bool {
        matches!(self.info().presence, Presence::Optional)
    }

    /// `deployments.apps`, as kubectl and RBAC errors name it.
    pub fn resource(self) -> String {
        let info = self.info();
        if info.group.is_empty() {
            info.plural.into()
        } else {
            format!("{}.{}", info.plural, info.group)
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().kind)
    }
}

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct KindSet(u128);

impl KindSet {
    /// No kind.
    pub const EMPTY: Self = Self(0);

    /// The set of the listed kinds.
    pub const fn of(kinds: &[Kind]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < kinds.len() {
            bits |= 1u128 << kinds[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// Adds a kind.
    #[must_use]
    pub const fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1u128 << kind as u8)
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the kind is in the set.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & (1u128 << kind as u8) != 0
    }

    /// Whether every kind of `other` is in this set.
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The kinds, in table order.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.iter().copied().filter(move |k| self.contains(*k))
    }
}

impl fmt::Debug for KindSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_fit_the_set_and_have_one_name_per_group() {
        assert!(Kind::ALL.len() <= 128);
        for (i, a) in Kind::ALL.iter().enumerate() {
            assert!(!a.info().versions.is_empty());
            for b in &Kind::ALL[i + 1..] {
                assert!(
                    (a.info().group, a.info().kind) != (b.info().group, b.info().kind),
                    "{a:?} and {b:?}"
                );
            }
        }
    }

    #[test]
    fn manifests_name_kinds_by_group_whatever_the_version() {
        assert_eq!(Kind::of_manifest("apps/v1", "Deployment"), Some(Kind::Deployment));
        assert_eq!(Kind::of_manifest("batch/v1beta1", "CronJob"), Some(Kind::CronJob));
        assert_eq!(Kind::of_manifest("v1", "Deployment"), None);
    }
}
