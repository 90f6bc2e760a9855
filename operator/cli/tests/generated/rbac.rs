//! What the operator may do, from what the controls read and what their repairs write.

use std::collections::BTreeMap;

use plimsoll_engine::{
    control::{Meta, Registry},
    finding::Right,
};
use serde_json::{Value, json};

use crate::yaml;

pub(crate) fn file(registry: &Registry) -> String {
    let repairs: BTreeMap<&str, Vec<Value>> = registry
        .metas()
        .filter(|meta| !meta.rights.is_empty())
        .map(|meta| (meta.id, writes(meta)))
        .collect();
    yaml(&json!({ "read": reads(registry), "repairs": repairs }))
}

/// One rule per API group, for every kind that some control reads; also kinds that a cluster may lack.
fn reads(registry: &Registry) -> Vec<Value> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in registry.reads().iter() {
        let info = kind.info();
        groups.entry(info.group).or_default().push(info.plural);
    }
    groups
        .into_iter()
        .map(|(group, mut resources)| {
            resources.sort_unstable();
            assert!(!resources.contains(&"secrets"), "no control reads Secrets");
            json!({ "apiGroups": [group], "resources": resources, "verbs": ["get", "list", "watch"] })
        })
        .collect()
}

fn writes(meta: &Meta) -> Vec<Value> {
    meta.rights.iter().map(rule).collect()
}

fn rule(right: &Right) -> Value {
    let info = right.kind.info();
    let resource = match right.subresource {
        Some(subresource) => format!("{}/{subresource}", info.plural),
        None => info.plural.into(),
    };
    for verb in right.verbs {
        assert!(
            ["get", "create", "update", "patch"].contains(verb),
            "{resource}: no repair needs {verb}"
        );
    }
    json!({ "apiGroups": [info.group], "resources": [resource], "verbs": right.verbs })
}
