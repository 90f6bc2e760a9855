//! What opens a namespace to others, one entry per cause, and from where it is then reached.
//!
//! Nothing here grows with pairs. The sources of an opening are given as [`Sources`]: a set shared by all namespaces that are
//! open in the same way. Ten thousand namespaces without a policy have one set between them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    Bounds, Class, ExitIndex, Local, Match, Network, PortSet, Shared, Who,
    exits::{Exit, Lead, Taker, Target},
    local::openings,
    peer::Peer,
    pods::{NamedPorts, Party},
    profile::{Group, Opening, Ordered, Profile, Ruling, Toward, Verb},
};
use crate::{name::ObjRef, object::Direction, unknown::Unknown};

/// What a cause lets in.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Entry {
    /// What NetworkPolicies let in: peers, on ports as the destination resolves them.
    Peers(Box<[(Shared<Peer>, Bounds)]>),
    /// What policies of the ordered kinds let in, at a destination with these ports.
    Whole(Shared<Profile>, NamedPorts),
}

impl Entry {
    /// Whether pods come in on some of these ports.
    fn admits(&self, who: &Who, out: &Bounds, certain: bool, network: &Network) -> bool {
        let other = Party::Pods(who);
        let meet = |ports: &Bounds, matched: Match| {
            if certain {
                matched == Match::Yes && ports.sure.meets(&out.sure)
            } else {
                matched > Match::No && ports.possible.meets(&out.possible)
            }
        };
        match self {
            Self::Peers(peers) => peers.iter().any(|(peer, ports)| {
                // The ports are cheaper to compare than the labels.
                meet(ports, Match::Yes) && meet(ports, peer.matches("", other, network))
            }),
            Self::Whole(profile, ports) => {
                let found = profile.toward(Toward {
                    namespace: "",
                    other,
                    ports,
                    network,
                });
                meet(&found, Match::Yes)
            }
        }
    }

    /// Labels of which a namespace must have one for its pods to be let in; `None` where any may.
    fn anchors(&self) -> Option<Vec<(&str, &str)>> {
        let Self::Peers(peers) = self else { return None };
        let all: Option<Vec<_>> = peers.iter().map(|(peer, _)| peer.anchors()).collect();
        all.map(|all| all.concat())
    }
}

/// What leads in: some ways out, and what lets their takers in.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Crossing {
    /// The ways out that lead there, each with the most it opens.
    pub(crate) exits: Shared<Box<[(Shared<Exit>, Bounds)]>>,
    /// The destination, as far as it matters.
    pub(crate) target: Target,
    /// What lets in.
    pub(crate) entry: Shared<Entry>,
}

impl Crossing {
    /// Whether whoever gets through does so certainly: everybody is let in, and the ways lead everywhere.
    fn is_certain(&self) -> bool {
        let everybody =
            |(peer, ports): &(Shared<Peer>, Bounds)| **peer == Peer::Anyone && ports.sure == ports.possible;
        let everywhere =
            |(exit, _): &(Shared<Exit>, Bounds)| *exit.to.plain() == Lead::Anywhere && !exit.named;
        let let_in = matches!(&*self.entry, Entry::Peers(peers) if peers.iter().all(everybody));
        let_in && self.exits.iter().all(everywhere)
    }
}

/// A set of namespaces, told by how they get in. Destinations that are open alike have equal ones.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Sources {
    pub(crate) crossings: Shared<Box<[Shared<Crossing>]>>,
    /// Whether only those count that certainly get through.
    pub(crate) certain: bool,
    pub(crate) network: Shared<Network>,
}

/// Shows who is there to take a way out.
pub(crate) trait Crowd {
    /// The names of the namespaces with a label, its name among them.
    fn labelled(&self, key: &str, value: &str) -> Result<Vec<Arc<str>>, Unknown>;
    /// The pods of one namespace that may take a way.
    fn within(&self, namespace: &Arc<str>, exit: &Shared<Exit>, visit: &mut Visit<'_>)
    -> Result<(), Unknown>;
    /// All pods that may take a way, by namespace.
    fn everywhere(&self, exit: &Shared<Exit>, visit: &mut Visit<'_>) -> Result<(), Unknown>;
}

/// Takes the pods of one namespace that may take a way.
pub(crate) type Visit<'v> = dyn FnMut(&Arc<str>, &[Taker]) + 'v;

impl Sources {
    fn new(crossings: &BTreeSet<Shared<Crossing>>, certain: bool, network: &Shared<Network>) -> Option<Self> {
        (!crossings.is_empty()).then(|| Self {
            crossings: Shared::new(crossings.iter().cloned().collect()),
            certain,
            network: network.clone(),
        })
    }

    /// The ways out it speaks of.
    pub(crate) fn exits(&self) -> impl Iterator<Item = &Shared<Exit>> {
        self.crossings
            .iter()
            .flat_map(|crossing| crossing.exits.iter().map(|(exit, _)| exit))
    }

    /// Whether pods of a class, of the given namespace, are among those meant.
    pub fn include(&self, local: &Local, class: &Class) -> bool {
        let ways = local.exits(class);
        !class.who.host_network
            && self.crossings.iter().any(|crossing| {
                crossing.exits.iter().any(|(exit, most)| {
                    ways.iter().filter(|(way, _)| way == exit).any(|(_, via)| {
                        let taker = Taker {
                            who: class.who.clone(),
                            via: via.clone(),
                        };
                        self.crosses(crossing, most, &taker)
                    })
                })
            })
    }

    fn crosses(&self, crossing: &Crossing, most: &Bounds, taker: &Taker) -> bool {
        let out = taker.ports(&crossing.target, &self.network).and(most);
        crossing
            .entry
            .admits(&taker.who, &out, self.certain, &self.network)
    }

    /// The namespaces with pods that get in, by name.
    pub(crate) fn resolve(&self, crowd: &impl Crowd) -> Result<Names, Unknown> {
        let mut found: BTreeSet<Arc<str>> = BTreeSet::new();
        for crossing in &*self.crossings {
            let only = match crossing.entry.anchors() {
                None => None,
                Some(anchors) => {
                    let mut names = BTreeSet::new();
                    for (key, value) in anchors {
                        names.extend(crowd.labelled(key, value)?);
                    }
                    Some(names)
                }
            };
            for (exit, most) in &*crossing.exits {
                let mut visit = |name: &Arc<str>, takers: &[Taker]| {
                    if !found.contains(name) && takers.iter().any(|taker| self.crosses(crossing, most, taker))
                    {
                        found.insert(name.clone());
                    }
                };
                match &only {
                    None => crowd.everywhere(exit, &mut visit)?,
                    Some(names) => {
                        for name in names {
                            crowd.within(name, exit, &mut visit)?;
                        }
                    }
                }
            }
        }
        Ok(found.into_iter().collect())
    }
}

/// Names of namespaces, in order.
pub type Names = Box<[Arc<str>]>;

/// One cause by which a namespace is open to others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open {
    /// What opens it: a policy, or that there is none.
    pub cause: Opener,
    /// The pods it opens: the first few objects, in order.
    pub pods: Vec<ObjRef>,
    /// How many objects' pods it opens.
    pub count: usize,
    /// The ports on which some pod is open to somebody, at most.
    pub ports: PortSet,
    /// Namespaces from which it is certainly reached.
    pub sure: Option<Sources>,
    /// Namespaces from which it is possibly reached, the certain ones among them.
    pub possible: Option<Sources>,
    /// Namespaces from which it is reached unless a policy there, which is not modelled, keeps traffic in.
    pub unmodelled: Option<Sources>,
}

/// What opens a namespace.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Opener {
    /// No ingress policy applies.
    NoPolicy,
    /// A policy lets others in.
    Policy(ObjRef),
}

/// How many objects an opening names.
const EXAMPLES: usize = 20;

#[derive(Default)]
struct Found {
    pods: BTreeSet<ObjRef>,
    ports: PortSet,
    modelled: BTreeSet<Shared<Crossing>>,
    unmodelled: BTreeSet<Shared<Crossing>>,
}

/// Classes of a namespace that are reached alike.
#[derive(PartialEq, Eq, Hash)]
struct Alike<'a> {
    profile: &'a Shared<Profile>,
    isolated_by: &'a [u32],
    ports: &'a NamedPorts,
    modelled: Shared<Box<[(Shared<Exit>, Bounds)]>>,
    unmodelled: Shared<Box<[(Shared<Exit>, Bounds)]>>,
    target: Target,
}

impl Local {
    /// What opens the namespace to other namespaces, by cause. Pods in the host's network are left out, see
    /// [`Local::host_network`].
    pub fn open(&self, exits: &ExitIndex, network: &Shared<Network>) -> Vec<Open> {
        self.open_to(exits, network, false)
    }

    /// As [`Local::open`]; with `trusting` as if policies of kinds that are not modelled let everything through that the
    /// others do, and nothing more.
    pub fn open_to(&self, exits: &ExitIndex, network: &Shared<Network>, trusting: bool) -> Vec<Open> {
        let mut exits = exits.to(&self.namespace);
        exits.retain(|exit| match exit.to {
            Lead::Foreign => !trusting,
            Lead::Beside(_) => trusting,
            _ => true,
        });
        let mut alike: HashMap<Alike<'_>, Vec<&Class>, foldhash::fast::FixedState> = HashMap::default();
        for class in self.classes.iter().filter(|class| !class.who.host_network) {
            alike
                .entry(Alike::of(class, &exits, network))
                .or_default()
                .push(class);
        }
        let mut found: BTreeMap<Opener, Found> = BTreeMap::new();
        for (alike, classes) in alike {
            let Some(first) = classes.first() else { continue };
            for (opener, entry) in self.entries(first, network) {
                let found = found.entry(opener).or_default();
                found.ports = found.ports.or(&entry.ports());
                found
                    .pods
                    .extend(classes.iter().flat_map(|class| &class.members).cloned());
                let entry = Shared::new(entry);
                for (exits, crossings) in [
                    (&alike.modelled, &mut found.modelled),
                    (&alike.unmodelled, &mut found.unmodelled),
                ] {
                    if !exits.is_empty() {
                        let (exits, target, entry) = (exits.clone(), alike.target.clone(), entry.clone());
                        crossings.insert(Shared::new(Crossing { exits, target, entry }));
                    }
                }
            }
        }
        let opened = found
            .into_iter()
            .filter(|(_, f)| !f.modelled.is_empty() || !f.unmodelled.is_empty());
        opened.map(|(cause, found)| found.open(cause, network)).collect()
    }

    /// The objects whose pods use their node's network: no policy isolates them, and they reach every pod of their node.
    pub fn host_network(&self) -> impl Iterator<Item = &ObjRef> {
        let classes = self.classes.iter().filter(|class| class.who.host_network);
        classes.flat_map(|class| &class.members)
    }

    /// What each cause lets in.
    fn entries(&self, class: &Class, network: &Network) -> Vec<(Opener, Entry)> {
        let profile = class.profile(Direction::Ingress);
        if profile.is_ordered() {
            let parts = self.ordered_parts(class, profile).into_iter();
            return parts
                .map(|(opener, part)| (opener, Entry::Whole(part, class.ports.clone())))
                .collect();
        }
        if !class.is_isolated(Direction::Ingress) {
            let everybody = (Shared::new(Peer::Anyone), Bounds::ALL);
            return vec![(Opener::NoPolicy, Entry::Peers(Box::new([everybody])))];
        }
        let peers = |openings: Box<[Opening]>| -> Box<[(Shared<Peer>, Bounds)]> {
            let possible = openings.iter().filter(|opening| !never(&opening.peer, network));
            let resolved = possible.map(|opening| (opening.peer.clone(), opening.ports.at(&class.ports)));
            resolved.filter(|(_, ports)| !ports.is_none()).collect()
        };
        self.isolating(class)
            .map(|(name, openings)| (Opener::Policy(name), Entry::Peers(peers(openings))))
            .filter(|(_, entry)| !matches!(entry, Entry::Peers(peers) if peers.is_empty()))
            .collect()
    }

    /// The NetworkPolicies that isolate a class, with what each of them lets in.
    fn isolating(&self, class: &Class) -> impl Iterator<Item = (ObjRef, Box<[Opening]>)> {
        let isolating = class.isolated_by[Direction::Ingress as usize].iter();
        isolating.map(|i| {
            let policy = &self.policies[*i as usize];
            let rules = policy.side(Direction::Ingress).unwrap_or_default();
            let abroad = rules
                .iter()
                .flat_map(|rule| rule.openings())
                .filter(|o| !o.peer.is_own());
            (policy.name.clone(), openings(abroad, Direction::Ingress))
        })
    }

    /// For each cause the profile in which nothing else opens.
    fn ordered_parts(&self, class: &Class, profile: &Profile) -> Vec<(Opener, Shared<Profile>)> {
        let isolated = profile.policies.is_some();
        let closed = || isolated.then(Box::default);
        let mut parts = Vec::new();
        let mut add = |opener, profile| parts.push((opener, Shared::new(profile)));
        for name in names(&profile.admin) {
            add(
                Opener::Policy(name.clone()),
                Profile {
                    admin: mute(&profile.admin, Some(&name)),
                    policies: closed(),
                    baseline: mute(&profile.baseline, None),
                    otherwise: false,
                },
            );
        }
        for (name, openings) in self.isolating(class) {
            add(
                Opener::Policy(name),
                Profile {
                    admin: mute(&profile.admin, None),
                    policies: Some(openings),
                    baseline: Box::default(),
                    otherwise: false,
                },
            );
        }
        if isolated {
            return parts;
        }
        for name in names(&profile.baseline) {
            add(
                Opener::Policy(name.clone()),
                Profile {
                    admin: mute(&profile.admin, None),
                    policies: None,
                    baseline: mute(&profile.baseline, Some(&name)),
                    otherwise: false,
                },
            );
        }
        add(
            Opener::NoPolicy,
            Profile {
                admin: mute(&profile.admin, None),
                policies: None,
                baseline: mute(&profile.baseline, None),
                otherwise: true,
            },
        );
        parts
    }
}

/// The policies of a tier that may allow something.
fn names(groups: &[Group]) -> BTreeSet<ObjRef> {
    let allows = |policy: &&Ordered| policy.rules.iter().any(|rule| rule.action == Verb::Allow);
    groups
        .iter()
        .flatten()
        .filter(allows)
        .map(|policy| policy.policy.clone())
        .collect()
}

/// The same tier where nothing that other policies allow counts.
fn mute(groups: &[Group], but: Option<&ObjRef>) -> Box<[Group]> {
    let muted = |policy: &Ordered| {
        if Some(&policy.policy) == but {
            return policy.clone();
        }
        let rules = policy.rules.iter().map(|rule| Ruling {
            action: if rule.action == Verb::Allow {
                Verb::Mute
            } else {
                rule.action
            },
            ..rule.clone()
        });
        Ordered {
            rules: Shared::new(rules.collect()),
            ..policy.clone()
        }
    };
    groups
        .iter()
        .map(|group| group.iter().map(muted).collect())
        .collect()
}

impl<'a> Alike<'a> {
    fn of(class: &'a Class, exits: &[&Shared<Exit>], network: &Network) -> Self {
        let (mut modelled, mut unmodelled) = (Vec::new(), Vec::new());
        let mut target = Target::default();
        for exit in exits {
            let most = exit.toward(class, network);
            if most.is_none() {
                continue;
            }
            match exit.to {
                Lead::Unmodelled | Lead::Foreign => unmodelled.push(((*exit).clone(), most)),
                _ => modelled.push(((*exit).clone(), most)),
            }
            if exit.named {
                target.ports.clone_from(&class.ports);
            }
            if *exit.to.plain() == Lead::Addresses {
                target.addresses.clone_from(&class.who.addresses);
            }
        }
        Self {
            profile: class.profile(Direction::Ingress),
            isolated_by: &class.isolated_by[Direction::Ingress as usize],
            ports: &class.ports,
            modelled: Shared::new(modelled.into()),
            unmodelled: Shared::new(unmodelled.into()),
            target,
        }
    }
}

impl Entry {
    /// The ports on which somebody may come in, at most.
    fn ports(&self) -> PortSet {
        match self {
            Self::Peers(peers) => PortSet::union_of(peers.iter().map(|(_, ports)| ports.possible.clone())),
            Self::Whole(..) => PortSet::ALL,
        }
    }
}

impl Found {
    fn open(self, cause: Opener, network: &Shared<Network>) -> Open {
        // Where nothing is perhaps, both are one set, which is looked up once.
        let certain = self.modelled.iter().all(|crossing| crossing.is_certain());
        Open {
            cause,
            count: self.pods.len(),
            pods: self.pods.into_iter().take(EXAMPLES).collect(),
            ports: self.ports,
            sure: Sources::new(&self.modelled, true, network),
            possible: Sources::new(&self.modelled, certain, network),
            unmodelled: Sources::new(&self.unmodelled, false, network),
        }
    }
}

/// Whether a peer can be no pod at all, wherever it runs.
fn never(peer: &Peer, network: &Network) -> bool {
    match peer {
        Peer::Blocks(_) => network.ip_blocks == super::IpBlocks::NeverMatchPods,
        Peer::Nodes | Peer::Domains => true,
        _ => false,
    }
}
