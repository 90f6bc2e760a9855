//! What all policies together make of one pod's traffic in one direction.
//!
//! The Admin tier is asked first, then the NetworkPolicies, then the Baseline tier; without any of them everything is open.
//! Where a rule matches only perhaps, both cases are followed: what is open in both is sure, what is open in one is possible.

use super::{
    Bounds, Match, Network, PortSet, Shared,
    peer::{Peer, Ports},
    pods::{NamedPorts, Party},
};
use crate::name::ObjRef;

/// The traffic of a pod in one direction. Equal profiles decide alike, whatever the pod and its namespace, but for peers of
/// the policy's own namespace.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Profile {
    /// Policies of the Admin tier that select the pod, those of equal priority together, first first.
    pub(crate) admin: Box<[Group]>,
    /// What NetworkPolicies allow, where one of them isolates the pod.
    pub(crate) policies: Option<Box<[Opening]>>,
    /// Policies of the Baseline tier.
    pub(crate) baseline: Box<[Group]>,
    /// Whether what nothing decides is open: always, but for the question what one policy alone opens.
    pub(crate) otherwise: bool,
}

/// Policies of one tier and priority. Which of them applies is undefined, so that each may be the first.
pub(crate) type Group = Box<[Ordered]>;

/// The rules of one policy for one direction.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Ordered {
    /// The policy.
    pub(crate) policy: ObjRef,
    /// Whether it certainly selects the pod.
    pub(crate) certain: bool,
    /// Its rules, first first.
    pub(crate) rules: Shared<Box<[Ruling]>>,
}

/// What a rule does with the traffic it matches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Verb {
    Allow,
    Deny,
    Pass,
    /// Allows, but that is not what is asked: what it certainly lets through counts as closed.
    Mute,
}

/// One rule of the ordered kinds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Ruling {
    /// The rule's index in the policy.
    pub(crate) index: u32,
    pub(crate) action: Verb,
    pub(crate) peers: Box<[Shared<Peer>]>,
    pub(crate) ports: Ports,
}

/// A peer that a NetworkPolicy lets through on some ports.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Opening {
    pub(crate) peer: Shared<Peer>,
    pub(crate) ports: Shared<Ports>,
}

/// The other end of the connection, and what resolves names of ports.
#[derive(Clone, Copy)]
pub(crate) struct Toward<'a> {
    /// The namespace of the pod whose profile it is.
    pub(crate) namespace: &'a str,
    pub(crate) other: Party<'a>,
    pub(crate) ports: &'a NamedPorts,
    pub(crate) network: &'a Network,
}

impl Toward<'_> {
    pub(crate) fn is(&self, peer: &Peer) -> Match {
        peer.matches(self.namespace, self.other, self.network)
    }

    pub(crate) fn any_of(&self, peers: &[Shared<Peer>]) -> Match {
        let mut best = Match::No;
        for peer in peers {
            best = best.max(self.is(peer));
            if best == Match::Yes {
                break;
            }
        }
        best
    }
}

impl Default for Profile {
    /// No policy at all.
    fn default() -> Self {
        Self {
            admin: Box::default(),
            policies: None,
            baseline: Box::default(),
            otherwise: true,
        }
    }
}

impl Profile {
    /// Whether no policy has a say.
    pub(crate) fn is_open(&self) -> bool {
        self.otherwise && self.policies.is_none() && !self.is_ordered()
    }

    /// Whether policies of the ordered kinds have a say.
    pub(crate) fn is_ordered(&self) -> bool {
        !self.admin.is_empty() || !self.baseline.is_empty()
    }

    /// Whether some peer is told by being in the same namespace.
    pub(crate) fn speaks_of_own(&self) -> bool {
        self.policies
            .iter()
            .flatten()
            .any(|opening| opening.peer.is_own())
    }

    /// Whether some port is told by its name.
    pub(crate) fn names_ports(&self) -> bool {
        let ordered = self
            .admin
            .iter()
            .chain(&self.baseline)
            .flatten()
            .flat_map(|policy| &**policy.rules);
        ordered.into_iter().any(|rule| !rule.ports.named.is_empty())
            || self
                .policies
                .iter()
                .flatten()
                .any(|opening| !opening.ports.named.is_empty())
    }

    /// The ports open to the other end.
    pub(crate) fn toward(&self, toward: Toward<'_>) -> Bounds {
        if self.is_open() {
            return Bounds::ALL;
        }
        let after_admin = match &self.policies {
            Some(openings) => open(openings, toward),
            None => {
                let rest = if self.otherwise { Bounds::ALL } else { Bounds::NONE };
                // In the Baseline tier Pass means what comes after: the default.
                tier(&self.baseline, &rest, toward)
            }
        };
        tier(&self.admin, &after_admin, toward)
    }
}

/// What openings let through together.
fn open(openings: &[Opening], toward: Toward<'_>) -> Bounds {
    let (mut sure, mut possible) = (Vec::new(), Vec::new());
    for opening in openings {
        let matched = toward.is(&opening.peer);
        if matched == Match::No {
            continue;
        }
        let ports = opening.ports.at(toward.ports);
        if matched == Match::Yes {
            if ports.sure.is_all() {
                return Bounds::ALL;
            }
            sure.push(ports.sure);
        }
        possible.push(ports.possible);
    }
    // Together at last: one by one ten thousand ports would cost their square.
    Bounds {
        sure: PortSet::union_of(sure),
        possible: PortSet::union_of(possible),
    }
}

/// What a tier decides, and `rest` where it decides nothing or passes.
fn tier(groups: &[Group], rest: &Bounds, toward: Toward<'_>) -> Bounds {
    let mut result = rest.clone();
    for group in groups.iter().rev() {
        result = equal(group, &result, rest, toward);
    }
    result
}

/// Policies of equal priority: whichever of them decides a port first may be the one that counts. Per port a policy opens,
/// closes, or leaves it to what comes after: asked with nothing and with everything after it, it shows which.
fn equal(group: &[Ordered], after: &Bounds, next_tier: &Bounds, toward: Toward<'_>) -> Bounds {
    let (mut opened, mut left) = (Bounds::NONE, Bounds::ALL);
    for policy in group {
        opened = opened.or(&policy.decide(&Bounds::NONE, next_tier, toward));
        left = left.and(&policy.decide(&Bounds::ALL, next_tier, toward));
    }
    Bounds {
        sure: left.sure.and(&opened.sure.or(&after.sure)),
        possible: opened.possible.or(&left.possible.and(&after.possible)),
    }
}

impl Ordered {
    /// The first rule that matches decides; followed from the last to the first.
    fn decide(&self, after: &Bounds, next_tier: &Bounds, toward: Toward<'_>) -> Bounds {
        let mut rest = after.clone();
        for rule in self.rules.iter().rev() {
            let matched = toward.any_of(&rule.peers);
            if matched == Match::No {
                continue;
            }
            let outcome = match rule.action {
                Verb::Allow => &Bounds::ALL,
                Verb::Deny | Verb::Mute => &Bounds::NONE,
                Verb::Pass => next_tier,
            };
            let ports = rule.ports.at(toward.ports);
            let certain = if matched == Match::Yes && self.certain {
                ports.sure
            } else {
                PortSet::NONE
            };
            let perhaps = match rule.action {
                Verb::Mute => PortSet::NONE,
                _ => ports.possible.without(&certain),
            };
            let untouched = |rest: &PortSet| rest.without(&certain).without(&perhaps);
            rest = Bounds {
                sure: certain
                    .and(&outcome.sure)
                    .or(&perhaps.and(&outcome.sure).and(&rest.sure))
                    .or(&untouched(&rest.sure)),
                possible: certain
                    .and(&outcome.possible)
                    .or(&perhaps.and(&outcome.possible.or(&rest.possible)))
                    .or(&untouched(&rest.possible)),
            };
        }
        rest
    }
}
