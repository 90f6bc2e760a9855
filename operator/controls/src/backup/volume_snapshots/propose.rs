//! The repair: a snapshot now, a bounded number of times a day.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use plimsoll_engine::{
    finding::{Change, Repair, RepairClass},
    kind::Kind,
    name::ObjRef,
    unknown::Unknown,
    view::View,
};
use serde_json::json;

use super::{
    Params,
    claim::{class, snapshots},
};

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Longest name of an object.
const LONGEST: usize = 253;

/// A snapshot of a claim, unless as many as may be were taken by us today. Its name says which of today's it is, so that
/// two replicas of the operator, or one that starts again, take one and not two.
pub(super) fn snapshot(
    namespace: &str,
    claim: &str,
    view: &View<'_>,
    params: &Params,
) -> Result<Option<Repair>, Unknown> {
    let Some((day, midnight)) = today(view.evaluated_at()) else {
        return Ok(None);
    };
    // Tomorrow there may be another.
    view.is_past(midnight);
    let ours = format!("baseline-{claim}-{day}");
    let taken = snapshots(namespace, claim, view)?
        .iter()
        .filter(|(object, _)| object.name.name().starts_with(&ours))
        .count();
    let name = if taken == 0 { ours } else { format!("{ours}-{}", taken + 1) };
    if taken >= params.max_per_day as usize || name.len() > LONGEST {
        return Ok(None);
    }
    let of = ObjRef::new(Kind::PersistentVolumeClaim, namespace, claim);
    let Some(class) = class(&of, view)? else {
        return Ok(None);
    };
    let manifest = json!({
        "apiVersion": Kind::VolumeSnapshot.api_version(),
        "kind": "VolumeSnapshot",
        "metadata": {"name": name, "namespace": namespace, "labels": {MANAGED_BY: "plimsoll"}},
        "spec": {
            "volumeSnapshotClassName": class,
            "source": {"persistentVolumeClaimName": claim},
        },
    });
    Ok(Some(Repair {
        class: RepairClass::Safe,
        why: "a snapshot changes nothing that runs; it costs storage until somebody deletes it".into(),
        changes: vec![Change::Create {
            target: ObjRef::new(Kind::VolumeSnapshot, namespace, name),
            manifest: manifest.into(),
        }],
    }))
}

/// The day in UTC as a word, and when it ends.
fn today(now: Timestamp) -> Option<(String, Timestamp)> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let midnight = today.checked_add(1.day()).ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some((today.strftime("%Y%m%d").to_string(), midnight.timestamp()))
}
