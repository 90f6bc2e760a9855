//! Policies, read once into the form that is asked.

use super::{
    Addresses, PortSet, Protocol, Shared,
    peer::{Peer, Ports},
    profile::{Opening, Ruling, Verb},
};
use crate::{
    intorstring::IntOrString,
    kind::Kind,
    name::ObjRef,
    object,
    object::{
        Action, AdminPeer, AdminPolicy, AdminPort, AdminRule, Direction, NetworkPolicy, PodSet, Rule, Tier,
    },
    selector::LabelSelector,
};

/// A NetworkPolicy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Its name.
    pub name: ObjRef,
    /// The pods of its namespace it selects.
    pub(crate) selector: LabelSelector,
    /// Per direction what it lets through, where it isolates.
    sides: [Option<Box<[Allowance]>>; 2],
}

/// One rule of a NetworkPolicy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Allowance {
    pub(crate) peers: Box<[Shared<Peer>]>,
    pub(crate) ports: Shared<Ports>,
}

impl Allowance {
    pub(crate) fn openings(&self) -> impl Iterator<Item = Opening> + '_ {
        self.peers.iter().map(|peer| Opening {
            peer: peer.clone(),
            ports: self.ports.clone(),
        })
    }
}

/// Why a policy cannot be judged: the API server would not have stored it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Policy {
    /// Reads a NetworkPolicy.
    pub fn read(name: ObjRef, policy: &NetworkPolicy) -> Result<Self, Unreadable> {
        let selector = valid(&policy.pod_selector, || "spec.podSelector".into())?;
        let side = |direction: Direction| -> Result<Option<Box<[Allowance]>>, Unreadable> {
            if !policy.isolates(direction) {
                return Ok(None);
            }
            let rules = policy.rules(direction).iter().enumerate();
            rules
                .map(|(i, rule)| {
                    allowances(rule, direction)
                        .map_err(|why| Unreadable(format!("spec.{}[{i}].{}", direction.field(), why.0)))
                })
                .collect::<Result<Vec<_>, _>>()
                .map(|rules| Some(rules.into()))
        };
        Ok(Self {
            name,
            selector,
            sides: [side(Direction::Ingress)?, side(Direction::Egress)?],
        })
    }

    /// Its rules in a direction, where it isolates.
    pub(crate) fn side(&self, direction: Direction) -> Option<&[Allowance]> {
        self.sides[direction as usize].as_deref()
    }
}

fn valid(selector: &LabelSelector, field: impl FnOnce() -> String) -> Result<LabelSelector, Unreadable> {
    match selector.validate() {
        Ok(()) => Ok(selector.clone()),
        Err(why) => Err(Unreadable(format!("{}: {why}", field()))),
    }
}

fn allowances(rule: &Rule, direction: Direction) -> Result<Allowance, Unreadable> {
    let mut peers = Vec::with_capacity(rule.peers.len());
    let mut blocks = Vec::new();
    for (i, peer) in rule.peers.iter().enumerate() {
        let at = |why: String| Unreadable(format!("{}[{i}]: {why}", direction.peers_field()));
        let field = || format!("{}[{i}]", direction.peers_field());
        let pods = |selector: &Option<LabelSelector>| match selector {
            Some(selector) => valid(selector, field),
            None => Ok(LabelSelector::default()),
        };
        match peer {
            object::Peer {
                ip_block: Some(block),
                namespace_selector: None,
                pod_selector: None,
            } => {
                let read = range(block).ok_or_else(|| at(format!("{:?} is no address range", block.cidr)))?;
                blocks.push(read);
            }
            object::Peer {
                ip_block: None,
                namespace_selector: Some(namespaces),
                pod_selector,
            } => {
                peers.push(Peer::Pods(PodSet {
                    namespaces: valid(namespaces, field)?,
                    pods: pods(pod_selector)?,
                }));
            }
            object::Peer {
                ip_block: None,
                namespace_selector: None,
                pod_selector: selector @ Some(_),
            } => {
                peers.push(Peer::Own(pods(selector)?));
            }
            _ => return Err(at("expected selectors or an ipBlock".into())),
        }
    }
    if rule.peers.is_empty() {
        peers.push(Peer::Anyone);
    }
    if !blocks.is_empty() {
        peers.push(Peer::Blocks(Addresses::union_of(&blocks)));
    }
    Ok(Allowance {
        peers: peers.into_iter().map(Shared::new).collect(),
        ports: Shared::new(ports(&rule.ports)),
    })
}

fn range(block: &object::IpBlock) -> Option<Addresses> {
    let whole = Addresses::parse([&block.cidr])?;
    Some(whole.without(&Addresses::parse(block.except())?))
}

fn ports(list: &[object::Port]) -> Ports {
    if list.is_empty() {
        return Ports::all();
    }
    let mut ports = Ports::default();
    let mut numbers = Vec::new();
    let mut named = Vec::new();
    for port in list {
        match (Protocol::parse(port.protocol()), &port.port, port.end_port) {
            (Some(protocol), None, None) => numbers.push(PortSet::of(protocol)),
            (Some(protocol), Some(IntOrString::Int(first)), last) => match u16::try_from(*first) {
                Ok(first) if first > 0 && last.is_none_or(|last| last >= first) => {
                    numbers.push(PortSet::range(protocol, first, last.unwrap_or(first)));
                }
                _ => ports.unknown = true,
            },
            (Some(protocol), Some(IntOrString::String(name)), None) => {
                named.push((Some(protocol), name.as_str().into()));
            }
            _ => ports.unknown = true,
        }
    }
    ports.numbers = PortSet::union_of(numbers);
    ports.named = named.into();
    ports
}

/// A policy of the ordered kinds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterPolicy {
    /// Its name.
    pub name: ObjRef,
    pub(crate) tier: Tier,
    pub(crate) priority: i32,
    /// The pods it selects; `None` where that cannot be told.
    pub(crate) subject: Option<PodSet>,
    sides: [Shared<Box<[Ruling]>>; 2],
}

/// `maxItems` of a direction's rules in `v1alpha1`; `v1alpha2` admits fewer.
const MOST_RULES: usize = 100;

impl ClusterPolicy {
    /// Reads a policy of one of [`crate::object::ADMIN_POLICIES`].
    pub fn read(name: ObjRef, policy: &AdminPolicy) -> Result<Self, Unreadable> {
        if let Some(subject) = &policy.subject {
            subject
                .validate()
                .map_err(|why| Unreadable(format!("spec.subject: {why}")))?;
        }
        let side = |direction: Direction| -> Result<Shared<Box<[Ruling]>>, Unreadable> {
            let mut rulings = Vec::new();
            if policy.rules(direction).len() > MOST_RULES {
                let field = direction.field();
                return Err(Unreadable(format!(
                    "spec.{field}: more than {MOST_RULES} rules, which the API does not admit"
                )));
            }
            for (i, rule) in policy.rules(direction).iter().enumerate() {
                self::rulings(rule, i, direction, &mut rulings)
                    .map_err(|why| Unreadable(format!("spec.{}[{i}].{}", direction.field(), why.0)))?;
            }
            Ok(Shared::new(rulings.into()))
        };
        Ok(Self {
            tier: policy.tier(name.kind()),
            // Of the kind there is one; what comes after it, if anything, are ClusterNetworkPolicies' own priorities.
            priority: if name.kind() == Kind::BaselineAdminNetworkPolicy {
                i32::MAX
            } else {
                policy.priority
            },
            subject: policy.subject.clone(),
            sides: [side(Direction::Ingress)?, side(Direction::Egress)?],
            name,
        })
    }

    pub(crate) fn side(&self, direction: Direction) -> &Shared<Box<[Ruling]>> {
        &self.sides[direction as usize]
    }
}

fn rulings(
    rule: &AdminRule,
    index: usize,
    direction: Direction,
    into: &mut Vec<Ruling>,
) -> Result<(), Unreadable> {
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    let mut peers = Vec::with_capacity(rule.peers.len());
    let mut networks = Vec::new();
    let mut unknown = rule.peers.is_empty();
    for (i, peer) in rule.peers.iter().enumerate() {
        let at = |why: String| Unreadable(format!("{}[{i}]: {why}", direction.peers_field()));
        match peer {
            AdminPeer::Pods(set) => {
                set.validate().map_err(|why| at(why.to_string()))?;
                peers.push(Peer::Pods(set.clone()));
            }
            AdminPeer::Networks(ranges) => {
                let read =
                    Addresses::parse(&**ranges).ok_or_else(|| at("not all are address ranges".into()))?;
                networks.push(read);
            }
            AdminPeer::Nodes => peers.push(Peer::Nodes),
            AdminPeer::Domains => peers.push(Peer::Domains),
            AdminPeer::Unknown => unknown = true,
        }
    }
    if !networks.is_empty() {
        peers.push(Peer::Networks(Addresses::union_of(&networks)));
    }
    let peers: Box<[Shared<Peer>]> = peers.into_iter().map(Shared::new).collect();
    let ports = admin_ports(&rule.ports);
    let verb = match rule.action {
        Action::Allow => Verb::Allow,
        Action::Deny => Verb::Deny,
        Action::Pass => Verb::Pass,
    };
    if unknown {
        // Whoever implements the policy may know this form of peer, or not: then it must let nothing through, and a rule
        // that denies or passes denies everybody. So it may be anybody, and anything of that.
        let anybody = |action| Ruling {
            index,
            action,
            peers: Box::new([Shared::new(Peer::Unknown)]),
            ports: ports.clone(),
        };
        into.push(anybody(verb));
        if verb == Verb::Pass {
            into.push(anybody(Verb::Deny));
        }
    }
    into.push(Ruling {
        index,
        action: verb,
        peers,
        ports,
    });
    Ok(())
}

fn admin_ports(list: &[AdminPort]) -> Ports {
    if list.is_empty() {
        return Ports::all();
    }
    let mut ports = Ports::default();
    let mut numbers = Vec::new();
    let mut named = Vec::new();
    for port in list {
        match port {
            AdminPort::Range(protocol, first, last) => match Protocol::parse(protocol) {
                Some(protocol) if first <= last => numbers.push(PortSet::range(protocol, *first, *last)),
                _ => ports.unknown = true,
            },
            AdminPort::Named(name) => named.push((None, name.clone())),
            AdminPort::Unknown => ports.unknown = true,
        }
    }
    ports.numbers = PortSet::union_of(numbers);
    ports.named = named.into();
    ports
}
