//! `BaselineException`: findings that a person has accepted, for a reason and a time.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, ResourceExt};
use plimsoll_engine::{
    exception::{Exception, ExceptionObject, ExceptionSelector},
    selector::LabelSelector,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{condition::condition, schema};

/// What is accepted, why, by whom and until when.
#[derive(CustomResource, Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "plimsoll.dev",
    version = "v1alpha1",
    kind = "BaselineException",
    plural = "baselineexceptions",
    shortname = "bex",
    category = "plimsoll",
    status = "BaselineExceptionStatus",
    derive = "PartialEq",
    doc = "A BaselineException is a waiver: findings that it covers are shown as Waived, count neither as passing nor as failing, and are never repaired. It always ends, one year after its creation at the latest.",
    printcolumn = r#"{"name":"Control","type":"string","jsonPath":".spec.control"}"#,
    printcolumn = r#"{"name":"Phase","type":"string","jsonPath":".status.phase","description":"Active, Expired, Inert (covers nothing) or Invalid"}"#,
    printcolumn = r#"{"name":"Matched","type":"integer","jsonPath":".status.matched","description":"Findings it covers"}"#,
    printcolumn = r#"{"name":"Expires","type":"string","jsonPath":".spec.expires"}"#,
    printcolumn = r#"{"name":"Approved-By","type":"string","jsonPath":".spec.approvedBy","priority":1}"#,
    printcolumn = r#"{"name":"Risk","type":"string","jsonPath":".spec.riskId","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct BaselineExceptionSpec {
    /// The control it concerns, such as `availability/replica-redundancy`.
    #[schemars(length(min = 3, max = 127), regex(pattern = r"^[a-z0-9-]+/[a-z0-9-]+$"))]
    pub control: String,
    /// The SecurityBaselines it concerns, by name. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 253)))]
    pub baselines: Vec<String>,
    /// Which findings it covers; every criterion given must hold, and one must be given.
    pub selector: Selector,
    /// Why this is acceptable.
    #[schemars(length(min = 10, max = 2048))]
    pub reason: String,
    /// Where the risk is kept: its number in the risk register.
    #[schemars(length(min = 1, max = 128))]
    pub risk_id: String,
    /// Who accepted it: a role or a person who answers for the risk.
    #[schemars(length(min = 1, max = 256))]
    pub approved_by: String,
    /// From this moment on it covers nothing (RFC 3339, such as `2027-03-31T00:00:00Z`). At most one year after its creation:
    /// to go on, it has to be decided again, as a new exception.
    #[schemars(schema_with = "schema::time")]
    pub expires: Timestamp,
}

/// Which findings an exception covers. Labels of workloads are no criterion: whoever may edit those could waive anything.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.namespaces) || has(self.namespaceSelector) || has(self.objects) || has(self.reasons)",
    "message": "give at least one of namespaces, namespaceSelector, objects, reasons: an exception covers something definite"
}]))]
pub struct Selector {
    /// Namespaces by exact name. Default: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 256), inner(length(min = 1, max = 63)))]
    pub namespaces: Vec<String>,
    /// Namespaces by their labels; never covers objects without a namespace. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// Objects by kind and name. Default: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 256))]
    pub objects: Vec<ObjectSelector>,
    /// Reasons of findings, such as `TooFewReplicas`. Default: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 32),
        inner(length(min = 1, max = 63), regex(pattern = r"^[A-Z][A-Za-z0-9]*$"))
    )]
    pub reasons: Vec<String>,
}

/// Names objects.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSelector {
    /// Their kind, as written in manifests.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// The name of one. Default: every object of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
}

/// Whether an exception covers anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum ExceptionPhase {
    /// It covers findings.
    Active,
    /// Its time is over; what it covered counts again.
    Expired,
    /// It covers nothing: the finding is gone, or the selector is wrong.
    Inert,
    /// It cannot be accepted and covers nothing; the condition `Accepted` says why.
    Invalid,
}

/// What the operator reports.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BaselineExceptionStatus {
    /// `metadata.generation` that the operator last looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Active`: covers findings. `Expired`: its time is over. `Inert`: covers nothing. `Invalid`: cannot be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<ExceptionPhase>,
    /// How many findings it covers, over all baselines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched: Option<i64>,
    /// `Accepted`: the operator understands it and it ends within a year.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// Why an exception cannot be accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field}: {expected}")]
pub struct InvalidException {
    /// Path of the field.
    pub field: &'static str,
    /// What was found and what was expected.
    pub expected: String,
}

impl InvalidException {
    fn new(field: &'static str, expected: impl Into<String>) -> Self {
        Self {
            field,
            expected: expected.into(),
        }
    }
}

impl BaselineException {
    /// The exception as the engine applies it. One that cannot be accepted must not be applied.
    pub fn exception(&self) -> Result<Exception, InvalidException> {
        let spec = &self.spec;
        required(spec)?;
        selector(&spec.selector)?;
        if let Some(created) = &self.metadata.creation_timestamp {
            within_a_year(created.0, spec.expires)?;
        }
        Ok(Exception {
            name: self.name_any().into(),
            control: spec.control.clone(),
            baselines: spec.baselines.clone(),
            selector: (&spec.selector).into(),
            expires: spec.expires,
        })
    }
}

impl TryFrom<&BaselineException> for Exception {
    type Error = InvalidException;

    fn try_from(exception: &BaselineException) -> Result<Self, Self::Error> {
        exception.exception()
    }
}

impl From<&Selector> for ExceptionSelector {
    fn from(selector: &Selector) -> Self {
        Self {
            namespaces: selector.namespaces.clone(),
            namespace_selector: selector.namespace_selector.clone(),
            objects: selector
                .objects
                .iter()
                .map(|o| ExceptionObject {
                    kind: o.kind.clone(),
                    name: o.name.clone(),
                })
                .collect(),
            reasons: selector.reasons.clone(),
        }
    }
}

/// The schema asks for the same; a scanned file did not pass through it.
fn required(spec: &BaselineExceptionSpec) -> Result<(), InvalidException> {
    let given = [
        ("spec.control", &spec.control),
        ("spec.reason", &spec.reason),
        ("spec.riskId", &spec.risk_id),
        ("spec.approvedBy", &spec.approved_by),
    ];
    match given.into_iter().find(|(_, value)| value.trim().is_empty()) {
        Some((field, _)) => Err(InvalidException::new(field, "expected a text, found none")),
        None => Ok(()),
    }
}

fn selector(selector: &Selector) -> Result<(), InvalidException> {
    if *selector == Selector::default() {
        let expected = "expected at least one of namespaces, namespaceSelector, objects, reasons";
        return Err(InvalidException::new("spec.selector", expected));
    }
    match selector.namespace_selector.as_ref().map(LabelSelector::validate) {
        Some(Err(e)) => Err(InvalidException::new(
            "spec.selector.namespaceSelector",
            e.to_string(),
        )),
        _ => Ok(()),
    }
}

/// The longest time between creation and expiry: a year, leap day included. The admission policy of the chart says the same.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

fn within_a_year(created: Timestamp, expires: Timestamp) -> Result<(), InvalidException> {
    match created.checked_add(LONGEST) {
        Ok(latest) if expires > latest => {
            let expected =
                format!("{expires} is later than one year after creation, expected {latest} at the latest");
            Err(InvalidException::new("spec.expires", expected))
        }
        _ => Ok(()),
    }
}

/// The status of an exception. `matched`: how many findings it covers (`Report::waived_by`).
pub fn exception_status(
    exception: &BaselineException,
    matched: u64,
    now: Timestamp,
) -> BaselineExceptionStatus {
    let generation = exception.metadata.generation.unwrap_or_default();
    let before = exception.status.as_ref().map_or(&[][..], |s| &s.conditions);
    let accepted = |ok: bool, reason: &str, message: &str| {
        vec![condition(
            "Accepted",
            Some(ok),
            reason,
            message,
            generation,
            now,
            before,
        )]
    };
    let (phase, conditions) = match exception.exception() {
        Err(e) => (
            ExceptionPhase::Invalid,
            accepted(false, "Invalid", &e.to_string()),
        ),
        Ok(e) if e.expires <= now => (
            ExceptionPhase::Expired,
            accepted(true, "Expired", "its time is over"),
        ),
        Ok(_) if matched == 0 => (
            ExceptionPhase::Inert,
            accepted(true, "Inert", "it covers no finding"),
        ),
        Ok(_) => (
            ExceptionPhase::Active,
            accepted(true, "Active", "it covers findings"),
        ),
    };
    let counts = matches!(phase, ExceptionPhase::Active);
    BaselineExceptionStatus {
        observed_generation: Some(generation),
        phase: Some(phase),
        matched: Some(if counts {
            i64::try_from(matched).unwrap_or(i64::MAX)
        } else {
            0
        }),
        conditions,
    }
}

#[cfg(test)]
mod tests {
    use kube::core::ObjectMeta;

    use super::*;

    fn exception(expires: &str) -> BaselineException {
        let mut exception = BaselineException::new(
            "accepted",
            BaselineExceptionSpec {
                control: "availability/replica-redundancy".into(),
                baselines: Vec::new(),
                selector: Selector {
                    namespaces: vec!["shop".into()],
                    ..Selector::default()
                },
                reason: "runs once by design".into(),
                risk_id: "R-7".into(),
                approved_by: "head of operations".into(),
                expires: expires.parse().unwrap(),
            },
        );
        let created: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        exception.metadata = ObjectMeta {
            creation_timestamp: Some(created.into()),
            generation: Some(3),
            ..exception.metadata
        };
        exception
    }

    fn now() -> Timestamp {
        "2026-12-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_year_is_the_longest() {
        assert!(exception("2027-11-22T00:00:00Z").exception().is_ok());
        let error = exception("2027-11-24T00:00:00Z").exception().unwrap_err();
        assert_eq!(error.field, "spec.expires");
        assert!(
            error.expected.contains("2027-11-23T00:00:00Z at the latest"),
            "{error}"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut blank = exception("2027-01-01T00:00:00Z");
        blank.spec.approved_by = "  ".into();
        assert_eq!(blank.exception().unwrap_err().field, "spec.approvedBy");
        let mut everything = exception("2027-01-01T00:00:00Z");
        everything.spec.selector = Selector::default();
        assert_eq!(everything.exception().unwrap_err().field, "spec.selector");
    }

    #[test]
    fn the_phase_says_whether_it_covers_anything() {
        let phase = |expires, matched| {
            exception_status(&exception(expires), matched, now())
                .phase
                .unwrap()
        };
        assert_eq!(phase("2027-01-01T00:00:00Z", 2), ExceptionPhase::Active);
        assert_eq!(phase("2027-01-01T00:00:00Z", 0), ExceptionPhase::Inert);
        assert_eq!(phase("2026-12-01T00:00:00Z", 2), ExceptionPhase::Expired);
        assert_eq!(phase("2029-01-01T00:00:00Z", 2), ExceptionPhase::Invalid);
        let expired = exception_status(&exception("2026-12-01T00:00:00Z"), 2, now());
        assert_eq!(expired.matched, Some(0));
        assert_eq!(expired.observed_generation, Some(3));
    }
}
