//! One namespace, summed up: its pods in classes, and for each what may leave and what is let in. It follows from the
//! namespace's own labels, pods and policies and from the policies of the ordered kinds, and from nothing else: no other
//! namespace can change it.

use std::sync::Arc;

use super::{
    Addresses, Class, Namespace, Pods, Shared, Who,
    pods::NamedPorts,
    policy::{Allowance, Policy},
    profile::{Opening, Profile},
    shared::Map,
    tiers::{Candidates, Tiers, groups, selecting},
};
use crate::{
    labels::Labels,
    name::ObjRef,
    object::{Direction, FOREIGN_POLICIES, Tier},
};

/// A policy that keeps us from telling anything of the pods it may select.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unmodelled {
    /// The policy.
    pub policy: ObjRef,
    /// Why: its kind is not modelled, or it cannot be read.
    pub why: Box<str>,
}

impl Unmodelled {
    /// Whether it is of a kind that is not modelled, rather than one that cannot be read.
    pub fn is_foreign(&self) -> bool {
        FOREIGN_POLICIES.contains(&self.policy.kind())
    }
}

/// A namespace, its pods in classes and its policies.
#[derive(Clone, PartialEq, Debug)]
pub struct Local {
    /// The namespace.
    pub namespace: Arc<Namespace>,
    /// Its pods, by class.
    pub classes: Box<[Class]>,
    /// Its NetworkPolicies, by name.
    pub policies: Box<[Arc<Policy>]>,
    /// Set where a policy may apply that is not modelled: then nothing is known of its pods, in neither direction.
    pub unmodelled: Option<Arc<Unmodelled>>,
}

/// What a namespace is summed up from.
pub struct Parts<'a> {
    /// The namespace.
    pub namespace: Arc<Namespace>,
    /// Its NetworkPolicies.
    pub policies: Vec<Arc<Policy>>,
    /// All policies of the ordered kinds.
    pub tiers: &'a Tiers,
    /// A policy that may apply and is not modelled.
    pub unmodelled: Option<Arc<Unmodelled>>,
}

impl Local {
    /// Sums up a namespace. The order of pods and policies does not matter.
    pub fn new<'p>(parts: Parts<'_>, pods: impl IntoIterator<Item = &'p Pods>) -> Self {
        let Parts {
            namespace,
            mut policies,
            tiers,
            unmodelled,
        } = parts;
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        let mut builder = Builder {
            candidates: tiers.candidates(&namespace),
            namespace: &namespace,
            index: SelectorIndex::new(&policies),
            policies: &policies,
            profiles: Map::default(),
        };
        let classes = builder.classes(pods);
        Self {
            classes,
            namespace,
            policies: policies.into(),
            unmodelled,
        }
    }

    /// The class of an object's pods.
    pub fn class_of(&self, object: &ObjRef) -> Option<&Class> {
        self.classes
            .iter()
            .find(|class| class.members.binary_search(object).is_ok())
    }
}

#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    labels: &'a Labels,
    ports: &'a NamedPorts,
    host_network: bool,
    addresses: &'a Option<Addresses>,
}

/// The policies that select pods: a direction, and by index the NetworkPolicies and those of the ordered kinds.
type Selected = (Direction, Arc<[u32]>, Vec<usize>);

struct Builder<'a> {
    candidates: Candidates<'a>,
    namespace: &'a Arc<Namespace>,
    index: SelectorIndex<'a>,
    policies: &'a [Arc<Policy>],
    /// Pods that the same policies select have the same profile.
    profiles: Map<Selected, Shared<Profile>>,
}

impl Builder<'_> {
    fn classes<'p>(&mut self, pods: impl IntoIterator<Item = &'p Pods>) -> Box<[Class]> {
        let mut found: Map<Key<'p>, Vec<ObjRef>> = Map::default();
        for pods in pods {
            let key = Key {
                labels: &pods.labels,
                ports: &pods.ports,
                host_network: pods.host_network,
                addresses: &pods.addresses,
            };
            found.entry(key).or_default().push(pods.name.clone());
        }
        let mut classes: Vec<Class> = found
            .into_iter()
            .map(|(key, members)| self.class(&key, members))
            .collect();
        classes.sort_unstable_by(|a, b| a.members.cmp(&b.members));
        classes.into()
    }

    fn class(&mut self, key: &Key<'_>, mut members: Vec<ObjRef>) -> Class {
        members.sort_unstable();
        members.shrink_to_fit();
        let isolated_by = if key.host_network {
            [Arc::default(), Arc::default()]
        } else {
            self.isolating(key.labels)
        };
        let ordered = if key.host_network {
            Vec::new()
        } else {
            selecting(&self.candidates, key.labels)
        };
        let profiles = [Direction::Ingress, Direction::Egress]
            .map(|direction| self.profile(direction, &isolated_by[direction as usize], &ordered));
        let who = Who {
            namespace: self.namespace.clone(),
            labels: key.labels.clone(),
            host_network: key.host_network,
            addresses: key.addresses.clone(),
        };
        Class {
            who: Arc::new(who),
            ports: key.ports.clone(),
            members,
            profiles,
            isolated_by,
        }
    }

    fn isolating(&self, labels: &Labels) -> [Arc<[u32]>; 2] {
        let selecting = self.index.selecting(labels);
        [Direction::Ingress, Direction::Egress].map(|direction| {
            let isolates = |i: &&u32| self.policies[**i as usize].side(direction).is_some();
            let found: Vec<u32> = selecting.iter().filter(isolates).copied().collect();
            // An empty list of its own would take room, and most are empty.
            if found.is_empty() {
                Arc::default()
            } else {
                found.into()
            }
        })
    }

    fn profile(
        &mut self,
        direction: Direction,
        isolated_by: &Arc<[u32]>,
        ordered: &[usize],
    ) -> Shared<Profile> {
        let key = (direction, isolated_by.clone(), ordered.to_vec());
        if let Some(known) = self.profiles.get(&key) {
            return known.clone();
        }
        let of = |tier| groups(&self.candidates, ordered, tier, direction);
        let profile = Shared::new(Profile {
            admin: of(Tier::Admin),
            policies: self.openings(direction, isolated_by),
            baseline: of(Tier::Baseline),
            otherwise: true,
        });
        self.profiles.insert(key, profile.clone());
        profile
    }

    fn openings(&self, direction: Direction, isolated_by: &[u32]) -> Option<Box<[Opening]>> {
        if isolated_by.is_empty() {
            return None;
        }
        let sides = isolated_by
            .iter()
            .filter_map(|i| self.policies[*i as usize].side(direction));
        Some(openings(sides.flatten().flat_map(Allowance::openings), direction))
    }
}

/// Openings in the one form that equal lists have.
pub(crate) fn openings(found: impl Iterator<Item = Opening>, direction: Direction) -> Box<[Opening]> {
    let mut found: Vec<Opening> = found
        .map(|opening| match direction {
            // Nobody names ports at an address.
            Direction::Egress if opening.peer.is_of_addresses() && !opening.ports.named.is_empty() => {
                Opening {
                    ports: Shared::new(opening.ports.by_number()),
                    ..opening
                }
            }
            _ => opening,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into()
}

/// Policies by what they select pods by, so that a pod need not ask all of them.
struct SelectorIndex<'a> {
    policies: &'a [Arc<Policy>],
    by_label: Map<(&'a str, &'a str), Vec<u32>>,
    others: Vec<u32>,
}

impl<'a> SelectorIndex<'a> {
    fn new(policies: &'a [Arc<Policy>]) -> Self {
        let mut index = Self {
            policies,
            by_label: Map::default(),
            others: Vec::new(),
        };
        for (i, policy) in (0..).zip(policies) {
            match policy.selector.anchor() {
                Some(label) => index.by_label.entry(label).or_default().push(i),
                None => index.others.push(i),
            }
        }
        index
    }

    /// The policies that select pods with these labels, in order.
    fn selecting(&self, labels: &Labels) -> Vec<u32> {
        let by_label = labels
            .iter()
            .filter_map(|label| self.by_label.get(&label))
            .flatten();
        let mut found: Vec<u32> = by_label
            .chain(&self.others)
            .copied()
            .filter(|i| self.policies[*i as usize].selector.matches(labels))
            .collect();
        found.sort_unstable();
        found
    }
}
