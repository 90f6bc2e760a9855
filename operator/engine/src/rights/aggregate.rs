//! Aggregated ClusterRoles: those whose rules a controller gathers from others by label.

use std::collections::BTreeMap;

use crate::{control::project, decode::Object, name::ObjRef, object::Role, selector::LabelSelector};

/// The ClusterRoles whose rules a role gathers, itself left out, through any number of steps, by name.
///
/// The controller copies the rules of what it selects, aggregated roles among them, and is called again when they change; so
/// in the end everything that can be reached has been copied. What the role holds now counts beside that: the API server
/// decides by it until the controller has run, and forever where a selector is one that the controller cannot read.
pub(crate) fn gathered<'a>(
    root: &'a Object,
    mut select: impl FnMut(&LabelSelector) -> Vec<&'a Object>,
) -> Vec<&'a Object> {
    let mut found: BTreeMap<&ObjRef, &'a Object> = BTreeMap::new();
    let mut open = vec![root];
    while let Some(object) = open.pop() {
        for selector in selectors(object).filter(|selector| selector.validate().is_ok()) {
            for selected in select(selector) {
                if selected.name != root.name && found.insert(&selected.name, selected).is_none() {
                    open.push(selected);
                }
            }
        }
    }
    found.into_values().collect()
}

/// What a role aggregates by; of one that cannot be read, nothing.
pub(crate) fn selectors(role: &Object) -> impl Iterator<Item = &LabelSelector> {
    project::<Role>(role).ok().into_iter().flat_map(Role::aggregates)
}
