//! Alerts about availability: how fast a host uses up the failures that its target allows, over several windows at once, as the
//! SRE Workbook has it ("Alerting on SLOs", multiwindow, multi-burn-rate), and the rules that record what they compare.

use plimsoll_metrics::{PROBER_UP, UPTIME_ERROR_BUDGET, UPTIME_PROBES, UPTIME_TARGET};

use super::{Alert, Group, Owner, Recorded, Severity};
use crate::promql::{DAY, HOUR, MINUTE, Pace, Reader::Rule, least, sum, worst};

/// A burn rate over a long window, confirmed by a short one, so that the alert ends soon after the failures do.
struct Burn {
    /// How many times faster than what the target allows.
    rate: &'static str,
    long: u32,
    short: u32,
}

/// 2 % of a month's allowance in an hour, 5 % in six hours.
const FAST: [Burn; 2] = [
    Burn {
        rate: "14.4",
        long: HOUR,
        short: 5 * MINUTE,
    },
    Burn {
        rate: "6",
        long: 6 * HOUR,
        short: 30 * MINUTE,
    },
];
/// 10 % in a day, 10 % in three days.
const SLOW: [Burn; 2] = [
    Burn {
        rate: "3",
        long: DAY,
        short: 2 * HOUR,
    },
    Burn {
        rate: "1",
        long: 3 * DAY,
        short: 6 * HOUR,
    },
];
/// Every window of these.
const WINDOWS: [u32; 7] = [5 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, DAY, 3 * DAY];
/// What a host may fail, as a share of its attempts.
const ALLOWED: &str = "host:plimsoll_uptime_allowed_failures:ratio";

/// The share of attempts that failed within a window, by its name.
fn failures(window: u32) -> String {
    format!(
        "host:plimsoll_uptime_probe_failures:ratio_rate{}",
        crate::promql::written(window)
    )
}

/// What the alerts compare.
pub(super) fn recorded(pace: Pace) -> Vec<Recorded> {
    let by_host = |name: String, expr: String| Recorded {
        group: Group::Uptime,
        name,
        labels: &["host"],
        expr,
    };
    let allowed = by_host(
        ALLOWED.into(),
        format!("1 - {}", worst("host", Rule.of(&UPTIME_TARGET, ""))),
    );
    let failing = WINDOWS.map(|window| {
        let rate = |results: &str| {
            let series = Rule.of(&UPTIME_PROBES, results);
            sum("host", format!("rate({series}[{}])", pace.span(window)))
        };
        let (failed, counted) = (rate(r#"result="failure""#), rate(r#"result=~"success|failure""#));
        by_host(
            failures(window),
            format!("({failed} or 0 * {counted}) / ({counted} > 0)"),
        )
    });
    [allowed].into_iter().chain(failing).collect()
}

/// One lost attempt is no outage, however little the target allows: at least two have to fail in the long window.
fn burns(pace: Pace, burn: &Burn) -> String {
    let exceeds = |window| {
        format!(
            "{} > on ({}, host) {} * {ALLOWED}",
            failures(window),
            crate::promql::SCOPE,
            burn.rate
        )
    };
    let lost = sum(
        "host",
        format!(
            "increase({}[{}])",
            Rule.of(&UPTIME_PROBES, r#"result="failure""#),
            pace.span(burn.long)
        ),
    );
    format!(
        "({} and {} and {lost} > 1.5)",
        exceeds(burn.long),
        exceeds(burn.short)
    )
}

pub(super) fn alerts(pace: Pace) -> Vec<Alert> {
    let any = |all: &[Burn; 2]| all.each_ref().map(|burn| burns(pace, burn)).join(" or ");
    let alert = |name, severity, expr, hold, summary, description| Alert {
        name,
        group: Group::Uptime,
        severity,
        owner: Owner::Service,
        expr,
        hold,
        summary,
        description,
    };
    vec![
        alert(
            "PlimsollUptimeBurnsFast",
            Severity::Critical,
            any(&FAST),
            0,
            "{{ $labels.host }} is failing",
            "{{ $value | humanizePercentage }} of the attempts to reach {{ $labels.host }} failed within the last hours, the last \
             minutes included: what its target allows in a month is used up within days.",
        ),
        alert(
            "PlimsollUptimeBurnsSlowly",
            Severity::Warning,
            any(&SLOW),
            0,
            "{{ $labels.host }} fails more often than its target allows",
            "{{ $value | humanizePercentage }} of the attempts to reach {{ $labels.host }} failed within the last days, the last \
             hours included: at this rate its target will be missed.",
        ),
        alert(
            "PlimsollUptimeTargetMissed",
            Severity::Warning,
            format!("{} < 0", least("host, window", Rule.of(&UPTIME_ERROR_BUDGET, ""))),
            5 * MINUTE,
            "{{ $labels.host }} missed its target",
            "{{ $labels.host }} failed longer within {{ $labels.window }} than its target allows; its budget stands at \
             {{ $value | humanizeDuration }}.",
        ),
        Alert {
            owner: Owner::Platform,
            ..alert(
                "PlimsollProberDown",
                Severity::Warning,
                format!("{} == 0", worst("", Rule.of(&PROBER_UP, ""))),
                5 * MINUTE,
                "Published hosts are not probed",
                "Probing is switched on and no replica of the operator ({{ $labels.job }}) probes: handshakes and availability grow \
                 stale, and then Unknown.",
            )
        },
    ]
}
