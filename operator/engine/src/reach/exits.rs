//! How traffic may leave namespaces: what egress policies make of all pods, the equal together.
//!
//! Only other namespaces are spoken of: traffic within one needs no such sum. Pods in the host's network are left out: they
//! are subject to no policy and listed apart.

use std::sync::Arc;

use super::{
    Addresses, Bounds, Class, Local, Match, Network, PortSet, Shared, Who,
    peer::{Peer, block_of_pods},
    pods::{NamedPorts, Party},
    profile::{Opening, Profile, Toward},
    shared::Map,
};
use crate::object::Direction;

/// A way out, told by where it leads. On which ports is each taker's own matter, so that a policy that opens another port
/// makes no new way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Exit {
    /// Where it leads.
    pub(crate) to: Lead,
    /// Whether some port is told by its name, which the destination resolves.
    pub(crate) named: bool,
}

/// Where a way out leads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Lead {
    /// To everybody.
    Anywhere,
    /// A policy that cannot be read may say anything.
    Unmodelled,
    /// A policy of a kind that is not modelled may say anything.
    Foreign,
    /// What the modelled policies say beside one of a kind that is not: counts only for who trusts them.
    Beside(Box<Lead>),
    /// To addresses (`ipBlock`), each taker to its own.
    Addresses,
    /// To the peer of a NetworkPolicy. Each is a way of its own, since policies add up.
    Peer(Shared<Peer>),
    /// To what policies of the ordered kinds make of it, with the NetworkPolicies.
    Whole(Shared<Profile>),
}

/// Pods that may take a way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Taker {
    /// The pods.
    pub(crate) who: Arc<Who>,
    /// What lets them out; nothing in particular where there is no policy, or all of them together.
    pub(crate) via: Option<Opening>,
}

/// What of a destination may matter to those on their way to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Target {
    /// Its named ports, where some way names ports.
    pub(crate) ports: NamedPorts,
    /// Its addresses, where they are known and some way leads to addresses.
    pub(crate) addresses: Option<Addresses>,
}

impl Exit {
    fn new(to: Lead, named: bool) -> Shared<Self> {
        Shared::new(Self { to, named })
    }

    /// The most that the way opens to pods of another namespace.
    pub(crate) fn toward(&self, to: &Class, network: &Network) -> Bounds {
        let toward = Toward {
            // No namespace has this name: peers of one's own namespace are none of the others'.
            namespace: "",
            other: Party::Pods(&to.who),
            ports: &to.ports,
            network,
        };
        self.to.toward(toward)
    }

    /// Labels of which a namespace must have one to be reached this way; `None` where any may.
    fn anchors(&self) -> Option<Vec<(&str, &str)>> {
        match self.to.plain() {
            Lead::Peer(peer) => peer.anchors(),
            _ => None,
        }
    }
}

impl Lead {
    /// Where it leads, whoever trusts it.
    pub(crate) fn plain(&self) -> &Self {
        match self {
            Self::Beside(lead) => lead,
            lead => lead,
        }
    }

    fn toward(&self, toward: Toward<'_>) -> Bounds {
        match self {
            Self::Anywhere | Self::Unmodelled | Self::Foreign | Self::Addresses => Bounds::ALL,
            Self::Beside(lead) => lead.toward(toward),
            Self::Whole(profile) => profile.toward(toward),
            Self::Peer(peer) => match toward.is(peer) {
                Match::No => Bounds::NONE,
                Match::Maybe => Bounds {
                    sure: PortSet::NONE,
                    possible: PortSet::ALL,
                },
                Match::Yes => Bounds::ALL,
            },
        }
    }
}

impl Taker {
    /// The ports on which it gets to a target that the way leads to.
    pub(crate) fn ports(&self, target: &Target, network: &Network) -> Bounds {
        let Some(opening) = &self.via else {
            return Bounds::ALL;
        };
        let ports = opening.ports.at(&target.ports);
        let Peer::Blocks(block) = &*opening.peer else {
            return ports;
        };
        match block_of_pods(block, target.addresses.as_ref(), network) {
            Match::Yes => ports,
            Match::Maybe => Bounds {
                sure: PortSet::NONE,
                possible: ports.possible,
            },
            Match::No => Bounds::NONE,
        }
    }
}

/// Pods of one namespace that may take a way, in order.
pub(crate) type Group = Arc<[Taker]>;

/// A way out, and the opening that lets a class take it.
type Way = (Shared<Exit>, Option<Opening>);

/// The ways out of one namespace, each with the pods that may take it; by way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ways(pub(crate) Vec<(Shared<Exit>, Group)>);

impl Local {
    /// The ways out of the namespace, to other namespaces.
    pub fn ways(&self) -> Ways {
        let mut ways: Map<Shared<Exit>, Vec<Taker>> = Map::default();
        // Pods with one profile have the same ways.
        let mut known: Map<&Shared<Profile>, Vec<Way>> = Map::default();
        for class in self.classes.iter().filter(|class| !class.who.host_network) {
            let profile = class.profile(Direction::Egress);
            for (exit, via) in known.entry(profile).or_insert_with(|| self.exits(class)) {
                let (who, via) = (class.who.clone(), via.clone());
                ways.entry(exit.clone()).or_default().push(Taker { who, via });
            }
        }
        let mut ways: Vec<(Shared<Exit>, Group)> = ways
            .into_iter()
            .map(|(exit, mut takers)| {
                // All are of one namespace.
                let key = |taker: &Taker| {
                    (
                        taker.who.labels.clone(),
                        taker.who.addresses.clone(),
                        taker.via.clone(),
                    )
                };
                takers.sort_by_cached_key(key);
                takers.dedup();
                (exit, takers.into())
            })
            .collect();
        ways.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ways(ways)
    }

    /// The ways out that a class may take, and by which opening.
    pub(super) fn exits(&self, class: &Class) -> Vec<Way> {
        let whole = |to| (Exit::new(to, false), None);
        match &self.unmodelled {
            None => modelled_exits(class)
                .map(|(to, named, via)| (Exit::new(to, named), via))
                .collect(),
            Some(policy) if policy.is_foreign() => {
                let beside = modelled_exits(class)
                    .map(|(to, named, via)| (Exit::new(Lead::Beside(Box::new(to)), named), via));
                [whole(Lead::Foreign)].into_iter().chain(beside).collect()
            }
            Some(_) => vec![whole(Lead::Unmodelled)],
        }
    }
}

/// Where the modelled policies let a class out to, whether some port is named, and by which opening.
fn modelled_exits(class: &Class) -> impl Iterator<Item = (Lead, bool, Option<Opening>)> {
    let profile = class.profile(Direction::Egress);
    let (whole, openings) = match &profile.policies {
        _ if profile.is_ordered() => (Some(Lead::Whole(profile.clone())), None),
        None => (Some(Lead::Anywhere), None),
        Some(openings) => (None, Some(openings)),
    };
    let abroad = openings
        .into_iter()
        .flatten()
        .filter(|opening| !opening.peer.is_own());
    let each = abroad.map(|opening| {
        let to = match &*opening.peer {
            Peer::Anyone => Lead::Anywhere,
            Peer::Blocks(_) => Lead::Addresses,
            _ => Lead::Peer(opening.peer.clone()),
        };
        (to, !opening.ports.named.is_empty(), Some(opening.clone()))
    });
    whole.map(|to| (to, false, None)).into_iter().chain(each)
}

impl Ways {
    /// The pods that may take a way.
    pub(crate) fn takers(&self, exit: &Shared<Exit>) -> Option<&Group> {
        self.0
            .iter()
            .find(|(way, _)| way == exit)
            .map(|(_, takers)| takers)
    }
}

/// The pods that may take a way, by the names of their namespaces.
pub type Takers = Arc<[(Arc<str>, Group)]>;

/// All ways out of all namespaces, with the pods that may take each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exits(Map<Shared<Exit>, Takers>);

impl Exits {
    /// Puts the ways of namespaces together.
    pub fn new<'w>(ways: impl IntoIterator<Item = (&'w Arc<str>, &'w Ways)>) -> Self {
        let ways = ways.into_iter();
        Self::sorted(ways.flat_map(|(name, ways)| {
            ways.0
                .iter()
                .map(|(exit, pods)| (exit, [(name.clone(), pods.clone())]))
        }))
    }

    /// Puts parts together, each of other namespaces.
    pub(crate) fn joined<'e>(parts: impl Iterator<Item = &'e Self>) -> Self {
        Self::sorted(
            parts.flat_map(|part| part.0.iter().map(|(exit, takers)| (exit, takers.iter().cloned()))),
        )
    }

    fn sorted<'e, T: IntoIterator<Item = (Arc<str>, Group)>>(
        found: impl Iterator<Item = (&'e Shared<Exit>, T)>,
    ) -> Self {
        let mut exits: Map<Shared<Exit>, Vec<(Arc<str>, Group)>> = Map::default();
        for (exit, takers) in found {
            exits.entry(exit.clone()).or_default().extend(takers);
        }
        let sorted = exits.into_iter().map(|(exit, mut takers)| {
            takers.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            (exit, takers.into())
        });
        Self(sorted.collect())
    }

    /// The pods that may take a way.
    pub(crate) fn takers(&self, exit: &Shared<Exit>) -> Takers {
        self.0.get(exit).cloned().unwrap_or_default()
    }

    /// Which ways there are, in an order that lasts.
    pub(crate) fn list(&self) -> Box<[Shared<Exit>]> {
        let mut list: Box<[Shared<Exit>]> = self.0.keys().cloned().collect();
        list.sort_unstable();
        list
    }
}

impl ExitIndex {
    pub(crate) fn new(mut exits: Vec<Shared<Exit>>) -> Self {
        exits.sort_unstable();
        exits.dedup();
        let mut index = Self {
            exits,
            by_label: Map::default(),
            others: Vec::new(),
        };
        for (i, exit) in (0..).zip(&index.exits) {
            match exit.anchors() {
                None => index.others.push(i),
                Some(labels) => {
                    for (key, value) in labels {
                        let label = (key.into(), value.into());
                        index.by_label.entry(label).or_default().push(i);
                    }
                }
            }
        }
        index
    }
}

/// Which ways out there are, and which of them may lead to a namespace.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExitIndex {
    exits: Vec<Shared<Exit>>,
    by_label: Map<(Box<str>, Box<str>), Vec<u32>>,
    others: Vec<u32>,
}

impl ExitIndex {
    /// The ways that may lead to a namespace.
    pub(crate) fn to(&self, namespace: &super::Namespace) -> Vec<&Shared<Exit>> {
        if namespace.labels.is_none() {
            return self.exits.iter().collect();
        }
        let mut found = self.others.clone();
        if !self.by_label.is_empty() {
            for (key, value) in namespace.labels() {
                found.extend(
                    self.by_label
                        .get(&(key.into(), value.into()))
                        .into_iter()
                        .flatten(),
                );
            }
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|i| &self.exits[i as usize]).collect()
    }
}
