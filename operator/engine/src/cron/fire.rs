//! When a pattern fires: the instants at which the zone's clock shows a matching time.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::pattern::Pattern;
use super::timeline::{SECOND, Stretch, ceil, floor};

/// Upstream gives up at the end of the fifth calendar year from the start (`SpecSchedule.Next`).
const YEARS: i16 = 5;

/// The first firing after `at`.
pub(super) fn next(pattern: &Pattern, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut cursor = floor(at).checked_add(SECOND).ok()?;
    let last_year = zone
        .to_offset(cursor)
        .to_datetime(cursor)
        .year()
        .saturating_add(YEARS);
    loop {
        let stretch = Stretch::around(zone, cursor);
        let from = stretch.local(cursor);
        if from.year() > last_year {
            return None;
        }
        let end = stretch.end.map(|end| stretch.local(end));
        if let Some(local) = pattern.first_local(from, end, last_year) {
            return stretch.instant(local);
        }
        cursor = stretch.end?;
    }
}

/// The last firing before `at`.
pub(super) fn prev(pattern: &Pattern, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut cursor = ceil(at).checked_sub(SECOND).ok()?;
    let first_year = zone
        .to_offset(cursor)
        .to_datetime(cursor)
        .year()
        .saturating_sub(YEARS);
    loop {
        let stretch = Stretch::around(zone, cursor);
        let to = stretch.local(cursor);
        if to.year() < first_year {
            return None;
        }
        let start = stretch.start.map(|start| stretch.local(start));
        if let Some(local) = pattern.last_local(to, start, first_year) {
            return stretch.instant(local);
        }
        cursor = stretch.start?.checked_sub(SECOND).ok()?;
    }
}
