//! All policies of the ordered kinds, in the order in which they are asked.

use super::{
    Match, Namespace,
    policy::ClusterPolicy,
    profile::{Group, Ordered},
};
use crate::{
    labels::Labels,
    object::{Direction, Tier},
};

/// The policies of both tiers, sorted by tier and priority.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tiers(Box<[ClusterPolicy]>);

/// The policies that may select pods of one namespace, and how certainly.
pub(crate) type Candidates<'a> = Vec<(&'a ClusterPolicy, Match)>;

impl Tiers {
    /// Puts policies in order.
    pub fn new(mut policies: Vec<ClusterPolicy>) -> Self {
        policies.sort_by(|a, b| (a.tier, a.priority, &a.name).cmp(&(b.tier, b.priority, &b.name)));
        Self(policies.into())
    }

    /// Whether one of them selects pods of a namespace. `Maybe` where that cannot be told of one of them.
    pub(crate) fn concern(&self, namespace: &Namespace) -> Match {
        let candidates = self.candidates(namespace);
        candidates
            .iter()
            .map(|(_, matched)| *matched)
            .min()
            .unwrap_or(Match::No)
    }

    /// Those that may select pods of a namespace.
    pub(crate) fn candidates(&self, namespace: &Namespace) -> Candidates<'_> {
        let selects = |policy: &ClusterPolicy| match &policy.subject {
            Some(subject) => namespace.selected_by(&subject.namespaces),
            None => Match::Maybe,
        };
        let found = self.0.iter().map(|policy| (policy, selects(policy)));
        found.filter(|(_, matched)| *matched > Match::No).collect()
    }
}

/// Of the candidates those that may select pods with these labels, as indices.
pub(crate) fn selecting(candidates: &Candidates<'_>, labels: &Labels) -> Vec<usize> {
    let selects = |policy: &ClusterPolicy| policy.subject.as_ref().is_none_or(|s| s.pods.matches(labels));
    (0..candidates.len())
        .filter(|i| selects(candidates[*i].0))
        .collect()
}

/// The rules of a tier for one direction, policies of equal priority together. One without a rule of the direction has no
/// say in it.
pub(crate) fn groups(
    candidates: &Candidates<'_>,
    selected: &[usize],
    tier: Tier,
    direction: Direction,
) -> Box<[Group]> {
    let mut groups: Vec<(i32, Vec<Ordered>)> = Vec::new();
    for (policy, matched) in selected.iter().map(|i| candidates[*i]) {
        if policy.tier != tier || policy.side(direction).is_empty() {
            continue;
        }
        let ordered = Ordered {
            policy: policy.name.clone(),
            certain: matched == Match::Yes,
            rules: policy.side(direction).clone(),
        };
        match groups.last_mut() {
            Some((priority, group)) if *priority == policy.priority => group.push(ordered),
            _ => groups.push((policy.priority, vec![ordered])),
        }
    }
    groups.into_iter().map(|(_, group)| group.into()).collect()
}
