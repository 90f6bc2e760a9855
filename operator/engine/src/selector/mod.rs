//! Label selectors (`metav1.LabelSelector`): which labels they match, and what is wrong with them.

mod validate;

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

pub use validate::SelectorError;

use crate::labels::{LabelLookup, Labels};

/// Selects objects by their labels. All requirements must hold; an empty selector selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that must be present with exactly these values.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub match_labels: Labels,
    /// Requirements on labels by operator.
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<Requirement>,
}

/// One requirement on the value of a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Requirement {
    /// The key of the label.
    pub key: String,
    /// In, NotIn, Exists or DoesNotExist. NotIn also selects objects without the label.
    pub operator: Operator,
    /// The values for In and NotIn (at least one); empty for Exists and DoesNotExist.
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// How a requirement compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// The label is present with one of the values.
    In,
    /// The label is absent or has none of the values.
    NotIn,
    /// The label is present.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

/// By hand: the derive would turn the documented variants into a `oneOf`, which a structural schema dislikes.
impl JsonSchema for Operator {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Operator".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["In", "NotIn", "Exists", "DoesNotExist"] })
    }
}

impl LabelSelector {
    /// Whether the labels fulfil every requirement. Of an invalid selector (see [`LabelSelector::validate`])
    /// the answer means nothing: the API server would not have stored it.
    pub fn matches<L: LabelLookup + ?Sized>(&self, labels: &L) -> bool {
        self.match_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
            && self
                .match_expressions
                .iter()
                .all(|requirement| requirement.matches(labels))
    }

    /// Whether it has no requirement at all.
    pub fn is_everything(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// One label that every selected object has with exactly this value, to look candidates up by in an index.
    pub fn anchor(&self) -> Option<(&str, &str)> {
        self.anchors().next()
    }

    /// All labels that every selected object has with exactly these values.
    pub fn anchors(&self) -> impl Iterator<Item = (&str, &str)> {
        self.match_labels
            .iter()
            .chain(self.match_expressions.iter().filter_map(Requirement::only_value))
    }

    /// The keys of the labels it asks for.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let asked = self.match_expressions.iter().map(|requirement| &*requirement.key);
        self.match_labels.iter().map(|(key, _)| key).chain(asked)
    }

    /// Applies the API server's rules (`ValidateLabelSelector`); the error names the field.
    pub fn validate(&self) -> Result<(), SelectorError> {
        validate::selector(self)
    }
}

impl Requirement {
    /// Whether the labels fulfil it.
    pub fn matches<L: LabelLookup + ?Sized>(&self, labels: &L) -> bool {
        let value = labels.get(&self.key);
        let listed = || value.is_some_and(|value| self.values.iter().any(|listed| listed == value));
        match self.operator {
            Operator::In => listed(),
            Operator::NotIn => !listed(),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }

    fn only_value(&self) -> Option<(&str, &str)> {
        match (self.operator, self.values.as_slice()) {
            (Operator::In, [value]) => Some((&self.key, value)),
            _ => None,
        }
    }
}

/// Go reads `null` as the empty list or map, and so must everything that reads the same manifests.
fn or_null<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
