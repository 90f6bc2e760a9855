//! The pod template of a workload: what several kinds share.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::{Annotations, Script, Word};
use crate::{
    labels::Labels,
    podsecurity::{Checks, Handler, Lifecycle, Os, SecurityContext},
    selector::LabelSelector,
    texts::{Configs, Env, Marks, of_env_from, of_projection, of_volume},
};

/// `spec.template` of a workload.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct PodTemplate {
    /// Labels of the pods.
    #[serde(default)]
    metadata: Option<TemplateMeta>,
    /// The pods' specification.
    #[serde(default)]
    pub spec: PodSpec,
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
struct TemplateMeta {
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    annotations: Annotations,
}

impl PodTemplate {
    /// The value of one label that the pods will carry.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.metadata.as_ref()?.labels.get(key)
    }

    /// The labels the pods will carry.
    pub fn labels(&self) -> Labels {
        self.metadata
            .as_ref()
            .map(|m| m.labels.clone())
            .unwrap_or_default()
    }

    pub(super) fn labels_mut(&mut self) -> Option<&mut Labels> {
        Some(&mut self.metadata.as_mut()?.labels)
    }

    /// The Pod Security checks that the pods will violate.
    pub fn security_checks(&self) -> Checks {
        let none = Annotations::default();
        Checks::of(
            &self.spec,
            self.metadata.as_ref().map_or(&none, |m| &m.annotations),
        )
    }

    /// What the annotations of the pods showed.
    pub(crate) fn texts(&self) -> Option<&Marks> {
        Some(self.metadata.as_ref()?.annotations.marks())
    }

    /// An annotation the pods will carry, of those that some control reads.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.as_ref()?.annotations.get(key)
    }
}

/// What is kept of a pod specification.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct PodSpec {
    /// The node the pod was put on; only pods have it, templates hardly ever.
    #[serde(default)]
    pub node_name: Option<Box<str>>,
    /// Regular containers.
    #[serde(default)]
    pub containers: Option<Box<[Container]>>,
    /// Containers that run before (or, with `restartPolicy: Always`, beside) the regular ones.
    #[serde(default)]
    pub init_containers: Option<Box<[Container]>>,
    /// Containers that were added to a running pod to look into it; templates have none.
    #[serde(default)]
    pub ephemeral_containers: Option<Box<[Container]>>,
    /// Volumes.
    #[serde(default)]
    pub volumes: Option<Box<[Volume]>>,
    /// Whether the pods use their node's network.
    #[serde(default)]
    pub host_network: Option<bool>,
    /// Whether the pods see their node's processes.
    #[serde(default, rename = "hostPID")]
    pub host_pid: Option<bool>,
    /// Whether the pods share their node's IPC.
    #[serde(default, rename = "hostIPC")]
    pub host_ipc: Option<bool>,
    /// `false` puts the pods into user namespaces of their own.
    #[serde(default)]
    pub host_users: Option<bool>,
    /// The pods' operating system.
    #[serde(default)]
    pub os: Os,
    /// What the pods' `securityContext` asks for.
    #[serde(default)]
    pub security_context: SecurityContext,
    /// When containers are started again.
    #[serde(default)]
    pub restart_policy: RestartPolicy,
    /// The identity of the pods.
    #[serde(default)]
    pub service_account_name: Option<Box<str>>,
    /// Constraints on the spread of the pods over domains.
    #[serde(default)]
    pub topology_spread_constraints: Option<Box<[SpreadConstraint]>>,
    /// Affinity; only pod anti-affinity is kept.
    #[serde(default)]
    pub affinity: Option<Box<Affinity>>,
}

/// What containers say of their mounts is kept at the volumes, as far as it is asked for.
impl<'de> Deserialize<'de> for PodSpec {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut spec = Self::deserialize(d)?;
        spec.settle_mounts();
        Ok(spec)
    }
}

impl PodSpec {
    fn settle_mounts(&mut self) {
        let lists = [
            &mut self.containers,
            &mut self.init_containers,
            &mut self.ephemeral_containers,
        ];
        let containers = lists.into_iter().flatten().flat_map(|list| list.iter_mut());
        let mounts: Vec<Mount> = containers.filter_map(|c| c.mounts.take()).flatten().collect();
        for volume in self.volumes.iter_mut().flatten() {
            let Some(host) = &mut volume.host_path else {
                continue;
            };
            let mut of_it = mounts.iter().filter(|mount| mount.name == volume.name).peekable();
            host.read_only = of_it.peek().is_some() && of_it.all(|mount| mount.read_only);
        }
    }

    /// Regular and init containers.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.containers
            .iter()
            .flatten()
            .chain(self.init_containers.iter().flatten())
    }

    /// Containers of every sort, in the order in which the API server looks at them.
    pub fn every_container(&self) -> impl Iterator<Item = &Container> {
        let init = self.init_containers.iter().flatten();
        init.chain(self.containers.iter().flatten())
            .chain(self.ephemeral_containers.iter().flatten())
    }

    /// The ConfigMaps the pods mount or take variables from, some of them more than once; known only where the texts of
    /// ConfigMaps are looked through for hosts.
    pub fn config_maps(&self) -> impl Iterator<Item = &str> {
        let volumes = self.volumes.iter().flatten();
        let mounted = volumes.flat_map(|volume| volume.config_map.iter().chain(volume.projected.iter()));
        let read = self
            .all_containers()
            .flat_map(|container| container.env.configs.iter().chain(container.env_from.iter()));
        mounted.chain(read)
    }

    /// The claims the pods mount by name.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.volumes
            .iter()
            .flatten()
            .filter_map(|v| v.persistent_volume_claim.as_ref().map(|claim| &*claim.claim_name))
    }
}

/// One container.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Name, unique in the pod.
    #[serde(default)]
    pub name: Box<str>,
    /// Image reference.
    #[serde(default)]
    pub image: Option<Box<str>>,
    /// What its environment variables showed.
    #[serde(default)]
    pub env: Env,
    /// ConfigMaps that become environment variables as a whole.
    #[serde(default, deserialize_with = "of_env_from")]
    pub env_from: Configs,
    /// What `command` hints at, and what it showed.
    #[serde(default)]
    pub command: Script,
    /// What `args` hint at, and what they showed.
    #[serde(default)]
    pub args: Script,
    /// Ports the container declares.
    #[serde(default)]
    pub ports: Option<Box<[ContainerPort]>>,
    /// Resource requests, which a quota counts.
    #[serde(default)]
    pub resources: Option<Box<Resources>>,
    /// Until the specification is read: see [`HostPath::read_only`].
    #[serde(default, rename = "volumeMounts")]
    mounts: Option<Box<[Mount]>>,
    /// What its `securityContext` asks for.
    #[serde(default)]
    pub security_context: SecurityContext,
    /// Whether it lives.
    #[serde(default)]
    pub liveness_probe: Handler,
    /// Whether it can serve.
    #[serde(default)]
    pub readiness_probe: Handler,
    /// Whether it has started.
    #[serde(default)]
    pub startup_probe: Handler,
    /// What runs when it starts and before it ends.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// Of an init container: it stays beside the regular ones (`restartPolicy: Always`).
    #[serde(default, rename = "restartPolicy", deserialize_with = "is_always")]
    pub sidecar: bool,
}

/// One of `volumeMounts`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mount {
    #[serde(default)]
    name: Box<str>,
    #[serde(default, deserialize_with = "or_false")]
    read_only: bool,
}

fn or_false<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or(false))
}

fn is_always<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    let policy: Option<std::borrow::Cow<'de, str>> = Option::deserialize(d)?;
    Ok(policy.as_deref() == Some("Always"))
}

/// `restartPolicy` of a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "Option<Word<RestartPolicy>>")]
pub enum RestartPolicy {
    /// Containers are to run for ever; the default.
    #[default]
    Always,
    /// Containers are to come to an end: `OnFailure` or `Never`.
    ToCompletion,
}

impl From<&str> for RestartPolicy {
    fn from(word: &str) -> Self {
        match word {
            "OnFailure" | "Never" => Self::ToCompletion,
            _ => Self::Always,
        }
    }
}

impl From<Option<Word<Self>>> for RestartPolicy {
    fn from(word: Option<Word<Self>>) -> Self {
        word.map(|word| word.0).unwrap_or_default()
    }
}

/// `resources` of a container.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Resources {
    /// Requested amounts, as written (Kubernetes quantities).
    #[serde(default)]
    pub requests: Option<BTreeMap<Box<str>, serde_json::Value>>,
    /// Upper limits, as written (Kubernetes quantities).
    #[serde(default)]
    pub limits: Option<BTreeMap<Box<str>, serde_json::Value>>,
}

/// One port of a container.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerPort {
    /// Name that policies and services may use.
    #[serde(default)]
    pub name: Option<Box<str>>,
    /// Port number in the pod.
    pub container_port: u16,
    /// Port opened on the node, if any.
    #[serde(default)]
    pub host_port: Option<u16>,
    /// `TCP` (default), `UDP` or `SCTP`.
    #[serde(default)]
    pub protocol: Option<Box<str>>,
}

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
    pub cloud_disk: Option<serde::de::IgnoredAny>,
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
    pub network_disk: Option<serde::de::IgnoredAny>,
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
    pub retired: Option<serde::de::IgnoredAny>,
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

/// `csi` of a volume.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct InlineCsi {
    /// Name of the driver.
    pub driver: Box<str>,
}

/// One of `topologySpreadConstraints`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpreadConstraint {
    /// Node label whose values are the domains.
    #[serde(default)]
    pub topology_key: Box<str>,
    /// `DoNotSchedule` or `ScheduleAnyway`.
    #[serde(default)]
    pub when_unsatisfiable: Box<str>,
    /// Pods that are counted; absent selects none.
    #[serde(default)]
    pub label_selector: Option<LabelSelector>,
}

/// What is kept of `affinity`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Affinity {
    /// Pods to keep away from.
    #[serde(default)]
    pub pod_anti_affinity: Option<PodAntiAffinity>,
}

/// `podAntiAffinity`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodAntiAffinity {
    /// Hard terms.
    #[serde(default, rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub required: Option<Vec<AffinityTerm>>,
    /// Soft terms.
    #[serde(default, rename = "preferredDuringSchedulingIgnoredDuringExecution")]
    pub preferred: Option<Vec<WeightedTerm>>,
}

/// A soft term.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedTerm {
    /// The term itself; its weight decides nothing here.
    #[serde(default)]
    pub pod_affinity_term: AffinityTerm,
}

/// One anti-affinity term.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AffinityTerm {
    /// Node label whose values are the domains.
    #[serde(default)]
    pub topology_key: Box<str>,
    /// Pods to keep away from; absent selects none.
    #[serde(default)]
    pub label_selector: Option<LabelSelector>,
    /// Namespaces of those pods; absent means the pod's own.
    #[serde(default)]
    pub namespaces: Option<Vec<Box<str>>>,
}
