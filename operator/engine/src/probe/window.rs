//! Stretches of time that come again and again.

use std::{fmt, str::FromStr};

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Time, Weekday},
    tz::TimeZone,
};
use thiserror::Error;

use crate::{
    cron::{Schedule, time_zone},
    duration::Duration,
};

/// A stretch of time in which failures do not count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Window {
    /// Begins by a schedule and lasts for a while.
    Repeated {
        /// When it begins.
        schedule: Schedule,
        /// In which time zone, by name.
        zone: Box<str>,
        /// How long it lasts.
        length: Duration,
    },
    /// All the time outside of business hours.
    Outside {
        /// The business hours.
        hours: BusinessHours,
        /// In which time zone, by name.
        zone: Box<str>,
    },
}

impl Window {
    /// Whether a moment lies in it. A time zone that is none has no windows.
    pub fn contains(&self, at: Timestamp) -> bool {
        match self {
            Self::Repeated {
                schedule,
                zone,
                length,
            } => time_zone(zone).is_ok_and(|zone| {
                // The beginning itself is in the window, its end is not.
                begun(schedule, &zone, *length, at).is_some_and(|start| start <= at)
            }),
            Self::Outside { hours, zone } => time_zone(zone).is_ok_and(|zone| !hours.contains(at, &zone)),
        }
    }

    /// The next moment at which [`Window::contains`] may answer otherwise.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Repeated {
                schedule,
                zone,
                length,
            } => {
                let zone = time_zone(zone).ok()?;
                let end = begun(schedule, &zone, *length, at)
                    .filter(|start| *start <= at)
                    .and_then(|start| start.checked_add(SignedDuration::from(*length)).ok());
                end.into_iter().chain(schedule.next_after(at, &zone)).min()
            }
            Self::Outside { hours, zone } => hours.next_change(at, &time_zone(zone).ok()?),
        }
    }
}

/// The first beginning after which the length has not passed yet; it may still be to come.
fn begun(schedule: &Schedule, zone: &TimeZone, length: Duration, at: Timestamp) -> Option<Timestamp> {
    let earliest = at.checked_sub(SignedDuration::from(length)).ok()?;
    schedule.next_after(earliest, zone)
}

/// Days of the week and a stretch of each: `Mon-Fri 08:00-18:00`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BusinessHours {
    /// Monday first.
    days: [bool; 7],
    from: Time,
    /// `None` is midnight.
    to: Option<Time>,
}

/// A text that is no business hours.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("expected days and hours such as `Mon-Fri 08:00-18:00`")]
pub struct BusinessHoursError;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

impl FromStr for BusinessHours {
    type Err = BusinessHoursError;

    fn from_str(text: &str) -> Result<Self, BusinessHoursError> {
        let (days, hours) = text.trim().split_once(' ').ok_or(BusinessHoursError)?;
        let (from, to) = hours.trim().split_once('-').ok_or(BusinessHoursError)?;
        let from = time(from)?;
        let to = match to.trim() {
            "24:00" => None,
            to => Some(time(to)?),
        };
        if to.is_some_and(|to| to <= from) {
            return Err(BusinessHoursError);
        }
        Ok(Self {
            days: read_days(days)?,
            from,
            to,
        })
    }
}

fn read_days(text: &str) -> Result<[bool; 7], BusinessHoursError> {
    let index = |name: &str| {
        let found = DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
        found.ok_or(BusinessHoursError)
    };
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (index(first)?, index(last)?);
        // `Sat-Mon` goes over the end of the week.
        let length = (last + 7 - first) % 7;
        (0..=length).for_each(|i| days[(first + i) % 7] = true);
    }
    Ok(days)
}

fn time(text: &str) -> Result<Time, BusinessHoursError> {
    let (hour, minute) = text.trim().split_once(':').ok_or(BusinessHoursError)?;
    let number = |text: &str| match text.len() {
        2 if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().map_err(|_| BusinessHoursError),
        _ => Err(BusinessHoursError),
    };
    Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| BusinessHoursError)
}

impl fmt::Display for BusinessHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<&str> = DAYS
            .iter()
            .zip(self.days)
            .filter_map(|(day, on)| on.then_some(*day))
            .collect();
        let (from, days) = (self.from, days.join(","));
        write!(f, "{days} {:02}:{:02}-", from.hour(), from.minute())?;
        match self.to {
            Some(to) => write!(f, "{:02}:{:02}", to.hour(), to.minute()),
            None => write!(f, "24:00"),
        }
    }
}

impl BusinessHours {
    fn is_open_on(&self, day: Weekday) -> bool {
        let index = usize::try_from(day.to_monday_zero_offset()).unwrap_or_default();
        self.days.get(index).copied().unwrap_or_default()
    }

    fn contains(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let local = at.to_zoned(zone.clone());
        let time = local.time();
        self.is_open_on(local.weekday()) && time >= self.from && self.to.is_none_or(|to| time < to)
    }

    fn next_change(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let today = at.to_zoned(zone.clone()).date();
        // A day beyond the week: its end is the next day's beginning.
        let days = (0..=8).filter_map(|i| today.checked_add(i.days()).ok());
        let open = days.filter(|day| self.is_open_on(day.weekday()));
        let bounds = open.flat_map(|day| {
            let end = match self.to {
                Some(to) => Some(day.to_datetime(to)),
                None => day.tomorrow().ok().map(|next| next.to_datetime(Time::midnight())),
            };
            [Some(day.to_datetime(self.from)), end]
        });
        let moments = bounds
            .flatten()
            .filter_map(|local| local.to_zoned(zone.clone()).ok());
        moments
            .map(|zoned| zoned.timestamp())
            .filter(|moment| *moment > at)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::cron::Dialect;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("Mon-Fri 08:00-18:00", "Mon,Tue,Wed,Thu,Fri 08:00-18:00")]
    #[case("sat-mon 00:00-24:00", "Mon,Sat,Sun 00:00-24:00")]
    #[case("Mon,Wed 09:30-12:00", "Mon,Wed 09:30-12:00")]
    fn business_hours_are_days_and_a_stretch_of_each(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(text.parse::<BusinessHours>().unwrap().to_string(), shown);
        assert_eq!(shown.parse(), text.parse::<BusinessHours>());
    }

    #[rstest]
    #[case("")]
    #[case("Mon-Fri")]
    #[case("Mon-Fri 18:00-08:00")]
    #[case("Mon-Fri 8-18")]
    #[case("Mo-Fr 08:00-18:00")]
    #[case("Mon-Fri 08:00-25:00")]
    #[case("Mon- 08:00-18:00")]
    fn what_is_none_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<BusinessHours>(), Err(BusinessHoursError));
    }

    #[rstest]
    #[case("2026-06-01T06:00:00Z", false)] // Monday 08:00 in Berlin
    #[case("2026-06-01T05:59:59Z", true)]
    #[case("2026-06-01T15:59:59Z", false)]
    #[case("2026-06-01T16:00:00Z", true)]
    #[case("2026-06-06T10:00:00Z", true)] // Saturday
    #[case("2026-12-01T06:30:00Z", true)] // 07:30 in winter
    fn outside_of_hours_is_in_the_window(#[case] moment: &str, #[case] outside: bool) {
        let window = Window::Outside {
            hours: "Mon-Fri 08:00-18:00".parse().unwrap(),
            zone: "Europe/Berlin".into(),
        };
        assert_eq!(window.contains(at(moment)), outside);
    }

    #[test]
    fn a_window_tells_when_it_changes() {
        let hours = Window::Outside {
            hours: "Mon-Fri 08:00-18:00".parse().unwrap(),
            zone: "Etc/UTC".into(),
        };
        let night = Window::Repeated {
            schedule: Schedule::parse("0 2 * * *", Dialect::Kubernetes).unwrap(),
            zone: "Etc/UTC".into(),
            length: Duration::from_hours(3),
        };
        for window in [hours, night] {
            let mut now = at("2026-06-05T12:00:00Z");
            for _ in 0..8 {
                let next = window.next_change(now).unwrap();
                let before = next.checked_sub(SignedDuration::from_secs(1)).unwrap();
                assert_eq!(
                    window.contains(before),
                    window.contains(now),
                    "{window:?} {now} {next}"
                );
                assert_ne!(
                    window.contains(next),
                    window.contains(before),
                    "{window:?} {next}"
                );
                now = next;
            }
        }
    }
}
