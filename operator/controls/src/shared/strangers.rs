//! Workloads that name another tenant or environment than the namespace they are in.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_engine::{
    decode::Object,
    labels::Labels,
    name::ObjRef,
    object::{PodTemplate, Projection, Workload},
    unknown::Unknown,
    view::View,
};

/// Most workloads named in a finding.
pub(crate) const WITNESSES: usize = 20;

/// What a set of labels may name: a tenant or an environment.
pub(crate) struct Naming<'a> {
    /// Every label key that may name it.
    pub(crate) keys: &'a [String],
    /// What one value means; `None` if it names nothing.
    pub(crate) meaning: &'a dyn Fn(&str) -> Option<String>,
    /// What a whole set of labels names, the first key that is present deciding.
    pub(crate) named: &'a dyn Fn(&Labels) -> Option<String>,
}

/// The workloads of a namespace that name something else than it.
pub(crate) struct Strangers {
    /// Each with what it names.
    pub(crate) workloads: BTreeMap<ObjRef, String>,
    /// Why there may be more.
    pub(crate) complete: Result<(), Unknown>,
}

impl Strangers {
    /// Finds them without walking the namespace: only workloads under a value that means something else are looked at, so
    /// that an event on one of 10,000 well-labelled workloads runs nobody.
    pub(crate) fn find(view: &View<'_>, namespace: &str, own: &str, naming: &Naming<'_>) -> Self {
        let mut found = Self {
            workloads: BTreeMap::new(),
            complete: Ok(()),
        };
        for key in naming.keys {
            let (values, complete) = view.label_values(namespace, key);
            found.complete = found.complete.and(complete);
            let differs = |value: &str| (naming.meaning)(value).is_some_and(|meant| meant != own);
            for value in values.into_iter().filter(|value| differs(value)) {
                for object in view.labelled(namespace, key, value) {
                    let named = label_sets(object).find_map(|l| (naming.named)(&l).filter(|n| n != own));
                    if let Some(named) = named {
                        found.workloads.insert(object.name.clone(), named);
                    }
                }
            }
        }
        found
    }

    /// What they name, each once.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.workloads.values().map(String::as_str).collect()
    }

    /// What they name, in a sentence.
    pub(crate) fn listed(&self) -> String {
        self.names()
            .into_iter()
            .take(WITNESSES)
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// `3 workloads`, `1 workload`.
    pub(crate) fn count(&self) -> String {
        match self.workloads.len() {
            1 => "1 workload".into(),
            n => format!("{n} workloads"),
        }
    }

    /// The first of them, each with what it names.
    pub(crate) fn witnesses(&self) -> impl Iterator<Item = String> {
        self.workloads
            .iter()
            .take(WITNESSES)
            .map(|(name, named)| format!("{name}: {named}"))
    }
}

/// A workload's own labels and those of its pods.
fn label_sets(object: &Object) -> impl Iterator<Item = Labels> {
    let workload = object.body.as_ref().ok().and_then(Workload::of);
    let of_pods = workload.and_then(Workload::template).map(PodTemplate::labels);
    std::iter::once(object.meta.labels.clone()).chain(of_pods)
}
