//! Amounts of resources: `500m`, `1Gi`, `2e3` (`resource.Quantity`).

use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount in billionths of its unit (cores, bytes, pieces). `1Gi` and `1073741824` are equal.
///
/// As upstream, what is finer than a billionth is rounded away from zero, and what exceeds 2^63-1 is that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i128);

const NANOS: i128 = 1_000_000_000;
const MAX: i128 = i64::MAX as i128 * NANOS;
const EXPECTED: &str = "expected a number with an optional suffix, such as 500m, 1.5, 10Gi or 2e3";
const SUFFIXES: &str = "n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei";

/// Why a quantity was not accepted. The message says what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// The empty string.
    #[error("quantity is empty: {EXPECTED}")]
    Empty,
    /// It does not start with a number.
    #[error("quantity \"{0}\" does not start with a number: {EXPECTED}")]
    NoNumber(String),
    /// What follows the number is no suffix.
    #[error("quantity \"{0}\" has an unknown suffix: expected one of {SUFFIXES} or an exponent such as e3")]
    Suffix(String),
}

impl Quantity {
    /// No amount.
    pub const ZERO: Self = Self(0);

    /// So many whole units.
    pub const fn from_units(units: i64) -> Self {
        Self(units as i128 * NANOS)
    }

    /// In billionths of the unit.
    pub const fn as_nanos(self) -> i128 {
        self.0
    }

    /// In whole units, rounded up (`Quantity.Value`).
    pub fn as_units(self) -> i64 {
        self.ceil_to(NANOS)
    }

    /// In thousandths, rounded up (`Quantity.MilliValue`).
    pub fn as_millis(self) -> i64 {
        self.ceil_to(NANOS / 1_000)
    }

    /// Nothing at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    fn ceil_to(self, unit: i128) -> i64 {
        let up = self.0.div_euclid(unit) + i128::from(self.0.rem_euclid(unit) != 0);
        i64::try_from(up).unwrap_or(if up < 0 { i64::MIN } else { i64::MAX })
    }
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::ZERO, Add::add)
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Messages end up in statuses and events: an absurdly long input is cut.
        let shown = || text.chars().take(40).collect::<String>();
        if text.is_empty() {
            return Err(QuantityError::Empty);
        }
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, rest) = split_digits(rest);
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), split_digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(QuantityError::NoNumber(shown()));
        }
        let scale = Scale::parse(suffix).ok_or_else(|| QuantityError::Suffix(shown()))?;
        let nanos = magnitude(whole, fraction, scale);
        Ok(Self(if negative { -nanos } else { nanos }))
    }
}

/// What a suffix multiplies by: `binary * 10^decimal`.
#[derive(Clone, Copy)]
struct Scale {
    binary: u128,
    decimal: i64,
}

impl Scale {
    fn parse(suffix: &str) -> Option<Self> {
        let decimal = |decimal| Some(Self { binary: 1, decimal });
        let binary = |power: u32| {
            Some(Self {
                binary: 1 << (10 * power),
                decimal: 0,
            })
        };
        match suffix {
            "" => decimal(0),
            "n" => decimal(-9),
            "u" => decimal(-6),
            "m" => decimal(-3),
            "k" => decimal(3),
            "M" => decimal(6),
            "G" => decimal(9),
            "T" => decimal(12),
            "P" => decimal(15),
            "E" => decimal(18),
            "Ki" => binary(1),
            "Mi" => binary(2),
            "Gi" => binary(3),
            "Ti" => binary(4),
            "Pi" => binary(5),
            "Ei" => binary(6),
            _ => decimal(i64::from(suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?)),
        }
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// `whole.fraction` scaled to billionths, rounded up and capped.
fn magnitude(whole: &str, fraction: &str, scale: Scale) -> i128 {
    /// Digits kept below one billionth: with the largest suffix (2^60) they still fit into 128 bits.
    const FINE: i64 = 19;
    /// `MAX` has 28 digits.
    const COARSE: i64 = 28;

    let digits: Vec<u8> = whole
        .bytes()
        .chain(fraction.bytes())
        .map(|digit| digit - b'0')
        .collect();
    let Some(leading) = digits.iter().position(|&digit| digit != 0) else {
        return 0;
    };
    let length = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    // How many digits stand before the point, counted in billionths of the unit.
    let before = length(whole.len())
        .saturating_sub(length(leading))
        .saturating_add(scale.decimal + 9);
    if before > COARSE {
        return MAX;
    }
    let digits = &digits[leading..];
    let take = |from: i64, to: i64| {
        (from.max(0)..to.max(0)).fold(0u128, |sum, place| {
            let digit = usize::try_from(place).ok().and_then(|place| digits.get(place));
            sum * 10 + digit.map_or(0, |&digit| u128::from(digit))
        })
    };
    let units = take(0, before);
    // A number that starts n places behind the point has n zeros there: leaving them out is exact.
    let fine = take(before, before + FINE);
    let cut = usize::try_from((before + FINE).max(0)).unwrap_or(usize::MAX);
    let rest = digits.iter().skip(cut).any(|&digit| digit != 0);
    let below = ((fine + u128::from(rest)) * scale.binary).div_ceil(10u128.pow(19));
    let sum = units
        .checked_mul(scale.binary)
        .and_then(|units| units.checked_add(below));
    sum.and_then(|sum| i128::try_from(sum).ok())
        .map_or(MAX, |sum| sum.min(MAX))
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(NANOS, ""), (NANOS / 1_000, "m"), (1_000, "u")];
        let (unit, suffix) = units
            .into_iter()
            .find(|(unit, _)| self.0 % unit == 0)
            .unwrap_or((1, "n"));
        write!(f, "{}{suffix}", self.0 / unit)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

/// Manifests may write a quantity as a number too (`cpu: 2`, `cpu: 0.5`), and the API server accepts it.
struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as \"500m\" or \"10Gi\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, units: i64) -> Result<Quantity, E> {
        Ok(Quantity::from_units(units))
    }

    fn visit_u64<E: de::Error>(self, units: u64) -> Result<Quantity, E> {
        Ok(Quantity::from_units(i64::try_from(units).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E: de::Error>(self, units: f64) -> Result<Quantity, E> {
        units.to_string().parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("0", 0)]
    #[case("1", 1_000_000_000)]
    #[case("+1", 1_000_000_000)]
    #[case("-1.5", -1_500_000_000)]
    #[case("1.", 1_000_000_000)]
    #[case(".5", 500_000_000)]
    #[case("500m", 500_000_000)]
    #[case("1n", 1)]
    #[case("3u", 3_000)]
    #[case("0.1n", 1)]
    #[case("-0.1n", -1)]
    #[case("1.0000000001", 1_000_000_001)]
    #[case("1.000000000000000000000000000000000000000000", 1_000_000_000)]
    #[case("1e-20", 1)]
    #[case("0.0000000000000000000000000000000001Ei", 1)]
    #[case("1e-2147483648", 1)]
    fn reads_billionths(#[case] text: &str, #[case] nanos: i128) {
        assert_eq!(quantity(text).as_nanos(), nanos);
    }

    #[rstest]
    #[case("1k", 1_000)]
    #[case("1M", 1_000_000)]
    #[case("1G", 1_000_000_000)]
    #[case("1E", 1_000_000_000_000_000_000)]
    #[case("1Ki", 1_024)]
    #[case("1.5Gi", 1_610_612_736)]
    #[case("0.5Ei", 1 << 59)]
    #[case("1e3", 1_000)]
    #[case("1E3", 1_000)]
    #[case("12e+2", 1_200)]
    #[case("120e-1", 12)]
    #[case("8Ei", i64::MAX)]
    #[case("1e400", i64::MAX)]
    #[case("99999999999999999999999999999999999999999999", i64::MAX)]
    #[case("000000000000000000000000000000000000000000001", 1)]
    #[case("1.1", 2)] // rounded up
    fn reads_units(#[case] text: &str, #[case] units: i64) {
        assert_eq!(quantity(text).as_units(), units);
    }

    #[rstest]
    #[case("", "is empty")]
    #[case("Gi", "does not start with a number")]
    #[case(".", "does not start with a number")]
    #[case("--1", "does not start with a number")]
    #[case(" 1", "does not start with a number")]
    #[case("1 Gi", "unknown suffix")]
    #[case("1gb", "unknown suffix")]
    #[case("1K", "unknown suffix")]
    #[case("1e", "unknown suffix")]
    #[case("1e3Gi", "unknown suffix")]
    #[case("1.2.3", "unknown suffix")]
    fn refuses(#[case] text: &str, #[case] why: &str) {
        let message = text.parse::<Quantity>().unwrap_err().to_string();
        assert!(message.contains(why), "{message}");
    }

    #[test]
    fn compares_and_adds_across_suffixes() {
        assert_eq!(quantity("1Gi"), quantity("1024Mi"));
        assert!(quantity("1G") < quantity("1Gi"));
        assert_eq!(quantity("500m") + quantity("0.5"), Quantity::from_units(1));
        assert_eq!(
            ["100m", "1", "5u"]
                .map(quantity)
                .into_iter()
                .sum::<Quantity>()
                .to_string(),
            "1100005u"
        );
        assert_eq!(quantity("1.5").as_millis(), 1_500);
    }

    #[test]
    fn numbers_are_quantities_too() {
        for (json, text) in [("2", "2"), ("0.5", "500m"), ("\"1Ki\"", "1024"), ("-3", "-3")] {
            assert_eq!(serde_json::from_str::<Quantity>(json).unwrap().to_string(), text);
        }
        let error = serde_json::from_str::<Quantity>("true").unwrap_err().to_string();
        assert!(error.contains("expected a quantity"), "{error}");
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC{0,30}", near in "[+-]?[0-9]{0,50}\\.?[0-9]{0,50}[a-zA-Z]{0,2}[0-9-]{0,12}") {
            let _ = (text.parse::<Quantity>(), near.parse::<Quantity>());
        }

        #[test]
        fn printing_and_reading_are_inverse(nanos in -MAX..=MAX) {
            let quantity = Quantity(nanos);
            prop_assert_eq!(quantity.to_string().parse(), Ok(quantity));
        }

        #[test]
        fn agrees_with_plain_arithmetic(millis in 0i64..1_000_000_000_000, power in 0u32..5) {
            let suffix = ["", "Ki", "Mi", "Gi", "Ti"][power as usize];
            let text = format!("{}.{:03}{suffix}", millis / 1_000, millis % 1_000);
            let expected = (i128::from(millis) * 1_000_000 * (1i128 << (10 * power))).min(MAX);
            prop_assert_eq!(text.parse(), Ok(Quantity(expected)));
        }
    }
}
