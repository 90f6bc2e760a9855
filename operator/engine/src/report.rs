//! The published state: a persistent snapshot. Cloning it costs nothing; taking one never copies or walks what did not change.

mod tally;
mod units;

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;

use crate::{
    baseline::{Mode, Problem},
    finding::{Basis, Finding, Severity, Verdict},
    memory::Fingerprint,
    name::ObjRef,
};
pub use tally::{Score, Tally};
pub(crate) use units::Judgements;
pub use units::Units;

/// Identifies a unit within a baseline.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UnitKey {
    /// The control's id.
    pub control: &'static str,
    /// The subject; the cluster as a whole is a Namespace called `""`, a kind we may not read an object called `"*"`.
    pub subject: ObjRef,
}

/// The settled verdict on one unit: what was judged, and the [`Judgement`], to whose fields it derefs.
#[derive(Clone, PartialEq, Debug)]
pub struct UnitResult {
    /// Which unit.
    pub key: UnitKey,
    /// What was said of it.
    pub judgement: Arc<Judgement>,
}

impl Deref for UnitResult {
    type Target = Judgement;

    fn deref(&self) -> &Judgement {
        &self.judgement
    }
}

/// What is said of a unit. Most units of a control are said the same, and share it.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// The control's id.
    pub control: &'static str,
    /// The control's severity under this baseline.
    pub severity: Severity,
    /// How the verdict was reached.
    pub basis: Basis,
    /// The mode in force.
    pub mode: Mode,
    /// Environment of its namespace, where it has one.
    pub environment: Option<Arc<str>>,
    /// The verdict.
    pub verdict: Verdict,
    /// Findings that count, and those that are waived or still settling.
    pub findings: Box<[Reported]>,
    /// Remarks that are no failures.
    pub notes: Box<[Box<str>]>,
    /// Stands for all objects of a kind that the operator cannot see.
    pub blind: bool,
}

impl Judgement {
    /// Whether it may be said of many units: what it tells is seldom of one alone.
    pub(crate) fn is_common(&self) -> bool {
        self.findings.is_empty()
    }

    /// The findings that make the verdict Fail.
    pub fn failing(&self) -> impl Iterator<Item = &Reported> {
        self.findings
            .iter()
            .filter(|reported| reported.state == State::Failing)
    }

    /// Whether something that fails has a repair that could be made or proposed.
    pub fn is_repairable(&self) -> bool {
        self.failing().any(|reported| reported.finding.repair.is_some())
    }
}

/// A finding with what is known of its life.
#[derive(Clone, PartialEq, Debug)]
pub struct Reported {
    /// The finding.
    pub finding: Finding,
    /// Stable over restarts, rollouts, and scan versus live.
    pub fingerprint: Fingerprint,
    /// Its severity.
    pub severity: Severity,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// Whether it counts.
    pub state: State,
}

/// Whether a finding counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// It counts.
    Failing,
    /// It is younger than `failAfter`.
    Settling(Timestamp),
    /// An exception covers it.
    Waived(Arc<str>),
}

/// The order in which findings are shown: worst first, then oldest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rank {
    /// Worst first.
    pub severity: Severity,
    /// Oldest first.
    pub first_seen: Timestamp,
    /// To tell equals apart, the same way every time.
    pub fingerprint: Fingerprint,
}

/// The state of one baseline.
#[derive(Clone, Debug)]
pub struct BaselineReport {
    /// Its name.
    pub name: Arc<str>,
    /// The generation it was evaluated at.
    pub generation: i64,
    /// `spec.mode` with its default.
    pub mode: Mode,
    /// What cannot be accepted.
    pub problems: Arc<[Problem]>,
    /// The controls that are evaluated, with the severity in force.
    pub severities: Arc<BTreeMap<&'static str, Severity>>,
    /// Every unit in scope.
    pub units: Units,
    /// Counts by control and environment (empty: no environment).
    pub tallies: OrdMap<(&'static str, Arc<str>), Tally>,
    /// Failing findings, worst first, by the unit they belong to.
    pub worst: OrdMap<Rank, UnitKey>,
    /// Units with a repair that consists of changes, to be made or proposed.
    pub repairable: OrdSet<UnitKey>,
    /// The tenant in force of each namespace that has one.
    pub tenants: OrdMap<Arc<str>, Arc<str>>,
}

/// The published state.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Grows with every turn that changed something.
    pub revision: u64,
    /// The moment of the evaluation.
    pub evaluated_at: Option<Timestamp>,
    /// Baselines by name.
    pub baselines: OrdMap<Arc<str>, BaselineReport>,
    /// How many findings each exception covers; an exception that covers none is inert.
    pub waived_by: OrdMap<Arc<str>, u64>,
}

/// A verdict that changed.
#[derive(Clone, Debug)]
pub struct Transition {
    /// The baseline.
    pub baseline: Arc<str>,
    /// The result before; `None` for a new unit.
    pub before: Option<UnitResult>,
    /// The result now; `None` for a unit that is gone or no longer in scope.
    pub after: Option<UnitResult>,
}

/// What one turn changed.
#[derive(Clone, Debug, Default)]
pub struct Delta {
    /// Units whose verdict or findings changed. None in the first turn: what was so before is no transition.
    pub transitions: Vec<Transition>,
    /// How many units were evaluated: what the change cost.
    pub evaluated: usize,
    /// How many facts were computed.
    pub facts: usize,
    /// Units whose control panicked.
    pub panicked: usize,
}
