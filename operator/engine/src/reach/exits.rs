//! How traffic may leave namespaces: what egress policies make of all pods, the equal together.
//!
//! Only other namespaces are spoken of: traffic within one needs no such sum. Pods in the host's network are left out: they
//! are subject to no policy and listed apart.

use std::{collections::HashMap, sync::Arc};

use super::{
    Bounds, Class, Local, Match, Network, Shared, Who,
    peer::Peer,
    profile::{Opening, Profile, Toward},
};
use crate::{
    object::Direction,
    selector::{LabelSelector, Operator},
};

/// A way out: what some egress policies let through. Of NetworkPolicies each opening is a way of its own, since they add up.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Exit {
    /// No egress policy: everywhere.
    Open,
    /// A policy that cannot be read may say anything.
    Unmodelled,
    /// A policy of a kind that is not modelled may say anything.
    Foreign,
    /// What the modelled policies say beside one of a kind that is not: counts only for who trusts them.
    Beside(Shared<Exit>),
    /// What a NetworkPolicy lets through.
    Opening(Opening),
    /// What policies of the ordered kinds make of it, with the NetworkPolicies.
    Whole(Shared<Profile>),
}

impl Exit {
    /// The ports it opens to pods of another namespace.
    pub(crate) fn toward(&self, to: &Class, network: &Network) -> Bounds {
        let toward = Toward {
            // No namespace has this name: peers of one's own namespace are none of the others'.
            namespace: "",
            other: super::pods::Party::Pods(&to.who),
            ports: &to.ports,
            network,
        };
        match self {
            Self::Open | Self::Unmodelled | Self::Foreign => Bounds::ALL,
            Self::Beside(exit) => exit.toward(to, network),
            Self::Opening(opening) => match toward.is(&opening.peer) {
                Match::No => Bounds::NONE,
                matched => {
                    let ports = opening.ports.at(&to.ports);
                    let sure = matched == Match::Yes;
                    Bounds {
                        sure: if sure { ports.sure } else { super::PortSet::NONE },
                        possible: ports.possible,
                    }
                }
            },
            Self::Whole(profile) => profile.toward(toward),
        }
    }

    /// Labels of which a namespace must have one to be reached this way; `None` where any may.
    fn anchors(&self) -> Option<Vec<(&str, &str)>> {
        match self {
            Self::Opening(opening) => match &*opening.peer {
                Peer::Pods(set) => anchors(&set.namespaces),
                _ => None,
            },
            Self::Beside(exit) => exit.anchors(),
            _ => None,
        }
    }
}

/// Labels of which everything selected has one; `None` where there are none.
pub(crate) fn anchors(selector: &LabelSelector) -> Option<Vec<(&str, &str)>> {
    if let Some(label) = selector.anchor() {
        return Some(vec![label]);
    }
    let listed = selector
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

/// Pods of one namespace that may take a way, in order.
pub(crate) type Group = Arc<[Arc<Who>]>;

/// The ways out of one namespace, each with the pods that may take it; by way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ways(pub(crate) Vec<(Shared<Exit>, Group)>);

impl Local {
    /// The ways out of the namespace, to other namespaces.
    pub fn ways(&self) -> Ways {
        let mut ways: HashMap<Shared<Exit>, Vec<Arc<Who>>, foldhash::fast::FixedState> = HashMap::default();
        for class in self.classes.iter().filter(|class| !class.who.host_network) {
            for exit in self.exits(class) {
                ways.entry(exit).or_default().push(class.who.clone());
            }
        }
        let mut ways: Vec<(Shared<Exit>, Group)> = ways
            .into_iter()
            .map(|(exit, mut pods)| {
                pods.sort_unstable_by(|a, b| (&a.labels, &a.addresses).cmp(&(&b.labels, &b.addresses)));
                pods.dedup();
                (exit, pods.into())
            })
            .collect();
        ways.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ways(ways)
    }

    pub(crate) fn exits(&self, class: &Class) -> Vec<Shared<Exit>> {
        match &self.unmodelled {
            None => Self::modelled_exits(class),
            Some(policy) if policy.is_foreign() => {
                let beside = Self::modelled_exits(class).into_iter().map(Exit::Beside);
                [Exit::Foreign]
                    .into_iter()
                    .chain(beside)
                    .map(Shared::new)
                    .collect()
            }
            Some(_) => vec![Shared::new(Exit::Unmodelled)],
        }
    }

    fn modelled_exits(class: &Class) -> Vec<Shared<Exit>> {
        let profile = class.profile(Direction::Egress);
        if profile.is_ordered() {
            return vec![Shared::new(Exit::Whole(profile.clone()))];
        }
        let Some(openings) = &profile.policies else {
            return vec![Shared::new(Exit::Open)];
        };
        let abroad = openings.iter().filter(|opening| !opening.peer.is_own());
        abroad
            .map(|opening| Shared::new(Exit::Opening(opening.clone())))
            .collect()
    }
}

/// The pods that may take a way, by the names of their namespaces.
pub type Takers = Arc<[(Arc<str>, Group)]>;

/// All ways out of all namespaces, with the pods that may take each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exits(HashMap<Shared<Exit>, Takers, foldhash::fast::FixedState>);

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
        let mut exits: HashMap<Shared<Exit>, Vec<(Arc<str>, Group)>, foldhash::fast::FixedState> =
            HashMap::default();
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

    /// Which ways there are.
    pub fn index(&self) -> ExitIndex {
        ExitIndex::new(self.0.keys().cloned().collect())
    }
}

impl ExitIndex {
    pub(crate) fn new(mut exits: Vec<Shared<Exit>>) -> Self {
        exits.sort_unstable();
        let mut index = Self {
            exits,
            by_label: HashMap::default(),
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
    by_label: HashMap<(Box<str>, Box<str>), Vec<u32>, foldhash::fast::FixedState>,
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
