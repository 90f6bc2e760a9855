//! The pod template of a workload, wherever it is written.

use crate::{
    control::project,
    kind::Kind,
    labels::Labels,
    name::ObjRef,
    object::{PodTemplate, Workload},
    unknown::Unknown,
    view::View,
};

/// The object that holds a workload's pod template: itself, or what a Rollout's `workloadRef` names.
pub fn template_owner(view: &View<'_>, workload: &ObjRef) -> Result<ObjRef, Unknown> {
    let Some(found) = view.get::<Workload>(workload)? else {
        return Ok(workload.clone());
    };
    let Some(source) = &found.spec.workload_ref else {
        return Ok(workload.clone());
    };
    let kind = match &*source.kind {
        "Deployment" => Kind::Deployment,
        "ReplicaSet" => Kind::ReplicaSet,
        other => {
            return Err(Unknown::not_modelled(format_args!(
                "a Rollout whose workloadRef is a {other:?}"
            )));
        }
    };
    Ok(ObjRef::new(
        kind,
        workload.namespace_arc().clone(),
        source.name.clone(),
    ))
}

/// The pod template of a workload; `None` where it has none. A template that lies elsewhere and is missing there is
/// Unknown.
pub fn pod_template<'a>(view: &View<'a>, workload: &ObjRef) -> Result<Option<&'a PodTemplate>, Unknown> {
    let owner = template_owner(view, workload)?;
    let found = view.object(&owner)?;
    let is_other = owner != *workload;
    let why = match found {
        None if is_other => "does not exist",
        // Nothing is kept of what it says.
        Some(object) if is_other && !object.is_workload() => "is run by another workload",
        _ => {
            return Ok(found
                .map(project::<Workload>)
                .transpose()?
                .and_then(Workload::template));
        }
    };
    Err(Unknown::new(
        "TemplateMissing",
        format!("{owner}, from which {workload} takes its pods, {why}"),
    ))
}

/// The labels a workload's pods carry.
pub fn pod_labels(view: &View<'_>, workload: &ObjRef) -> Result<Labels, Unknown> {
    Ok(pod_template(view, workload)?
        .map(PodTemplate::labels)
        .unwrap_or_default())
}
