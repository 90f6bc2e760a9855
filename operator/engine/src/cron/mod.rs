//! Cron schedules exactly as Kubernetes runs them: the rules of robfig/cron v3.0.1 `ParseStandard`, which
//! `batch/v1` CronJobs use, and the variants of the backup operators built on it.
//!
//! A schedule fires at every whole second at which the zone's clock shows a matching time. A time that DST
//! skips is skipped, one that it repeats fires twice. Upstream differs from that in corners: in zones that move
//! the clock by half an hour (Lord Howe) or skip midnight (Beirut, Cairo; its version 1 also Havana) it can miss
//! a firing on the very day of the change; here it is counted.
//!
//! ```
//! use plimsoll_engine::cron::{Dialect, Schedule, time_zone};
//!
//! let weekdays = Schedule::parse("0 2 * * 1-5", Dialect::Kubernetes)?;
//! let now = jiff::Timestamp::UNIX_EPOCH;
//! let gap = weekdays.max_gap(now, &time_zone("Etc/UTC")?);
//! assert_eq!(gap.map(|gap| gap.as_hours()), Some(72));
//! # Ok::<(), plimsoll_engine::cron::CronError>(())
//! ```

mod bits;
mod error;
mod every;
mod fire;
mod gap;
mod parse;
mod pattern;
#[cfg(test)]
mod tests;
mod timeline;
mod zone;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub use error::{CronError, Field};
pub use gap::Gap;
pub use zone::time_zone;

use pattern::Pattern;

/// Whose schedules are read; they share robfig/cron's grammar and differ at its edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `CronJob.spec.schedule` (and Longhorn's `RecurringJob.spec.cron`, which becomes one): five fields,
    /// `@daily` and its kin, `@every`. A zone inside the schedule is refused, `spec.timeZone` has it.
    Kubernetes,
    /// CloudNativePG's `ScheduledBackup.spec.schedule`: robfig/cron v1, seconds first. The day of week may be
    /// missing, so that `0 2 * * *` is read as "second 0 of minute 2 of every hour", as CloudNativePG does.
    SixFields,
    /// K8up's `Schedule`: five fields, a zone prefix, and `@daily-random` with its kin.
    K8up,
    /// Velero's `Schedule.spec.schedule`: five fields and a zone prefix (`CRON_TZ=Europe/Berlin 0 2 * * *`).
    /// Read by robfig/cron's rules also where newer releases of Velero accept more (Sunday as 7).
    Velero,
}

/// A parsed schedule. Equal schedules fire at equal times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    kind: Kind,
    zone: Option<TimeZone>,
    randomised: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pattern(Pattern),
    Every(SignedDuration),
}

impl Schedule {
    /// Reads a schedule.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, CronError> {
        parse::parse(text, dialect)
    }

    /// The time of day (or day) is K8up's choice, not in the schedule: firings computed here have the right
    /// distance, but not the right phase. K8up's `status.effectiveSchedules` has the real schedule.
    pub fn is_randomised(&self) -> bool {
        self.randomised
    }

    /// The first firing after `at`, `None` when there is none until the end of the fifth calendar year.
    /// A zone inside the schedule wins over `zone`. `@every` counts from `at`.
    pub fn next_after(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match &self.kind {
            Kind::Pattern(pattern) => fire::next(pattern, at, self.zone.as_ref().unwrap_or(zone)),
            Kind::Every(delay) => timeline::floor(at).checked_add(*delay).ok(),
        }
    }

    /// The last firing before `at`, looked for as far back as [`Schedule::next_after`] looks ahead.
    pub fn prev(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match &self.kind {
            Kind::Pattern(pattern) => fire::prev(pattern, at, self.zone.as_ref().unwrap_or(zone)),
            Kind::Every(delay) => timeline::ceil(at).checked_sub(*delay).ok(),
        }
    }

    /// Firings after `after` up to and including `until`, in order. `@every` counts from `after`.
    pub fn between(
        &self,
        after: Timestamp,
        until: Timestamp,
        zone: &TimeZone,
    ) -> impl Iterator<Item = Timestamp> {
        let within = move |next: &Timestamp| *next <= until;
        std::iter::successors(self.next_after(after, zone).filter(within), move |&last| {
            self.next_after(last, zone).filter(within)
        })
    }

    /// The widest gap between consecutive firings that touches the 366 days after `from`: the pause running
    /// at `from` and the one running at the end count whole. `None`: the schedule never fires (again).
    pub fn widest_gap(&self, from: Timestamp, zone: &TimeZone) -> Option<Gap> {
        match &self.kind {
            Kind::Pattern(pattern) => gap::widest(pattern, from, self.zone.as_ref().unwrap_or(zone)),
            Kind::Every(delay) => Some(Gap {
                after: from,
                until: from.checked_add(*delay).ok()?,
            }),
        }
    }

    /// The length of [`Schedule::widest_gap`], in elapsed time: 25 h for a daily schedule in a zone with DST,
    /// and 47 h where its time of day is one that DST skips. `None`: it never fires (again).
    pub fn max_gap(&self, from: Timestamp, zone: &TimeZone) -> Option<SignedDuration> {
        self.widest_gap(from, zone).map(|gap| gap.length())
    }
}
