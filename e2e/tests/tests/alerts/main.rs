//! Every alert fires once, and every panel of every dashboard shows something, on a real Prometheus that scrapes a real operator
//! on a real API server. Hours are shortened: windows and waits of the rules are divided by one factor, from the typed source
//! that the shipped rules come from. Needs `make controlplane`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::float_cmp,
    reason = "a test may panic; gauges of 0 and 1 are exact"
)]

mod broken;
mod dashboards;
mod hosts;
mod preview;
mod scene;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use kube_test::{Cluster, Prometheus};
use plimsoll_e2e::operator::Operator;
use plimsoll_monitoring::{
    Pace,
    alert::{Limits, alerts},
    rules::{Style, rules},
};

/// How long an alert may take to fire, at its pace.
const SOON: Duration = Duration::from_mins(2);

/// A Prometheus that scrapes these every second, with the rules at a pace.
async fn prometheus(targets: &[&str], pace: Pace) -> Prometheus {
    let rules = serde_yaml::to_string(&rules(Style::Plain(pace))).unwrap();
    Prometheus::start(targets, &rules).await.unwrap()
}

/// The names of alerts that fire now.
async fn firing(prometheus: &Prometheus) -> BTreeSet<String> {
    let samples = prometheus.query(r#"ALERTS{alertstate="firing"}"#).await.unwrap();
    samples
        .into_iter()
        .map(|sample| sample.labels["alertname"].clone())
        .collect()
}

/// Waits until each of these has fired, one at a time or together; gives all that fired.
async fn until_seen(prometheus: &Prometheus, expected: &[&str]) -> BTreeSet<String> {
    let (begin, mut seen) = (Instant::now(), BTreeSet::new());
    loop {
        seen.extend(firing(prometheus).await);
        let missing: Vec<&&str> = expected.iter().filter(|name| !seen.contains(**name)).collect();
        if missing.is_empty() {
            return seen;
        }
        if begin.elapsed() > SOON {
            let now = prometheus.query(r#"{__name__=~"plimsoll_.*"}"#).await.unwrap();
            let now: Vec<String> = now
                .iter()
                .map(|s| format!("{:?} {}", s.labels, s.value))
                .collect();
            panic!("{missing:?} did not fire; {seen:?} did\n{}", now.join("\n"));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// A day from now.
fn in_days(days: i64) -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date() + Span::new().days(days)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_alert_fires_and_every_panel_shows_something() {
    let cluster = Cluster::shared().await.unwrap();
    let host = hosts::Host::start().await;
    scene::install(&cluster, host.address).await;
    let args = ["--remediation", "--probing", "--access-interval=1s"];
    let operator = Operator::ready(&cluster, "first", &args).await;

    let mut seen = scene::alerts(&cluster, &operator).await;
    seen.extend(hosts::alerts(&operator, &host).await);
    seen.extend(broken::rights(&cluster, &operator).await);
    seen.extend(broken::leaders(&cluster, operator).await);
    seen.extend(broken::processes(&cluster).await);

    let all: BTreeSet<String> = alerts(Pace::REAL, Limits::Default)
        .iter()
        .map(|alert| alert.name.to_owned())
        .collect();
    let never: Vec<&String> = all.difference(&seen).collect();
    assert!(never.is_empty(), "never seen firing: {never:?}");
}
