//! A case of an alert, and how promtool reads it.

use std::collections::BTreeMap;

use plimsoll_monitoring::{
    Alert, Pace, RUNBOOKS,
    alert::{Limits, alerts},
};
use serde_json::{Value, json};

/// What Prometheus scraped, a sample a minute from the epoch on, and what fires then.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) alert: &'static str,
    about: &'static str,
    series: Vec<(String, String)>,
    at: &'static str,
    pub(crate) fires: Vec<Firing>,
}

/// An alert that fires: its labels besides severity and owner, and what it says.
#[derive(Clone)]
pub(crate) struct Firing {
    labels: Vec<(&'static str, &'static str)>,
    description: &'static str,
}

/// Begins a case.
pub(crate) const fn case(alert: &'static str, about: &'static str) -> Case {
    Case {
        alert,
        about,
        series: Vec::new(),
        at: "0m",
        fires: Vec::new(),
    }
}

impl Case {
    /// A series in promtool's notation.
    pub(crate) fn series(mut self, series: &str, values: impl Into<String>) -> Self {
        // As scraped: from one of two replicas, unless the case says which.
        let target = if series.contains("instance=") {
            r#"job="plimsoll""#
        } else {
            r#"job="plimsoll",instance="a""#
        };
        let series = match series.split_once('{') {
            Some((name, rest)) => format!("{name}{{{target},{rest}"),
            None => format!("{series}{{{target}}}"),
        };
        self.series.push((series, values.into()));
        self
    }

    /// When is asked.
    pub(crate) const fn at(mut self, at: &'static str) -> Self {
        self.at = at;
        self
    }

    /// What fires then; nothing, if this is not said.
    pub(crate) fn fires(
        mut self,
        labels: &[(&'static str, &'static str)],
        description: &'static str,
    ) -> Self {
        self.fires.push(Firing {
            labels: labels.to_vec(),
            description,
        });
        self
    }
}

fn alert(name: &str) -> Alert {
    let all = alerts(Pace::REAL, Limits::Default);
    all.into_iter()
        .find(|alert| alert.name == name)
        .unwrap_or_else(|| panic!("no alert {name}"))
}

fn expected(alert: &Alert, firing: &Firing) -> Value {
    let mut labels: BTreeMap<&str, &str> = firing.labels.iter().copied().collect();
    let summary = labels
        .iter()
        .fold(alert.summary.to_owned(), |text, (label, value)| {
            text.replace(&format!("{{{{ $labels.{label} }}}}"), value)
        });
    labels.insert("severity", alert.severity.word());
    labels.insert("owner", alert.owner.word());
    let runbook = format!("{RUNBOOKS}/{}.md", alert.name);
    json!({
        "exp_labels": labels,
        "exp_annotations": { "summary": summary, "description": firing.description, "runbook_url": runbook },
    })
}

/// The file of `promtool test rules`, beside `rules.yaml`.
pub(crate) fn document(cases: &[Case]) -> Value {
    let test = |case: &Case| {
        let alert = alert(case.alert);
        let series: Vec<Value> = case
            .series
            .iter()
            .map(|(series, values)| json!({ "series": series, "values": values }))
            .collect();
        let fires: Vec<Value> = case.fires.iter().map(|firing| expected(&alert, firing)).collect();
        json!({
            "name": format!("{}: {}", case.alert, case.about),
            "interval": "1m",
            "input_series": series,
            "alert_rule_test": [{ "alertname": case.alert, "eval_time": case.at, "exp_alerts": fires }],
        })
    };
    let tests: Vec<Value> = cases.iter().map(test).collect();
    json!({ "rule_files": ["rules.yaml"], "evaluation_interval": "1m", "fuzzy_compare": true, "tests": tests })
}
