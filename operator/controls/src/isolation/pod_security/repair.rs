//! The repair: the label, where nothing would be rejected; else warnings first.

use plimsoll_engine::{
    control::Unit,
    facts::Violators,
    finding::{Change, Repair, RepairClass},
    labels::Labels,
    podsecurity::Level,
    unknown::Unknown,
    view::View,
};

use super::ENFORCE;
use crate::shared::managed::managed_elsewhere;

/// Labels that reject nothing, and the JSON pointer of each.
const QUIET: [(&str, &str); 2] = [
    (
        "pod-security.kubernetes.io/audit",
        "/metadata/labels/pod-security.kubernetes.io~1audit",
    ),
    (
        "pod-security.kubernetes.io/warn",
        "/metadata/labels/pod-security.kubernetes.io~1warn",
    ),
];
const ENFORCE_POINTER: &str = "/metadata/labels/pod-security.kubernetes.io~1enforce";

/// A label to set: its JSON pointer and its value now.
type Wanted<'l> = (&'static str, Option<&'l str>);

/// Those of the quiet labels that are missing or weaker than the level.
pub(super) fn quiet(labels: &Labels, level: Level) -> impl Iterator<Item = Wanted<'_>> {
    QUIET.into_iter().filter_map(move |(key, pointer)| {
        let value = labels.get(key);
        let is_there = value.and_then(Level::from_label).is_some_and(|there| there >= level);
        (!is_there).then_some((pointer, value))
    })
}

/// Setting labels on the unit's namespace: those that only tell, or the one that enforces, which tells too where nothing
/// violates it.
pub(super) fn repair(
    unit: &Unit<'_>,
    view: &View<'_>,
    level: Level,
    only_tell: bool,
) -> Result<Repair, Unknown> {
    let meta = &unit.object()?.meta;
    let enforced = meta.labels.get(ENFORCE);
    let (class, why) = match (managed_elsewhere(meta), only_tell) {
        (Some(why), _) => (RepairClass::NeedsApproval, why),
        (None, true) => (RepairClass::Safe, "the labels reject nothing".into()),
        (None, false) => class(unit, view, level, enforced),
    };
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    if only_tell || class == RepairClass::Safe {
        wanted.extend(quiet(&meta.labels, level));
    }
    if !only_tell {
        wanted.push((ENFORCE_POINTER, enforced));
    }
    let changes = wanted.into_iter().map(|(pointer, from)| Change::Set {
        target: unit.name().clone(),
        pointer: pointer.into(),
        from: from.map(Into::into),
        to: level.word().into(),
    });
    Ok(Repair {
        class,
        why: why.into(),
        changes: changes.collect(),
    })
}

/// Running pods survive the label, their replacements are rejected: safe only where nothing violates it. Whoever applies it
/// asks the API server first, whose warnings hold it back.
fn class(unit: &Unit<'_>, view: &View<'_>, level: Level, enforced: Option<&str>) -> (RepairClass, String) {
    let violators = view.fact(&Violators {
        namespace: unit.namespace().into(),
        level,
    });
    let why = match (violators, enforced) {
        (Err(unknown), _) => format!("what would be rejected cannot be told: {}", unknown.message()),
        (Ok(violators), _) if !violators.is_empty() => {
            "running pods survive, and their replacements would be rejected at the next restart".into()
        }
        (Ok(_), Some(value)) => format!("somebody chose {value}"),
        (Ok(_), None) => return (RepairClass::Safe, "nothing in the namespace violates the level".into()),
    };
    (RepairClass::NeedsApproval, why)
}
