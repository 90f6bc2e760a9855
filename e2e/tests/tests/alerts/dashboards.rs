//! What the panels ask for, asked.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use kube_test::Prometheus;
use plimsoll_monitoring::{Dashboard, dashboards};

/// How long series may take to appear.
const SOON: Duration = Duration::from_mins(1);

/// An expression with every variable at `All`, as Grafana fills it in.
pub(crate) fn filled(expr: &str) -> String {
    ["cluster", "job", "instance", "baseline", "environment", "host"]
        .iter()
        .fold(expr.to_owned(), |expr, name| {
            expr.replace(&format!("${name}\""), ".*\"")
        })
        .replace("$__rate_interval", "20s")
}

/// As part of an address.
pub(crate) fn encoded(text: &str) -> String {
    let kept = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    text.bytes()
        .map(|byte| {
            if kept(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// Every expression of every panel gives at least one series, now or a moment later.
pub(crate) async fn panels_show_something(prometheus: &Prometheus) {
    let all = dashboards();
    let mut empty: BTreeMap<(String, String), String> = all
        .iter()
        .flat_map(|dashboard: &Dashboard| {
            let queries = dashboard
                .panels()
                .flat_map(|panel| panel.queries.iter().map(move |query| (panel, query)));
            queries.map(|(panel, query)| {
                let key = (
                    dashboard.title.to_owned(),
                    format!("{}: {}", panel.title, query.legend),
                );
                (key, filled(&query.expr))
            })
        })
        .collect();
    let (begin, asked) = (Instant::now(), empty.len());
    while !empty.is_empty() {
        let mut still = BTreeMap::new();
        for (key, expr) in empty {
            assert!(!expr.contains('$'), "{key:?}: {expr}");
            if prometheus.query(&expr).await.unwrap().is_empty() {
                still.insert(key, expr);
            }
        }
        empty = still;
        assert!(
            empty.is_empty() || begin.elapsed() < SOON,
            "nothing to show: {empty:#?}"
        );
    }
    eprintln!("{asked} expressions of {} dashboards show something", all.len());
}
