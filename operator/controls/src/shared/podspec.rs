//! The specification of a unit's pods, wherever it is written.

use plimsoll_engine::{
    control::Unit,
    kind::Kind,
    object::{Pod, PodSpec, Workload},
    unknown::Unknown,
};

/// The specification of a workload's pods or of a bare pod, and the field path of it.
pub(crate) fn pod_spec<'a>(unit: &Unit<'a>) -> Result<(Option<&'a PodSpec>, &'static str), Unknown> {
    let path = path(unit.name().kind());
    if unit.name().kind() == Kind::Pod {
        return Ok((unit.get::<Pod>()?.spec(), path));
    }
    let workload = unit.get::<Workload>()?;
    Ok((workload.template().map(|template| &template.spec), path))
}

/// Where objects of a kind have the specification of their pods.
pub(crate) const fn path(kind: Kind) -> &'static str {
    match kind {
        Kind::Pod => "spec",
        Kind::CronJob => "spec.jobTemplate.spec.template.spec",
        _ => "spec.template.spec",
    }
}
