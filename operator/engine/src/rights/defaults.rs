//! The ClusterRoles that every API server creates when it starts: a manifest may bind them without giving them.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::value::RawValue;

use crate::{
    decode::{Object, decode_json},
    kind::Kind,
    name::ObjRef,
};

/// The label the API server sets on the roles and bindings it creates.
const BOOTSTRAPPING: (&str, &str) = ("kubernetes.io/bootstrapping", "rbac-defaults");

/// Those of Kubernetes 1.37 that somebody other than Kubernetes itself may sensibly be bound to. A test compares them with a
/// real server's.
static ROLES: LazyLock<BTreeMap<ObjRef, Object>> = LazyLock::new(|| {
    let raw: Vec<&RawValue> = serde_json::from_str(include_str!("defaults.json")).unwrap_or_default();
    let decoded = raw
        .into_iter()
        .filter_map(|role| decode_json(Kind::ClusterRole, role.get()).ok());
    decoded.map(|object| (object.name.clone(), object)).collect()
});

/// The default ClusterRoles whose rules are known here.
pub fn roles() -> impl Iterator<Item = &'static Object> {
    ROLES.values()
}

/// A default ClusterRole by name.
pub(crate) fn role(name: &ObjRef) -> Option<&'static Object> {
    ROLES.get(name)
}

/// Whether a role or binding is one that the API server created: by its label, and by a name that nobody else may well give.
pub fn is_default(object: &Object) -> bool {
    let (key, value) = BOOTSTRAPPING;
    let reserved = object.name.name().starts_with("system:");
    object.meta.labels.get(key) == Some(value)
        && (reserved || ROLES.contains_key(&ObjRef::cluster(Kind::ClusterRole, object.name.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_decode_and_are_told_from_others() {
        let listed: Vec<serde_json::Value> = serde_json::from_str(include_str!("defaults.json")).unwrap();
        assert_eq!(roles().count(), listed.len());
        assert!(roles().all(|role| role.body.is_ok() && is_default(role)));
        let named = |name: &str| {
            let json = format!(
                r#"{{"metadata": {{"name": "{name}", "labels": {{"kubernetes.io/bootstrapping": "rbac-defaults"}}}}}}"#
            );
            is_default(&decode_json(Kind::ClusterRole, &json).unwrap())
        };
        assert!(named("view") && named("system:some-future-controller") && !named("mine"));
    }
}
