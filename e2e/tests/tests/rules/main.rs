//! Each alert by Prometheus' own promtool: fires when it should, says what it should, and stays silent when it should. Needs
//! `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod case;
mod findings;
mod measured;
mod operator;
mod uptime;

use std::{collections::BTreeMap, fs};

use case::{Case, document};
use kube_test::promtool;
use plimsoll_monitoring::{
    Pace,
    alert::{Limits, alerts},
    rules::{Style, rules},
};

fn cases() -> Vec<Case> {
    [
        findings::cases(),
        measured::cases(),
        uptime::cases(),
        operator::cases(),
    ]
    .concat()
}

#[tokio::test]
async fn promtool_finds_nothing_wrong_with_the_rules() {
    let text = serde_yaml::to_string(&rules(Style::Plain(Pace::REAL))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    fs::write(&file, text).unwrap();
    let output = promtool(
        &[
            "check",
            "rules",
            "--lint=all",
            "--lint-fatal",
            file.to_str().unwrap(),
        ],
        "",
    )
    .await;
    output.unwrap();
}

#[tokio::test]
async fn every_alert_fires_when_it_should_and_is_silent_when_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let text = serde_yaml::to_string(&rules(Style::Plain(Pace::REAL))).unwrap();
    fs::write(folder.path().join("rules.yaml"), text).unwrap();
    let tests = folder.path().join("tests.yaml");
    fs::write(&tests, format!("{:#}", document(&cases()))).unwrap();
    let output = promtool(&["test", "rules", tests.to_str().unwrap()], "").await;
    output.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_alert_has_a_case_of_each() {
    let mut seen: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for case in cases() {
        let (fires, silent) = seen.entry(case.alert).or_default();
        *(if case.fires.is_empty() { silent } else { fires }) += 1;
    }
    for alert in alerts(Pace::REAL, Limits::Default) {
        let (fires, silent) = seen.get(alert.name).copied().unwrap_or_default();
        assert!(
            fires > 0 && silent > 0,
            "{}: {fires} fire, {silent} are silent",
            alert.name
        );
    }
}
