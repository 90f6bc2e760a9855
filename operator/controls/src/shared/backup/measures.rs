//! The series that backups and restore tests have.

use jiff::Timestamp;
use plimsoll_engine::{
    aside::Measure, finding::Findings, memory::Fingerprint, metric::Metric, name::ObjRef, restore::Mechanism,
    unknown::Unknown, view::View,
};

/// Records a value of one target and mechanism.
pub(crate) fn measure(
    metric: &'static Metric,
    target: &ObjRef,
    mechanism: Option<Mechanism>,
    value: f64,
    view: &View<'_>,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let labels = vec![
        view.environment()?,
        target.kind().info().kind.into(),
        mechanism.map_or("", Mechanism::word).into(),
        id(target).into(),
    ];
    out.measure(Measure {
        metric,
        labels,
        value,
    });
    Ok(())
}

/// A moment as Prometheus has it.
#[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
pub(crate) fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

/// Tells a target from others without saying what it is called.
fn id(target: &ObjRef) -> String {
    let parts = [
        &*target.kind().resource(),
        target.namespace().unwrap_or_default(),
        target.name(),
    ];
    let mut id = Fingerprint::of(&parts).to_string();
    id.truncate(16);
    id
}
