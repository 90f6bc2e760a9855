//! Alerts and dashboards: as files for everybody, and as the chart renders them.

use plimsoll_monitoring::{
    Alert, Owner, Pace, Severity,
    alert::{Limits, Threshold, alerts},
    dashboards,
    rules::{Style, rules},
};

use std::fmt::Write as _;

use crate::{Files, between, top};

const HEAD: &str = "# Generated from operator/monitoring; do not edit (operator/cli/tests/generated).\n";

pub(crate) fn files() -> Files {
    let yaml = |style| format!("{HEAD}{}", serde_yaml::to_string(&rules(style)).unwrap());
    let mut files = Files::from([
        ("alerts/rules.yaml".into(), yaml(Style::Plain(Pace::REAL))),
        ("charts/plimsoll/generated/rules.yaml".into(), yaml(Style::Chart)),
    ]);
    for dashboard in dashboards() {
        let text = format!("{:#}\n", dashboard.json());
        files.insert(format!("dashboards/{}.json", dashboard.name), text.clone());
        files.insert(
            format!("charts/plimsoll/generated/dashboard-{}.json", dashboard.name),
            text,
        );
    }
    for (page, name, list) in [
        ("docs/alerts.md", "alerts", list()),
        ("docs/alerts.md", "thresholds", thresholds()),
        ("docs/dashboards.md", "panels", panels()),
    ] {
        let text = files
            .remove(page)
            .unwrap_or_else(|| std::fs::read_to_string(top().join(page)).unwrap());
        files.insert(page.into(), between(&text, name, &list));
    }
    files
}

fn list() -> String {
    let mut list =
        String::from("| Alert | Severity | Owner | After | Says |\n| --- | --- | --- | --- | --- |\n");
    for alert in alerts(Pace::REAL, Limits::Default) {
        let Alert { name, summary, .. } = alert;
        let hold = Pace::REAL.hold(alert.hold).unwrap_or_else(|| "at once".into());
        let (severity, owner) = (alert.severity.word(), alert.owner.word());
        let says = summary.replace("{{ $labels.", "*").replace(" }}", "*");
        _ = writeln!(
            list,
            "| [{name}](runbooks/{name}.md) | {severity} | {owner} | {hold} | {says} |"
        );
    }
    list
}

fn thresholds() -> String {
    let mut list = String::from("| `alerts.thresholds` | Default | Decides |\n| --- | --- | --- |\n");
    for Threshold { name, days, about } in Threshold::ALL {
        _ = writeln!(list, "| `{name}` | {days} | {about} |");
    }
    list
}

fn panels() -> String {
    let mut list = String::new();
    for dashboard in dashboards() {
        _ = write!(list, "\n## {}\n\n{}\n\n", dashboard.title, dashboard.description);
        for row in &dashboard.rows {
            _ = writeln!(list, "**{}**\n", row.title);
            for panel in &row.panels {
                _ = writeln!(list, "- *{}*: {}", panel.title, panel.description);
            }
            list.push('\n');
        }
    }
    list
}

#[test]
fn every_severity_and_owner_is_a_value_of_the_chart() {
    let values = std::fs::read_to_string(top().join("charts/plimsoll/values.yaml")).unwrap();
    let values: serde_json::Value = serde_yaml::from_str(&values).unwrap();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let sorted = |words: &[&str]| {
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        words.sort();
        words
    };
    let alerts = &values["alerts"];
    assert_eq!(
        keys(&alerts["severities"]),
        sorted(&Severity::MAPPED.map(Severity::word))
    );
    assert_eq!(keys(&alerts["owners"]), sorted(&Owner::ALL.map(Owner::word)));
    for threshold in Threshold::ALL {
        assert_eq!(
            alerts["thresholds"][threshold.name], threshold.days,
            "{}",
            threshold.name
        );
    }
    assert_eq!(keys(&alerts["thresholds"]).len(), Threshold::ALL.len());
    assert_eq!(alerts["runbooks"], plimsoll_monitoring::RUNBOOKS);
}
