//! The one budget that selects a workload's pods: what it allows, and whether that protects anything.

use plimsoll_engine::{
    control::Unit,
    facts::{Covered, Desired},
    finding::{Change, Findings, Repair, RepairClass},
    intorstring::Round,
    name::ObjRef,
    object::PodDisruptionBudget,
    unknown::Unknown,
    view::View,
};

use crate::shared::managed::managed_elsewhere;

/// Judges the budget for a workload of `own` replicas.
pub(super) fn judge(
    unit: &Unit<'_>,
    view: &View<'_>,
    name: &ObjRef,
    own: i32,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let Some(budget) = view.get::<PodDisruptionBudget>(name)? else {
        return Ok(());
    };
    let scale = scale(unit.namespace(), view, budget)?;
    let allowed = allowed(budget, scale)
        .map_err(|e| Unknown::new("InvalidBudget", format!("{name}: {e}")))?;
    let of = if scale == i64::from(own) {
        format!("{own} pods")
    } else {
        format!("the {scale} pods it selects, {own} of them from here")
    };
    if allowed <= 0 {
        out.fail(
            "BlockingBudget",
            format!("the disruption budget lets no pod be evicted: drains of its nodes never end ({of})"),
        )
        .seen(seen(name, budget));
    } else if allowed >= i64::from(own) {
        out.fail(
            "IneffectiveBudget",
            format!("the disruption budget lets every pod be evicted at once ({allowed} of {of})"),
        )
        .seen(seen(name, budget));
    }
    Ok(())
}

/// The pods the budget counts when all are healthy: those of every workload it selects.
fn scale(namespace: &str, view: &View<'_>, budget: &PodDisruptionBudget) -> Result<i64, Unknown> {
    let covered = view.fact(&Covered {
        namespace: namespace.into(),
        selector: budget.spec.selector.clone().unwrap_or_default(),
    })?;
    let mut scale = 0;
    for workload in covered.iter() {
        let desired = view.fact(&Desired {
            workload: workload.clone(),
        })?;
        scale += i64::from(desired.count.max(0));
    }
    Ok(scale)
}

/// Evictions allowed of `scale` healthy pods, as the disruption controller counts: percentages round up, and a budget
/// that states neither field expects nothing and allows nothing.
fn allowed(
    budget: &PodDisruptionBudget,
    scale: i64,
) -> Result<i64, plimsoll_engine::intorstring::PercentError> {
    if let Some(max) = &budget.spec.max_unavailable {
        return Ok(max.scaled(scale, Round::Up)?.min(scale));
    }
    match &budget.spec.min_available {
        Some(min) => Ok(scale - min.scaled(scale, Round::Up)?),
        None => Ok(0),
    }
}

fn seen(name: &ObjRef, budget: &PodDisruptionBudget) -> String {
    match (&budget.spec.max_unavailable, &budget.spec.min_available) {
        (Some(max), _) => format!("{name}: maxUnavailable: {max}"),
        (None, Some(min)) => format!("{name}: minAvailable: {min}"),
        (None, None) => format!("{name}: neither minAvailable nor maxUnavailable"),
    }
}

/// The change that lets `missing` pods be evicted, in the field the budget uses.
pub(super) fn proposal(view: &View<'_>, name: &ObjRef, missing: i32) -> Result<Option<Repair>, Unknown> {
    let Some(object) = view.object(name)? else {
        return Ok(None);
    };
    let Some(budget) = view.get::<PodDisruptionBudget>(name)? else {
        return Ok(None);
    };
    let json = |value: &plimsoll_engine::intorstring::IntOrString| serde_json::to_value(value).ok();
    let (pointer, from, to) = match (&budget.spec.max_unavailable, &budget.spec.min_available) {
        (None, Some(min)) => {
            let kept = scale(name.namespace().unwrap_or_default(), view, budget)? - i64::from(missing);
            ("/spec/minAvailable", json(min), kept)
        }
        (max, _) => ("/spec/maxUnavailable", max.as_ref().and_then(json), i64::from(missing)),
    };
    let asked = "it changes what the owner of the budget decided".to_owned();
    let why: Vec<String> = managed_elsewhere(&object.meta).into_iter().chain([asked]).collect();
    Ok(Some(Repair {
        class: RepairClass::NeedsApproval,
        why: why.join("; ").into(),
        changes: vec![Change::Set {
            target: name.clone(),
            pointer: pointer.into(),
            from: from.map(Into::into),
            to: to.into(),
        }],
    }))
}
