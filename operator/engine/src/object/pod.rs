//! `v1` Pod. There are many of them: what is kept is small.

use serde::Deserialize;

use super::template::PodSpec;

/// What is kept of a Pod.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(from = "Wire")]
pub struct Pod {
    /// `spec.nodeName`, once scheduled.
    pub node: Option<Box<str>>,
    /// `status.phase` is `Running`.
    pub running: bool,
    /// `status.phase` is `Succeeded` or `Failed`: the pod will not run again.
    pub finished: bool,
    /// Condition `Ready` is `True`.
    pub ready: bool,
    /// Whether the pod uses its node's network.
    pub host_network: bool,
    /// The pod's own specification; kept only for pods without a controller, which are workloads of their own.
    pub spec: Option<Box<PodSpec>>,
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
}

#[derive(Deserialize, Default)]
struct WireStatus {
    #[serde(default)]
    phase: Option<Box<str>>,
    #[serde(default)]
    conditions: Option<Vec<Condition>>,
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
        let owned = wire.metadata.owner_references.is_some_and(|o| !o.is_empty());
        Self {
            node: wire.spec.node_name.take(),
            host_network: wire.spec.host_network == Some(true),
            running: phase == "Running",
            finished: matches!(phase, "Succeeded" | "Failed"),
            ready: status
                .conditions
                .iter()
                .flatten()
                .any(|c| &*c.r#type == "Ready" && &*c.status == "True"),
            spec: (!owned).then(|| Box::new(wire.spec)),
        }
    }
}
