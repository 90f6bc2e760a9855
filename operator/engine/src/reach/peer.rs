//! Peers of a rule, and whether one end of a connection is among them.

use super::{
    Addresses, Bounds, Match, PortSet, Protocol,
    pods::{NAME_LABEL, NamedPorts, Party},
};
use crate::{
    object::PodSet,
    selector::{LabelSelector, Operator},
};

/// What is known of the cluster's network beside its policies.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Network {
    /// Whether the `ipBlock` of a NetworkPolicy matches the addresses of pods.
    pub ip_blocks: IpBlocks,
    /// The ranges that pods get their addresses from; `None` where they are not known: then it may be any address.
    pub pod_ranges: Option<Addresses>,
}

/// Whether the `ipBlock` of a NetworkPolicy matches pods: upstream leaves it to the CNI, and they differ.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum IpBlocks {
    /// It may: pods in the block are possibly reachable.
    #[default]
    MayMatchPods,
    /// It does.
    MatchPods,
    /// It does not (Cilium).
    NeverMatchPods,
}

/// Who a rule speaks of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Peer {
    /// Everybody, those outside the cluster too.
    Anyone,
    /// Pods of the policy's own namespace.
    Own(LabelSelector),
    /// Pods by the labels of their namespace and their own.
    Pods(PodSet),
    /// Addresses that are meant to be outside (`ipBlock`).
    Blocks(Addresses),
    /// Addresses, pods' too (`networks`).
    Networks(Addresses),
    /// Nodes.
    Nodes,
    /// DNS names outside the cluster.
    Domains,
    /// Somebody: the form is not known.
    Unknown,
}

impl Peer {
    /// Whether `other` is one of them, the rule standing in a policy of pods in `namespace`.
    pub(crate) fn matches(&self, namespace: &str, other: Party<'_>, network: &Network) -> Match {
        match self {
            Self::Anyone => Match::Yes,
            Self::Unknown => Match::Maybe,
            Self::Own(pods) => match other {
                Party::Pods(who) if !who.host_network => {
                    (*who.namespace.name == *namespace && pods.matches(&who.labels)).into()
                }
                _ => Match::No,
            },
            Self::Pods(set) => match other {
                Party::Pods(who) if !who.host_network && set.pods.matches(&who.labels) => {
                    who.namespace.selected_by(&set.namespaces)
                }
                _ => Match::No,
            },
            Self::Blocks(block) => blocks(block, other, network),
            Self::Networks(block) => addresses(block, other, network),
            Self::Nodes => match other {
                Party::Pods(who) if who.host_network => Match::Maybe,
                _ => Match::No,
            },
            Self::Domains => match other {
                Party::Outside(_) => Match::Maybe,
                Party::Pods(_) => Match::No,
            },
        }
    }

    /// Whether it speaks of addresses, which have no named ports.
    pub(crate) fn is_of_addresses(&self) -> bool {
        matches!(
            self,
            Self::Blocks(_) | Self::Networks(_) | Self::Nodes | Self::Domains
        )
    }

    /// Labels of which a namespace must have one for its pods to be among them; `None` where any may.
    pub(crate) fn anchors(&self) -> Option<Vec<(&str, &str)>> {
        let Self::Pods(set) = self else { return None };
        // Nothing is as narrow as a name.
        let named = set.namespaces.anchors().find(|(key, _)| *key == NAME_LABEL);
        if let Some(label) = named.or_else(|| set.namespaces.anchor()) {
            return Some(vec![label]);
        }
        let listed = set
            .namespaces
            .match_expressions
            .iter()
            .find(|r| r.operator == Operator::In)?;
        Some(
            listed
                .values
                .iter()
                .map(|value| (listed.key.as_str(), value.as_str()))
                .collect(),
        )
    }

    /// Whether it can only be pods of the policy's own namespace.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }
}

/// Whether the block of a NetworkPolicy holds pods at these addresses, or at any.
pub(crate) fn block_of_pods(block: &Addresses, at: Option<&Addresses>, network: &Network) -> Match {
    let holds = match (at, &network.pod_ranges) {
        (Some(addresses), _) | (None, Some(addresses)) => block.holds(addresses),
        (None, None) => block.holds(&Addresses::all()),
    };
    match network.ip_blocks {
        IpBlocks::NeverMatchPods => Match::No,
        IpBlocks::MayMatchPods => holds.min(Match::Maybe),
        IpBlocks::MatchPods => holds,
    }
}

fn blocks(block: &Addresses, other: Party<'_>, network: &Network) -> Match {
    match other {
        Party::Pods(who) if !who.host_network => block_of_pods(block, who.addresses.as_ref(), network),
        _ => addresses(block, other, network),
    }
}

fn addresses(block: &Addresses, other: Party<'_>, network: &Network) -> Match {
    match other {
        Party::Outside(addresses) => block.holds(addresses),
        Party::Pods(who) => match (&who.addresses, &network.pod_ranges) {
            (Some(addresses), _) => block.holds(addresses),
            (None, Some(ranges)) if !who.host_network => block.holds(ranges),
            // Any address: of a node nothing is known.
            (None, _) => block.holds(&Addresses::all()),
        },
    }
}

/// The ports a rule speaks of.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Ports {
    /// By number.
    pub(crate) numbers: PortSet,
    /// By name at the destination; without a protocol any will do.
    pub(crate) named: Box<[(Option<Protocol>, Box<str>)]>,
    /// Some ports are said in a form that is not known.
    pub(crate) unknown: bool,
}

impl Ports {
    /// Every port.
    pub(crate) fn all() -> Self {
        Self {
            numbers: PortSet::ALL,
            ..Self::default()
        }
    }

    /// The ports at a destination that names these.
    pub(crate) fn at(&self, destination: &NamedPorts) -> Bounds {
        if self.named.is_empty() && !self.unknown {
            return Bounds::exactly(self.numbers.clone());
        }
        let named = self
            .named
            .iter()
            .map(|(protocol, name)| resolve(*protocol, name, destination));
        let (mut sure, mut possible): (Vec<PortSet>, Vec<PortSet>) =
            named.map(|bounds| (bounds.sure, bounds.possible)).unzip();
        sure.push(self.numbers.clone());
        possible.push(self.numbers.clone());
        Bounds {
            sure: PortSet::union_of(sure),
            possible: if self.unknown {
                PortSet::ALL
            } else {
                PortSet::union_of(possible)
            },
        }
    }

    /// As at a destination without named ports.
    pub(crate) fn by_number(&self) -> Self {
        Self {
            named: Box::default(),
            ..self.clone()
        }
    }
}

fn resolve(protocol: Option<Protocol>, name: &str, destination: &NamedPorts) -> Bounds {
    let Some(ports) = destination else {
        let any = protocol.map_or(PortSet::ALL, PortSet::of);
        return Bounds {
            sure: PortSet::NONE,
            possible: any,
        };
    };
    let found = ports
        .iter()
        .filter(|port| *port.name == *name && protocol.is_none_or(|p| p == port.protocol))
        .map(|port| PortSet::range(port.protocol, port.port, port.port));
    Bounds::exactly(PortSet::union_of(found))
}
