//! The budget proposed where there is none.

use plimsoll_engine::{
    control::Unit,
    facts::{Covered, template_owner},
    finding::{Change, Repair, RepairClass},
    kind::Kind,
    memory::Fingerprint,
    name::ObjRef,
    object::Workload,
    selector::LabelSelector,
    unknown::Unknown,
    view::View,
};
use serde_json::{Value, json};

/// Longest name of an object (RFC 1123 subdomain).
const LONGEST: usize = 253;

/// A budget with the workload's own selector; safe where it concerns nobody else.
pub(super) fn proposal(unit: &Unit<'_>, view: &View<'_>, missing: i32) -> Result<Option<Repair>, Unknown> {
    let source = template_owner(view, unit.name())?;
    let Some(selector) = selector(unit, view, &source)? else {
        return Ok(None);
    };
    let target = free_name(unit.name(), view)?;
    let mut obstacles = Vec::new();
    if let Some(owner) = &unit.object()?.meta.controller {
        obstacles.push(format!("{} {} may bring a budget of its own", owner.kind(), owner.name()));
    }
    let covered = view.fact(&Covered {
        namespace: unit.namespace().into(),
        selector: selector.clone(),
    })?;
    let others = covered.iter().filter(|w| *w != unit.name() && **w != source);
    obstacles.extend(others.map(|other| format!("the selector picks pods of {other} as well")).take(3));
    let (class, why) = if obstacles.is_empty() {
        (RepairClass::Safe, "a new budget interrupts nothing and lets drains go on one by one".into())
    } else {
        (RepairClass::NeedsApproval, obstacles.join("; "))
    };
    Ok(Some(Repair {
        class,
        why: why.into(),
        changes: vec![Change::Create {
            manifest: manifest(&target, &selector, missing).into(),
            target,
        }],
    }))
}

/// The workload's own selector; that of a Rollout with a `workloadRef` may stand in the Deployment alone.
fn selector(unit: &Unit<'_>, view: &View<'_>, source: &ObjRef) -> Result<Option<LabelSelector>, Unknown> {
    let own = unit.get::<Workload>()?.spec.selector.clone();
    let found = match own {
        Some(own) => Some(own),
        None => view
            .get::<Workload>(source)?
            .and_then(|w| w.spec.selector.clone()),
    };
    Ok(found.filter(|s| !s.is_everything()))
}

fn manifest(target: &ObjRef, selector: &LabelSelector, missing: i32) -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": target.name(),
            "namespace": target.namespace(),
            "labels": {"app.kubernetes.io/managed-by": "plimsoll"},
        },
        "spec": {
            "maxUnavailable": missing,
            "selector": selector,
            // Pods that are broken anyway must not stop a drain.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    })
}

/// A name that no budget has. One that has it does not select this workload, or there would be nothing to propose.
fn free_name(workload: &ObjRef, view: &View<'_>) -> Result<ObjRef, Unknown> {
    let mut attempt = 0;
    loop {
        let name = ObjRef::new(
            Kind::PodDisruptionBudget,
            workload.namespace().unwrap_or_default(),
            name(workload, attempt),
        );
        if view.object(&name)?.is_none() {
            return Ok(name);
        }
        attempt += 1;
    }
}

/// `<workload>-deployment-plimsoll`: the kind keeps a Deployment and a StatefulSet of one name apart. A name that is too
/// long is cut and told apart by a digest.
fn name(workload: &ObjRef, attempt: u32) -> String {
    let kind = workload.kind().info().kind.to_lowercase();
    let suffix = match attempt {
        0 => format!("-{kind}-plimsoll"),
        n => format!("-{kind}-plimsoll-{n}"),
    };
    if workload.name().len() + suffix.len() <= LONGEST {
        return format!("{}{suffix}", workload.name());
    }
    let digest = Fingerprint::of(&[workload.name()]).to_string();
    let kept = LONGEST - suffix.len() - 9;
    // Names are ASCII; a cut must not leave a dot or dash before the digest's dash.
    let head: String = workload.name().chars().take(kept).collect();
    format!("{}-{}{suffix}", head.trim_end_matches(['.', '-']), &digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_enough_and_differ() {
        let long = "a".repeat(250);
        let deployment = ObjRef::new(Kind::Deployment, "shop", format!("{long}bcd"));
        let sibling = ObjRef::new(Kind::Deployment, "shop", format!("{long}bce"));
        let set = ObjRef::new(Kind::StatefulSet, "shop", format!("{long}bcd"));
        let names = [
            name(&deployment, 0),
            name(&deployment, 1),
            name(&sibling, 0),
            name(&set, 0),
        ];
        for (i, one) in names.iter().enumerate() {
            assert!(one.len() <= LONGEST, "{one}");
            assert!(names[i + 1..].iter().all(|other| other != one), "{one}");
        }
        let short = ObjRef::new(Kind::Deployment, "shop", "web");
        assert_eq!(name(&short, 0), "web-deployment-plimsoll");
    }
}
