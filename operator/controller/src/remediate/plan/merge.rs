//! Which of two changes to one object contents both baselines.

use plimsoll_engine::finding::Change;
use serde_json::{Value, json};

/// The change that does what both ask for; `None` if there is none and people have to decide. Commutative and associative,
/// so that the order of baselines does not matter.
pub(super) fn stricter(one: &Change, other: &Change) -> Option<Change> {
    if one.target() != other.target() {
        return None;
    }
    match (one, other) {
        (Change::Replicas { target, from, to }, Change::Replicas { from: f, to: t, .. }) if from == f => {
            let (target, to) = (target.clone(), *to.max(t));
            Some(Change::Replicas {
                target,
                from: *from,
                to,
            })
        }
        (Change::MinReplicas { target, from, to }, Change::MinReplicas { from: f, to: t, .. })
            if from == f =>
        {
            let (target, to) = (target.clone(), *to.max(t));
            Some(Change::MinReplicas {
                target,
                from: *from,
                to,
            })
        }
        (Change::Create { target, manifest }, Change::Create { manifest: m, .. }) => Some(Change::Create {
            target: target.clone(),
            manifest: both_directions(manifest, m)?,
        }),
        _ => (one == other).then(|| one.clone()),
    }
}

/// Manifests that are equal, or NetworkPolicies that differ only in the directions they isolate: then all of these.
/// Anything else cannot be ordered by strictness here (a rule that is missing makes one policy stricter, another useless).
fn both_directions(one: &Value, other: &Value) -> Option<Value> {
    if one == other {
        return Some(one.clone());
    }
    let without = |manifest: &Value| {
        let mut manifest = manifest.clone();
        let types = manifest.pointer_mut("/spec/policyTypes")?.take();
        Some((manifest, types.as_array()?.clone()))
    };
    let ((mut rest, mut types), (other_rest, other_types)) = (without(one)?, without(other)?);
    if rest != other_rest || rest.get("kind") != Some(&json!("NetworkPolicy")) {
        return None;
    }
    types.extend(other_types);
    types.sort_unstable_by_key(|t| std::cmp::Reverse(t.to_string())); // Ingress before Egress, as people write it
    types.dedup();
    *rest.pointer_mut("/spec/policyTypes")? = types.into();
    Some(rest)
}
