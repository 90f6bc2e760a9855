//! `IntOrString`: a count or a percentage, as in `maxUnavailable` and `minAvailable`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A whole number, or a string such as `25%` (a named port elsewhere in Kubernetes).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a whole number (32 bits) or a string such as \"25%\""
)]
pub enum IntOrString {
    /// A count.
    Int(i32),
    /// A percentage (or a name).
    String(String),
}

/// Which way a percentage of a total is rounded. A Deployment rounds `maxSurge` up and `maxUnavailable` down; a
/// PodDisruptionBudget rounds both of its fields up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// To the next whole number above.
    Up,
    /// To the next whole number below.
    Down,
}

/// The string is no percentage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{value}\" is not a percentage: expected a whole number or a string such as \"25%\"")]
pub struct PercentError {
    value: String,
}

impl IntOrString {
    /// The count itself, or the percentage of `total`, as `intstr.GetScaledValueFromIntOrPercent` computes it:
    /// a string must be a whole number followed by `%`; no bounds are checked, `150%` of 2 is 3.
    pub fn scaled(&self, total: i64, round: Round) -> Result<i64, PercentError> {
        match self {
            Self::Int(count) => Ok(i64::from(*count)),
            Self::String(text) => {
                let product = i128::from(percent(text)?) * i128::from(total);
                let down = product.div_euclid(100);
                let up = i128::from(round == Round::Up && product.rem_euclid(100) != 0);
                Ok(i64::try_from(down + up).unwrap_or(if product < 0 { i64::MIN } else { i64::MAX }))
            }
        }
    }

    /// Whether it depends on a total.
    pub fn is_percent(&self) -> bool {
        matches!(self, Self::String(text) if percent(text).is_ok())
    }
}

fn percent(text: &str) -> Result<i64, PercentError> {
    text.strip_suffix('%')
        .and_then(|number| number.parse::<i64>().ok())
        .ok_or_else(|| PercentError {
            value: text.chars().take(40).collect(),
        })
}

impl From<i32> for IntOrString {
    fn from(count: i32) -> Self {
        Self::Int(count)
    }
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(count) => count.fmt(f),
            Self::String(text) => f.write_str(text),
        }
    }
}

impl JsonSchema for IntOrString {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "IntOrString".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-int-or-string": true })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("3", 10, 3, 3)]
    #[case("-1", 10, -1, -1)]
    #[case("\"25%\"", 10, 3, 2)]
    #[case("\"50%\"", 10, 5, 5)]
    #[case("\"0%\"", 10, 0, 0)]
    #[case("\"100%\"", 0, 0, 0)]
    #[case("\"150%\"", 2, 3, 3)]
    #[case("\"1%\"", 1, 1, 0)]
    #[case("\"-10%\"", 5, 0, -1)]
    fn scales(#[case] json: &str, #[case] total: i64, #[case] up: i64, #[case] down: i64) {
        let value: IntOrString = serde_json::from_str(json).unwrap();
        assert_eq!(value.scaled(total, Round::Up), Ok(up));
        assert_eq!(value.scaled(total, Round::Down), Ok(down));
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
    }

    #[rstest]
    #[case("")]
    #[case("3")]
    #[case("25")]
    #[case("%")]
    #[case("2.5%")]
    #[case("25 %")]
    #[case("http")]
    fn a_string_must_be_a_percentage(#[case] text: &str) {
        let value = IntOrString::String(text.to_owned());
        assert!(
            value
                .scaled(10, Round::Up)
                .unwrap_err()
                .to_string()
                .contains("is not a percentage")
        );
        assert!(!value.is_percent());
    }

    #[test]
    fn other_types_are_refused_with_a_hint() {
        for json in ["true", "1.5", "99999999999", "[]", "null"] {
            let error = serde_json::from_str::<IntOrString>(json).unwrap_err().to_string();
            assert!(
                error.contains("expected a whole number (32 bits) or a string"),
                "{json}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_rounds_by_at_most_one(percent: i64, total: i64, text in "\\PC{0,12}") {
            let _ = IntOrString::String(text).scaled(total, Round::Up);
            let value = IntOrString::String(format!("{percent}%"));
            let (up, down) = (value.scaled(total, Round::Up).unwrap(), value.scaled(total, Round::Down).unwrap());
            prop_assert!(up == down || up == down + 1);
        }
    }
}
