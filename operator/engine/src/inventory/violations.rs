//! Which sets of Pod Security checks the pods of each namespace violate.
//!
//! Counted, not listed: a namespace of ten thousand pods has a handful of sets, and its readers run only when the first pod
//! with a set comes or the last one goes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{Group, IndexKey};
use crate::{
    decode::Object, dep::Dep, kind::Kind, name::ObjRef, object::Body, podsecurity::Checks,
    workload::WORKLOADS,
};

/// Who speaks of the pods.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Source {
    /// A workload's template, or a pod that no workload we know controls: filed under [`IndexKey::Violating`].
    Declared,
    /// A pod of a workload we know: the template says the same, unless admission changed the pod.
    Admitted,
}

/// The sets of violated checks in a namespace, none of them empty.
#[derive(Clone, Default, Debug)]
pub(crate) struct Violated {
    /// By those that are filed under [`IndexKey::Violating`].
    pub(crate) declared: Vec<Checks>,
    /// By pods of workloads.
    pub(crate) admitted: Vec<Checks>,
}

/// What an object says of pods, if anything.
pub(super) type Speaks = Option<(Source, Checks)>;
type Sets = BTreeMap<(Source, Checks), usize>;

#[derive(Default)]
pub(super) struct Violations(HashMap<Arc<str>, Sets, foldhash::fast::RandomState>);

impl Violations {
    /// Counts an object that violates other checks than before.
    pub(super) fn change(
        &mut self,
        name: &ObjRef,
        (before, after): (Speaks, Speaks),
        touched: &mut Vec<Dep>,
    ) {
        if before == after {
            return;
        }
        let namespace = name.namespace_arc();
        let sets = self.0.entry(namespace.clone()).or_default();
        let mut is_other = false;
        if let Some(set) = after {
            let count = sets.entry(set).or_default();
            is_other |= *count == 0;
            *count += 1;
        }
        if let Some(set) = before
            && let Some(count) = sets.get_mut(&set)
        {
            *count -= 1;
            if *count == 0 {
                sets.remove(&set);
                is_other = true;
            }
        }
        if sets.is_empty() {
            self.0.remove(namespace);
        }
        if is_other {
            touched.push(Dep::group(&Group::Violations(namespace.clone())));
        }
    }

    pub(super) fn of(&self, namespace: &str) -> Violated {
        let mut violated = Violated::default();
        for (source, checks) in self.0.get(namespace).into_iter().flat_map(BTreeMap::keys) {
            match source {
                Source::Declared => violated.declared.push(*checks),
                Source::Admitted => violated.admitted.push(*checks),
            }
        }
        violated
    }
}

/// The checks an object's pods violate; `None` where they violate none, or where another object speaks for them.
pub(super) fn of(object: &Object) -> Speaks {
    let (source, checks) = match object.body.as_ref().ok()? {
        Body::Pod(pod) => {
            let known = object.meta.controller.as_ref().is_some_and(|owner| {
                Kind::of_manifest(owner.api_version(), owner.kind())
                    .is_some_and(|kind| WORKLOADS.contains(&kind))
            });
            let source = if known { Source::Admitted } else { Source::Declared };
            (source, pod.security_checks())
        }
        Body::Workload(workload) if object.is_workload() && !workload.is_over() => {
            (Source::Declared, workload.template()?.security_checks())
        }
        _ => return None,
    };
    (!checks.is_empty()).then_some((source, checks))
}

/// The key under which an object is found that declares violating pods.
pub(super) fn key(object: &Object) -> Option<IndexKey> {
    match of(object)? {
        (Source::Declared, checks) => Some(IndexKey::Violating(object.name.namespace_arc().clone(), checks)),
        (Source::Admitted, _) => None,
    }
}
