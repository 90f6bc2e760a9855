//! What a role gives, summarised into what controls ask: a role of ten thousand rules becomes a dozen lines.

use std::collections::BTreeMap;

use super::{powers::powers, rule::Rule};

/// Something a rule may give that some control asks about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Power {
    /// Every verb on every resource: what `cluster-admin` has.
    Everything,
    /// `*` among verbs, resources or groups.
    Wildcard,
    /// The same within named groups of which none is Kubernetes' own: what operators ask for their custom resources.
    OwnWildcard,
    /// `escalate` or `bind`: to give oneself, or others, what one does not have.
    Escalates,
    /// `impersonate`, or one of the constrained forms of it.
    Impersonates,
    /// Running commands in pods, or reaching into them: exec, attach, port-forward, ephemeral containers.
    EntersPods,
    /// `nodes/proxy`: the kubelet's API, which runs commands in every pod of the node.
    ReachesNodes,
    /// Tokens for ServiceAccounts.
    IssuesTokens,
    /// Writing admission webhooks, which see and change every object.
    WritesWebhooks,
    /// Reading Secrets.
    ReadsSecrets,
    /// Any verb on something namespaced, or changing namespaces.
    TouchesNamespaced,
    /// Changing something namespaced.
    WritesNamespaced,
    /// Anything that not everybody with an account has anyway: more than discovery and reviews of oneself.
    BeyondDiscovery,
}

impl Power {
    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of powers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Powers(u16);

impl Powers {
    /// Whether a power is among them.
    pub fn has(self, power: Power) -> bool {
        self.0 & power.bit() != 0
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of these that are not among the others.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Exactly these.
    pub fn of(powers: &[Power]) -> Self {
        Self(powers.iter().fold(0, |bits, power| bits | power.bit()))
    }

    /// Those that are among both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one of these is among them.
    pub fn has_any(self, powers: &[Power]) -> bool {
        powers.iter().any(|power| self.has(*power))
    }
}

/// How a role gives a power.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Grant {
    /// How many rules give it.
    pub rules: usize,
    /// Whether some rule names it, rather than giving it by `*`.
    pub named: bool,
    /// Whether every rule that gives it is limited to objects by name.
    pub narrowed: bool,
    /// The first of these rules in words, those that name it first.
    pub witnesses: Vec<Box<str>>,
}

/// Most rules shown of one power.
pub(super) const WITNESSES: usize = 20;

/// Everything a role gives, by power.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Effect(BTreeMap<Power, Grant>);

impl Effect {
    /// How the role gives a power, if it does.
    pub fn get(&self, power: Power) -> Option<&Grant> {
        self.0.get(&power)
    }

    /// Whether the role gives a power.
    pub fn has(&self, power: Power) -> bool {
        self.0.contains_key(&power)
    }

    /// What the role gives, without how.
    pub fn powers(&self) -> Powers {
        Powers(self.0.keys().fold(0, |bits, power| bits | power.bit()))
    }

    /// Counts a rule; `source` says where it comes from, if from another role.
    pub(crate) fn add(&mut self, rule: &Rule, source: Option<&str>) {
        for (power, named) in powers(rule) {
            let grant = self.0.entry(power).or_insert_with(|| Grant {
                narrowed: true,
                ..Grant::default()
            });
            grant.rules += 1;
            grant.narrowed &= !rule.resource_names.is_empty();
            let first_named = named && !grant.named;
            grant.named |= named;
            if first_named || grant.witnesses.len() < WITNESSES {
                let text = match source {
                    Some(source) => format!("{rule} (from ClusterRole {source})"),
                    None => rule.to_string(),
                };
                let place = if first_named { 0 } else { grant.witnesses.len() };
                grant.witnesses.insert(place, text.into());
                grant.witnesses.truncate(WITNESSES);
            }
        }
    }
}
