//! A five- or six-field pattern, applied to local (civil) time only: no time zone here.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};

use super::bits::Bits;

/// One day field together with the mark that it was written as `*` or `?`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct DayField {
    pub(super) bits: Bits,
    pub(super) star: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pattern {
    pub(super) second: Bits,
    pub(super) minute: Bits,
    pub(super) hour: Bits,
    pub(super) day_of_month: DayField,
    pub(super) month: Bits,
    pub(super) day_of_week: DayField,
}

impl Pattern {
    /// Day of month and day of week are alternatives, unless one of them is a star: then both must match.
    pub(super) fn matches_date(&self, date: Date) -> bool {
        let in_month = self.day_of_month.bits.has(u32::from(date.day().unsigned_abs()));
        let in_week = self
            .day_of_week
            .bits
            .has(u32::from(date.weekday().to_sunday_zero_offset().unsigned_abs()));
        let day = if self.day_of_month.star || self.day_of_week.star {
            in_month && in_week
        } else {
            in_month || in_week
        };
        day && self.matches_month(date)
    }

    fn matches_month(&self, date: Date) -> bool {
        self.month.has(u32::from(date.month().unsigned_abs()))
    }

    /// The first matching local time from `from` on, before `end` and not after the year `last_year`.
    pub(super) fn first_local(
        &self,
        from: DateTime,
        end: Option<DateTime>,
        last_year: i16,
    ) -> Option<DateTime> {
        let mut date = from.date();
        let mut earliest = second_of_day(from.time());
        loop {
            if date.year() > last_year || end.is_some_and(|end| date > end.date()) {
                return None;
            }
            if self.matches_month(date) {
                if self.matches_date(date)
                    && let Some(second) = self.at_or_after(earliest)
                {
                    let found = date.to_datetime(time_of_day(second));
                    return end.is_none_or(|end| found < end).then_some(found);
                }
                date = date.tomorrow().ok()?;
            } else {
                date = date.last_of_month().tomorrow().ok()?;
            }
            earliest = 0;
        }
    }

    /// The last matching local time up to and including `to`, not before `start` and the year `first_year`.
    pub(super) fn last_local(
        &self,
        to: DateTime,
        start: Option<DateTime>,
        first_year: i16,
    ) -> Option<DateTime> {
        let mut date = to.date();
        let mut latest = second_of_day(to.time());
        loop {
            if date.year() < first_year || start.is_some_and(|start| date < start.date()) {
                return None;
            }
            if self.matches_month(date) {
                if self.matches_date(date)
                    && let Some(second) = self.at_or_before(latest)
                {
                    let found = date.to_datetime(time_of_day(second));
                    return start.is_none_or(|start| found >= start).then_some(found);
                }
                date = date.yesterday().ok()?;
            } else {
                date = date.first_of_month().yesterday().ok()?;
            }
            latest = LAST_SECOND;
        }
    }

    /// The first matching second of a day from `second` on.
    fn at_or_after(&self, second: u32) -> Option<u32> {
        let (h, m, s) = split(second);
        let join = |h, m, s| h * 3600 + m * 60 + s;
        let (first_minute, first_second) = (self.minute.at_or_after(0)?, self.second.at_or_after(0)?);
        if self.hour.has(h) {
            if self.minute.has(m)
                && let Some(s) = self.second.at_or_after(s)
            {
                return Some(join(h, m, s));
            }
            if let Some(m) = self.minute.at_or_after(m + 1) {
                return Some(join(h, m, first_second));
            }
        }
        self.hour
            .at_or_after(h + 1)
            .map(|h| join(h, first_minute, first_second))
    }

    /// The last matching second of a day up to and including `second`.
    fn at_or_before(&self, second: u32) -> Option<u32> {
        let (h, m, s) = split(second);
        let join = |h, m, s| h * 3600 + m * 60 + s;
        let (last_minute, last_second) = (self.minute.at_or_before(59)?, self.second.at_or_before(59)?);
        if self.hour.has(h) {
            if self.minute.has(m)
                && let Some(s) = self.second.at_or_before(s)
            {
                return Some(join(h, m, s));
            }
            if let Some(m) = m.checked_sub(1).and_then(|m| self.minute.at_or_before(m)) {
                return Some(join(h, m, last_second));
            }
        }
        let hour = h.checked_sub(1).and_then(|h| self.hour.at_or_before(h))?;
        Some(join(hour, last_minute, last_second))
    }
}

/// The last second of a day.
pub(super) const LAST_SECOND: u32 = 86_399;

/// Seconds since local midnight, on the clock's face: a day has 86,400 of them whatever DST does.
pub(super) fn second_of_day(time: Time) -> u32 {
    let [h, m, s] = [time.hour(), time.minute(), time.second()].map(|n| u32::from(n.unsigned_abs()));
    h * 3600 + m * 60 + s
}

/// Hour, minute and second of a second of the day.
pub(super) fn split(second: u32) -> (u32, u32, u32) {
    (second / 3600, second / 60 % 60, second % 60)
}

fn time_of_day(second: u32) -> Time {
    Time::midnight().saturating_add(i64::from(second).seconds())
}
