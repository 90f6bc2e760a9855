//! What a control says of a unit: verdicts, findings, and the change that would repair one.

use std::{
    borrow::Cow,
    fmt,
    ops::{Deref, DerefMut},
};

use serde::{Deserialize, Serialize};
use triomphe::Arc;

use crate::{
    aside::{Aside, Measure},
    json::Json,
    kind::Kind,
    name::ObjRef,
    probe::Request,
    recent::Recent,
    text::cut,
    unknown::Unknown,
};

/// How much a failure matters. Weights in the score: critical 10, high 5, medium 2, low 1.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema,
)]
#[allow(missing_docs, reason = "the words are the documentation")]
pub enum Severity {
    Critical,
    High,
    Medium,
    Low,
}

impl Severity {
    /// All severities, worst first.
    pub const ALL: [Severity; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// Weight in the score.
    pub const fn weight(self) -> u64 {
        match self {
            Self::Critical => 10,
            Self::High => 5,
            Self::Medium => 2,
            Self::Low => 1,
        }
    }

    /// The word in lower case, as metric labels and reports have it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// How a verdict was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Basis {
    /// From objects the API server holds.
    Automated,
    /// By trying it out.
    Probed,
    /// On a person's word, with evidence.
    Attested,
}

/// The verdict on one unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// As the baseline asks.
    Pass,
    /// Not as the baseline asks; the findings say what.
    Fail,
    /// The control does not concern this unit, for a reason worth showing.
    NotApplicable(&'static str),
    /// It cannot be told.
    Unknown(Unknown),
    /// It fails, and an exception covers every finding.
    Waived,
}

impl Verdict {
    /// The word shown to users and put into metric labels.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotApplicable(_) => "notApplicable",
            Self::Unknown(_) => "unknown",
            Self::Waived => "waived",
        }
    }
}

/// Longest message or piece of evidence kept, in bytes: findings are bounded by contract.
const LONGEST: usize = 1024;

/// One thing that is not as the baseline asks: about which object, and the [`Details`], to whose fields it derefs.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// The object it is about: the unit's subject unless said otherwise.
    pub object: ObjRef,
    details: Arc<Details>,
}

/// What is said of the object. Findings of one cause mostly say the same of many objects, and share it.
#[derive(Clone, PartialEq, Debug)]
pub struct Details {
    /// A CamelCase word; with control and object it identifies the finding.
    pub reason: &'static str,
    /// Where in the object, with container names instead of indices.
    pub field_path: Option<Box<str>>,
    /// A fact in lower case, without a full stop.
    pub message: Box<str>,
    /// What was seen.
    pub evidence: Vec<Box<str>>,
    /// Differs from the control's severity where the control says so.
    pub severity: Option<Severity>,
    /// Tells apart several findings of one reason on one object (a host, a port).
    pub detail: Option<Box<str>>,
    /// The change that would repair it.
    pub repair: Option<Box<Repair>>,
}

impl Finding {
    /// A finding about an object.
    pub fn new(object: ObjRef, details: Details) -> Self {
        Self {
            object,
            details: Arc::new(details),
        }
    }

    /// Takes the details of another finding that says the same.
    pub(crate) fn share(&mut self, recent: &mut Recent<Arc<Details>>) {
        self.details = recent.share(self.details.clone(), |a, b| a == b);
    }
}

impl Deref for Finding {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.details
    }
}

impl DerefMut for Finding {
    fn deref_mut(&mut self) -> &mut Details {
        Arc::make_mut(&mut self.details)
    }
}

/// Cuts a text to [`LONGEST`] bytes; hardly any is longer.
fn bounded(text: String) -> Box<str> {
    if text.len() <= LONGEST {
        return text.into_boxed_str();
    }
    cut(&text, LONGEST).into_boxed_str()
}

/// Where a control writes what it finds.
#[derive(Debug)]
pub struct Findings {
    subject: ObjRef,
    pub(crate) found: Vec<Finding>,
    pub(crate) not_applicable: Option<&'static str>,
    pub(crate) unknown: Option<Unknown>,
    pub(crate) notes: Vec<Box<str>>,
    pub(crate) aside: Aside,
    pub(crate) judged: bool,
}

impl Findings {
    pub(crate) fn new(subject: ObjRef) -> Self {
        Self {
            subject,
            found: Vec::new(),
            not_applicable: None,
            unknown: None,
            notes: Vec::new(),
            aside: Aside::default(),
            judged: true,
        }
    }

    /// Records a failure on the unit's subject; the returned finding can be refined in place.
    pub fn fail(&mut self, reason: &'static str, message: impl Into<String>) -> FindingRef<'_> {
        let details = Details {
            reason,
            field_path: None,
            message: bounded(message.into()),
            evidence: Vec::new(),
            severity: None,
            detail: None,
            repair: None,
        };
        self.found.push(Finding::new(self.subject.clone(), details));
        let last = self.found.len() - 1;
        FindingRef(&mut self.found[last])
    }

    /// The control does not concern this unit; `reason` is a short phrase such as `scaled to zero`.
    pub fn not_applicable(&mut self, reason: &'static str) {
        self.not_applicable = Some(reason);
    }

    /// Part of the question could not be answered. A failure found beside it still counts; a pass does not.
    pub fn unknown(&mut self, unknown: Unknown) {
        self.unknown.get_or_insert(unknown);
    }

    /// There is no verdict on this unit: it does not appear in the report, as if it were out of scope.
    pub fn not_judged(&mut self) {
        self.judged = false;
    }

    /// Asks for something to be probed, for as long as the unit says so.
    pub fn probe(&mut self, request: Request) {
        self.aside.requests.push(request);
    }

    /// Shows a number in the metrics, for as long as the unit says so.
    pub fn measure(&mut self, measure: Measure) {
        self.aside.measures.push(measure);
    }

    /// Something worth showing that is no failure.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(bounded(text.into()));
    }
}

/// The finding just recorded, to be refined.
#[derive(Debug)]
pub struct FindingRef<'a>(&'a mut Finding);

#[allow(
    clippy::return_self_not_must_use,
    reason = "the finding is recorded already; refining it is optional"
)]
impl FindingRef<'_> {
    /// Sets where in the object the finding is.
    pub fn at(self, field_path: impl Into<Box<str>>) -> Self {
        self.0.field_path = Some(field_path.into());
        self
    }

    /// Adds what was seen.
    pub fn seen(self, evidence: impl Into<String>) -> Self {
        self.0.evidence.reserve_exact(1);
        self.0.evidence.push(bounded(evidence.into()));
        self
    }

    /// Sets a severity other than the control's.
    pub fn severity(self, severity: Severity) -> Self {
        self.0.severity = Some(severity);
        self
    }

    /// Makes the finding about another object than the unit's subject.
    pub fn about(self, object: ObjRef) -> Self {
        self.0.object = object;
        self
    }

    /// Tells the finding apart from others of its reason on its object.
    pub fn detail(self, detail: impl Into<Box<str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }
}

/// Whether a repair may be made without asking. The class is a ceiling: modes and policy lower it, nothing raises it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum RepairClass {
    /// Cannot interrupt running traffic or destroy data.
    Safe,
    /// An independent person has to agree.
    NeedsApproval,
    /// A text for people, never applied.
    NeverAutomatic,
}

/// A proposed change.
#[derive(Clone, PartialEq, Debug)]
pub struct Repair {
    /// Whether it may be applied without asking.
    pub class: RepairClass,
    /// Why it is of this class, as a fact.
    pub why: Cow<'static, str>,
    /// The changes, in the order to make them.
    pub changes: Vec<Change>,
}

/// One change to one object. Repairs are monotone: each is a floor or an addition, so that several baselines agree.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// Raise `spec.replicas` through the scale subresource.
    Replicas {
        /// The workload.
        target: ObjRef,
        /// The count the plan was made for.
        from: i32,
        /// The floor.
        to: i32,
    },
    /// Raise `spec.minReplicas` of an autoscaler.
    MinReplicas {
        /// The HorizontalPodAutoscaler.
        target: ObjRef,
        /// The minimum the plan was made for; absent counts as 1.
        from: Option<i32>,
        /// The floor.
        to: i32,
    },
    /// Set or add one field; the text form of any other change.
    Set {
        /// The object.
        target: ObjRef,
        /// JSON pointer of the field.
        pointer: Box<str>,
        /// The value the plan was made for.
        from: Option<Json>,
        /// The value proposed.
        to: Json,
    },
    /// Create an object.
    Create {
        /// Its name.
        target: ObjRef,
        /// The whole manifest.
        manifest: Json,
    },
    /// Start a Job of a CronJob now, as `kubectl create job --from` does: its template is copied when that is done.
    Start {
        /// The Job.
        target: ObjRef,
        /// The CronJob.
        from: ObjRef,
    },
    /// Delete an object. Never safe.
    Delete {
        /// The object.
        target: ObjRef,
    },
}

impl Change {
    /// The object that changes.
    pub fn target(&self) -> &ObjRef {
        match self {
            Self::Replicas { target, .. }
            | Self::MinReplicas { target, .. }
            | Self::Set { target, .. }
            | Self::Create { target, .. }
            | Self::Start { target, .. }
            | Self::Delete { target } => target,
        }
    }

    /// Where in the object it changes something, as a JSON pointer; empty for the object as a whole.
    pub fn pointer(&self) -> &str {
        match self {
            Self::Replicas { .. } => "/spec/replicas",
            Self::MinReplicas { .. } => "/spec/minReplicas",
            Self::Set { pointer, .. } => pointer,
            Self::Create { .. } | Self::Start { .. } | Self::Delete { .. } => "",
        }
    }

    /// Whether both change one place, or one a part of what the other changes. Two labels of one object are two places.
    pub fn overlaps(&self, other: &Self) -> bool {
        let within = |inner: &str, outer: &str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let (a, b) = (self.pointer(), other.pointer());
        self.target() == other.target() && (within(a, b) || within(b, a))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replicas { target, from, to } => {
                write!(f, "set spec.replicas of {target} from {from} to {to}")
            }
            Self::MinReplicas { target, from, to } => {
                write!(
                    f,
                    "set spec.minReplicas of {target} from {} to {to}",
                    from.unwrap_or(1)
                )
            }
            Self::Set {
                target,
                pointer,
                from: Some(from),
                to,
            } => {
                write!(f, "set {pointer} of {target} from {from} to {to}")
            }
            Self::Set {
                target,
                pointer,
                from: None,
                to,
            } => write!(f, "set {pointer} of {target} to {to}"),
            Self::Create { target, .. } => write!(f, "create {target}"),
            Self::Start { target, from } => write!(f, "start {target} from {from}"),
            Self::Delete { target } => write!(f, "delete {target}"),
        }
    }
}

/// A write a repair needs: what the chart grants when the fix is enabled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Right {
    /// The kind written.
    pub kind: Kind,
    /// `scale` or nothing.
    pub subresource: Option<&'static str>,
    /// RBAC verbs.
    pub verbs: &'static [&'static str],
}
