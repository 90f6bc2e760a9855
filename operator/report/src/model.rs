//! The report as programs read it (docs/report.md). A field that is added leaves the version; one that changes its meaning
//! raises it.

use plimsoll_engine::report::Tally;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::entry::{BasisWord, SeverityWord};

/// The result of `plimsoll report -o json` and of the operator's `/report?format=json`: the report, and every result.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Document<R> {
    /// Everything but single results.
    #[serde(flatten)]
    pub report: Report,
    /// Every finding, worst first, then every unit that cannot be judged. What passes is only counted.
    pub results: R,
}

/// What the operator's `/findings` answers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingList<R> {
    /// `findings.plimsoll.dev/v1`.
    pub api_version: &'static str,
    /// When the verdicts were reached (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluated_at: Option<String>,
    /// Entries as in a scan (docs/scan-json.md).
    pub results: R,
}

/// A report, but for the single results.
#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `report.plimsoll.dev/v1`.
    pub api_version: &'static str,
    /// When the report was made (RFC 3339).
    pub generated_at: String,
    /// When the verdicts were reached (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluated_at: Option<String>,
    /// Version of the program that measured.
    pub version: String,
    /// What was looked at.
    pub source: Source,
    /// Share that passes, 0 to 100, over the controls of all baselines weighted by severity; absent where nothing was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Counts over everything.
    #[serde(flatten)]
    pub counts: Counts,
    /// What to take away, in sentences.
    pub headline: Vec<String>,
    /// Each baseline measured against.
    pub baselines: Vec<Baseline>,
    /// By area (the part of a control's id before `/`).
    pub areas: Vec<Group>,
    /// By environment; the group without a name has none.
    pub environments: Vec<Group>,
    /// By area and environment.
    pub matrix: Vec<Cell>,
    /// By framework and criterion: what the controls support, which is part of what a framework asks.
    pub frameworks: Vec<Framework>,
    /// By baseline and control, worst first.
    pub controls: Vec<ControlSummary>,
    /// By tenant; the group without a name is what belongs to no tenant.
    pub tenants: Vec<Group>,
    /// By namespace: what there is, where it belongs, how it stands.
    pub namespaces: Vec<NamespaceSummary>,
    /// What cannot be judged, by control and reason.
    pub unknowns: Vec<UnknownGroup>,
    /// Every exception, also those that cover nothing.
    pub exceptions: Vec<ExceptionSummary>,
    /// How much of each kind was seen.
    pub coverage: Vec<KindCoverage>,
    /// How old open findings are; absent for one look, which knows no ages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ages: Option<Vec<AgeBand>>,
    /// Against the earlier report that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// What the verdicts rest on that nobody said.
    pub assumptions: Vec<String>,
    /// What is wrong beyond single documents.
    pub problems: Vec<String>,
    /// What became of the documents, where files were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<Documents>,
}

/// What was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub struct Source {
    /// How.
    pub kind: SourceKind,
    /// Which: a context of the kubeconfig, paths, the operator's name.
    pub name: String,
}

/// How something was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SourceKind {
    /// Manifests were read.
    #[default]
    Files,
    /// A cluster was listed once.
    Cluster,
    /// An operator watches.
    Operator,
}

/// How many units had each verdict, and how many findings each severity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Units that pass.
    pub pass: u64,
    /// Units that fail.
    pub fail: u64,
    /// Units that cannot be judged.
    pub unknown: u64,
    /// Units a control does not concern.
    pub not_applicable: u64,
    /// Units whose every finding is waived.
    pub waived: u64,
    /// Open findings by severity.
    pub findings: BySeverity,
    /// Findings that an exception covers.
    pub waived_findings: u64,
}

/// Open findings by severity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
#[allow(missing_docs, reason = "the words are the documentation")]
pub struct BySeverity {
    pub critical: u64,
    pub high: u64,
    pub medium: u64,
    pub low: u64,
}

impl BySeverity {
    /// With their words, worst first.
    pub fn each(&self) -> [(&'static str, u64); 4] {
        [
            ("critical", self.critical),
            ("high", self.high),
            ("medium", self.medium),
            ("low", self.low),
        ]
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.critical + self.high + self.medium + self.low
    }

    /// The severity of the worst.
    pub fn worst(&self) -> Option<&'static str> {
        self.each()
            .into_iter()
            .find(|(_, n)| *n > 0)
            .map(|(word, _)| word)
    }
}

impl From<[u64; 4]> for BySeverity {
    fn from([critical, high, medium, low]: [u64; 4]) -> Self {
        Self {
            critical,
            high,
            medium,
            low,
        }
    }
}

impl From<&Tally> for Counts {
    fn from(tally: &Tally) -> Self {
        Self {
            pass: tally.pass,
            fail: tally.fail,
            unknown: tally.unknown,
            not_applicable: tally.not_applicable,
            waived: tally.waived,
            findings: tally.findings.into(),
            waived_findings: tally.waived_findings,
        }
    }
}

impl Counts {
    /// Units with a verdict that counts: pass, fail or unknown.
    pub fn judged(&self) -> u64 {
        self.pass + self.fail + self.unknown
    }

    /// How it stands as a whole: the worst that holds of any unit.
    pub fn state(&self) -> State {
        match self {
            c if c.fail > 0 => State::Failing,
            c if c.unknown > 0 => State::Unknown,
            c if c.pass > 0 => State::Passing,
            c if c.waived > 0 => State::Waived,
            _ => State::NotMeasured,
        }
    }
}

/// How a group stands as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Something fails.
    Failing,
    /// Nothing fails, and something cannot be judged.
    Unknown,
    /// Everything passes.
    Passing,
    /// What does not pass is waived.
    Waived,
    /// There was nothing to judge.
    NotMeasured,
}

impl State {
    /// The word shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Unknown => "unknown",
            Self::Passing => "passing",
            Self::Waived => "waived",
            Self::NotMeasured => "not measured",
        }
    }
}

/// A baseline measured against.
#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Baseline {
    /// Its name.
    pub name: String,
    /// Its generation (`metadata.generation`); 1 in a scan.
    pub generation: i64,
    /// `Disabled`, `Observe`, `Propose` or `Enforce`; a control may have its own.
    pub mode: String,
    /// Share that passes, 0 to 100, over controls weighted by severity; absent where nothing was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Its counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// What in it cannot be accepted.
    pub problems: Vec<String>,
}

/// Some units together.
#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What they have in common; absent for those that have no such thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Share that passes, 0 to 100: of controls weighted by severity for areas and environments, of units for tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Their counts.
    #[serde(flatten)]
    pub counts: Counts,
}

/// An area in an environment.
#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    /// The area.
    pub area: String,
    /// The environment; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Share that passes, 0 to 100, over controls weighted by severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Its counts.
    #[serde(flatten)]
    pub counts: Counts,
}

/// A framework.
#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
pub struct Framework {
    /// Its name.
    pub name: String,
    /// The criteria that some control supports. What else the framework asks is not measured.
    pub criteria: Vec<Criterion>,
}

/// A criterion of a framework.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Criterion {
    /// Such as `CC6.1`, `A.8.24`, `Art. 32(1)(a)`.
    pub id: String,
    /// What it is about, in our words.
    pub title: &'static str,
    /// How it stands: the worst of the controls that support it.
    pub state: State,
    /// Share that passes, 0 to 100, over controls weighted by severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The counts of its controls.
    #[serde(flatten)]
    pub counts: Counts,
    /// The controls that support it and are evaluated.
    pub controls: Vec<&'static str>,
}

/// A control under a baseline.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlSummary {
    /// The baseline.
    pub baseline: String,
    /// The control's id.
    pub control: &'static str,
    /// What it asks, in a line.
    pub title: &'static str,
    /// Its area.
    pub area: &'static str,
    /// How much a failure matters under this baseline.
    pub severity: SeverityWord,
    /// How it reaches its verdicts.
    pub basis: BasisWord,
    /// What the operator may do about failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Share of units that pass, 0 to 100; absent where nothing was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Its counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// Its effective parameters.
    pub parameters: Vec<Parameter>,
    /// The criteria it supports.
    pub mappings: Vec<Mapping>,
}

/// A parameter of a control.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value in force.
    pub value: Value,
    /// Where the value comes from.
    pub origin: String,
}

/// A criterion that a control supports.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Mapping {
    /// The framework.
    pub framework: &'static str,
    /// The criterion.
    pub criterion: String,
}

/// A namespace.
#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSummary {
    /// Its name.
    pub name: String,
    /// Its environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The tenant it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Objects of it that some control judges, the namespace included.
    pub objects: u64,
    /// Its counts.
    #[serde(flatten)]
    pub counts: Counts,
}

/// Units that cannot be judged for one reason.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnknownGroup {
    /// The control.
    pub control: &'static str,
    /// A CamelCase word.
    pub reason: &'static str,
    /// Only a live cluster could tell.
    pub live_only: bool,
    /// How many units, over all baselines.
    pub units: u64,
    /// What was said of the first.
    pub message: String,
    /// Some of the units.
    pub examples: Vec<String>,
}

/// An exception, as a register has it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionSummary {
    /// Its name.
    pub name: String,
    /// The control it concerns.
    pub control: String,
    /// The baselines it concerns; empty means all.
    pub baselines: Vec<String>,
    /// What it covers, in words.
    pub covers: String,
    /// `active`, `expired`, `inert` (covers nothing) or `invalid`.
    pub phase: &'static str,
    /// How many findings it covers.
    pub findings: u64,
    /// Why this is acceptable.
    pub reason: String,
    /// Its number in the risk register.
    pub risk_id: String,
    /// Who accepted it.
    pub approved_by: String,
    /// When it ends (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Whole days until then, negative after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    /// Why it cannot be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
}

/// How much of a kind was seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct KindCoverage {
    /// Resource and group, such as `deployments.apps`.
    pub resource: String,
    /// `complete`, `absent`, `forbidden`, `partial`, `stale` or `syncing`.
    pub coverage: &'static str,
    /// How many objects are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<usize>,
}

/// Open findings by age.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgeBand {
    /// In words.
    pub label: &'static str,
    /// Open at least so many days.
    pub from_days: i64,
    /// How many.
    pub findings: BySeverity,
}

/// Against an earlier report.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// When the earlier verdicts were reached (RFC 3339).
    pub since: String,
    /// The score then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Open findings that are new.
    pub opened: u64,
    /// Findings of then that are no longer open.
    pub resolved: u64,
}

/// What became of the documents.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Documents {
    /// Documents read; a `List` is one.
    pub total: usize,
    /// Documents with at least one object that some control reads.
    pub decoded: usize,
    /// Documents of other kinds, patches, and what is no Kubernetes object.
    pub not_relevant: usize,
    /// `file:line: why` of documents that could not be read, in whole or in part.
    pub unreadable: Vec<String>,
}
