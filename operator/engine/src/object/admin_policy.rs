//! The network policies of `policy.networking.k8s.io`, whole: AdminNetworkPolicy and BaselineAdminNetworkPolicy
//! (`v1alpha1`), ClusterNetworkPolicy (`v1alpha2`). One projection: they differ in words (`Allow` and `Accept`, `ports` and
//! `protocols`), and in how the tier is told.
//!
//! Fields as in `apis/v1alpha1` and `apis/v1alpha2` of kubernetes-sigs/network-policy-api. What is not understood is kept as
//! not understood ([`AdminPeer::Unknown`], [`AdminPort::Unknown`]), never as absent.

mod wire;

use serde::Deserialize;

use crate::{
    kind::Kind,
    labels::Labels,
    object::Direction,
    selector::{LabelSelector, SelectorError},
};
use wire::Wire;

/// The kinds this projection is of.
pub const ADMIN_POLICIES: &[Kind] = &[
    Kind::AdminNetworkPolicy,
    Kind::BaselineAdminNetworkPolicy,
    Kind::ClusterNetworkPolicy,
];

/// When a policy is asked: before or after the NetworkPolicies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Deserialize)]
pub enum Tier {
    /// Before: what it decides is final.
    Admin,
    /// After, and only for pods that no NetworkPolicy isolates in that direction.
    Baseline,
}

/// What a rule does with the traffic it matches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Deserialize)]
pub enum Action {
    /// Lets it through (`Accept` in ClusterNetworkPolicy).
    #[serde(alias = "Accept")]
    Allow,
    /// Drops it.
    Deny,
    /// Leaves the decision to the next tier.
    Pass,
}

/// An AdminNetworkPolicy, BaselineAdminNetworkPolicy or ClusterNetworkPolicy.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(from = "Wire")]
pub struct AdminPolicy {
    tier: Option<Tier>,
    /// Lower is asked first; a BaselineAdminNetworkPolicy, of which there is one, has none.
    pub priority: i32,
    /// The pods it applies to; `None` where its form is not known, and then it may be any.
    pub subject: Option<PodSet>,
    ingress: Box<[AdminRule]>,
    egress: Box<[AdminRule]>,
}

impl AdminPolicy {
    /// When the policy is asked: a ClusterNetworkPolicy says it, of the others the kind does.
    pub fn tier(&self, kind: Kind) -> Tier {
        match (self.tier, kind) {
            (Some(tier), _) => tier,
            (None, Kind::BaselineAdminNetworkPolicy) => Tier::Baseline,
            (None, _) => Tier::Admin,
        }
    }

    /// The rules of a direction, in the order in which they are asked.
    pub const fn rules(&self, direction: Direction) -> &[AdminRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// The selectors by which its subject and its peers name namespaces.
    pub fn namespace_selectors(&self) -> impl Iterator<Item = &LabelSelector> {
        let rules = self.ingress.iter().chain(&self.egress);
        let peers = rules.flat_map(|rule| &rule.peers).filter_map(|peer| match peer {
            AdminPeer::Pods(set) => Some(set),
            _ => None,
        });
        self.subject.iter().chain(peers).map(|set| &set.namespaces)
    }

    /// Whether it may apply to pods of a namespace with these labels.
    pub fn may_select_in(&self, labels: &Labels) -> bool {
        self.subject.as_ref().is_none_or(|subject| {
            subject.namespaces.validate().is_err() || subject.namespaces.matches(labels)
        })
    }
}

/// One rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminRule {
    /// Its name, if it has one.
    pub name: Option<Box<str>>,
    /// What is done with matching traffic.
    pub action: Action,
    /// `from` or `to`: any of them.
    pub peers: Box<[AdminPeer]>,
    /// Any of them; empty means every port of every protocol.
    pub ports: Box<[AdminPort]>,
}

/// Pods by the labels of their namespace and their own.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct PodSet {
    /// Namespaces; empty selects all.
    pub namespaces: LabelSelector,
    /// Pods in them; empty selects all.
    pub pods: LabelSelector,
}

impl PodSet {
    /// What is wrong with its selectors.
    pub fn validate(&self) -> Result<(), SelectorError> {
        self.namespaces.validate()?;
        self.pods.validate()
    }
}

/// One peer of a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AdminPeer {
    /// Pods.
    Pods(PodSet),
    /// Nodes by their labels, pods in the host's network among them.
    Nodes,
    /// Address ranges; unlike the `ipBlock` of a NetworkPolicy they match the addresses of pods too.
    Networks(Box<[Box<str>]>),
    /// DNS names outside the cluster.
    Domains,
    /// A form of peer that is not known.
    Unknown,
}

/// One port, or range of ports, of a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AdminPort {
    /// Ports of a protocol, first and last.
    Range(Box<str>, u16, u16),
    /// A port of the destination's containers by name, of any protocol.
    Named(Box<str>),
    /// A form of port that is not known.
    Unknown,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn policy(spec: &Value) -> AdminPolicy {
        serde_json::from_value(json!({ "spec": spec })).unwrap()
    }

    #[test]
    fn the_kind_tells_the_tier_where_the_policy_does_not() {
        let silent = policy(&json!({"priority": 7}));
        assert_eq!(silent.tier(Kind::AdminNetworkPolicy), Tier::Admin);
        assert_eq!(silent.tier(Kind::BaselineAdminNetworkPolicy), Tier::Baseline);
        let told = policy(&json!({"tier": "Baseline", "priority": 7}));
        assert_eq!(told.tier(Kind::ClusterNetworkPolicy), Tier::Baseline);
    }
}
