//! The spread constraint proposed where none is declared.

use plimsoll_engine::{
    control::Unit,
    facts::{pod_template, template_owner},
    finding::{Change, Repair, RepairClass},
    kind::Kind,
    name::ObjRef,
    object::{PodTemplate, Workload},
    selector::LabelSelector,
    unknown::Unknown,
    view::View,
};
use serde_json::{Value, json};

use super::declared::Declaration;
use crate::shared::managed::managed_elsewhere;

const CONSTRAINTS: &str = "/spec/template/spec/topologySpreadConstraints";

/// A constraint for the template, where it lies; or, where a soft one did not help, a hard one as a text.
pub(super) fn proposal(
    unit: &Unit<'_>,
    view: &View<'_>,
    key: &str,
    declared: Option<Declaration>,
) -> Result<Option<Repair>, Unknown> {
    let target = template_owner(view, unit.name())?;
    let why = |text: &str| text.to_owned();
    match declared {
        Some(Declaration::Other) => Ok(None),
        Some(Declaration::Soft(index)) => Ok(Some(Repair {
            class: RepairClass::NeverAutomatic,
            why: why("with DoNotSchedule pods stay pending where a domain is full or down").into(),
            changes: vec![Change::Set {
                target,
                pointer: format!("{CONSTRAINTS}/{index}/whenUnsatisfiable").into(),
                from: Some("ScheduleAnyway".into()),
                to: "DoNotSchedule".into(),
            }],
        })),
        None => declare(unit, view, target, key),
    }
}

fn declare(
    unit: &Unit<'_>,
    view: &View<'_>,
    target: ObjRef,
    key: &str,
) -> Result<Option<Repair>, Unknown> {
    let (Some(template), Some(selector)) = (pod_template(view, unit.name())?, selector(unit, view, &target)?)
    else {
        return Ok(None);
    };
    let mut reasons: Vec<String> = managed_elsewhere(&unit.object()?.meta).into_iter().collect();
    reasons.push("it changes the pod template, so every pod is replaced: only in a maintenance window".into());
    if claims_of_its_own(unit)? {
        reasons.push("volumes may tie its pods to the zone they are in".into());
    }
    Ok(Some(Repair {
        class: RepairClass::NeedsApproval,
        why: reasons.join("; ").into(),
        changes: vec![change(template, target, key, &selector)],
    }))
}

/// The API server refuses a second constraint of the same key and `whenUnsatisfiable`, so one whose selector misses the
/// pods is corrected instead.
fn change(template: &PodTemplate, target: ObjRef, key: &str, selector: &LabelSelector) -> Change {
    let present = template.spec.topology_spread_constraints.as_deref().unwrap_or_default();
    let wrong = present
        .iter()
        .position(|c| &*c.topology_key == key && &*c.when_unsatisfiable == "ScheduleAnyway");
    let (pointer, from, to) = match wrong {
        Some(index) => (
            format!("{CONSTRAINTS}/{index}/labelSelector"),
            present[index]
                .label_selector
                .as_ref()
                .and_then(|s| serde_json::to_value(s).ok()),
            json!(selector),
        ),
        None if present.is_empty() => (CONSTRAINTS.into(), None, json!([constraint(key, selector)])),
        None => (format!("{CONSTRAINTS}/-"), None, constraint(key, selector)),
    };
    Change::Set {
        target,
        pointer: pointer.into(),
        from: from.map(Into::into),
        to: to.into(),
    }
}

fn constraint(key: &str, selector: &LabelSelector) -> Value {
    json!({
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": selector,
    })
}

/// The workload's own selector, which always matches its pods.
fn selector(unit: &Unit<'_>, view: &View<'_>, source: &ObjRef) -> Result<Option<LabelSelector>, Unknown> {
    match &unit.get::<Workload>()?.spec.selector {
        Some(own) => Ok(Some(own.clone())),
        None => Ok(view
            .get::<Workload>(source)?
            .and_then(|w| w.spec.selector.clone())),
    }
}

fn claims_of_its_own(unit: &Unit<'_>) -> Result<bool, Unknown> {
    let templates = &unit.get::<Workload>()?.spec.volume_claim_templates;
    Ok(unit.name().kind() == Kind::StatefulSet && templates.as_ref().is_some_and(|t| !t.is_empty()))
}
