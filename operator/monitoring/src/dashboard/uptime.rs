//! How available published hosts are, against their targets.

use plimsoll_engine::metric::Metric;
use plimsoll_metrics::{
    PROBER_UP, UPTIME_COVERAGE, UPTIME_ERROR_BUDGET, UPTIME_PROBES, UPTIME_RATIO, UPTIME_TARGET,
};

use super::{Dashboard, Look, Panel, Query, Row, Step, Unit, panel::NONE_IS_GOOD, variable::HOST};
use crate::promql::{Reader::Panel as Shown, least, sum, worst};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "uptime",
        title: "Plimsoll / Uptime",
        description: "How available published hosts are, by the operator's own probes: for owners of services. Needs a baseline \
                      with availability/uptime-slo and `probe: true`.",
        variables: &[HOST],
        rows: vec![
            Row {
                title: "Now",
                panels: now(),
            },
            Row {
                title: "Against the target",
                panels: target(),
            },
            Row {
                title: "Incidents",
                panels: incidents(),
            },
        ],
        from: "now-24h",
    }
}

const CHOSEN: &str = r#"host=~"$host""#;
const BURN: &[&str] = &["PlimsollUptimeBurnsFast", "PlimsollUptimeBurnsSlowly"];

fn highest(metric: &Metric) -> String {
    worst("host, window", Shown.of(metric, CHOSEN))
}

fn lowest(metric: &Metric) -> String {
    least("host, window", Shown.of(metric, CHOSEN))
}

/// Attempts with these results: only the replica that leads probes, so they add up.
fn attempts(results: &str, by: &str) -> String {
    let series = Shown.of(&UPTIME_PROBES, &format!("{results},{CHOSEN}"));
    sum(by, format!("rate({series}[$__rate_interval])"))
}

/// The share of attempts that failed.
fn failing() -> String {
    let counted = attempts(r#"result=~"success|failure""#, "host");
    format!(
        "({} or 0 * {counted}) / ({counted} > 0)",
        attempts(r#"result="failure""#, "host")
    )
}

fn now() -> Vec<Panel> {
    let missed = format!("count({} < 0)", lowest(&UPTIME_ERROR_BUDGET));
    vec![
        Panel::new(
            "Hosts measured",
            "Published hosts for which a baseline sets a target.",
            Look::Stat,
            Unit::Count,
        )
        .query(Query::new(
            "Hosts",
            format!("count({} > 0)", worst("host", Shown.of(&UPTIME_TARGET, CHOSEN))),
        )),
        Panel::new(
            "Below target",
            "Hosts that failed longer within their window than their target allows.",
            Look::Stat,
            Unit::Count,
        )
        .query(Query::new("Hosts", format!("{missed} or vector(0)")))
        .steps(NONE_IS_GOOD)
        .alerts(&["PlimsollUptimeTargetMissed"]),
        Panel::new(
            "Lowest budget",
            "How long the host that is closest to missing its target may still fail.",
            Look::Stat,
            Unit::Seconds,
        )
        .query(Query::new(
            "Budget",
            format!("min({})", lowest(&UPTIME_ERROR_BUDGET)),
        ))
        .steps(&[(Step::Bad, 0.0), (Step::Fair, 0.0), (Step::Good, 60.0)]),
        Panel::new(
            "Failing now",
            "Hosts of which an attempt failed within the last interval.",
            Look::Stat,
            Unit::Count,
        )
        .query(Query::new(
            "Hosts",
            format!("count({} > 0) or vector(0)", failing()),
        ))
        .steps(NONE_IS_GOOD)
        .alerts(BURN),
        Panel::new("Prober", "Whether a replica probes.", Look::Stat, Unit::YesNo)
            .query(Query::new("Prober", worst("", Shown.of(&PROBER_UP, ""))))
            .words(&[(1, "Up", Step::Good), (0, "Down", Step::Bad)])
            .alerts(&["PlimsollProberDown"]),
        Panel::new(
            "Attempts",
            "Attempts to reach hosts, per second.",
            Look::Stat,
            Unit::PerSecond,
        )
        .query(Query::new(
            "Attempts",
            attempts(r#"result=~"success|failure|excluded""#, ""),
        )),
    ]
}

fn target() -> Vec<Panel> {
    let columns = &[("host", "Host"), ("window", "Window")];
    vec![
        Panel::new(
            "Hosts",
            "Availability of each host over its window, its target, the time it may still fail, and the share of the window that \
             was measured at all: below the baseline's minCoverage the verdict is Unknown.",
            Look::Table { columns },
            Unit::Share,
        )
        .query(Query::new("Available", lowest(&UPTIME_RATIO)))
        .query(Query::new("Target", highest(&UPTIME_TARGET)))
        .query(Query::new("Budget left", lowest(&UPTIME_ERROR_BUDGET)).in_unit(Unit::Seconds))
        .query(Query::new("Measured", lowest(&UPTIME_COVERAGE)))
        .decimals(4)
        .alerts(&["PlimsollUptimeTargetMissed"])
        .size(24, 9),
        Panel::new(
            "Distance to the target",
            "Availability minus target: below zero the target is missed.",
            Look::Lines,
            Unit::Share,
        )
        .query(Query::new(
            "{{host}} over {{window}}",
            format!("{} - {}", lowest(&UPTIME_RATIO), highest(&UPTIME_TARGET)),
        ))
        .steps(&[(Step::Bad, 0.0), (Step::Good, 0.0)])
        .size(8, 8),
        Panel::new(
            "Budget left",
            "How long each host may still fail within its window; hours leave the window as they pass, so it also grows.",
            Look::Lines,
            Unit::Seconds,
        )
        .query(Query::new("{{host}} over {{window}}", lowest(&UPTIME_ERROR_BUDGET)))
        .steps(&[(Step::Bad, 0.0), (Step::Good, 0.0)])
        .alerts(&["PlimsollUptimeTargetMissed"])
        .size(8, 8),
        Panel::new(
            "Measured share of the window",
            "What was not measured (no leader, no network, probing off) is neither up nor down.",
            Look::Lines,
            Unit::Share,
        )
        .query(Query::new("{{host}} over {{window}}", lowest(&UPTIME_COVERAGE)))
        .range(0.0, 1.0)
        .size(8, 8),
    ]
}

fn incidents() -> Vec<Panel> {
    vec![
        Panel::new(
            "Incidents",
            "When attempts to reach each host failed.",
            Look::States,
            Unit::Count,
        )
        .query(Query::new("{{host}}", format!("{} > bool 0", failing())))
        .words(&[(0, "Answers", Step::Good), (1, "Fails", Step::Bad)])
        .alerts(BURN)
        .size(24, 8),
        Panel::new(
            "Failing attempts",
            "Share of attempts that failed.",
            Look::Lines,
            Unit::Share,
        )
        .query(Query::new("{{host}}", failing()))
        .range(0.0, 1.0)
        .alerts(BURN),
        Panel::new(
            "Burn rate",
            "How many times faster than its target allows a host fails: 1 uses up the budget exactly at the end of the window; \
             the alerts begin at 14.4 over an hour.",
            Look::Lines,
            Unit::Count,
        )
        .query(Query::new(
            "{{host}}",
            format!("{} / (1 - {} > 0)", failing(), worst("host", Shown.of(&UPTIME_TARGET, CHOSEN))),
        ))
        .steps(&[(Step::Good, 0.0), (Step::Fair, 1.0), (Step::Bad, 14.4)])
        .alerts(BURN),
    ]
}
