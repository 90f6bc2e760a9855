//! The dashboards as Grafana gets them.

use std::collections::BTreeSet;

use plimsoll_engine::metric::MetricKind;
use plimsoll_monitoring::{
    Dashboard, Pace,
    alert::{Limits, alerts},
    dashboard::{Look, Panel, Query, Unit},
    dashboards,
};
use promql_parser::label::MatchOp;
use rstest::rstest;
use serde_json::Value;

use crate::expression::{Measured, labels, measured, metric, parse, selectors};

fn list<'a>(value: &'a Value, pointer: &str) -> &'a Vec<Value> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .unwrap_or_else(|| panic!("no {pointer}"))
}

fn queries(dashboard: &Dashboard) -> Vec<(&Panel, &Query)> {
    dashboard
        .panels()
        .flat_map(|panel| panel.queries.iter().map(move |query| (panel, query)))
        .collect()
}

#[rstest]
fn identity_is_fixed_and_nothing_is_editable(#[values(0, 1, 2)] which: usize) {
    let dashboard = &dashboards()[which];
    let json = dashboard.json();
    assert_eq!(json["uid"], format!("plimsoll-{}", dashboard.name));
    assert!(json.get("id").is_none() && json.get("version").is_none());
    assert_eq!(json["editable"], false); // uneditable-dashboard
    assert!(dashboard.uid().len() <= 40, "Grafana's limit");
}

/// template-datasource-rule, template-job-rule, template-instance-rule, template-label-promql-rule,
/// template-on-time-change-reload-rule.
#[rstest]
fn variables_are_as_the_linter_wants_them(#[values(0, 1, 2)] which: usize) {
    let json = dashboards()[which].json();
    let variables = list(&json, "/templating/list");
    let of = |name: &str| {
        variables
            .iter()
            .find(|v| v["name"] == name)
            .unwrap_or_else(|| panic!("no {name}"))
    };
    assert_eq!(
        (&of("datasource")["type"], &of("datasource")["query"]),
        (&"datasource".into(), &"prometheus".into())
    );
    assert_eq!(of("datasource")["label"], "Data source");
    for (name, label) in [("job", "Job"), ("instance", "Instance")] {
        let variable = of(name);
        assert_eq!(variable["label"], label);
        assert_eq!(variable["multi"], true);
        assert_eq!(variable["allValue"], ".+");
    }
    for variable in variables.iter().filter(|v| v["type"] == "query") {
        assert_eq!(variable["datasource"]["uid"], "$datasource");
        assert_eq!(variable["refresh"], 2);
        let query = variable["query"].as_str().unwrap();
        let inner = query
            .strip_prefix("label_values(")
            .unwrap()
            .strip_suffix(')')
            .unwrap();
        let (selector, label) = inner.rsplit_once(", ").unwrap();
        assert!(labels(&parse(selector)).contains(label), "{query}");
    }
}

/// panel-title-description-rule, panel-no-targets-rule, panel-datasource-rule, panel-units-rule.
#[rstest]
fn panels_are_titled_described_and_measured(#[values(0, 1, 2)] which: usize) {
    let json = dashboards()[which].json();
    let mut titles = BTreeSet::new();
    for panel in list(&json, "/panels")
        .iter()
        .filter(|panel| panel["type"] != "row")
    {
        let title = panel["title"].as_str().unwrap();
        assert!(titles.insert(title.to_owned()), "{title} twice");
        assert!(
            panel["description"]
                .as_str()
                .is_some_and(|text| text.ends_with('.')),
            "{title}"
        );
        assert_eq!(panel["datasource"]["uid"], "$datasource", "{title}");
        assert!(!list(panel, "/targets").is_empty(), "{title}");
        for target in list(panel, "/targets") {
            assert_eq!(target["datasource"]["uid"], "$datasource", "{title}");
            assert!(!target["legendFormat"].as_str().unwrap().is_empty(), "{title}");
        }
        assert!(panel.pointer("/fieldConfig/defaults/unit").is_some(), "{title}");
    }
}

#[rstest]
fn panels_do_not_overlap_and_stay_within_the_width(#[values(0, 1, 2)] which: usize) {
    let json = dashboards()[which].json();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in list(&json, "/panels") {
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{}", panel["title"]);
        for (x, y) in
            (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(taken.insert((x, y)), "{} overlaps", panel["title"]);
        }
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}", panel["title"]);
    }
}

/// target-promql-rule, target-job-rule, target-instance-rule, target-rate-interval-rule, target-counter-agg-rule.
#[rstest]
fn expressions_keep_to_the_variables_and_the_catalogue(#[values(0, 1, 2)] which: usize) {
    let dashboard = &dashboards()[which];
    for (panel, query) in queries(dashboard) {
        let parsed = parse(&query.expr);
        for (selector, call) in selectors(&parsed) {
            for label in ["cluster", "job", "instance"] {
                let chosen = selector.matchers.matchers.iter().any(|matcher| {
                    matcher.name == label
                        && matches!(matcher.op, MatchOp::Re(_))
                        && matcher.value == format!("${label}")
                });
                assert!(chosen, "{}: {selector} is not narrowed by ${label}", panel.title);
            }
            let Some(metric) = metric(selector.name.as_deref().unwrap()) else {
                continue;
            };
            match metric.kind {
                MetricKind::Gauge => assert_eq!(call, None, "{}: a gauge has no rate", panel.title),
                MetricKind::Counter | MetricKind::Histogram => {
                    assert!(
                        matches!(call, Some("rate" | "increase")),
                        "{}: {metric} grows for ever",
                        panel.title
                    );
                }
            }
        }
        assert_eq!(
            query.expr.matches('[').count(),
            query.expr.matches("[$__rate_interval]").count(),
            "{}: a range that does not fit the scrape interval",
            panel.title
        );
    }
}

#[rstest]
fn units_are_those_of_what_is_asked_for(#[values(0, 1, 2)] which: usize) {
    let dashboard = &dashboards()[which];
    for (panel, query) in queries(dashboard) {
        let unit = query.unit.unwrap_or(panel.unit);
        let found = measured(&parse(&query.expr));
        let fits = match unit {
            Unit::Count | Unit::YesNo => found == Measured::Count,
            Unit::Share => found == Measured::Ratio,
            Unit::Seconds => found == Measured::Seconds,
            Unit::FromNow => found == Measured::Milliseconds,
            Unit::Bytes => found == Measured::Bytes,
            Unit::PerSecond => found == Measured::PerSecond,
        };
        assert!(fits, "{}: {unit:?}, but {} is {found:?}", panel.title, query.expr);
    }
}

/// A legend or a column that names a label which is not there stays empty.
#[rstest]
fn legends_and_columns_name_labels_that_are_there(#[values(0, 1, 2)] which: usize) {
    let dashboard = &dashboards()[which];
    for (panel, query) in queries(dashboard) {
        let has = labels(&parse(&query.expr));
        for named in query.legend.split("{{").skip(1) {
            let label = named.split("}}").next().unwrap();
            assert!(has.contains(label), "{}: {label} of {has:?}", panel.title);
        }
        if let Look::Table { columns } = panel.look {
            for (label, _) in columns {
                assert!(has.contains(*label), "{}: {label} of {has:?}", panel.title);
            }
        }
    }
}

#[test]
fn every_alert_about_something_shown_is_linked_and_every_link_leads_to_an_alert() {
    let names: BTreeSet<&str> = alerts(Pace::REAL, Limits::Default)
        .iter()
        .map(|alert| alert.name)
        .collect();
    let all = dashboards();
    let linked: BTreeSet<&str> = all
        .iter()
        .flat_map(Dashboard::panels)
        .flat_map(|panel| panel.alerts.iter().copied())
        .collect();
    assert!(linked.is_subset(&names), "{:?}", linked.difference(&names));
    // A baseline that is not accepted has no panel of its own; the dead-man's switch has nothing to show.
    let unlinked: Vec<&&str> = names.difference(&linked).collect();
    assert_eq!(unlinked, [&"PlimsollBaselineNotAccepted", &"PlimsollWatchdog"]);
}

#[rstest]
fn thresholds_rise(#[values(0, 1, 2)] which: usize) {
    for panel in dashboards()[which].panels() {
        let values: Vec<f64> = panel.steps.iter().map(|(_, from)| *from).collect();
        assert!(values.is_sorted(), "{}", panel.title);
        assert!(!values.is_empty(), "{}", panel.title);
    }
}
