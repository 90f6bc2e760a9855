//! Small languages inside fields: schedules, quantities, durations, addresses, subjects, results of restores, time zones, names
//! shown to people.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_engine::{
    cron::{Dialect, Schedule, time_zone},
    duration::Duration,
    probe::{BusinessHours, Net},
    quantity::Quantity,
    reach::{Addresses, Protocol},
    restore::RestoreResult,
    rights::Subject,
    text,
};

fuzz_target!(|text: &str| {
    let shown = text::escape(text);
    assert!(!shown.chars().any(text::is_hostile), "{shown:?}");
    let _ = text.parse::<Quantity>();
    let _ = text.parse::<Duration>();
    let _ = time_zone(text);
    let _ = text.parse::<Net>();
    let _ = text.parse::<BusinessHours>();
    let _ = text.parse::<Subject>();
    let _ = Protocol::parse(text);
    let _ = RestoreResult::read(text);
    let _ = Addresses::parse(text.lines());
    for dialect in [
        Dialect::Kubernetes,
        Dialect::SixFields,
        Dialect::K8up,
        Dialect::Velero,
    ] {
        if let Ok(cron) = Schedule::parse(text, dialect) {
            let utc = jiff::tz::TimeZone::UTC;
            let now = "2026-02-28T12:00:00Z".parse().expect("a moment");
            if let Some(next) = cron.next_after(now, &utc) {
                assert!(next > now);
                assert!(cron.prev(next, &utc).is_none_or(|before| before <= next));
            }
        }
    }
});
