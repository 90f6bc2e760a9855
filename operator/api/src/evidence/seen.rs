//! Since when findings have been there, as evidence.

use jiff::Timestamp;
use plimsoll_engine::memory::{Fingerprint, Held, Seen, Shard};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::EvidenceError;
use crate::schema;

/// Most findings one record remembers: with everything else it stays far under what etcd accepts (1.5 MB).
pub const MAX_SEEN: usize = 4000;

/// The findings of one unit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnitEvidence {
    /// Fingerprint of baseline, control and subject: 32 hexadecimal digits.
    #[schemars(length(min = 1, max = 32))]
    pub unit: String,
    /// Its findings.
    #[schemars(length(max = 4000))]
    pub seen: Vec<SeenEvidence>,
}

/// Since when a finding has been there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeenEvidence {
    /// Fingerprint of the finding: 32 hexadecimal digits.
    #[schemars(length(min = 1, max = 32))]
    pub fingerprint: String,
    /// When it was first seen.
    #[schemars(schema_with = "schema::time")]
    pub first_seen: Timestamp,
    /// From when on it counts as a failure.
    #[schemars(schema_with = "schema::time")]
    pub fails_at: Timestamp,
    /// The verdict that stands until then: Pass, NotApplicable or Unknown.
    pub held: HeldEvidence,
}

/// The verdict that stands while a new failure settles.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum HeldEvidence {
    /// It passed before.
    Pass,
    /// It did not apply before.
    NotApplicable,
    /// It was unknown before, or its object is young.
    Unknown,
}

/// The units with the oldest findings, as many as fit, in the order of their fingerprints; and whether some did not.
pub(super) fn oldest(shard: &Shard) -> (Vec<UnitEvidence>, bool) {
    let total: usize = shard.units.values().map(Vec::len).sum();
    let mut units: Vec<_> = shard.units.iter().collect();
    if total > MAX_SEEN {
        units.sort_by_key(|(unit, seen)| (seen.iter().map(|s| s.first_seen).min(), **unit));
        let mut room = MAX_SEEN;
        units.retain(|(_, seen)| {
            let fits = seen.len() <= room;
            room = room.saturating_sub(seen.len());
            fits
        });
        units.sort_by_key(|(unit, _)| **unit);
    }
    let kept = units.into_iter().map(|(unit, seen)| UnitEvidence {
        unit: unit.to_string(),
        seen: seen.iter().map(SeenEvidence::from).collect(),
    });
    (kept.collect(), total > MAX_SEEN)
}

impl UnitEvidence {
    /// The fingerprint of the unit with the given index, and its findings.
    pub(super) fn engine(&self, index: usize) -> Result<(Fingerprint, Vec<Seen>), EvidenceError> {
        let unit = fingerprint(&self.unit, || format!("spec.units[{index}].unit"))?;
        let seen = self
            .seen
            .iter()
            .enumerate()
            .map(|(k, seen)| seen.engine(index, k));
        Ok((unit, seen.collect::<Result<_, _>>()?))
    }
}

impl From<&Seen> for SeenEvidence {
    fn from(seen: &Seen) -> Self {
        Self {
            fingerprint: seen.fingerprint.to_string(),
            first_seen: seen.first_seen,
            fails_at: seen.fails_at,
            held: match seen.held {
                Held::Pass => HeldEvidence::Pass,
                Held::NotApplicable => HeldEvidence::NotApplicable,
                Held::Unknown => HeldEvidence::Unknown,
            },
        }
    }
}

impl SeenEvidence {
    fn engine(&self, unit: usize, index: usize) -> Result<Seen, EvidenceError> {
        let field = || format!("spec.units[{unit}].seen[{index}].fingerprint");
        Ok(Seen {
            fingerprint: fingerprint(&self.fingerprint, field)?,
            first_seen: self.first_seen,
            fails_at: self.fails_at,
            held: match self.held {
                HeldEvidence::Pass => Held::Pass,
                HeldEvidence::NotApplicable => Held::NotApplicable,
                HeldEvidence::Unknown => Held::Unknown,
            },
        })
    }
}

fn fingerprint(text: &str, field: impl FnOnce() -> String) -> Result<Fingerprint, EvidenceError> {
    serde_json::from_value(Value::from(text)).map_err(|e| EvidenceError {
        field: field(),
        expected: e.to_string(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn seen(n: usize) -> Seen {
        Seen {
            fingerprint: Fingerprint::of(&["finding", &n.to_string()]),
            first_seen: Timestamp::new(1_700_000_000 + i64::try_from(n).unwrap(), 123_456_789).unwrap(),
            fails_at: Timestamp::new(1_800_000_000, 987_654_321).unwrap(),
            held: [Held::Pass, Held::NotApplicable, Held::Unknown][n % 3],
        }
    }
}
