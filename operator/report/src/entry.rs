//! One finding, or the verdict on one unit, as programs read it: the same in scans, reports and from a live operator. A field
//! that is added leaves the versions; one that changes its meaning raises them.

use plimsoll_engine::{
    finding::{Basis, Change, Repair, RepairClass, Severity, Verdict},
    name::ObjRef,
    report::{Judgement, Reported, State, UnitResult},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A place in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Place<'a> {
    /// The file.
    pub file: &'a str,
    /// Line in the file, from 1.
    pub line: usize,
}

/// Names an object.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ObjectName<'a> {
    /// Its kind, as written in manifests.
    pub kind: &'static str,
    /// Its namespace; absent for cluster-scoped objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<&'a str>,
    /// Its name; absent where the entry stands for all objects of a kind that cannot be listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
}

impl<'a> ObjectName<'a> {
    /// The namespace that governs the object: its own, or itself for a Namespace.
    pub fn governing(&self) -> Option<&'a str> {
        if self.kind == "Namespace" {
            self.name
        } else {
            self.namespace
        }
    }
}

/// A verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the words are the documentation")]
pub enum ResultWord {
    Pass,
    Fail,
    NotApplicable,
    Unknown,
    Waived,
    /// Live only: seen, and too young to count (`failAfter`).
    Settling,
}

/// How much a failure matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the words are the documentation")]
pub enum SeverityWord {
    Critical,
    High,
    Medium,
    Low,
}

/// How a verdict was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the words are the documentation")]
pub enum BasisWord {
    Automated,
    Probed,
    Attested,
}

/// A proposed change.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Fix {
    /// Whether it may be made without asking: `safe`, `needsApproval` or `neverAutomatic`.
    pub class: ClassWord,
    /// Why it is of this class.
    pub why: String,
    /// The changes in words, in the order to make them.
    pub changes: Vec<String>,
    /// The objects that the changes create, whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<Value>,
}

/// Whether a change may be made without asking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the words are the documentation")]
pub enum ClassWord {
    Safe,
    NeedsApproval,
    NeverAutomatic,
}

/// A finding, or the verdict on a unit without any.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry<'a> {
    /// The baseline measured against.
    pub baseline: &'a str,
    /// The control's id.
    pub control: &'static str,
    /// The verdict; of a finding that is waived: `waived`, whatever else its unit has.
    pub result: ResultWord,
    /// A CamelCase word, for `fail`, `waived` and `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// How much a failure matters.
    pub severity: SeverityWord,
    /// How the verdict was reached.
    pub basis: BasisWord,
    /// The object; absent where the cluster as a whole is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectName<'a>>,
    /// Environment of its namespace, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<&'a str>,
    /// Tenant that its namespace belongs to, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<&'a str>,
    /// The file the object was read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'a str>,
    /// Line of the field in the file, from 1; of its nearest ancestor where the field is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Where in the object, with container names instead of indices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_path: Option<&'a str>,
    /// A fact in lower case, without a full stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'a str>,
    /// What was seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<&'a str>,
    /// Remarks on the unit that are no failures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<&'a str>,
    /// For `unknown`: only a live cluster could tell.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub live_only: bool,
    /// For `waived`: the exception that covers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<&'a str>,
    /// Live only: when the finding was first seen (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<String>,
    /// For `settling`: when it begins to count (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts_from: Option<String>,
    /// Identifies a finding, in scans and live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The change that would repair a finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

impl<'a> Entry<'a> {
    /// The entry of a unit without findings.
    pub fn of_unit(baseline: &'a str, unit: &'a UnitResult) -> Self {
        Self::of_judgement(baseline, unit.key.control, &unit.key.subject, &unit.judgement)
    }

    /// The entry of one finding of a unit.
    pub fn of_finding(baseline: &'a str, unit: &'a UnitResult, reported: &'a Reported) -> Self {
        Self::of_unit(baseline, unit).about(reported)
    }

    /// The entry of what is said of a unit as a whole.
    pub fn of_judgement(
        baseline: &'a str,
        control: &'static str,
        subject: &'a ObjRef,
        unit: &'a Judgement,
    ) -> Self {
        let (result, reason, message, live_only) = match &unit.verdict {
            Verdict::Pass => (ResultWord::Pass, None, None, false),
            Verdict::Fail => (ResultWord::Fail, None, None, false),
            Verdict::Waived => (ResultWord::Waived, None, None, false),
            Verdict::NotApplicable(why) => (ResultWord::NotApplicable, None, Some(*why), false),
            Verdict::Unknown(why) => (
                ResultWord::Unknown,
                Some(why.reason()),
                Some(why.message()),
                why.is_live_only(),
            ),
        };
        Self {
            baseline,
            control,
            result,
            reason,
            severity: severity(unit.severity),
            basis: basis(unit.basis),
            object: object_name(subject),
            environment: unit.environment.as_deref(),
            tenant: None,
            file: None,
            line: None,
            field_path: None,
            message,
            evidence: Vec::new(),
            notes: unit.notes.iter().map(|note| &**note).collect(),
            live_only,
            exception: None,
            first_seen: None,
            counts_from: None,
            fingerprint: None,
            fix: None,
        }
    }

    /// The same unit's entry, about one of its findings.
    #[must_use]
    pub fn about(self, reported: &'a Reported) -> Self {
        let finding = &reported.finding;
        let (result, exception, counts_from) = match &reported.state {
            State::Waived(exception) => (ResultWord::Waived, Some(&**exception), None),
            State::Failing => (ResultWord::Fail, None, None),
            State::Settling(until) => (ResultWord::Settling, None, Some(until.to_string())),
        };
        Self {
            result,
            reason: Some(finding.reason),
            severity: severity(reported.severity),
            object: object_name(&finding.object),
            field_path: finding.field_path.as_deref(),
            message: Some(&finding.message),
            evidence: finding.evidence.iter().map(|seen| &**seen).collect(),
            live_only: false,
            exception,
            counts_from,
            fingerprint: Some(reported.fingerprint.to_string()),
            fix: finding.repair.as_deref().map(fix),
            ..self
        }
    }
}

/// An object's name; nothing for the cluster as a whole.
pub fn object_name(object: &ObjRef) -> Option<ObjectName<'_>> {
    let is_cluster = object.kind() == plimsoll_engine::kind::Kind::Namespace && object.name().is_empty();
    (!is_cluster).then(|| ObjectName {
        kind: object.kind().info().kind,
        namespace: object.namespace(),
        name: Some(object.name()).filter(|_| !object.is_all()),
    })
}

/// The word for a severity.
pub fn severity(severity: Severity) -> SeverityWord {
    match severity {
        Severity::Critical => SeverityWord::Critical,
        Severity::High => SeverityWord::High,
        Severity::Medium => SeverityWord::Medium,
        Severity::Low => SeverityWord::Low,
    }
}

fn basis(basis: Basis) -> BasisWord {
    match basis {
        Basis::Automated => BasisWord::Automated,
        Basis::Probed => BasisWord::Probed,
        Basis::Attested => BasisWord::Attested,
    }
}

fn fix(repair: &Repair) -> Fix {
    Fix {
        class: match repair.class {
            RepairClass::Safe => ClassWord::Safe,
            RepairClass::NeedsApproval => ClassWord::NeedsApproval,
            RepairClass::NeverAutomatic => ClassWord::NeverAutomatic,
        },
        why: repair.why.to_string(),
        changes: repair.changes.iter().map(Change::to_string).collect(),
        manifests: repair.changes.iter().filter_map(manifest).collect(),
    }
}

/// The object a change creates.
fn manifest(change: &Change) -> Option<Value> {
    match change {
        Change::Create { manifest, .. } => Some(manifest.value()),
        _ => None,
    }
}
