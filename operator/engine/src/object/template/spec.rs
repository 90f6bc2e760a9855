//! The specification of pods: what is kept of it, and what it all amounts to.

use serde::{Deserialize, Deserializer};

use super::{Affinity, Container, SpreadConstraint, Volume, container::Mount};
use crate::{
    object::Word,
    podsecurity::{Os, SecurityContext},
};

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
