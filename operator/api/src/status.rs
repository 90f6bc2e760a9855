//! What the operator reports in the status of a `SecurityBaseline`. Counts are exact, lists are capped.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use plimsoll_engine::{baseline::Mode, finding::Severity, name::ObjRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// What the operator reports. Written by the operator only; never larger than 32 KiB.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityBaselineStatus {
    /// `metadata.generation` that the operator last looked at; the rest of the status is about that generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Accepted`: the operator understands all of the baseline. `Ready`: it is evaluated and the figures here are of its
    /// current generation. `Compliant`: nothing fails and nothing is unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// When the figures were last computed or confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub last_evaluated: Option<Timestamp>,
    /// The mode in force for controls that do not say otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Percentage of what passes, weighted by severity and rounded down: 100 means that everything passes. What is
    /// unknown counts as not passing. Absent where nothing was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub score: Option<i64>,
    /// Verdicts over all controls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    /// Verdicts of each control.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub controls: Vec<ControlStatus>,
    /// The worst findings, most severe and then oldest first; at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub worst: Vec<FindingStatus>,
}

/// How many units had each verdict. A unit is what a control judges: a workload, a namespace, a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Totals {
    /// As the baseline asks.
    pub pass: i64,
    /// Not as the baseline asks.
    pub fail: i64,
    /// It cannot be told: a right is missing, a label is missing, something is not modelled.
    pub unknown: i64,
    /// The control does not concern the unit.
    pub not_applicable: i64,
    /// It fails, and a BaselineException covers it.
    pub waived: i64,
}

/// The verdicts of one control.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlStatus {
    /// The control.
    pub id: String,
    /// Its severity under this baseline.
    pub severity: Severity,
    /// Units as the baseline asks.
    pub pass: i64,
    /// Units that are not.
    pub fail: i64,
    /// Units of which it cannot be told.
    pub unknown: i64,
    /// Units the control does not concern; absent means none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_applicable: i64,
    /// Units that fail and are covered by a BaselineException; absent means none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waived: i64,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// One finding.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingStatus {
    /// The control.
    pub control: String,
    /// How much it matters.
    pub severity: Severity,
    /// The object it is about.
    pub object: ObjectReference,
    /// A CamelCase word.
    pub reason: String,
    /// What was found, as a fact.
    pub message: String,
    /// Where in the object, with container names instead of indices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_path: Option<String>,
    /// When it was first seen.
    #[schemars(schema_with = "schema::time")]
    pub first_seen: Timestamp,
}

/// Names an object.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// Its API version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; absent for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl From<&ObjRef> for ObjectReference {
    fn from(object: &ObjRef) -> Self {
        Self {
            api_version: object.kind().api_version(),
            kind: object.kind().info().kind.into(),
            namespace: object.namespace().map(Into::into),
            name: object.name().into(),
        }
    }
}

impl SecurityBaselineStatus {
    /// Whether both say the same, apart from when it was last confirmed: a write that changes nothing else is a heartbeat.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let timeless = |status: &Self| Self {
            last_evaluated: None,
            ..status.clone()
        };
        timeless(self) == timeless(other)
    }
}
