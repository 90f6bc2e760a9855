//! `v1` Node.

use std::net::IpAddr;

use serde::Deserialize;

/// What is kept of a Node beside its labels (zones, host names).
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Node {
    /// `spec`.
    #[serde(default)]
    pub spec: NodeSpec,
    /// `status`.
    #[serde(default)]
    pub status: NodeStatus,
}

/// `status` of a Node.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "StatusWire")]
pub struct NodeStatus {
    /// Those of its addresses that are numbers; its names are left out.
    pub addresses: Box<[IpAddr]>,
}

#[derive(Deserialize)]
struct StatusWire {
    #[serde(default)]
    addresses: Option<Vec<AddressWire>>,
}

#[derive(Deserialize)]
struct AddressWire {
    #[serde(default)]
    address: Box<str>,
}

impl From<StatusWire> for NodeStatus {
    fn from(wire: StatusWire) -> Self {
        let addresses = wire.addresses.unwrap_or_default();
        Self {
            addresses: addresses
                .iter()
                .filter_map(|one| one.address.parse().ok())
                .collect(),
        }
    }
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
