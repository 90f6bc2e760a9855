//! Durations as users of Kubernetes write them: `26h`, `90m`, `1h30m`, `365d`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time in whole seconds, written with the units `d` (24 h), `h`, `m` and `s`, largest first.
///
/// `Display` prints what people write: whole days from two days on (`30d`, `365d`), otherwise hours, minutes
/// and seconds, where a number of minutes up to 90 stays in minutes and of seconds up to 90 in seconds (`24h`,
/// `26h`, `5m`, `90m`, `1h45m`). Parsing what it prints gives the same duration; `2d` and `48h` are equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u32);

const EXPECTED: &str = "expected a number with a unit such as 26h, 90m, 1h30m or 365d (units d, h, m, s)";
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Why a duration was not accepted. The message says what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// The empty string.
    #[error("duration is empty: {EXPECTED}")]
    Empty,
    /// It starts with a minus sign.
    #[error("duration \"{0}\" is negative: {EXPECTED}")]
    Negative(String),
    /// A number is not followed by a unit.
    #[error("duration \"{0}\" lacks a unit: {EXPECTED}")]
    NoUnit(String),
    /// Something else than numbers and known units.
    #[error("duration \"{0}\" cannot be read: {EXPECTED}")]
    Malformed(String),
    /// A unit is repeated or a larger one follows a smaller one.
    #[error("duration \"{0}\" has its units out of order: write d, h, m, s in this order, each once")]
    Order(String),
    /// More than can be held.
    #[error("duration \"{0}\" is too long: expected less than 136 years")]
    TooLong(String),
}

impl Duration {
    /// So many seconds.
    pub const fn from_secs(seconds: u32) -> Self {
        Self(seconds)
    }

    /// So many minutes; at most `u32::MAX` seconds.
    pub const fn from_mins(minutes: u32) -> Self {
        Self(minutes.saturating_mul(60))
    }

    /// So many hours; at most `u32::MAX` seconds.
    pub const fn from_hours(hours: u32) -> Self {
        Self(hours.saturating_mul(3_600))
    }

    /// So many days of 24 hours; at most `u32::MAX` seconds.
    pub const fn from_days(days: u32) -> Self {
        Self(days.saturating_mul(86_400))
    }

    /// The whole length in seconds.
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// No time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// For arithmetic with timestamps.
    pub const fn to_signed(self) -> SignedDuration {
        SignedDuration::from_secs(self.0 as i64)
    }
}

impl From<Duration> for SignedDuration {
    fn from(duration: Duration) -> Self {
        duration.to_signed()
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Messages end up in statuses and events: an absurdly long input is cut.
        let shown = || text.chars().take(40).collect::<String>();
        if text.is_empty() {
            return Err(DurationError::Empty);
        }
        if text.starts_with('-') {
            return Err(DurationError::Negative(shown()));
        }
        let mut rest = text;
        let mut units = UNITS.as_slice();
        let mut total = 0u64;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let Some(letter) = tail.chars().next() else {
                return Err(DurationError::NoUnit(shown()));
            };
            if number.is_empty() || !UNITS.iter().any(|(unit, _)| *unit == letter) {
                return Err(DurationError::Malformed(shown()));
            }
            let Some(place) = units.iter().position(|(unit, _)| *unit == letter) else {
                return Err(DurationError::Order(shown()));
            };
            let number: u64 = number.parse().map_err(|_| DurationError::TooLong(shown()))?;
            total = total.saturating_add(number.saturating_mul(units[place].1));
            units = &units[place + 1..];
            rest = &tail[letter.len_utf8()..];
        }
        u32::try_from(total)
            .map(Self)
            .map_err(|_| DurationError::TooLong(shown()))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: u32 = 86_400;
        let seconds = self.0;
        match seconds {
            0..=90 if !seconds.is_multiple_of(60) || seconds == 0 => return write!(f, "{seconds}s"),
            0..=5_400 if seconds.is_multiple_of(60) && !seconds.is_multiple_of(3_600) => {
                return write!(f, "{}m", seconds / 60);
            }
            _ if seconds.is_multiple_of(DAY) && seconds > DAY => return write!(f, "{}d", seconds / DAY),
            _ => {}
        }
        for (unit, amount) in [
            ('h', seconds / 3_600),
            ('m', seconds / 60 % 60),
            ('s', seconds % 60),
        ] {
            if amount > 0 {
                write!(f, "{amount}{unit}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Duration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration string such as \"26h\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// What `FromStr` accepts, but for the upper limit.
const PATTERN: &str = "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$";

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN, "minLength": 2, "maxLength": 40 })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0s", 0)]
    #[case("30s", 30)]
    #[case("90s", 90)]
    #[case("1m", 60)]
    #[case("5m", 300)]
    #[case("60m", 3_600)]
    #[case("90m", 5_400)]
    #[case("1h45m", 6_300)]
    #[case("24h", 86_400)]
    #[case("1d", 86_400)]
    #[case("26h", 93_600)]
    #[case("30d", 30 * 86_400)]
    #[case("365d", 365 * 86_400)]
    #[case("1d2h3m4s", 93_784)]
    fn reads(#[case] text: &str, #[case] seconds: u32) {
        assert_eq!(text.parse(), Ok(Duration::from_secs(seconds)));
    }

    #[rstest]
    #[case("0s")]
    #[case("30s")]
    #[case("90s")]
    #[case("5m")]
    #[case("15m")]
    #[case("90m")]
    #[case("1h")]
    #[case("24h")]
    #[case("26h")]
    #[case("1h45m")]
    #[case("7d")]
    #[case("30d")]
    #[case("90d")]
    #[case("365d")]
    fn prints_as_written(#[case] text: &str) {
        assert_eq!(text.parse::<Duration>().unwrap().to_string(), text);
    }

    #[rstest]
    #[case("", "duration is empty")]
    #[case("-1h", "is negative")]
    #[case("24", "lacks a unit")]
    #[case("1h30", "lacks a unit")]
    #[case("2w", "cannot be read")]
    #[case("h", "cannot be read")]
    #[case("1.5h", "cannot be read")]
    #[case("1 h", "cannot be read")]
    #[case("1h ", "cannot be read")]
    #[case("PT1H", "cannot be read")]
    #[case("5m1h", "out of order")]
    #[case("1h1h", "out of order")]
    #[case("99999999999999999999h", "too long")]
    #[case("50000d", "too long")]
    fn refuses(#[case] text: &str, #[case] why: &str) {
        let message = text.parse::<Duration>().unwrap_err().to_string();
        assert!(message.contains(why), "{message}");
    }

    #[test]
    fn only_strings_are_durations() {
        assert_eq!(
            serde_json::from_str::<Duration>("\"26h\"").unwrap(),
            Duration::from_hours(26)
        );
        assert_eq!(
            serde_json::to_string(&Duration::from_hours(26)).unwrap(),
            "\"26h\""
        );
        let error = serde_json::from_str::<Duration>("26").unwrap_err().to_string();
        assert!(error.contains("expected a duration string"), "{error}");
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(seconds: u32) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }

        #[test]
        fn reading_never_panics(text in "\\PC{0,30}", near in "[0-9dhmsw. -]{0,24}") {
            let _ = (text.parse::<Duration>(), near.parse::<Duration>());
        }
    }
}
