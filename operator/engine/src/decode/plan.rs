//! What decoding looks for in confidential text: it depends on the parameters of the baselines.

use std::sync::Arc;

use crate::{
    baseline::Compiled,
    kind::{Kind, KindSet},
    texts::{Matcher, Patterns},
    workload::WORKLOADS,
};

/// The kinds whose texts are matched: those with pod templates, ConfigMaps, and what carries traffic between namespaces.
const TEXTS: KindSet =
    KindSet::of(WORKLOADS).union(KindSet::of(&[Kind::ConfigMap, Kind::Service, Kind::Ingress]));

/// What a control asks of decoding, under its parameters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Credentials, by these patterns.
    pub credentials: Option<Patterns>,
    /// Services that are named.
    pub hosts: bool,
}

/// What decoding looks for in texts. Objects decoded under one plan say nothing about what another one asks: the inventory
/// knows under which plan each kind was decoded, and who asks for more gets Unknown until the kind is listed again.
#[derive(Clone, Debug, Default)]
pub struct DecodePlan {
    matchers: Vec<Arc<Matcher>>,
    hosts: bool,
}

impl PartialEq for DecodePlan {
    fn eq(&self, other: &Self) -> bool {
        self.hosts == other.hosts && self.asked().eq(other.asked())
    }
}

impl Eq for DecodePlan {}

impl DecodePlan {
    /// What these baselines ask for together, each once.
    pub fn of<'b>(baselines: impl IntoIterator<Item = &'b Compiled>) -> Self {
        let mut plan = Self::default();
        for wanted in baselines.into_iter().flat_map(Compiled::wanted) {
            plan.add(&wanted);
        }
        plan.matchers.sort_by(|a, b| a.asked.cmp(&b.asked));
        plan
    }

    fn add(&mut self, wanted: &Wanted) {
        self.hosts |= wanted.hosts;
        let Some(patterns) = wanted.credentials.as_ref().filter(|p| self.index_of(p).is_none()) else {
            return;
        };
        // A pattern that cannot be compiled was refused with the parameters; its control is Unknown already.
        if let Ok(matcher) = patterns.compile() {
            self.matchers.push(Arc::new(matcher));
        }
    }

    /// The part of the plan that concerns a kind. Kinds without texts need not be listed again when the plan changes.
    #[must_use]
    pub fn for_kind(&self, kind: Kind) -> Self {
        if TEXTS.contains(kind) {
            self.clone()
        } else {
            Self::default()
        }
    }

    /// Whether some plan may look through objects of a kind.
    pub fn may_concern(kind: Kind) -> bool {
        TEXTS.contains(kind)
    }

    /// Whether objects of a kind are looked through.
    pub(crate) fn concerns(&self, kind: Kind) -> bool {
        !self.is_empty() && TEXTS.contains(kind)
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.matchers.is_empty() && !self.hosts
    }

    /// The position of someone's patterns, if the plan holds them.
    pub(crate) fn index_of(&self, patterns: &Patterns) -> Option<usize> {
        self.asked().position(|asked| asked == patterns)
    }

    pub(crate) fn wants_hosts(&self) -> bool {
        self.hosts
    }

    pub(crate) fn matchers(&self) -> impl Iterator<Item = &Matcher> {
        self.matchers.iter().map(|matcher| &**matcher)
    }

    fn asked(&self) -> impl Iterator<Item = &Patterns> {
        self.matchers.iter().map(|matcher| &matcher.asked)
    }
}
