//! How available a host was: seconds covered by attempts and seconds of them that failed, by the hour.
//!
//! An attempt stands for the interval until the next. Counting seconds instead of attempts lets the interval change without
//! losing the past. What was not tried is not covered: a crash or a pause is missing coverage, never success.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use jiff::Timestamp;

use crate::duration::Duration;
use serde::{Deserialize, Serialize};

/// Seconds of an hour.
const HOUR: i64 = 3_600;
/// Hours that are kept one by one; older ones are kept by the day (UTC).
const HOURS: i64 = 32 * 24;
/// Days that are kept.
const DAYS: i64 = 367;

/// What is tried: history follows it, not the address, which may change.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Check {
    /// The host; empty where it names none.
    pub host: Arc<str>,
    /// Whether over HTTPS.
    pub tls: bool,
    /// The path.
    pub path: Arc<str>,
    /// Tells apart what is counted by different rules (maintenance windows); usually empty.
    pub criteria: Arc<str>,
}

/// Seconds that attempts stand for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bucket {
    /// Covered by attempts, maintenance apart.
    pub covered: u32,
    /// Of these, by attempts that failed.
    pub failed: u32,
    /// In maintenance: neither success nor failure is counted.
    pub excluded: u32,
}

impl Bucket {
    /// Both together, of at most `most` seconds: two probers at once cover no hour twice.
    fn plus(self, other: Self, most: u32) -> Self {
        let covered = self.covered.saturating_add(other.covered).min(most);
        Self {
            covered,
            failed: self.failed.saturating_add(other.failed).min(covered),
            excluded: self.excluded.saturating_add(other.excluded).min(most),
        }
    }

    /// The fuller of both, in every respect.
    fn max(self, other: Self) -> Self {
        Self {
            covered: self.covered.max(other.covered),
            failed: self.failed.max(other.failed),
            excluded: self.excluded.max(other.excluded),
        }
    }
}

/// The history of one check.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct History {
    /// By hours since 1970.
    hours: BTreeMap<i64, Bucket>,
}

/// What a window of time held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Measured {
    /// Seconds covered by attempts.
    pub covered: u64,
    /// Of these, seconds of failure.
    pub failed: u64,
    /// Seconds of maintenance.
    pub excluded: u64,
}

/// A history that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected hours such as 482711:3600/15 or 482711x24:3600, found {0:?}")]
pub struct HistoryError(String);

impl History {
    /// Adds attempts.
    pub fn add(&mut self, at: Timestamp, bucket: Bucket) {
        let hour = at.as_second().div_euclid(HOUR);
        let held = self.hours.entry(hour).or_default();
        *held = held.plus(bucket, 3_600);
        self.compact(self.last());
    }

    /// Takes in what another process counted; tells whether that changed anything.
    pub fn merge(&mut self, other: &Self) -> bool {
        let mut other = other.clone();
        // By the same days on both sides: an hour must not be counted beside the day it went into.
        let last = self.last().max(other.last());
        self.compact(last);
        other.compact(last);
        let mut changed = false;
        for (hour, bucket) in other.hours {
            let held = self.hours.entry(hour).or_default();
            let both = held.max(bucket);
            changed |= both != *held;
            *held = both;
        }
        changed
    }

    /// The last hour of which something is known.
    pub fn last(&self) -> Option<i64> {
        self.hours.last_key_value().map(|(hour, _)| *hour)
    }

    /// When the last known hour began.
    pub fn last_at(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.last()?.checked_mul(HOUR)?).ok()
    }

    /// What the hours held that began within the window before `now`, the running one included.
    pub fn over(&self, window: Duration, now: Timestamp) -> Measured {
        let end = now.as_second();
        let start = end - i64::from(window.as_secs());
        let first = start.div_euclid(HOUR) + i64::from(start.rem_euclid(HOUR) > 0);
        let mut sum = Measured::default();
        if first > end.div_euclid(HOUR) {
            return sum;
        }
        for bucket in self
            .hours
            .range(first..=end.div_euclid(HOUR))
            .map(|(_, bucket)| bucket)
        {
            sum.covered += u64::from(bucket.covered);
            sum.failed += u64::from(bucket.failed);
            sum.excluded += u64::from(bucket.excluded);
        }
        sum
    }

    /// When [`History::over`] may next differ although nothing was added.
    pub fn next_change(now: Timestamp) -> Timestamp {
        let next = (now.as_second().div_euclid(HOUR) + 1) * HOUR;
        Timestamp::from_second(next).unwrap_or(Timestamp::MAX)
    }

    /// Hours that are old, seen from the last, become days; old days go.
    fn compact(&mut self, last: Option<i64>) {
        let Some(last) = last else { return };
        let (oldest, recent) = (last - DAYS * 24, last - HOURS);
        let done = |hour: &i64| *hour >= oldest && hour.rem_euclid(24) == 0;
        if self.hours.range(..recent).all(|(hour, _)| done(hour)) {
            return;
        }
        let recent = self.hours.split_off(&recent);
        let mut days: BTreeMap<i64, Bucket> = BTreeMap::new();
        for (hour, bucket) in std::mem::take(&mut self.hours).split_off(&oldest) {
            let day = days.entry(hour - hour.rem_euclid(24)).or_default();
            *day = day.plus(bucket, 86_400);
        }
        days.retain(|day, _| *day >= oldest);
        self.hours = days;
        self.hours.extend(recent);
    }

    /// The history as text: `hour:covered/failed~excluded`, of equal hours in a row only the first with their number
    /// (`482711x24:3600`); zeros are left out.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let mut hours = self.hours.iter().peekable();
        while let Some((hour, bucket)) = hours.next() {
            let mut count: i64 = 1;
            while hours
                .next_if(|(next, same)| **next == hour + count && *same == bucket)
                .is_some()
            {
                count += 1;
            }
            let space = if text.is_empty() { "" } else { " " };
            // Writing to a String does not fail.
            _ = write!(text, "{space}{hour}");
            _ = if count > 1 {
                write!(text, "x{count}")
            } else {
                Ok(())
            };
            _ = write!(text, ":{}", bucket.covered);
            _ = if bucket.failed > 0 {
                write!(text, "/{}", bucket.failed)
            } else {
                Ok(())
            };
            _ = if bucket.excluded > 0 {
                write!(text, "~{}", bucket.excluded)
            } else {
                Ok(())
            };
        }
        text
    }

    /// Reads what [`History::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self, HistoryError> {
        let mut hours = BTreeMap::new();
        for run in text.split_ascii_whitespace() {
            let (first, count, bucket) =
                decode_run(run).ok_or_else(|| HistoryError(run.chars().take(40).collect()))?;
            hours.extend((0..count).map(|n| (first + n, bucket)));
        }
        let mut history = Self { hours };
        history.compact(history.last());
        Ok(history)
    }
}

impl From<History> for String {
    fn from(history: History) -> Self {
        history.encode()
    }
}

impl TryFrom<String> for History {
    type Error = HistoryError;

    fn try_from(text: String) -> Result<Self, HistoryError> {
        Self::decode(&text)
    }
}

fn decode_run(run: &str) -> Option<(i64, i64, Bucket)> {
    let (hours, seconds) = run.split_once(':')?;
    let (first, count) = hours.split_once('x').unwrap_or((hours, "1"));
    let (first, count): (i64, i64) = (first.parse().ok()?, count.parse().ok()?);
    let (seconds, excluded) = seconds.split_once('~').unwrap_or((seconds, "0"));
    let (covered, failed) = seconds.split_once('/').unwrap_or((seconds, "0"));
    let bucket = Bucket {
        covered: covered.parse().ok()?,
        failed: failed.parse().ok()?,
        excluded: excluded.parse().ok()?,
    };
    // Bounded, whoever wrote it: no more hours than are kept, none beyond the calendar, no more seconds than a day has.
    let plausible = (1..=HOURS + 1).contains(&count)
        && (0..100_000_000).contains(&first)
        && bucket.covered.max(bucket.excluded) <= 86_400
        && bucket.failed <= bucket.covered;
    plausible.then_some((first, count, bucket))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        cron::{Dialect, Schedule},
        probe::Window,
    };

    const DAY: i64 = 86_400;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn attempt(failed: bool) -> Bucket {
        Bucket {
            covered: 15,
            failed: if failed { 15 } else { 0 },
            excluded: 0,
        }
    }

    #[test]
    fn thirty_days_of_attempts_every_15_seconds_are_172_800() {
        let (start, window) = (1_780_000_000 / HOUR * HOUR, Duration::from_days(30));
        let mut history = History::default();
        for n in 0..172_800 {
            history.add(at(start + n * 15), attempt(n % 10_000 == 5));
        }
        let sum = history.over(window, at(start + 30 * DAY));
        assert_eq!((sum.covered, sum.failed), (172_800 * 15, 18 * 15));
        // An hour later the first hour with its failure is out.
        let sum = history.over(window, at(start + 30 * DAY + HOUR));
        assert_eq!((sum.covered, sum.failed), (172_800 * 15 - 3_600, 17 * 15));
        assert_eq!(history.over(window, at(start - DAY)), Measured::default());
        assert!(history.encode().len() < 800, "{}", history.encode());
    }

    #[test]
    fn a_year_is_kept_and_stays_small() {
        let mut history = History::default();
        let start = 1_700_000_000 / DAY * DAY;
        for hour in 0..400 * 24 {
            let bucket = Bucket {
                covered: 3_600 - u32::try_from(hour % 60).unwrap(),
                failed: 15,
                excluded: 0,
            };
            history.add(at(start + hour * HOUR), bucket);
        }
        let sum = history.over(Duration::from_days(365), at(start + 400 * DAY));
        assert_eq!(sum.failed, 15 * 24 * 365);
        assert!(
            history.hours.len() <= 32 * 24 + 1 + 367,
            "{}",
            history.hours.len()
        );
        assert_eq!(History::decode(&history.encode()), Ok(history));
    }

    #[test]
    fn two_probers_at_once_cover_no_hour_twice() {
        let mut history = History::default();
        for _ in 0..2 {
            history.add(
                at(0),
                Bucket {
                    covered: 3_000,
                    failed: 100,
                    excluded: 0,
                },
            );
        }
        let sum = history.over(Duration::from_days(1), at(1));
        assert_eq!((sum.covered, sum.failed), (3_600, 200));
    }

    #[test]
    fn what_another_process_counted_is_taken_over_once() {
        let (mut old, mut new) = (History::default(), History::default());
        old.add(at(10), attempt(true));
        old.add(at(25), attempt(false));
        assert!(new.merge(&old));
        assert!(!new.merge(&old));
        new.add(at(40), attempt(false));
        assert!(!new.merge(&old), "it knows more already");
        assert_eq!(new.over(Duration::from_days(1), at(60)).covered, 45);
    }

    #[test]
    fn an_hour_is_not_counted_beside_the_day_it_went_into() {
        let mut old = History::default();
        for hour in 0..40 {
            old.add(
                at(hour * HOUR),
                Bucket {
                    covered: 3_600,
                    failed: 60,
                    excluded: 0,
                },
            );
        }
        let mut new = old.clone();
        new.add(at(40 * DAY), attempt(false));
        let before = new.over(Duration::from_days(365), at(40 * DAY));
        assert!(!new.merge(&old));
        assert_eq!(new.over(Duration::from_days(365), at(40 * DAY)), before);
        assert!(old.merge(&new));
        assert_eq!(old, new);
    }

    #[test]
    fn a_maintenance_window_begins_and_ends_when_it_says() {
        let window = Window::Repeated {
            schedule: Schedule::parse("0 2 * * 6", Dialect::Kubernetes).unwrap(),
            zone: "Europe/Berlin".into(),
            length: Duration::from_hours(3),
        };
        // A Saturday in summer: 02:00 in Berlin is 00:00 UTC.
        for (time, within) in [
            ("2026-06-05T23:59:59Z", false),
            ("2026-06-06T00:00:00Z", true),
            ("2026-06-06T02:59:59Z", true),
            ("2026-06-06T03:00:00Z", false),
        ] {
            assert_eq!(window.contains(time.parse().unwrap()), within, "{time}");
        }
    }

    #[test]
    fn text_that_is_no_history_is_refused_in_bounded_time() {
        for text in [
            "x",
            "1:2:3",
            "1x999999999:1",
            "-5:1",
            "1:3601/3602",
            "1:99999999",
            "9999999999:1",
            "1x0:1",
        ] {
            assert!(History::decode(text).is_err(), "{text}");
        }
        assert_eq!(History::decode(""), Ok(History::default()));
    }

    proptest! {
        #[test]
        fn a_history_comes_back_as_it_was_written(
            attempts in prop::collection::vec((0i64..500 * DAY, 0u32..3_600, 0u32..100, 0u32..100), 0..60)
        ) {
            let mut history = History::default();
            for (second, covered, failed, excluded) in attempts {
                history.add(at(second), Bucket { covered, failed: failed.min(covered), excluded });
            }
            prop_assert_eq!(History::decode(&history.encode()).unwrap(), history);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9x:/~ -]{0,60}") {
            _ = History::decode(&text);
        }
    }
}
