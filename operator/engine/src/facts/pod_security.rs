//! Which pods of a namespace violate a Pod Security level.

use std::sync::Arc;

use crate::{
    fact::Fact,
    kind::KindSet,
    name::ObjRef,
    object::Body,
    podsecurity::{Checks, Level, offenders},
    unknown::Unknown,
    view::View,
    workload::WORKLOADS,
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
    /// The first of them by name.
    pub witnesses: Vec<Witness>,
    /// Checks that pods violate although no template does: admission, or an earlier template, made them so.
    pub admitted: Checks,
}

/// A workload, or a pod without one, that violates the level.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Witness {
    /// Its name.
    pub workload: ObjRef,
    /// The checks it violates.
    pub checks: Checks,
    /// The same in words, with the containers and volumes concerned: `privileged (app); hostPort (app, proxy)`.
    pub told: Box<str>,
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
                .extend(first.into_iter().map(|name| witness(view, name, relevant)));
        }
        value.witnesses.sort();
        value.witnesses.truncate(WITNESSES);
        Ok(value)
    }
}

fn witness(view: &View<'_>, name: &ObjRef, checks: Checks) -> Witness {
    let object = view.object(name).ok().flatten();
    let body = object.and_then(|object| object.body.as_ref().ok());
    let spec = body.and_then(Body::pod_spec);
    let told: Vec<String> = checks
        .iter()
        .map(|check| match spec.map(|spec| offenders(check, spec)) {
            Some(offenders) if !offenders.is_empty() => {
                format!("{} ({})", check.reason(), offenders.join(", "))
            }
            _ => check.reason().into(),
        })
        .collect();
    Witness {
        workload: name.clone(),
        checks,
        told: told.join("; ").into(),
    }
}
