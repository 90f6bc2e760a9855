//! Pairs that a baseline allows.

use std::{collections::BTreeSet, sync::Arc};

use plimsoll_engine::facts::{Group, SourceGroupsValue};

/// Traffic that is meant to be, one way.
pub(crate) struct AllowedPair {
    pub(crate) from: Side,
    pub(crate) to: Side,
}

/// Namespaces by their group, by name, or both; without either all.
pub(crate) struct Side {
    pub(crate) group: Option<Arc<str>>,
    pub(crate) namespace: Option<Arc<str>>,
}

impl Side {
    fn is(&self, group: &Group, namespace: &str) -> bool {
        self.is_group(group) && self.namespace.as_deref().is_none_or(|name| name == namespace)
    }

    fn is_group(&self, group: &Group) -> bool {
        match (&self.group, group) {
            (None, _) => true,
            (Some(wanted), Group::Named(name)) => wanted == name,
            (Some(_), Group::Alone(_)) => false,
        }
    }
}

/// The sources of other groups that some pair allows to this namespace, by name. Costs what the pairs name, not what there is.
pub(super) fn excused(
    allowed: &[AllowedPair],
    sources: &SourceGroupsValue,
    own: &Group,
    namespace: &str,
) -> Vec<Arc<str>> {
    let mut excused: BTreeSet<&Arc<str>> = BTreeSet::new();
    for pair in allowed.iter().filter(|pair| pair.to.is(own, namespace)) {
        let named = pair.from.group.clone().map(Group::Named);
        let groups = match &named {
            Some(group) => sources.groups.range(group..=group),
            None => sources.groups.range::<Group, _>(..),
        };
        for (_, names) in groups.filter(|(group, _)| *group != own) {
            match &pair.from.namespace {
                None => excused.extend(names),
                Some(name) => excused.extend(names.binary_search(name).ok().map(|i| &names[i])),
            }
        }
    }
    excused.into_iter().cloned().collect()
}
