//! A time zone cut into stretches of constant offset. Within a stretch local time is plain arithmetic; local
//! times that DST skips lie in no stretch, and those it repeats lie in two. That is all there is to DST here.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

pub(super) const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// One stretch; without `start` or `end` it has no bound there.
pub(super) struct Stretch {
    pub(super) offset: Offset,
    /// First instant.
    pub(super) start: Option<Timestamp>,
    /// First instant after it.
    pub(super) end: Option<Timestamp>,
}

impl Stretch {
    /// The stretch around an instant.
    pub(super) fn around(zone: &TimeZone, at: Timestamp) -> Self {
        let just_after = at.checked_add(SignedDuration::from_nanos(1)).unwrap_or(at);
        Self {
            offset: zone.to_offset(at),
            start: zone.preceding(just_after).next().map(|change| change.timestamp()),
            end: zone.following(at).next().map(|change| change.timestamp()),
        }
    }

    pub(super) fn local(&self, at: Timestamp) -> DateTime {
        self.offset.to_datetime(at)
    }

    pub(super) fn instant(&self, local: DateTime) -> Option<Timestamp> {
        self.offset.to_timestamp(local).ok()
    }
}

/// The last whole second not after `at`.
pub(super) fn floor(at: Timestamp) -> Timestamp {
    let second = at.as_second() - i64::from(at.subsec_nanosecond() < 0);
    Timestamp::from_second(second).unwrap_or(at)
}

/// The first whole second not before `at`.
pub(super) fn ceil(at: Timestamp) -> Timestamp {
    let second = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    Timestamp::from_second(second).unwrap_or(at)
}
