//! Exact counts, and the score made of them.

use std::collections::BTreeMap;

use super::{BaselineReport, Judgement, State};
use crate::{
    baseline::Mode,
    finding::{Severity, Verdict},
};

/// How many units had each verdict, and how many findings each severity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "named after the verdicts they count")]
pub struct Tally {
    pub pass: u64,
    pub fail: u64,
    pub unknown: u64,
    pub not_applicable: u64,
    pub waived: u64,
    /// Kinds the control judges and the operator cannot see; counted within `unknown` too.
    pub blind: u64,
    /// Units whose control panicked; counted within `unknown` too.
    pub panicked: u64,
    /// Findings that count, by severity, worst first.
    pub findings: [u64; 4],
    /// Findings an exception covers.
    pub waived_findings: u64,
    /// Units that fail with a repair which the mode lets be proposed or made; counted within `fail` too.
    pub pending: u64,
}

impl Tally {
    /// Counts a unit in (`sign` 1) or out (`sign` -1).
    pub fn count(&mut self, unit: &Judgement, sign: i64) {
        let add = |n: &mut u64| *n = n.saturating_add_signed(sign);
        add(match &unit.verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Unknown(_) => &mut self.unknown,
            Verdict::NotApplicable(_) => &mut self.not_applicable,
            Verdict::Waived => &mut self.waived,
        });
        if unit.blind {
            add(&mut self.blind);
        }
        if matches!(&unit.verdict, Verdict::Unknown(unknown) if unknown.is_panic()) {
            add(&mut self.panicked);
        }
        if matches!(unit.mode, Mode::Propose | Mode::Enforce) && unit.is_repairable() {
            add(&mut self.pending);
        }
        for reported in &unit.findings {
            match reported.state {
                State::Failing => add(&mut self.findings[reported.severity as usize]),
                State::Waived(_) => add(&mut self.waived_findings),
                State::Settling(_) => {}
            }
        }
    }

    /// Whether nothing is counted.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Both together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.pass += other.pass;
        self.fail += other.fail;
        self.unknown += other.unknown;
        self.not_applicable += other.not_applicable;
        self.waived += other.waived;
        self.blind += other.blind;
        self.panicked += other.panicked;
        self.waived_findings += other.waived_findings;
        self.pending += other.pending;
        for (mine, theirs) in self.findings.iter_mut().zip(other.findings) {
            *mine += theirs;
        }
        self
    }

    /// Pass / (Pass + Fail + Unknown); nothing where no unit was judged. A control that is blind to one of its kinds counts
    /// as no pass at all: what it cannot see may all be failing.
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn ratio(&self) -> Option<f64> {
        let judged = self.pass + self.fail + self.unknown;
        let pass = if self.blind > 0 { 0 } else { self.pass };
        (judged > 0).then(|| pass as f64 / judged as f64)
    }
}

/// A share of what passes, between 0 and 1, over controls weighted by severity.
///
/// Each control contributes its own ratio, so that a thousand workloads that pass one control do not drown another that
/// fails for the whole cluster, and so that losing sight of a kind can never raise the score.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Score {
    passed: f64,
    weight: u64,
}

impl Score {
    /// Adds a control.
    #[allow(clippy::cast_precision_loss, reason = "weights are small")]
    pub fn add(&mut self, severity: Severity, tally: &Tally) {
        if let Some(ratio) = tally.ratio() {
            self.passed += severity.weight() as f64 * ratio;
            self.weight += severity.weight();
        }
    }

    /// The score; nothing where no control judged anything.
    #[allow(clippy::cast_precision_loss, reason = "weights are small")]
    pub fn value(&self) -> Option<f64> {
        (self.weight > 0).then(|| self.passed / self.weight as f64)
    }
}

impl BaselineReport {
    /// Counts by control, over all environments.
    pub fn by_control(&self) -> BTreeMap<&'static str, Tally> {
        let mut controls: BTreeMap<&'static str, Tally> = BTreeMap::new();
        for ((control, _), tally) in &self.tallies {
            let sum = controls.entry(control).or_default();
            *sum = sum.plus(tally);
        }
        controls
    }

    /// Counts over everything.
    pub fn total(&self) -> Tally {
        self.tallies.values().fold(Tally::default(), Tally::plus)
    }

    /// The score; nothing where no unit was judged.
    pub fn score(&self) -> Option<f64> {
        let mut score = Score::default();
        for (control, tally) in self.by_control() {
            score.add(self.severity_of(control), &tally);
        }
        score.value()
    }

    /// The severity in force for a control.
    pub fn severity_of(&self, control: &str) -> Severity {
        self.severities.get(control).copied().unwrap_or(Severity::Low)
    }
}
