//! The alerts: what each watches, how bad it is, who answers for it.

mod backups;
mod certificates;
mod findings;
mod operator;
mod threshold;
mod uptime;

pub use threshold::{Limits, Threshold};

use crate::promql::Pace;

/// One alert. Its name is that of its runbook: `docs/runbooks/NAME.md`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alert {
    /// A word that begins with `Plimsoll`.
    pub name: &'static str,
    /// What it belongs to: rules of one group are evaluated together.
    pub group: Group,
    /// How bad it is.
    pub severity: Severity,
    /// Who answers for it.
    pub owner: Owner,
    /// When it fires: a series each.
    pub expr: String,
    /// For how many seconds the condition has to hold first.
    pub hold: u32,
    /// What is wrong, in a few words. It names labels as Prometheus' templates do.
    pub summary: &'static str,
    /// The same with what was measured.
    pub description: &'static str,
}

/// A recording rule: what several alerts compare, or one compares with its own past.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// What it belongs to.
    pub group: Group,
    /// Its name, `level:metric:operation`.
    pub name: String,
    /// The labels of its series, besides those of [`SCOPE`](crate::promql::SCOPE).
    pub labels: &'static [&'static str],
    /// What is recorded.
    pub expr: String,
}

/// Groups of rules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Group {
    /// Verdicts and what changes them.
    Findings,
    /// Backups and restore tests.
    Backups,
    /// Certificates of published hosts.
    Certificates,
    /// Availability of published hosts.
    Uptime,
    /// The operator itself.
    Operator,
}

/// How bad something is; the chart may map each to another word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Somebody should look now, at night too.
    Critical,
    /// Somebody should look in working hours.
    Warning,
    /// The dead-man's switch: it always fires, and goes where silence is noticed.
    None,
}

/// Roles that answer for alerts; the chart may map each to a team.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Owner {
    /// Who answers for findings and accepted risks.
    Security,
    /// Who answers for databases and their backups.
    Data,
    /// Who answers for what is published.
    Service,
    /// Who runs the operator.
    Platform,
}

impl Group {
    /// All of them, in the order of the rules file.
    pub const ALL: [Self; 5] = [
        Self::Findings,
        Self::Backups,
        Self::Certificates,
        Self::Uptime,
        Self::Operator,
    ];

    /// Its name in rules files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Findings => "plimsoll.findings",
            Self::Backups => "plimsoll.backups",
            Self::Certificates => "plimsoll.certificates",
            Self::Uptime => "plimsoll.uptime",
            Self::Operator => "plimsoll.operator",
        }
    }
}

impl Severity {
    /// Those that the chart maps.
    pub const MAPPED: [Self; 2] = [Self::Critical, Self::Warning];

    /// The label's value.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::None => "none",
        }
    }
}

impl Owner {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Security, Self::Data, Self::Service, Self::Platform];

    /// The label's value.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Data => "data",
            Self::Service => "service",
            Self::Platform => "platform",
        }
    }
}

/// Every alert, by group.
pub fn alerts(pace: Pace, limits: Limits) -> Vec<Alert> {
    let mut all = findings::alerts(pace, limits);
    all.extend(backups::alerts(pace, limits));
    all.extend(certificates::alerts(pace, limits));
    all.extend(uptime::alerts(pace));
    all.extend(operator::alerts(pace, limits));
    all
}

/// Every recording rule.
pub fn recorded(pace: Pace) -> Vec<Recorded> {
    let mut all = vec![findings::recorded()];
    all.extend(uptime::recorded(pace));
    all
}
