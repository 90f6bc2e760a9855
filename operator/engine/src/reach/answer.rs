//! Whether one end reaches the other, on which ports, and why.

use std::fmt;

use super::{
    Bounds, Class, End, Local, Match, Network, PortSet, Shared,
    pods::NamedPorts,
    profile::{Group, Ordered, Profile, Toward, Verb},
};
use crate::{name::ObjRef, object::Direction};

/// The ports on which a new connection from one end to the other gets through: out of the one and into the other.
///
/// Nothing is said of [`Local::unmodelled`] here: who asks looks there first.
pub fn between(from: End<'_>, to: End<'_>, network: &Network) -> Bounds {
    let out = leaving(from, to, network);
    if out.is_none() {
        return out;
    }
    out.and(&entering(from, to, network))
}

/// What egress policies of the source allow.
pub(crate) fn leaving(from: End<'_>, to: End<'_>, network: &Network) -> Bounds {
    match from {
        End::Outside(_) => Bounds::ALL,
        End::Pods(class) => {
            let toward = Toward {
                namespace: &class.who.namespace.name,
                other: to.party(),
                ports: ports_of(&to),
                network,
            };
            class.profile(Direction::Egress).toward(toward)
        }
    }
}

/// What ingress policies of the destination allow.
pub(crate) fn entering(from: End<'_>, to: End<'_>, network: &Network) -> Bounds {
    let End::Pods(class) = to else { return Bounds::ALL };
    let toward = Toward {
        namespace: &class.who.namespace.name,
        other: from.party(),
        ports: &class.ports,
        network,
    };
    let mut bounds = class.profile(Direction::Ingress).toward(toward);
    if is_node(from) {
        // A pod's own node reaches it whatever the policies, and the two may share one.
        bounds.possible = PortSet::ALL;
    }
    bounds
}

fn is_node(end: End<'_>) -> bool {
    matches!(end, End::Pods(class) if class.who.host_network)
}

fn ports_of<'a>(end: &End<'a>) -> &'a NamedPorts {
    /// Nobody outside names ports.
    static NONE: std::sync::LazyLock<NamedPorts> =
        std::sync::LazyLock::new(|| Some(Shared::new(Box::default())));
    match end {
        End::Pods(class) => &class.ports,
        End::Outside(_) => &NONE,
    }
}

/// Where an end is to be found, for an explanation.
#[derive(Clone, Copy, Debug)]
pub enum Site<'a> {
    /// Pods of a namespace.
    Pods(&'a Local, &'a Class),
    /// Addresses outside the cluster.
    Outside(&'a super::Addresses),
}

impl<'a> Site<'a> {
    /// The end itself.
    pub const fn end(self) -> End<'a> {
        match self {
            Self::Pods(_, class) => End::Pods(class),
            Self::Outside(addresses) => End::Outside(addresses),
        }
    }
}

/// One reason for what is open or closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Because {
    /// Out of the source or into the destination.
    pub direction: Direction,
    /// What it does.
    pub effect: Effect,
    /// The ports it does that to. Of several reasons for the same port the first in the list counts, but for NetworkPolicies,
    /// which add up.
    pub ports: PortSet,
    /// Whether it is certain: an `ipBlock` may or may not match pods.
    pub certain: bool,
    /// What it is.
    pub cause: Cause,
}

/// What a reason does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Effect {
    Opens,
    Closes,
}

/// What opens or closes a direction.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// No policy says anything: everything is open.
    NoPolicy,
    /// The pods use their node's network: no policy applies to them.
    HostNetwork,
    /// The source uses its node's network, and a pod's own node always reaches it.
    OwnNode,
    /// A rule of a policy, by its index under `ingress` or `egress`.
    Rule(ObjRef, u32),
    /// A NetworkPolicy that isolates the pods, and of which no rule matches.
    Isolation(ObjRef),
}

impl Cause {
    /// The policy, where it is one.
    pub const fn policy(&self) -> Option<&ObjRef> {
        match self {
            Self::Rule(policy, _) | Self::Isolation(policy) => Some(policy),
            _ => None,
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = self.direction.field();
        let verb = match (self.effect, self.certain) {
            (Effect::Opens, true) => "opens",
            (Effect::Opens, false) => "may open",
            (Effect::Closes, true) => "closes",
            (Effect::Closes, false) => "may close",
        };
        match &self.cause {
            Cause::NoPolicy => write!(f, "no policy applies to {side}"),
            Cause::HostNetwork => write!(f, "{side} of the host's network is not subject to policies"),
            Cause::OwnNode => write!(f, "a pod's own node always reaches it"),
            Cause::Rule(policy, rule) => write!(f, "{policy} {verb} {} ({side}[{rule}])", self.ports),
            Cause::Isolation(policy) => write!(f, "{policy} isolates {side}, and none of its rules matches"),
        }
    }
}

/// Why one end reaches the other, or does not: for each direction the policies that open it, or those that keep it closed,
/// or that there is none.
pub fn explain(from: Site<'_>, to: Site<'_>, network: &Network) -> Vec<Because> {
    let mut because = Vec::new();
    let ports = ports_of(&to.end());
    if let Site::Pods(local, class) = from {
        let toward = Toward {
            namespace: &local.namespace.name,
            other: to.end().party(),
            ports,
            network,
        };
        side(local, class, Direction::Egress, toward, &mut because);
    }
    if let Site::Pods(local, class) = to {
        let toward = Toward {
            namespace: &local.namespace.name,
            other: from.end().party(),
            ports,
            network,
        };
        side(local, class, Direction::Ingress, toward, &mut because);
        if is_node(from.end()) && class.is_isolated(Direction::Ingress) {
            because.push(Because {
                direction: Direction::Ingress,
                effect: Effect::Opens,
                ports: PortSet::ALL,
                certain: false,
                cause: Cause::OwnNode,
            });
        }
    }
    because
}

fn side(local: &Local, class: &Class, direction: Direction, toward: Toward<'_>, because: &mut Vec<Because>) {
    let plain = |cause| Because {
        direction,
        effect: Effect::Opens,
        ports: PortSet::ALL,
        certain: true,
        cause,
    };
    if class.who.host_network {
        because.push(plain(Cause::HostNetwork));
        return;
    }
    let profile: &Profile = class.profile(direction);
    let mut left = PortSet::ALL;
    tier(&profile.admin, direction, toward, &mut left, because);
    if left.is_none() {
        return;
    }
    if class.is_isolated(direction) {
        network_policies(local, class, direction, toward, because);
        return;
    }
    tier(&profile.baseline, direction, toward, &mut left, because);
    if !left.is_none() {
        because.push(Because {
            ports: left,
            ..plain(Cause::NoPolicy)
        });
    }
}

fn network_policies(
    local: &Local,
    class: &Class,
    direction: Direction,
    toward: Toward<'_>,
    because: &mut Vec<Because>,
) {
    let policies = class.isolated_by[direction as usize]
        .iter()
        .map(|i| &local.policies[*i as usize]);
    let before = because.len();
    for policy in policies.clone() {
        for (index, rule) in (0..).zip(policy.side(direction).unwrap_or_default()) {
            let matched = toward.any_of(&rule.peers);
            let ports = rule.ports.at(toward.ports);
            if matched == Match::No || ports.is_none() {
                continue;
            }
            because.push(Because {
                direction,
                effect: Effect::Opens,
                certain: matched == Match::Yes && ports.sure == ports.possible,
                ports: ports.possible,
                cause: Cause::Rule(policy.name.clone(), index),
            });
        }
    }
    if because.len() == before {
        because.extend(policies.map(|policy| Because {
            direction,
            effect: Effect::Closes,
            ports: PortSet::ALL,
            certain: true,
            cause: Cause::Isolation(policy.name.clone()),
        }));
    }
}

/// The rules of a tier that decide something. `left` is what none has certainly decided, Pass included: what is passed in
/// the Admin tier stays for the next.
fn tier(
    groups: &[Group],
    direction: Direction,
    toward: Toward<'_>,
    left: &mut PortSet,
    because: &mut Vec<Because>,
) {
    let mut passed = PortSet::NONE;
    for policy in groups.iter().flatten() {
        decided(policy, direction, toward, left, &mut passed, because);
    }
    *left = left.or(&passed);
}

fn decided(
    policy: &Ordered,
    direction: Direction,
    toward: Toward<'_>,
    left: &mut PortSet,
    passed: &mut PortSet,
    because: &mut Vec<Because>,
) {
    for rule in &*policy.rules {
        let matched = toward.any_of(&rule.peers);
        let ports = rule.ports.at(toward.ports);
        let touched = ports.possible.and(left);
        if matched == Match::No || touched.is_none() {
            continue;
        }
        let certain = matched == Match::Yes && policy.certain && ports.sure == ports.possible;
        let effect = match rule.action {
            Verb::Allow | Verb::Mute => Effect::Opens,
            Verb::Deny => Effect::Closes,
            Verb::Pass => {
                if certain {
                    *passed = passed.or(&touched);
                    *left = left.without(&touched);
                }
                continue;
            }
        };
        if certain {
            *left = left.without(&touched);
        }
        because.push(Because {
            direction,
            effect,
            ports: touched,
            certain,
            cause: Cause::Rule(policy.policy.clone(), rule.index),
        });
    }
}
