//! The result of a scan as programs read it (docs/scan-json.md). A field that is added leaves the version; one that changes
//! its meaning raises it.

use plimsoll_engine::{
    finding::{Basis, Change, Repair, RepairClass, Severity, Verdict},
    name::ObjRef,
    report::{Reported, State, UnitResult},
};
use serde::Serialize;

/// Version of the format.
pub(crate) const API_VERSION: &str = "scan.plimsoll.dev/v1";

/// The result of `plimsoll scan -o json`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScanReport<'a, R> {
    /// `scan.plimsoll.dev/v1`.
    pub(crate) api_version: &'static str,
    /// When the verdicts were reached (RFC 3339).
    pub(crate) evaluated_at: String,
    /// Counts and score of each baseline, by name.
    pub(crate) baselines: Vec<BaselineSummary<'a>>,
    /// What the verdicts rest on that nobody said, in words.
    pub(crate) assumptions: Vec<&'a str>,
    /// What is wrong beyond single documents: kinds that may not be listed, exceptions that cannot be accepted.
    pub(crate) problems: Vec<&'a str>,
    /// What became of the documents: `decoded`, `notRelevant` and the length of `unreadable` add up to `total`. Absent when a
    /// cluster was scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) documents: Option<DocumentCounts<'a>>,
    /// Objects given more than once; the last one read counts.
    pub(crate) duplicates: Vec<DuplicateObject<'a>>,
    /// One entry for each finding, and one for each unit without any.
    pub(crate) results: R,
}

/// Counts and score of one baseline.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct BaselineSummary<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Share that passes, 0 to 100, over controls weighted by severity; absent where nothing was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<f64>,
    /// Units that pass.
    pub(crate) pass: u64,
    /// Units that fail.
    pub(crate) fail: u64,
    /// Units that cannot be judged.
    pub(crate) unknown: u64,
    /// Units a control does not concern.
    pub(crate) not_applicable: u64,
    /// Units whose every finding is waived.
    pub(crate) waived: u64,
}

/// What became of the documents.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct DocumentCounts<'a> {
    /// Documents read; a `List` is one.
    pub(crate) total: usize,
    /// Documents with at least one object that some control reads.
    pub(crate) decoded: usize,
    /// Documents of other kinds, patches, and what is no Kubernetes object.
    pub(crate) not_relevant: usize,
    /// Documents that could not be read, in whole or in part.
    pub(crate) unreadable: Vec<UnreadableDocument<'a>>,
}

/// A document that could not be read.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnreadableDocument<'a> {
    /// The file.
    pub(crate) file: &'a str,
    /// Line in the file, from 1.
    pub(crate) line: usize,
    /// What was found and what was expected.
    pub(crate) why: &'a str,
}

/// An object given more than once.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct DuplicateObject<'a> {
    /// The object.
    pub(crate) object: ObjectName<'a>,
    /// The place that does not count.
    pub(crate) lost: Place<'a>,
    /// The place that counts.
    pub(crate) kept: Place<'a>,
}

/// A place in a file.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Place<'a> {
    /// The file.
    pub(crate) file: &'a str,
    /// Line in the file, from 1.
    pub(crate) line: usize,
}

/// Names an object.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ObjectName<'a> {
    /// Its kind, as written in manifests.
    pub(crate) kind: &'static str,
    /// Its namespace; absent for cluster-scoped objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<&'a str>,
    /// Its name; absent where the entry stands for all objects of a kind that cannot be listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
}

/// A verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) enum ResultWord {
    Pass,
    Fail,
    NotApplicable,
    Unknown,
    Waived,
}

/// How much a failure matters.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) enum SeverityWord {
    Critical,
    High,
    Medium,
    Low,
}

/// How a verdict was reached.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) enum BasisWord {
    Automated,
    Probed,
    Attested,
}

/// A proposed change.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Fix {
    /// Whether it may be made without asking: `safe`, `needsApproval` or `neverAutomatic`.
    pub(crate) class: ClassWord,
    /// Why it is of this class.
    pub(crate) why: String,
    /// The changes in words, in the order to make them.
    pub(crate) changes: Vec<String>,
}

/// Whether a change may be made without asking.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) enum ClassWord {
    Safe,
    NeedsApproval,
    NeverAutomatic,
}

/// A finding, or the verdict on a unit without any.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry<'a> {
    /// The baseline measured against.
    pub(crate) baseline: &'a str,
    /// The control's id.
    pub(crate) control: &'static str,
    /// The verdict; of a finding that is waived: `waived`, whatever else its unit has.
    pub(crate) result: ResultWord,
    /// A CamelCase word, for `fail`, `waived` and `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'a str>,
    /// How much a failure matters.
    pub(crate) severity: SeverityWord,
    /// How the verdict was reached.
    pub(crate) basis: BasisWord,
    /// The object; absent where the cluster as a whole is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object: Option<ObjectName<'a>>,
    /// Environment of its namespace, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<&'a str>,
    /// The file the object was read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<&'a str>,
    /// Line of the field in the file, from 1; of its nearest ancestor where the field is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// Where in the object, with container names instead of indices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field_path: Option<&'a str>,
    /// A fact in lower case, without a full stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<&'a str>,
    /// What was seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) evidence: Vec<&'a str>,
    /// Remarks on the unit that are no failures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<&'a str>,
    /// For `unknown`: only a live cluster could tell.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) live_only: bool,
    /// For `waived`: the exception that covers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exception: Option<&'a str>,
    /// Identifies a finding, in scans and live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    /// The change that would repair a finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<Fix>,
}

impl<'a> Entry<'a> {
    /// The entry of a unit without findings.
    pub(crate) fn of_unit(baseline: &'a str, unit: &'a UnitResult) -> Self {
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
            control: unit.key.control,
            result,
            reason,
            severity: severity(unit.severity),
            basis: basis(unit.basis),
            object: object_name(&unit.key.subject),
            environment: unit.environment.as_deref(),
            file: None,
            line: None,
            field_path: None,
            message,
            evidence: Vec::new(),
            notes: unit.notes.iter().map(|note| &**note).collect(),
            live_only,
            exception: None,
            fingerprint: None,
            fix: None,
        }
    }

    /// The entry of one finding of a unit.
    pub(crate) fn of_finding(baseline: &'a str, unit: &'a UnitResult, reported: &'a Reported) -> Self {
        let finding = &reported.finding;
        let (result, exception) = match &reported.state {
            State::Waived(exception) => (ResultWord::Waived, Some(&**exception)),
            State::Failing | State::Settling(_) => (ResultWord::Fail, None),
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
            fingerprint: Some(reported.fingerprint.to_string()),
            fix: finding.repair.as_deref().map(fix),
            ..Self::of_unit(baseline, unit)
        }
    }
}

/// An object's name; nothing for the cluster as a whole.
pub(crate) fn object_name(object: &ObjRef) -> Option<ObjectName<'_>> {
    let is_cluster = object.kind() == plimsoll_engine::kind::Kind::Namespace && object.name().is_empty();
    (!is_cluster).then(|| ObjectName {
        kind: object.kind().info().kind,
        namespace: object.namespace(),
        name: Some(object.name()).filter(|_| !object.is_all()),
    })
}

fn severity(severity: Severity) -> SeverityWord {
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
    }
}
