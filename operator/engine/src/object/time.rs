//! Timestamps: of every object, kept small, and of custom resources, some of which write an empty string where there is none.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

/// An optional `metav1.Time`, which has whole seconds, in 8 bytes: every object has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Seconds(i64);

impl Seconds {
    // No year that a Timestamp can hold.
    const NONE: Self = Self(i64::MIN);

    pub(super) fn timestamp(self) -> Option<Timestamp> {
        Timestamp::from_second(self.0).ok()
    }
}

impl Default for Seconds {
    fn default() -> Self {
        Self::NONE
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let timestamp: Option<Timestamp> = Option::deserialize(d)?;
        Ok(timestamp.map_or(Self::NONE, |t| Self(t.as_second())))
    }
}

/// Reads an optional timestamp; absent, `null` and empty mean none.
pub(super) fn optional<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Timestamp>, D::Error> {
    let text: Option<Box<str>> = Option::deserialize(d)?;
    text.filter(|text| !text.is_empty())
        .map(|text| text.parse().map_err(de::Error::custom))
        .transpose()
}
