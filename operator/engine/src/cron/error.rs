//! What can be wrong with a schedule. Every message names the field, the token and what was expected.

use std::fmt;

/// The fields of a schedule, as the Kubernetes documentation calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// 0-59, only where a schedule starts with seconds.
    Second,
    /// 0-59.
    Minute,
    /// 0-23.
    Hour,
    /// 1-31.
    DayOfMonth,
    /// 1-12 or jan-dec.
    Month,
    /// 0-6 or sun-sat; 7 is no Sunday.
    DayOfWeek,
}

impl Field {
    /// What the field accepts, in words.
    pub fn expects(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "0-59",
            Self::Hour => "0-23",
            Self::DayOfMonth => "1-31",
            Self::Month => "1-12 or jan-dec",
            Self::DayOfWeek => "0-6 or sun-sat (Sunday is 0, not 7)",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}

/// Why a schedule or its time zone was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// The schedule is the empty string.
    #[error("schedule is empty: expected a cron schedule such as \"0 2 * * *\"")]
    Empty,
    /// `TZ=` or `CRON_TZ=` where it is not allowed.
    #[error("schedule must not contain TZ= or CRON_TZ=: expected {expected}")]
    ZoneInSchedule {
        /// Where the zone belongs instead.
        expected: &'static str,
    },
    /// Too few or too many fields.
    #[error("schedule has {found} fields: expected {expected}")]
    FieldCount {
        /// How many there are.
        found: usize,
        /// The fields this dialect has.
        expected: &'static str,
    },
    /// One field cannot be read.
    #[error("{field} \"{token}\": {problem}, expected {}", .field.expects())]
    Field {
        /// Which field.
        field: Field,
        /// The part of it that is wrong, shortened.
        token: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An `@name` that does not exist.
    #[error("unknown schedule \"{token}\": expected {expected}")]
    Descriptor {
        /// The name, shortened.
        token: String,
        /// The names this dialect has.
        expected: &'static str,
    },
    /// `@every` without a readable duration.
    #[error("@every \"{token}\": {problem}, expected a duration such as 1h30m (units h, m, s, ms, us, ns)")]
    Every {
        /// The duration, shortened.
        token: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A time zone that cannot be used.
    #[error("time zone \"{name}\": {problem}, expected an IANA name such as Europe/Berlin or Etc/UTC")]
    TimeZone {
        /// The name, shortened.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// The first characters of a token: messages go into events and statuses and must stay bounded.
pub(super) fn shorten(token: &str) -> String {
    const MAX: usize = 40;
    match token.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &token[..end]),
        None => token.to_owned(),
    }
}
