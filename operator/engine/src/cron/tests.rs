//! Cases from the rules, answers of the upstream library itself, and properties.

#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rstest::rstest;

use super::{CronError, Dialect, Schedule, time_zone};

fn kubernetes(text: &str) -> Schedule {
    Schedule::parse(text, Dialect::Kubernetes).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> TimeZone {
    time_zone(name).unwrap()
}

#[rstest]
#[case("0 3 * * *", 25)]
#[case("0 2 * * *", 47)] // 02:00 does not exist in the spring night
#[case("59 1 * * *", 25)]
#[case("0 3 * * 1-5", 73)] // the weekend of the autumn night
#[case("@daily", 25)]
#[case("@midnight", 25)]
#[case("@hourly", 1)]
#[case("@weekly", 7 * 24 + 1)]
#[case("0 0 ? * MON-FRI", 73)]
#[case("0 0 1 * *", 31 * 24 + 1)]
#[case("@yearly", 365 * 24)]
#[case("0 0 29 2 *", (3 * 365 + 366) * 24)]
#[case("@every 36h", 36)]
fn longest_pause_in_berlin(#[case] text: &str, #[case] hours: i64) {
    let gap = kubernetes(text).max_gap(at("2026-11-22T12:00:00Z"), &zone("Europe/Berlin"));
    assert_eq!(gap, Some(SignedDuration::from_hours(hours)), "{text}");
}

#[rstest]
#[case("*/25 * * * *", 25 * 60)]
#[case("5/15 * * * *", 15 * 60)]
#[case("* * * * *", 60)]
#[case("0 2 * * 1-5", 72 * 3600)]
#[case("0 0 */2 * 5", 48 * 3600)] // a step is no star: days of month or Fridays
#[case("0 0 1-31/2 * 5", 48 * 3600)]
#[case("@every 1h30m", 5400)]
#[case("@every 1.5s", 1)]
#[case("@every -1h", 1)]
fn longest_pause_in_utc(#[case] text: &str, #[case] seconds: i64) {
    let gap = kubernetes(text).max_gap(at("2026-11-22T12:00:00Z"), &TimeZone::UTC);
    assert_eq!(gap, Some(SignedDuration::from_secs(seconds)), "{text}");
}

#[rstest]
#[case("0 0 30 2 *")]
#[case("0 0 31 4,6,9,11 *")]
#[case(", * * * *")]
fn never_fires(#[case] text: &str) {
    let (now, utc) = (at("2026-11-22T12:00:00Z"), TimeZone::UTC);
    assert_eq!(kubernetes(text).next_after(now, &utc), None);
    assert_eq!(kubernetes(text).prev(now, &utc), None);
    assert_eq!(kubernetes(text).max_gap(now, &utc), None);
}

#[test]
fn the_widest_gap_says_when() {
    let gap = kubernetes("30 2 * * *")
        .widest_gap(at("2026-11-22T12:00:00Z"), &zone("Europe/Berlin"))
        .unwrap();
    assert_eq!(gap.after, at("2027-03-27T01:30:00Z"));
    assert_eq!(gap.until, at("2027-03-29T00:30:00Z"));
}

#[test]
fn a_skipped_time_is_skipped_and_a_repeated_one_fires_twice() {
    let (berlin, schedule) = (zone("Europe/Berlin"), kubernetes("30 2 * * *"));
    let days = |from, to| {
        schedule
            .between(at(from), at(to), &berlin)
            .map(|t| t.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        days("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"),
        ["2026-03-30T00:30:00Z"]
    );
    assert_eq!(
        days("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"),
        ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]
    );
}

/// Six fields (CloudNativePG): seconds first, a missing day of week, and `*/2` keeps its star there.
#[rstest]
#[case("0 0 2 * * *", 24 * 3600)]
#[case("0 2 * * *", 3600)]
#[case("*/20 * * * * *", 20)]
#[case("0 0 0 */2 * 5", 21 * 24 * 3600)] // odd Fridays only
fn six_fields(#[case] text: &str, #[case] seconds: i64) {
    let schedule = Schedule::parse(text, Dialect::SixFields).unwrap();
    let gap = schedule.max_gap(at("2026-11-22T12:00:00Z"), &TimeZone::UTC);
    assert_eq!(gap, Some(SignedDuration::from_secs(seconds)), "{text}");
}

#[rstest]
#[case("@hourly-random", 1)]
#[case("@daily-random", 24)]
#[case("@weekly-random", 168)]
#[case("@monthly-random", 31 * 24)]
#[case("@daily", 24)]
#[case("0 3 * * *", 24)]
fn k8up(#[case] text: &str, #[case] hours: i64) {
    let schedule = Schedule::parse(text, Dialect::K8up).unwrap();
    assert_eq!(schedule.is_randomised(), text.ends_with("random"));
    let gap = schedule.max_gap(at("2026-11-22T12:00:00Z"), &TimeZone::UTC);
    assert_eq!(gap, Some(SignedDuration::from_hours(hours)), "{text}");
}

#[test]
fn velero_takes_the_zone_from_the_schedule() {
    let schedule = Schedule::parse("CRON_TZ=Europe/Berlin 0 2 * * *", Dialect::Velero).unwrap();
    let next = schedule.next_after(at("2026-11-22T12:00:00Z"), &TimeZone::UTC);
    assert_eq!(next, Some(at("2026-11-23T01:00:00Z")));
}

#[rstest]
#[case("", "schedule is empty: expected a cron schedule such as \"0 2 * * *\"")]
#[case(
    "0 2 * *",
    "schedule has 4 fields: expected 5 (minute hour day-of-month month day-of-week)"
)]
#[case(
    "0 0 2 * * *",
    "schedule has 6 fields: expected 5 (minute hour day-of-month month day-of-week)"
)]
#[case(
    " @daily",
    "schedule has 1 fields: expected 5 (minute hour day-of-month month day-of-week)"
)]
#[case(
    "0 0 * * 7",
    "day of week \"7\": value above the maximum, expected 0-6 or sun-sat (Sunday is 0, not 7)"
)]
#[case(
    "0 0 * * mon#2",
    "day of week \"mon#2\": not a number, expected 0-6 or sun-sat (Sunday is 0, not 7)"
)]
#[case("0 0 L * *", "day of month \"L\": not a number, expected 1-31")]
#[case("0 24 * * *", "hour \"24\": value above the maximum, expected 0-23")]
#[case("0 1,5-3 * * *", "hour \"5-3\": range ends before it starts, expected 0-23")]
#[case("*/0 * * * *", "minute \"*/0\": step must be positive, expected 0-59")]
#[case("0 0 0 * *", "day of month \"0\": value below the minimum, expected 1-31")]
#[case(
    "TZ=Europe/Berlin 0 2 * * *",
    "schedule must not contain TZ= or CRON_TZ=: expected the zone in spec.timeZone"
)]
#[case(
    "@every 5",
    "@every \"5\": missing unit, expected a duration such as 1h30m (units h, m, s, ms, us, ns)"
)]
#[case(
    "@reboot",
    "unknown schedule \"@reboot\": expected @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or @every <duration>"
)]
fn errors_name_the_field_and_what_was_expected(#[case] text: &str, #[case] message: &str) {
    let error = Schedule::parse(text, Dialect::Kubernetes).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[rstest]
#[case("", "the name is empty")]
#[case("local", "depends on the machine")]
#[case("Mars/Olympus", "unknown name")]
#[case("europe/berlin", "wrong upper or lower case")]
fn unusable_time_zones(#[case] name: &str, #[case] problem: &str) {
    let Err(CronError::TimeZone { problem: found, .. }) = time_zone(name) else {
        panic!("{name} accepted")
    };
    assert_eq!(found, problem);
}

#[test]
fn agrees_with_the_upstream_library() {
    let mut wrong = Vec::new();
    for line in include_str!("testdata/robfig.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let [dialect, text, zone_name, start, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("not five columns: {line}")
        };
        let dialect = if dialect == "5" {
            Dialect::Kubernetes
        } else {
            Dialect::SixFields
        };
        let found = match Schedule::parse(text, dialect) {
            Err(_) => "error".to_owned(),
            Ok(schedule) => first_four(&schedule, start.parse().unwrap(), &zone(zone_name)),
        };
        if found != expected {
            wrong.push(format!("{line}\n  found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn first_four(schedule: &Schedule, start: i64, zone: &TimeZone) -> String {
    let mut next = Some(Timestamp::from_second(start).unwrap());
    let mut found = Vec::new();
    for _ in 0..4 {
        next = next.and_then(|at| schedule.next_after(at, zone));
        found.push(next.map_or("never".to_owned(), |at| at.as_second().to_string()));
        if next.is_none() {
            break;
        }
    }
    found.join(",")
}

/// Zones with every kind of change: none, an hour, at midnight, half an hour, twice a year for Ramadan.
const ZONES: [&str; 8] = [
    "Etc/UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kolkata",
];

fn field(min: u32, max: u32) -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        4 => Just("*".to_owned()),
        3 => (min..=max).prop_map(|n| n.to_string()),
        2 => (1..=max).prop_map(|n| format!("*/{n}")),
        2 => (min..=max, min..=max).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (min..=max, 1..=max).prop_map(|(a, b)| format!("{a}/{b}")),
        1 => (min..=max, min..=max).prop_map(|(a, b)| format!("{a},{b}")),
    ]
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let five = (
        field(0, 59),
        field(0, 23),
        field(1, 31),
        field(1, 12),
        field(0, 6),
    )
        .prop_map(|(m, h, dom, mon, dow)| kubernetes(&format!("{m} {h} {dom} {mon} {dow}")));
    let six = (0..60u32, field(0, 59), field(0, 23))
        .prop_map(|(s, m, h)| Schedule::parse(&format!("{s} {m} {h} * * *"), Dialect::SixFields).unwrap());
    prop_oneof![4 => five, 1 => six]
}

fn instants() -> impl Strategy<Value = Timestamp> {
    (1_500_000_000i64..2_500_000_000, -999_999_999i32..=999_999_999)
        .prop_map(|(second, nano)| Timestamp::new(second, nano).unwrap())
}

fn zones() -> impl Strategy<Value = TimeZone> {
    proptest::sample::select(ZONES.as_slice()).prop_map(zone)
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "\\PC{0,40}", cronlike in "[@*?0-9a-zA-Z,/ =.µ+-]{0,40}") {
        for dialect in [Dialect::Kubernetes, Dialect::SixFields, Dialect::K8up, Dialect::Velero] {
            for text in [&text, &cronlike, &format!("@every {cronlike}"), &format!("TZ={text}")] {
                let _ = Schedule::parse(text, dialect);
            }
        }
    }

    #[test]
    fn next_and_prev_are_inverse_and_strict(schedule in schedules(), at in instants(), zone in zones()) {
        let mut last = at;
        for _ in 0..20 {
            let Some(next) = schedule.next_after(last, &zone) else { break };
            prop_assert!(next > last);
            if last != at {
                prop_assert_eq!(schedule.prev(next, &zone), Some(last));
            }
            if let Some(before) = schedule.prev(last, &zone) {
                prop_assert!(before < last);
                let expected = if schedule.prev(next, &zone) == Some(last) { last } else { next };
                prop_assert_eq!(schedule.next_after(before, &zone), Some(expected));
            }
            last = next;
        }
    }

    #[test]
    fn extreme_instants_do_not_panic(schedule in schedules(), zone in zones()) {
        for at in [Timestamp::MIN, Timestamp::MAX] {
            let _ = (schedule.next_after(at, &zone), schedule.prev(at, &zone), schedule.max_gap(at, &zone));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_longest_pause_is_the_longest_of_all(
        schedule in schedules(),
        at in instants(),
        zone in zones(),
    ) {
        prop_assert_eq!(schedule.max_gap(at, &zone), slow_max_gap(&schedule, at, &zone));
    }
}

fn slow_max_gap(schedule: &Schedule, from: Timestamp, zone: &TimeZone) -> Option<SignedDuration> {
    let horizon = super::timeline::floor(from) + SignedDuration::from_hours(366 * 24);
    let mut last = schedule
        .prev(super::timeline::floor(from) + SignedDuration::from_secs(1), zone)
        .unwrap_or(super::timeline::floor(from));
    let mut widest = SignedDuration::ZERO;
    while last <= horizon {
        let next = schedule.next_after(last, zone)?;
        widest = widest.max(next.duration_since(last));
        last = next;
    }
    Some(widest)
}
