//! What opens a namespace to others, one entry per cause, and from where it is then reached.
//!
//! Nothing here grows with pairs. The sources of an opening are given as [`Sources`]: a set shared by all namespaces that are
//! open in the same way. Ten thousand namespaces without a policy have one set between them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Bounds, Class, ExitIndex, Local, Match, Network, PortSet, Shared, Who,
    exits::{Exit, Takers},
    local::openings,
    peer::Peer,
    pods::{NAME_LABEL, NamedPorts, Party},
    profile::{Group, Opening, Ordered, Profile, Ruling, Toward, Verb},
};
use crate::{name::ObjRef, object::Direction};

/// Pods of other namespaces that may come in.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Entry {
    /// Those that a NetworkPolicy lets in; ports are known to fit.
    Peer(Shared<Peer>),
    /// Those that policies of the ordered kinds let in, on some of these ports.
    Whole(Shared<Profile>, NamedPorts, Bounds),
}

impl Entry {
    pub(crate) fn admits(&self, who: &Who, certain: bool, network: &Network) -> bool {
        let other = Party::Pods(who);
        match self {
            Self::Peer(peer) => {
                let least = if certain { Match::Yes } else { Match::Maybe };
                peer.matches("", other, network) >= least
            }
            Self::Whole(profile, ports, out) => {
                let found = profile.toward(Toward {
                    namespace: "",
                    other,
                    ports,
                    network,
                });
                if certain {
                    found.sure.meets(&out.sure)
                } else {
                    found.possible.meets(&out.possible)
                }
            }
        }
    }

    /// The one namespace it can only be, where it names one.
    fn only(&self) -> Option<&str> {
        let Self::Peer(peer) = self else { return None };
        let Peer::Pods(set) = &**peer else { return None };
        set.namespaces
            .anchors()
            .find_map(|(key, name)| (key == NAME_LABEL).then_some(name))
    }
}

/// One way from elsewhere: out by an exit, in by an entry.
pub(crate) type Route = (Shared<Exit>, Shared<Entry>);

/// A set of namespaces, told by the routes that lead from them. Equal sets of routes are one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Sources {
    pub(crate) routes: Shared<Box<[Route]>>,
    /// Whether only those count that certainly get through.
    pub(crate) certain: bool,
    pub(crate) network: Shared<Network>,
}

impl Sources {
    fn new(routes: BTreeSet<Route>, certain: bool, network: &Shared<Network>) -> Option<Self> {
        (!routes.is_empty()).then(|| Self {
            routes: Shared::new(routes.into_iter().collect()),
            certain,
            network: network.clone(),
        })
    }

    /// The ways out it speaks of.
    pub(crate) fn exits(&self) -> impl Iterator<Item = &Shared<Exit>> {
        self.routes.iter().map(|(exit, _)| exit)
    }

    /// The namespaces with pods that take one of the routes, by name. `visit` shows who may take an exit: everybody by
    /// namespace, or those of one namespace only.
    pub(crate) fn resolve(
        &self,
        mut visit: impl FnMut(&Shared<Exit>, Option<&str>, &mut Visitor<'_>),
    ) -> Names {
        let mut found: BTreeSet<Arc<str>> = BTreeSet::new();
        for (exit, entry) in &*self.routes {
            visit(exit, entry.only(), &mut |name, pods| {
                let admitted = |who: &Arc<Who>| entry.admits(who, self.certain, &self.network);
                if !found.contains(name) && pods.iter().any(admitted) {
                    found.insert(name.clone());
                }
            });
        }
        found.into_iter().collect()
    }

    /// As [`Sources::resolve`], of lists sorted by name.
    pub(crate) fn resolve_lists(&self, takers: impl Fn(&Shared<Exit>) -> Takers) -> Names {
        self.resolve(|exit, only, visitor| {
            let takers = takers(exit);
            let wanted = match only.map(|only| takers.binary_search_by(|(name, _)| (**name).cmp(only))) {
                None => &*takers,
                Some(Ok(i)) => &takers[i..=i],
                Some(Err(_)) => &[],
            };
            for (name, pods) in wanted {
                visitor(name, pods);
            }
        })
    }
}

/// Takes the pods of one namespace that may take an exit.
pub(crate) type Visitor<'v> = dyn FnMut(&Arc<str>, &[Arc<Who>]) + 'v;

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
    sure: BTreeSet<Route>,
    possible: BTreeSet<Route>,
    unmodelled: BTreeSet<Route>,
}

/// A part of a class's ingress that one cause alone opens.
enum Part {
    /// Openings of NetworkPolicies, or everything.
    Openings(Vec<Opening>),
    /// The profile with every other cause muted.
    Whole(Shared<Profile>),
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
        exits.retain(|exit| match ***exit {
            Exit::Foreign => !trusting,
            Exit::Beside(_) => trusting,
            _ => true,
        });
        let mut found: BTreeMap<Opener, Found> = BTreeMap::new();
        for class in self.classes.iter().filter(|class| !class.who.host_network) {
            let out: Vec<(&Shared<Exit>, Bounds)> = exits
                .iter()
                .map(|exit| (*exit, exit.toward(class, network)))
                .filter(|(_, bounds)| !bounds.is_none())
                .collect();
            for (opener, part) in self.parts(class) {
                let mut routes = Found::default();
                for (exit, bounds) in &out {
                    routes.add(exit, bounds, &part, class, network);
                }
                if !routes.possible.is_empty() || !routes.unmodelled.is_empty() {
                    found.entry(opener).or_default().join(routes, class);
                }
            }
        }
        found
            .into_iter()
            .map(|(cause, found)| found.open(cause, network))
            .collect()
    }

    /// The objects whose pods use their node's network: no policy isolates them, and they reach every pod of their node.
    pub fn host_network(&self) -> impl Iterator<Item = &ObjRef> {
        let classes = self.classes.iter().filter(|class| class.who.host_network);
        classes.flat_map(|class| &class.members)
    }

    fn parts(&self, class: &Class) -> Vec<(Opener, Part)> {
        let profile = class.profile(Direction::Ingress);
        if profile.is_ordered() {
            return self.ordered_parts(class, profile);
        }
        if !class.is_isolated(Direction::Ingress) {
            return vec![(Opener::NoPolicy, Part::Openings(vec![anyone()]))];
        }
        self.isolating(class)
            .map(|(name, openings)| (Opener::Policy(name), Part::Openings(openings.into())))
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
    fn ordered_parts(&self, class: &Class, profile: &Profile) -> Vec<(Opener, Part)> {
        let isolated = profile.policies.is_some();
        let closed = || isolated.then(Box::default);
        let mut parts = Vec::new();
        let mut add = |opener, profile| parts.push((opener, Part::Whole(Shared::new(profile))));
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

fn anyone() -> Opening {
    static ANYONE: std::sync::LazyLock<Opening> = std::sync::LazyLock::new(|| Opening {
        peer: Shared::new(Peer::Anyone),
        ports: Shared::new(super::peer::Ports::all()),
    });
    ANYONE.clone()
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

impl Found {
    /// Adds the routes from an exit that `part` opens on the ports the exit leads to.
    fn add(&mut self, exit: &Shared<Exit>, out: &Bounds, part: &Part, class: &Class, network: &Network) {
        match part {
            Part::Openings(openings) => {
                for opening in openings {
                    let ports = opening.ports.at(&class.ports).and(out);
                    if ports.is_none() || never(&opening.peer, network) {
                        continue;
                    }
                    let entry = Shared::new(Entry::Peer(opening.peer.clone()));
                    self.route(exit, entry, &ports);
                }
            }
            Part::Whole(profile) => {
                let entry = Entry::Whole(profile.clone(), class.ports.clone(), out.clone());
                self.route(exit, Shared::new(entry), out);
            }
        }
    }

    fn route(&mut self, exit: &Shared<Exit>, entry: Shared<Entry>, ports: &Bounds) {
        self.ports = self.ports.or(&ports.possible);
        let route = (exit.clone(), entry);
        if matches!(**exit, Exit::Unmodelled | Exit::Foreign) {
            self.unmodelled.insert(route);
            return;
        }
        if !ports.sure.is_none() {
            self.sure.insert(route.clone());
        }
        self.possible.insert(route);
    }

    fn join(&mut self, other: Self, class: &Class) {
        self.pods.extend(class.members.iter().cloned());
        self.ports = self.ports.or(&other.ports);
        self.sure.extend(other.sure);
        self.possible.extend(other.possible);
        self.unmodelled.extend(other.unmodelled);
    }

    fn open(self, cause: Opener, network: &Shared<Network>) -> Open {
        // Where everybody is let in nobody is let in perhaps: then both are one set, which is looked up once.
        let anyone = |(_, entry): &Route| matches!(&**entry, Entry::Peer(peer) if **peer == Peer::Anyone);
        let same = self.sure == self.possible && self.sure.iter().all(anyone);
        Open {
            cause,
            count: self.pods.len(),
            pods: self.pods.into_iter().take(EXAMPLES).collect(),
            ports: self.ports,
            sure: Sources::new(self.sure, true, network),
            possible: Sources::new(self.possible, same, network),
            unmodelled: Sources::new(self.unmodelled, false, network),
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
