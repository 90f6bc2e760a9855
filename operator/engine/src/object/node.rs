//! `v1` Node.

use serde::Deserialize;

/// What is kept of a Node beside its labels (zones, host names).
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Node {
    /// `spec`.
    #[serde(default)]
    pub spec: NodeSpec,
}

/// `spec` of a Node.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeSpec {
    /// Address ranges of the node's pods.
    #[serde(default, rename = "podCIDRs")]
    pub pod_cidrs: Option<Vec<Box<str>>>,
    /// Cordoned: no new pod is scheduled here.
    #[serde(default)]
    pub unschedulable: Option<bool>,
}
