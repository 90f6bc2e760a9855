//! Alerts and recording rules.

use std::{collections::BTreeSet, fs, path::PathBuf};

use plimsoll_engine::metric::MetricKind;
use plimsoll_monitoring::{
    Alert, Pace, Severity,
    alert::{Limits, Threshold, alerts, recorded},
    rules::{Rule, Style, rules},
};

use crate::expression::{labels, measured, metric, parse, selectors};

fn all() -> Vec<Alert> {
    alerts(Pace::REAL, Limits::Default)
}

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn expressions_fit_the_catalogue() {
    let alerts = all().into_iter().map(|alert| alert.expr);
    for expr in alerts.chain(recorded(Pace::REAL).into_iter().map(|rule| rule.expr)) {
        let parsed = parse(&expr);
        _ = (labels(&parsed), measured(&parsed));
        for (selector, call) in selectors(&parsed) {
            let Some(metric) = metric(selector.name.as_deref().unwrap()) else {
                continue;
            };
            if metric.kind == MetricKind::Gauge {
                assert_eq!(call, None, "{expr}: a gauge has no rate");
            }
        }
    }
}

#[test]
fn recording_rules_have_the_labels_that_alerts_expect() {
    for rule in recorded(Pace::REAL) {
        let found: Vec<String> = labels(&parse(&rule.expr)).into_iter().collect();
        let mut expected: Vec<&str> = rule.labels.iter().copied().chain(["cluster", "job"]).collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{}", rule.name);
        assert!(
            rule.name.starts_with(&format!("{}:", rule.labels.join("_"))),
            "{}",
            rule.name
        );
    }
}

#[test]
fn alerts_are_named_owned_and_explained() {
    let mut names = BTreeSet::new();
    for alert in all() {
        assert!(names.insert(alert.name), "{} twice", alert.name);
        assert!(alert.name.starts_with("Plimsoll"), "{}", alert.name);
        assert!(
            !alert.summary.ends_with('.') && alert.description.ends_with('.'),
            "{}",
            alert.name
        );
    }
}

/// What a template names has to be there, or the message has a hole.
#[test]
fn texts_name_labels_that_the_alert_has() {
    for alert in all() {
        let has = labels(&parse(&alert.expr));
        for text in [alert.summary, alert.description] {
            for named in text.split("$labels.").skip(1) {
                let label: String = named
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                assert!(
                    has.contains(&label),
                    "{}: no label {label} among {has:?}",
                    alert.name
                );
            }
        }
    }
}

/// Objects and tenants are nobody's business at the receiver of an alert.
#[test]
fn alerts_carry_no_label_that_names_an_object_or_tenant() {
    let known = [
        "baseline",
        "cluster",
        "control",
        "duty",
        "environment",
        "host",
        "instance",
        "job",
        "kind",
        "mechanism",
        "outcome",
        "problem",
        "state",
        "target",
        "target_kind",
        "window",
    ];
    for alert in all() {
        for label in labels(&parse(&alert.expr)) {
            assert!(known.contains(&label.as_str()), "{}: {label}", alert.name);
        }
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let folder = top().join("docs/runbooks");
    let mut pages: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    for alert in all() {
        let file = format!("{}.md", alert.name);
        let page =
            fs::read_to_string(folder.join(&file)).unwrap_or_else(|_| panic!("no docs/runbooks/{file}"));
        assert!(page.starts_with(&format!("# {}\n", alert.name)), "{file}");
        for part in ["## What it means", "## What to look at", "## What to do"] {
            assert!(page.contains(part), "{file} lacks {part:?}");
        }
        pages.remove(&file);
    }
    assert!(pages.is_empty(), "{pages:?} belong to no alert");
}

#[test]
fn the_chart_can_replace_every_mark() {
    let text = serde_json::to_string(&rules(Style::Chart)).unwrap();
    for threshold in Threshold::ALL {
        assert!(text.contains(&threshold.mark()), "{}", threshold.name);
    }
    for group in rules(Style::Chart).groups {
        for rule in group.rules {
            let Rule::Alerting {
                alert,
                labels,
                annotations,
                ..
            } = rule
            else {
                continue;
            };
            assert!(labels["owner"].starts_with("@owner:"), "{alert}");
            assert!(annotations["runbook_url"].starts_with("@runbooks@/"), "{alert}");
            assert!(
                labels["severity"].starts_with("@severity:") || labels["severity"] == Severity::None.word(),
                "{alert}"
            );
        }
    }
    assert!(
        !serde_json::to_string(&rules(Style::Plain(Pace::REAL)))
            .unwrap()
            .contains('@')
    );
}
