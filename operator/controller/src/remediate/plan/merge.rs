//! Which of two changes to one object contents both baselines.

use plimsoll_engine::{finding::Change, podsecurity::Level};
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
            manifest: both_directions(&manifest.value(), &m.value())?.into(),
        }),
        (
            Change::Set { pointer, from, .. },
            Change::Set {
                pointer: p, from: f, ..
            },
        ) if pointer == p && from == f && pointer.starts_with(POD_SECURITY) => {
            let level = |change: &Change| match change {
                Change::Set { to, .. } => Level::from_label(to.value().as_str()?),
                _ => None,
            };
            let stricter = if level(one)? >= level(other)? { one } else { other };
            Some(stricter.clone())
        }
        _ => (one == other).then(|| one.clone()),
    }
}

/// The labels that set Pod Security levels, of which the higher contents both.
const POD_SECURITY: &str = "/metadata/labels/pod-security.kubernetes.io~1";

/// Manifests that are equal, or NetworkPolicies that agree on every direction both of them isolate: then the directions of
/// either. Each direction of a policy stands for itself, so nobody gets less than he asked for. Anything else cannot be
/// ordered by strictness (a rule more opens what one baseline wants closed, a rule less closes what the other needs).
fn both_directions(one: &Value, other: &Value) -> Option<Value> {
    if one == other {
        return Some(one.clone());
    }
    if one.get("kind") != Some(&json!("NetworkPolicy")) || outside(one) != outside(other) {
        return None;
    }
    let mut both = one.clone();
    let spec = both.get_mut("spec")?.as_object_mut()?;
    let mut types = Vec::new();
    for (word, field) in [("Ingress", "ingress"), ("Egress", "egress")] {
        let rules = |manifest: &Value| {
            let isolates = manifest
                .pointer("/spec/policyTypes")?
                .as_array()?
                .contains(&json!(word));
            isolates.then(|| manifest.get("spec")?.get(field).cloned())
        };
        let wanted = match (rules(one), rules(other)) {
            (Some(a), Some(b)) if a != b => return None,
            (Some(rules), _) | (None, Some(rules)) => rules,
            (None, None) => continue,
        };
        types.push(json!(word));
        if let Some(rules) = wanted {
            spec.insert(field.into(), rules);
        }
    }
    spec.insert("policyTypes".into(), types.into());
    Some(both)
}

/// A policy without what it says of directions.
fn outside(policy: &Value) -> Value {
    let mut policy = policy.clone();
    if let Some(spec) = policy.get_mut("spec").and_then(Value::as_object_mut) {
        for field in ["policyTypes", "ingress", "egress"] {
            spec.remove(field);
        }
    }
    policy
}
