//! Whether the backups of one mechanism were proven to be restorable.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use plimsoll_engine::{
    control::Unit,
    duration::Duration,
    finding::Findings,
    metric::{RESTORE_TEST_DUE, RESTORE_TEST_DURATION, RESTORE_TEST_LAST_SUCCESS},
    restore::{Mechanism, Restore},
    unknown::Unknown,
    view::View,
};

use super::Params;
use crate::shared::backup::{measure, seconds};

/// A restore so far ahead of our clock is no matter of clocks that differ a little.
const SKEW: SignedDuration = SignedDuration::from_hours(1);
/// Pieces of evidence shown of restores that do not count.
const SHOWN: usize = 3;

/// Why a restore does not count.
enum Flaw {
    InProduction(String),
    NotVerified(String),
    Unknown(Unknown),
}

/// Judges one mechanism.
pub(super) fn mechanism(
    unit: &Unit<'_>,
    mechanism: Option<Mechanism>,
    all: &BTreeSet<Option<Mechanism>>,
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let mut counting: Option<&Restore> = None;
    let mut flaws = Vec::new();
    for restore in view.restores(unit.name()) {
        if !is_of(restore, mechanism, all) {
            continue;
        }
        match flaw(restore, view, params) {
            None => counting = Some(counting.filter(|known| known.at >= restore.at).unwrap_or(restore)),
            Some(flaw) => flaws.push((restore, flaw)),
        }
    }
    if let Some(restore) = counting {
        if restore.is_verified() {
            tell(unit, mechanism, restore, view, params, out)?;
        }
        if !view.is_older(restore.at, params.max_age) {
            newer_flaws(restore, &flaws, out);
            warn(restore, mechanism, view, params, out);
            return Ok(());
        }
    }
    // A restore that cannot be judged, or seen, may be one that counts.
    let unknown = flaws.iter().find_map(|(_, flaw)| match flaw {
        Flaw::Unknown(unknown) => Some(unknown.clone()),
        _ => None,
    });
    if let Some(unknown) = unknown {
        out.unknown(unknown);
        return Ok(());
    }
    if let Err(unseen) = view.sees_restores() {
        out.unknown(unseen);
        return Ok(());
    }
    fail(unit, mechanism, counting, &flaws, view, params, out)
}

/// Its series. One that verified nothing has none.
fn tell(
    unit: &Unit<'_>,
    mechanism: Option<Mechanism>,
    restore: &Restore,
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let due = restore.at.checked_add(params.max_age.to_signed()).unwrap_or(restore.at);
    measure(&RESTORE_TEST_DUE, unit.name(), mechanism, seconds(due), view, out)?;
    measure(&RESTORE_TEST_LAST_SUCCESS, unit.name(), mechanism, seconds(restore.at), view, out)?;
    match restore.seconds {
        Some(took) => measure(&RESTORE_TEST_DURATION, unit.name(), mechanism, took.into(), view, out),
        None => Ok(()),
    }
}

/// Whether a restore proves something of a mechanism. One that does not say how its backup was made was of the only
/// mechanism there is, or of the dumps a CronJob makes.
fn is_of(restore: &Restore, mechanism: Option<Mechanism>, all: &BTreeSet<Option<Mechanism>>) -> bool {
    match (restore.mechanism, mechanism) {
        (_, None) => true,
        (Some(of), Some(mechanism)) => of == mechanism,
        (None, Some(mechanism)) => all.len() == 1 || mechanism == Mechanism::CronJob,
    }
}

fn flaw(restore: &Restore, view: &View<'_>, params: &Params) -> Option<Flaw> {
    if let Some(why) = restore.flaw.as_deref().filter(|_| params.require_verification) {
        return Some(Flaw::NotVerified(format!(
            "{} of {}: restored, not verified: {why}",
            restore.source, restore.at
        )));
    }
    if restore.at.checked_sub(SKEW).is_ok_and(|bound| !view.is_past(bound)) {
        let why = format!("{} ended at {}, which has not come yet", restore.source, restore.at);
        return Some(Flaw::Unknown(Unknown::new("ClockSkew", why).live_only()));
    }
    if !params.require_non_production {
        return None;
    }
    match environment(restore, view) {
        Ok(environment) if params.environments.contains(&environment) => Some(Flaw::InProduction(format!(
            "{} of {} restored into namespace {}, which is {environment}",
            restore.source, restore.at, restore.namespace
        ))),
        Ok(_) => None,
        Err(unknown) => Some(Flaw::Unknown(unknown)),
    }
}

/// The environment a restore went to: what the baseline fixes, what it was when the restore was seen, what it is.
fn environment(restore: &Restore, view: &View<'_>) -> Result<String, Unknown> {
    let settings = view.settings()?;
    if let Some(fixed) = settings.environment_override(&restore.namespace) {
        return Ok(fixed.to_string());
    }
    if let Some(then) = restore.environments.get(settings.environment_key()) {
        return Ok(then.to_string());
    }
    let standing = view.standing_of(&restore.namespace)?;
    standing
        .environment
        .as_ref()
        .map(ToString::to_string)
        .ok_or_else(|| Unknown::environment(&restore.namespace))
}

/// What went wrong after the restore that counts is worth knowing, and undoes nothing.
fn newer_flaws(counting: &Restore, flaws: &[(&Restore, Flaw)], out: &mut Findings) {
    let newer = flaws.iter().filter(|(restore, _)| restore.at > counting.at);
    for (_, flaw) in newer.take(SHOWN) {
        if let Flaw::NotVerified(what) | Flaw::InProduction(what) = flaw {
            out.note(what.clone());
        }
    }
}

fn warn(restore: &Restore, mechanism: Option<Mechanism>, view: &View<'_>, params: &Params, out: &mut Findings) {
    let before = Duration::from_secs(params.max_age.as_secs() - params.warn_before.as_secs());
    if view.is_older(restore.at, before) {
        let due = restore.at.checked_add(params.max_age.to_signed()).unwrap_or(restore.at);
        out.note(format!("{}the next restore test is due by {due}", of(mechanism)));
    }
}

fn of(mechanism: Option<Mechanism>) -> String {
    mechanism.map(|m| format!("{}: ", m.word())).unwrap_or_default()
}

fn fail(
    unit: &Unit<'_>,
    mechanism: Option<Mechanism>,
    counting: Option<&Restore>,
    flaws: &[(&Restore, Flaw)],
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let what = of(mechanism);
    let in_production = flaws.iter().any(|(_, flaw)| matches!(flaw, Flaw::InProduction(_)));
    let (reason, message) = match counting {
        Some(restore) => (
            "Expired",
            format!(
                "{what}the last verified restore was at {}, more than {} ago",
                restore.at, params.max_age
            ),
        ),
        None if in_production => (
            "TestedInProduction",
            format!("{what}backups were restored into production only, not into a place apart"),
        ),
        None if is_young(unit, view, params)? => {
            let why = format!(
                "{what}the database is younger than {} and no restore was verified yet",
                params.first_test_within
            );
            out.unknown(Unknown::new("NotYetTested", why).live_only());
            return Ok(());
        }
        None if !flaws.is_empty() => ("NotVerified", format!("{what}backups were restored, and never verified")),
        None => ("NeverTested", format!("{what}no restore of a backup was ever verified")),
    };
    let mut finding = out.fail(reason, message).detail(mechanism.map_or("", Mechanism::word));
    for (_, flaw) in flaws.iter().take(SHOWN) {
        if let Flaw::NotVerified(what) | Flaw::InProduction(what) = flaw {
            finding = finding.seen(what.clone());
        }
    }
    Ok(())
}

/// Whether the first test is not due yet. A manifest has no age: nobody knows of its tests.
fn is_young(unit: &Unit<'_>, view: &View<'_>, params: &Params) -> Result<bool, Unknown> {
    let created = unit.object()?.meta.creation_timestamp().ok_or_else(|| {
        let why = "a manifest, not an object of a cluster: its restore tests were never observed";
        Unknown::new("NeverObserved", why).live_only()
    })?;
    Ok(!view.is_older(created, params.first_test_within))
}
