//! The rules as Prometheus and the Prometheus operator read them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    Alert, Owner, Pace, RUNBOOKS, Severity,
    alert::{Group, Limits, Recorded, alerts, recorded},
};

/// A rules file, and the `spec` of a `PrometheusRule`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Rules {
    /// Its groups.
    pub groups: Vec<RuleGroup>,
}

/// Rules that are evaluated one after the other.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RuleGroup {
    /// Its name.
    pub name: &'static str,
    /// Its rules: what is recorded comes first.
    pub rules: Vec<Rule>,
}

/// A rule.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub enum Rule {
    /// Keeps the value of an expression.
    Recording {
        /// The name of the new series.
        record: String,
        /// What it holds.
        expr: String,
    },
    /// Fires.
    Alerting {
        /// Its name.
        alert: &'static str,
        /// When.
        expr: String,
        /// How long first.
        #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
        hold: Option<String>,
        /// What it is routed by.
        labels: BTreeMap<&'static str, String>,
        /// What it says.
        annotations: BTreeMap<&'static str, String>,
    },
}

/// How the rules are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Complete, at this pace: [`Pace::REAL`] but for tests.
    Plain(Pace),
    /// With marks, such as `@severity:critical@`, which the chart replaces by its values.
    Chart,
}

/// What the chart replaces by the address of its runbooks.
pub const RUNBOOKS_MARK: &str = "@runbooks@";

impl Style {
    const fn pace(self) -> Pace {
        match self {
            Self::Plain(pace) => pace,
            Self::Chart => Pace::REAL,
        }
    }

    const fn limits(self) -> Limits {
        match self {
            Self::Plain(_) => Limits::Default,
            Self::Chart => Limits::Marked,
        }
    }

    fn severity(self, severity: Severity) -> String {
        match self {
            Self::Chart if Severity::MAPPED.contains(&severity) => format!("@severity:{}@", severity.word()),
            _ => severity.word().into(),
        }
    }

    fn owner(self, owner: Owner) -> String {
        match self {
            Self::Plain(_) => owner.word().into(),
            Self::Chart => format!("@owner:{}@", owner.word()),
        }
    }

    const fn runbooks(self) -> &'static str {
        match self {
            Self::Plain(_) => RUNBOOKS,
            Self::Chart => RUNBOOKS_MARK,
        }
    }
}

/// Every rule.
pub fn rules(style: Style) -> Rules {
    let mut groups: BTreeMap<Group, Vec<Rule>> = BTreeMap::new();
    for rule in recorded(style.pace()) {
        groups.entry(rule.group).or_default().push(recording(rule));
    }
    for alert in alerts(style.pace(), style.limits()) {
        let group = groups.entry(alert.group).or_default();
        group.push(alerting(alert, style));
    }
    let groups = groups.into_iter().map(|(group, rules)| RuleGroup {
        name: group.word(),
        rules,
    });
    Rules {
        groups: groups.collect(),
    }
}

fn recording(rule: Recorded) -> Rule {
    Rule::Recording {
        record: rule.name,
        expr: rule.expr,
    }
}

fn alerting(alert: Alert, style: Style) -> Rule {
    let runbook = format!("{}/{}.md", style.runbooks(), alert.name);
    Rule::Alerting {
        alert: alert.name,
        expr: alert.expr,
        hold: style.pace().hold(alert.hold),
        labels: BTreeMap::from([
            ("severity", style.severity(alert.severity)),
            ("owner", style.owner(alert.owner)),
        ]),
        annotations: BTreeMap::from([
            ("summary", alert.summary.into()),
            ("description", alert.description.into()),
            ("runbook_url", runbook),
        ]),
    }
}
