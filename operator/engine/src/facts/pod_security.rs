//! Which pods of a namespace violate a Pod Security level.

use std::sync::Arc;

use crate::{
    control::WORKLOADS,
    fact::Fact,
    kind::KindSet,
    name::ObjRef,
    podsecurity::{Checks, Level},
    unknown::Unknown,
    view::View,
};

/// Most workloads that are named.
const WITNESSES: usize = 10;

/// What in a namespace violates a level of the Pod Security Standards. Costs as many look-ups as there are different sets of
/// violated checks, however many pods there are.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Violators {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The level.
    pub level: Level,
}

/// What violates a level.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ViolatorsValue {
    /// How many workloads, and pods without one, declare pods that violate it.
    pub count: usize,
    /// The first of them by name, with the checks they violate.
    pub witnesses: Vec<(ObjRef, Checks)>,
    /// Checks that pods violate although no template does: admission, or an earlier template, made them so.
    pub admitted: Checks,
}

impl ViolatorsValue {
    /// Whether nothing violates the level.
    pub fn is_empty(&self) -> bool {
        self.count == 0 && self.admitted.is_empty()
    }
}

impl Fact for Violators {
    const READS: KindSet = KindSet::of(WORKLOADS);
    type Value = ViolatorsValue;

    fn compute(&self, view: &View<'_>) -> Result<ViolatorsValue, Unknown> {
        let violated = view.violated(&self.namespace)?;
        let union = |sets: &[Checks]| {
            let all = sets.iter().fold(Checks::default(), |all, set| all.union(*set));
            all.at(self.level)
        };
        let mut value = ViolatorsValue {
            admitted: union(&violated.admitted).without(union(&violated.declared)),
            ..ViolatorsValue::default()
        };
        for checks in violated.declared {
            let relevant = checks.at(self.level);
            if relevant.is_empty() {
                continue;
            }
            let (first, count) = view.violating(&self.namespace, checks, WITNESSES)?;
            value.count += count;
            value
                .witnesses
                .extend(first.into_iter().map(|name| (name.clone(), relevant)));
        }
        value.witnesses.sort();
        value.witnesses.truncate(WITNESSES);
        Ok(value)
    }
}
