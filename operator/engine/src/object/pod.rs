//! `v1` Pod. There are many of them: what is kept is small.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use serde::Deserialize;

use super::{Annotations, template::PodSpec};
use crate::{podsecurity::Checks, restore::RestoreResult};

/// What is kept of a Pod.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(from = "Wire")]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, of a byte each")]
pub struct Pod {
    /// `spec.nodeName`, once scheduled.
    pub node: Option<Arc<str>>,
    /// `status.phase` is `Running`.
    pub running: bool,
    /// `status.phase` is `Succeeded` or `Failed`: the pod will not run again.
    pub finished: bool,
    /// Condition `Ready` is `True`.
    pub ready: bool,
    /// Whether the pod uses its node's network.
    pub host_network: bool,
    small: Small,
    rare: Option<Box<Rare>>,
}

/// What few pods have.
#[derive(Clone, PartialEq, Debug, Default)]
struct Rare {
    spec: Option<PodSpec>,
    restore: Option<Box<RestoreResult>>,
}

/// Nothing in it differs from itself.
impl Eq for Pod {}

impl Hash for Pod {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Few pods have what is rare, and those need not be told apart quickly.
        (
            &self.node,
            self.running,
            self.finished,
            self.ready,
            self.host_network,
        )
            .hash(state);
        self.small.hash(state);
    }
}

impl Pod {
    /// Whether others are likely to be equal: all of one workload on one node mostly are.
    pub(crate) fn is_common(&self) -> bool {
        self.rare.is_none()
    }

    /// The pod's own specification; kept only for pods without a controller, which are workloads of their own.
    pub fn spec(&self) -> Option<&PodSpec> {
        self.rare.as_ref()?.spec.as_ref()
    }

    /// What a restore test left as its termination message, once its pod has succeeded.
    pub fn restore(&self) -> Option<&RestoreResult> {
        self.rare.as_ref()?.restore.as_deref()
    }

    /// The Pod Security checks it violates.
    pub fn security_checks(&self) -> Checks {
        Checks::from_bits(self.small.0 & (SUCCEEDED - 1))
    }

    /// Whether `status.phase` is `Succeeded`.
    pub fn succeeded(&self) -> bool {
        self.small.0 & SUCCEEDED != 0
    }

    /// How often its containers were started again; [`MOST_RESTARTS`] stands for that many or more.
    pub fn restarts(&self) -> u32 {
        self.small.0 >> RESTARTS
    }
}

/// The checks in the low bits, then whether it succeeded, the restarts in the high ones: four bytes in each of very many pods.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Small(u32);

/// The bit above those of the checks.
const SUCCEEDED: u32 = 1 << 19;
/// Where the restarts begin.
const RESTARTS: u32 = 20;
/// The most restarts that are told apart.
pub const MOST_RESTARTS: u32 = (1 << (u32::BITS - RESTARTS)) - 1;
const _: () = assert!(1 << crate::podsecurity::Check::ALL.len() <= SUCCEEDED);

impl Small {
    fn new(checks: Checks, succeeded: bool, restarts: u32) -> Self {
        let succeeded = if succeeded { SUCCEEDED } else { 0 };
        Self(checks.bits() | succeeded | restarts.min(MOST_RESTARTS) << RESTARTS)
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    metadata: Owners,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: Option<WireStatus>,
}

#[derive(Deserialize, Default)]
struct Owners {
    #[serde(default, rename = "ownerReferences")]
    owner_references: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(default)]
    annotations: Annotations,
}

#[derive(Deserialize, Default)]
struct WireStatus {
    #[serde(default)]
    phase: Option<Box<str>>,
    #[serde(default)]
    conditions: Option<Vec<Condition>>,
    #[serde(default, rename = "containerStatuses")]
    container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Deserialize)]
struct ContainerStatus {
    #[serde(default, rename = "restartCount")]
    restart_count: Option<i64>,
    #[serde(default)]
    state: Option<ContainerState>,
}

#[derive(Deserialize)]
struct ContainerState {
    #[serde(default)]
    terminated: Option<Terminated>,
}

#[derive(Deserialize)]
struct Terminated {
    #[serde(default, deserialize_with = "result")]
    message: Option<Box<RestoreResult>>,
}

/// Of a termination message nothing but the result of a restore test is kept.
fn result<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Box<RestoreResult>>, D::Error> {
    let text: Option<std::borrow::Cow<'de, str>> = Option::deserialize(d)?;
    Ok(text
        .and_then(|text| RestoreResult::read_message(&text))
        .map(Box::new))
}

impl WireStatus {
    fn restarts(&self) -> u32 {
        let counts = self
            .container_statuses
            .iter()
            .flatten()
            .filter_map(|c| c.restart_count);
        counts.fold(0, |sum, count| {
            u32::try_from(count.max(0))
                .unwrap_or(u32::MAX)
                .saturating_add(sum)
        })
    }
}

#[derive(Deserialize)]
struct Condition {
    r#type: Box<str>,
    status: Box<str>,
}

impl From<Wire> for Pod {
    fn from(mut wire: Wire) -> Self {
        let status = wire.status.unwrap_or_default();
        let phase = status.phase.as_deref().unwrap_or_default();
        let restarts = status.restarts();
        let statuses = status.container_statuses.into_iter().flatten();
        let ended = statuses.filter_map(|container| container.state?.terminated);
        let restore = ended
            .filter_map(|ended| ended.message)
            .find(|_| phase == "Succeeded");
        let owned = wire.metadata.owner_references.is_some_and(|o| !o.is_empty());
        let checks = Checks::of(&wire.spec, &wire.metadata.annotations);
        Self {
            small: Small::new(checks, phase == "Succeeded", restarts),
            node: wire.spec.node_name.take().map(Arc::from),
            host_network: wire.spec.host_network == Some(true),
            running: phase == "Running",
            finished: matches!(phase, "Succeeded" | "Failed"),
            ready: status
                .conditions
                .iter()
                .flatten()
                .any(|c| &*c.r#type == "Ready" && &*c.status == "True"),
            rare: (!owned || restore.is_some()).then(|| {
                let spec = (!owned).then_some(wire.spec);
                Box::new(Rare { spec, restore })
            }),
        }
    }
}
