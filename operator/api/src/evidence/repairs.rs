//! What was repaired, as evidence: with the values of before.

use jiff::Timestamp;
use plimsoll_engine::text::cut_json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{schema, status::ObjectReference};

/// Most repairs one record remembers; the oldest go first.
pub const MAX_REPAIRS: usize = 100;
/// Largest field value kept of a repair, in bytes of JSON.
const MAX_VALUE: usize = 256;
/// Most fields kept of one repair.
const MAX_FIELDS: usize = 4;
/// Longest text kept of a repair, in bytes of JSON.
const MAX_TEXT: usize = 512;

/// One repair that was made, with the values of before: touched fields only, never whole objects.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepairRecord {
    /// The control that asked for it.
    #[schemars(length(max = 127))]
    pub control: String,
    /// The object that was changed or created.
    pub object: ObjectReference,
    /// `metadata.uid` of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub uid: Option<String>,
    /// The change in words.
    #[schemars(length(max = 512))]
    pub summary: String,
    /// The touched fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub fields: Vec<FieldChange>,
    /// When it was made.
    #[schemars(schema_with = "schema::time")]
    pub time: Timestamp,
    /// How often somebody has undone it since.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub undone: i64,
}

/// One touched field.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// JSON pointer of the field; empty for an object that was created as a whole.
    #[schemars(length(max = 512))]
    pub pointer: String,
    /// The value before; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub before: Option<Value>,
    /// The value after; absent where it is too large to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub after: Option<Value>,
    /// Whether a value was too large to keep.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

impl RepairRecord {
    /// The same, with texts cut and values too large left out.
    #[must_use]
    pub fn bounded(&self) -> Self {
        Self {
            summary: cut_json(&self.summary, MAX_TEXT),
            fields: self
                .fields
                .iter()
                .take(MAX_FIELDS)
                .map(FieldChange::bounded)
                .collect(),
            ..self.clone()
        }
    }
}

impl FieldChange {
    fn bounded(&self) -> Self {
        let small = |value: &Value| value.to_string().len() <= MAX_VALUE;
        let before = self.before.clone().filter(small);
        let after = self.after.clone().filter(small);
        Self {
            pointer: cut_json(&self.pointer, MAX_TEXT),
            truncated: self.truncated
                || before.is_some() != self.before.is_some()
                || after.is_some() != self.after.is_some(),
            before,
            after,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// As large as a value may be and still be kept.
    pub(in super::super) const LARGEST: usize = MAX_VALUE - 2;

    pub(in super::super) fn repair(value: &str) -> RepairRecord {
        let field = FieldChange {
            pointer: "/spec/replicas".into(),
            before: Some(Value::from(value)),
            after: Some(Value::from(value)),
            truncated: false,
        };
        RepairRecord {
            control: "availability/replica-redundancy".into(),
            object: ObjectReference {
                kind: "Deployment".into(),
                name: "web".into(),
                ..ObjectReference::default()
            },
            uid: Some("1".into()),
            summary: "\u{1}".repeat(10_000),
            fields: vec![field; 20],
            time: Timestamp::UNIX_EPOCH,
            undone: 1,
        }
    }

    #[test]
    fn a_value_too_large_to_keep_is_left_out_and_said_to_be() {
        let bounded = repair(&"x".repeat(5_000)).bounded();
        assert!(bounded.fields.iter().all(|f| f.before.is_none() && f.truncated));
    }
}
