//! What controls ask of rights, in a word each.

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
    pub fn of<'a>(powers: impl IntoIterator<Item = &'a Power>) -> Self {
        Self(powers.into_iter().fold(0, |bits, power| bits | power.bit()))
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
