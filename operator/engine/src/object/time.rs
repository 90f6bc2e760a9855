//! Timestamps of custom resources, some of which write an empty string where there is none.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

/// Reads an optional timestamp; absent, `null` and empty mean none.
pub(super) fn optional<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Timestamp>, D::Error> {
    let text: Option<Box<str>> = Option::deserialize(d)?;
    text.filter(|text| !text.is_empty())
        .map(|text| text.parse().map_err(de::Error::custom))
        .transpose()
}
