//! The series that backups and restore tests have.

use jiff::Timestamp;
use plimsoll_engine::{
    aside::{Gauge, Measure},
    finding::Findings,
    memory::Fingerprint,
    name::ObjRef,
    restore::Mechanism,
    unknown::Unknown,
    view::View,
};

/// When a backup last succeeded.
pub(crate) static BACKUP_SUCCESS: Gauge = Gauge {
    name: "backup_last_success_timestamp_seconds",
    help: "When the last backup of a database succeeded; target is an opaque id",
};
/// When a restore was last verified.
pub(crate) static RESTORE_SUCCESS: Gauge = Gauge {
    name: "restore_test_last_success_timestamp_seconds",
    help: "When a backup of a database was last restored in a test and found to be right; target is an opaque id",
};
/// How long that took.
pub(crate) static RESTORE_DURATION: Gauge = Gauge {
    name: "restore_test_duration_seconds",
    help: "How long the last verified restore of a database took; target is an opaque id",
};

/// Records a value of one target and mechanism.
pub(crate) fn measure(
    gauge: &'static Gauge,
    target: &ObjRef,
    mechanism: Option<Mechanism>,
    value: f64,
    view: &View<'_>,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let labels = vec![
        ("environment", view.environment()?),
        ("target_kind", target.kind().info().kind.into()),
        ("mechanism", mechanism.map_or("", Mechanism::word).into()),
        ("target", id(target).into()),
    ];
    out.measure(Measure { gauge, labels, value });
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
