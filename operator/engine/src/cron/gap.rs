//! The longest pause of a schedule. Days are enumerated, not firings: a day's own firings are summed up once
//! (`Run`), and runs are put one behind the other, so `* * * * *` costs no more than `0 2 * * *`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::bits::Bits;
use super::fire;
use super::pattern::{LAST_SECOND, Pattern, second_of_day};
use super::timeline::{SECOND, Stretch, floor};

/// How far ahead pauses are looked for: a year, and the leap day.
const WINDOW: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Two consecutive firings of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The firing before the pause.
    pub after: Timestamp,
    /// The firing that ends it.
    pub until: Timestamp,
}

impl Gap {
    /// How long the pause is, in elapsed (not wall-clock) time.
    pub fn length(&self) -> SignedDuration {
        self.until.duration_since(self.after)
    }
}

/// Consecutive firings, summed up: the first, the last and the widest pause between. In seconds on any scale.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: i64,
    last: i64,
    pause: (i64, i64),
}

impl Run {
    fn once(at: i64) -> Self {
        Self {
            first: at,
            last: at,
            pause: (at, at),
        }
    }

    fn shift(self, by: i64) -> Self {
        Self {
            first: self.first + by,
            last: self.last + by,
            pause: (self.pause.0 + by, self.pause.1 + by),
        }
    }

    /// This run, then a later one. The earliest of equally wide pauses is kept.
    fn then(self, next: Self) -> Self {
        let width = |(from, to): (i64, i64)| to - from;
        let wider = |a, b| if width(b) > width(a) { b } else { a };
        let pause = wider(wider(self.pause, (self.last, next.first)), next.pause);
        Self {
            first: self.first,
            last: next.last,
            pause,
        }
    }
}

fn chain(before: Option<Run>, next: Option<Run>) -> Option<Run> {
    match (before, next) {
        (Some(before), Some(next)) => Some(before.then(next)),
        (run, None) | (None, run) => run,
    }
}

/// The widest pause that touches the 366 days after `from`, the one already running included.
pub(super) fn widest(pattern: &Pattern, from: Timestamp, zone: &TimeZone) -> Option<Gap> {
    let from = floor(from);
    let start = fire::prev(pattern, from.checked_add(SECOND).ok()?, zone).unwrap_or(from);
    let horizon = from.checked_add(WINDOW).ok()?;
    let run = chain(
        Some(Run::once(start.as_second())),
        window(pattern, from, horizon, zone),
    )?;
    let end = fire::next(pattern, horizon, zone)?;
    let (after, until) = run.then(Run::once(end.as_second())).pause;
    Some(Gap {
        after: Timestamp::from_second(after).ok()?,
        until: Timestamp::from_second(until).ok()?,
    })
}

/// All firings after `from` up to and including `horizon`.
fn window(pattern: &Pattern, from: Timestamp, horizon: Timestamp, zone: &TimeZone) -> Option<Run> {
    let whole_day = day_run(pattern, 0, LAST_SECOND);
    let mut cursor = from.checked_add(SECOND).ok()?;
    let mut sum = None;
    while cursor <= horizon {
        let stretch = Stretch::around(zone, cursor);
        let last = stretch
            .end
            .and_then(|end| end.checked_sub(SECOND).ok())
            .unwrap_or(horizon)
            .min(horizon);
        let local = stretch_run(pattern, whole_day, stretch.local(cursor), stretch.local(last));
        let to_utc = -i64::from(stretch.offset.seconds());
        sum = chain(sum, local.map(|run| run.shift(to_utc)));
        cursor = last.checked_add(SECOND).ok()?;
    }
    sum
}

/// Firings between two local times, both included, on the scale of seconds since 1970 local time.
fn stretch_run(pattern: &Pattern, whole_day: Option<Run>, from: DateTime, to: DateTime) -> Option<Run> {
    let mut date = from.date();
    let mut midnight = i64::from((date - jiff::civil::date(1970, 1, 1)).get_days()) * 86_400;
    let mut sum = None;
    while date <= to.date() {
        if pattern.matches_date(date) {
            let low = if date == from.date() {
                second_of_day(from.time())
            } else {
                0
            };
            let high = if date == to.date() {
                second_of_day(to.time())
            } else {
                LAST_SECOND
            };
            let whole = low == 0 && high == LAST_SECOND;
            let day = if whole {
                whole_day
            } else {
                day_run(pattern, low, high)
            };
            sum = chain(sum, day.map(|run| run.shift(midnight)));
        }
        let Ok(tomorrow) = date.tomorrow() else { break };
        date = tomorrow;
        midnight += 86_400;
    }
    sum
}

/// Firings between two seconds of a day, both included.
fn day_run(pattern: &Pattern, low: u32, high: u32) -> Option<Run> {
    let whole_minute = minute_run(pattern.second, 0, 59);
    let minutes = |low: u32, high: u32| {
        level(pattern.minute, low, high, 60, |low, high| {
            if (low, high) == (0, 59) {
                whole_minute
            } else {
                minute_run(pattern.second, low, high)
            }
        })
    };
    let whole_hour = minutes(0, 3599);
    level(pattern.hour, low, high, 3600, |low, high| {
        if (low, high) == (0, 3599) {
            whole_hour
        } else {
            minutes(low, high)
        }
    })
}

/// Chains the runs of the units (hours of a day, minutes of an hour) that `bits` has between `low` and `high`.
fn level(bits: Bits, low: u32, high: u32, unit: u32, inner: impl Fn(u32, u32) -> Option<Run>) -> Option<Run> {
    bits.iter(low / unit, high / unit).fold(None, |sum, n| {
        let (start, end) = (n * unit, n * unit + unit - 1);
        let run = inner(low.max(start) - start, high.min(end) - start);
        chain(sum, run.map(|run| run.shift(i64::from(start))))
    })
}

fn minute_run(seconds: Bits, low: u32, high: u32) -> Option<Run> {
    seconds
        .iter(low, high)
        .fold(None, |sum, n| chain(sum, Some(Run::once(i64::from(n)))))
}
