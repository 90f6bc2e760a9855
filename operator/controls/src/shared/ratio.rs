//! Ratios as decimal strings: an API without floating point.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Parts of one.
const ONE: u64 = 1_000_000_000;

/// A number from 0 to 1 with at most nine decimals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ratio(u64);

impl Ratio {
    /// So many billionths.
    pub(crate) const fn billionths(parts: u64) -> Self {
        Self(parts)
    }

    /// Whether `part` of `whole` is at least this much; of nothing, nothing is.
    pub(crate) fn is_reached(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(ONE) >= u128::from(self.0) * u128::from(whole)
    }

    /// What is left of `whole` beside this much of it, once `lost` is taken away too; rounded once.
    #[allow(
        clippy::cast_precision_loss,
        reason = "billionths of a year's seconds: 2^55, of which f64 keeps 15 digits"
    )]
    pub(crate) fn slack(self, whole: u64, lost: u64) -> f64 {
        let allowed = i128::from(whole) * i128::from(ONE - self.0);
        (allowed - i128::from(lost) * i128::from(ONE)) as f64 / ONE as f64
    }

    /// As a number, for metrics.
    #[allow(clippy::cast_precision_loss, reason = "both are far below 2^52")]
    pub(crate) fn value(self) -> f64 {
        self.0 as f64 / ONE as f64
    }
}

impl FromStr for Ratio {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || {
            let shown: String = text.chars().take(40).collect();
            format!("expected a decimal number from 0 to 1 as a string, such as \"0.9999\", found {shown:?}")
        };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 9 || whole.len() > 1 {
            return Err(refused());
        }
        let parts = format!("{whole}{decimals:0<9}").parse().map_err(|_| refused())?;
        if parts > ONE {
            Err(refused())
        } else {
            Ok(Self(parts))
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:09}", self.0 / ONE, self.0 % ONE);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Ratio {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Ratio".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$", "maxLength": 11 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_and_written_shortly() {
        for (text, parts, shown) in [
            ("0.9999", 999_900_000, "0.9999"),
            ("1", ONE, "1"),
            ("1.0", ONE, "1"),
            ("0", 0, "0"),
            ("0.50", 500_000_000, "0.5"),
            ("0.123456789", 123_456_789, "0.123456789"),
        ] {
            let ratio: Ratio = text.parse().unwrap();
            assert_eq!((ratio.0, ratio.to_string().as_str()), (parts, shown), "{text}");
        }
        for none in [
            "",
            ".5",
            "1.1",
            "2",
            "-0.5",
            "0.1234567890",
            "99.99",
            "1e-3",
            "0,5",
            "0.",
            "NaN",
            "10",
        ] {
            assert!(none.parse::<Ratio>().is_err(), "{none}");
        }
    }

    #[test]
    fn what_is_reached_is_decided_without_rounding() {
        let target: Ratio = "0.9999".parse().unwrap();
        assert!(target.is_reached(9_999, 10_000));
        assert!(!target.is_reached(9_998, 10_000));
        assert!(target.is_reached(172_800 - 17, 172_800));
        assert!(!target.is_reached(172_800 - 18, 172_800));
    }
}
