//! How the operator itself is doing.

use plimsoll_metrics::{
    BUILD_INFO, EVALUATED_UNITS, EVALUATION_DURATION, EVALUATION_ERRORS, EVALUATIONS, EVENTS,
    EVIDENCE_WRITES, LAST_EVALUATION, LEADER, OBJECTS, PROCESS_CPU, PROCESS_FDS, PROCESS_MEMORY,
    PROCESS_START, READY, REMEDIATIONS, RIGHTS, SERVER_CERTIFICATE_NOT_AFTER, STATUS_WRITES,
    WATCHED_KIND_COVERAGE,
};

use super::{Dashboard, Look, Panel, Query, Row, Step, Unit, panel::NONE_IS_GOOD};
use crate::promql::{Reader::Panel as Shown, leaders, least, sum, worst};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "operator",
        title: "Plimsoll / Operator",
        description: "Whether the operator sees, evaluates and writes what it should, and what that costs: for who runs it.",
        variables: &[],
        rows: vec![
            Row {
                title: "Health",
                panels: health(),
            },
            Row {
                title: "What it sees",
                panels: coverage(),
            },
            Row {
                title: "What it may do",
                panels: access(),
            },
            Row {
                title: "What it does",
                panels: work(),
            },
            Row {
                title: "What it costs",
                panels: cost(),
            },
        ],
        from: "now-6h",
    }
}

fn rate(metric: &plimsoll_engine::metric::Metric, by: &str) -> String {
    sum(by, format!("rate({}[$__rate_interval])", Shown.of(metric, "")))
}

const FRESH: &[(Step, f64)] = &[(Step::Good, 0.0), (Step::Fair, 60.0), (Step::Bad, 300.0)];

fn health() -> Vec<Panel> {
    let stat = |title, description, unit, expr: String| {
        Panel::new(title, description, Look::Stat, unit).query(Query::new(title, expr))
    };
    vec![
        stat(
            "Replicas",
            "Replicas that are scraped. Two are the least that survive the loss of a node.",
            Unit::Count,
            format!("count({})", Shown.of(&BUILD_INFO, "")),
        )
        .steps(&[(Step::Bad, 0.0), (Step::Fair, 1.0), (Step::Good, 2.0)])
        .alerts(&["PlimsollDown"]),
        Panel::new(
            "Leaders",
            "Replicas that lead, for each duty: exactly one.",
            Look::Stat,
            Unit::Count,
        )
        .query(Query::new("{{duty}}", leaders(Shown)))
        .steps(&[(Step::Bad, 0.0), (Step::Good, 1.0), (Step::Bad, 2.0)])
        .alerts(&["PlimsollWithoutLeader", "PlimsollSeveralLeaders"]),
        stat(
            "Ready",
            "Replicas that have seen every kind they need.",
            Unit::Count,
            sum("", Shown.of(&READY, "")),
        )
        .steps(&[(Step::Bad, 0.0), (Step::Good, 1.0)])
        .alerts(&["PlimsollNotReady"]),
        stat(
            "Last evaluation",
            "How long ago the replica that is furthest behind evaluated.",
            Unit::Seconds,
            format!("max(time() - {})", Shown.of(&LAST_EVALUATION, "")),
        )
        .steps(FRESH)
        .alerts(&["PlimsollEvaluationStale"]),
        stat(
            "Evaluations that failed",
            "Evaluations that ended in a panic since the start: a bug, and Unknown verdicts.",
            Unit::Count,
            format!(
                "sum(increase({}[$__rate_interval]))",
                Shown.of(&EVALUATION_ERRORS, "")
            ),
        )
        .steps(NONE_IS_GOOD)
        .alerts(&["PlimsollControlPanicked"]),
        stat(
            "Up since",
            "When the youngest replica started.",
            Unit::FromNow,
            format!("1000 * max({})", Shown.of(&PROCESS_START, "")),
        ),
        Panel::new("Leader", "Which replica led when.", Look::States, Unit::Count)
            .query(Query::new(
                "{{instance}}",
                worst("instance", Shown.of(&LEADER, "")),
            ))
            .words(&[(1, "Leads", Step::Good), (0, "Follows", Step::Plain)])
            .alerts(&["PlimsollWithoutLeader"]),
        Panel::new(
            "Age of the last evaluation",
            "It evaluates every few seconds, whether something happens or not.",
            Look::Lines,
            Unit::Seconds,
        )
        .query(Query::new(
            "{{instance}}",
            format!("time() - {}", worst("instance", Shown.of(&LAST_EVALUATION, ""))),
        ))
        .steps(FRESH)
        .alerts(&["PlimsollEvaluationStale"]),
    ]
}

fn coverage() -> Vec<Panel> {
    let states = |matchers: &str| worst("kind, state", Shown.of(&WATCHED_KIND_COVERAGE, matchers));
    vec![
        Panel::new(
            "Kinds by state",
            "How many kinds are complete, absent (not served by this cluster: nothing is missing), or not seen.",
            Look::Bars,
            Unit::Count,
        )
        .query(Query::new("{{state}}", sum("state", states(""))))
        .size(8, 8),
        Panel::new(
            "Kinds that are not seen",
            "Kinds that may not be read, or not reliably: verdicts that need them are Unknown. Empty is good.",
            Look::Table {
                columns: &[("kind", "Kind"), ("state", "State")],
            },
            Unit::Count,
        )
        .query(Query::new("Seen", states(r#"state!~"complete|absent""#)))
        .alerts(&["PlimsollKindNotSeen"])
        .size(8, 8),
        Panel::new(
            "Objects held",
            "Objects in the memory of each replica.",
            Look::Lines,
            Unit::Count,
        )
        .query(Query::new("{{instance}}", worst("instance", Shown.of(&OBJECTS, ""))))
        .size(8, 8),
    ]
}

fn access() -> Vec<Panel> {
    vec![
        Panel::new(
            "Rights that are not as needed",
            "Rights that the operator needs and lacks, and rights that it has and does not need.",
            Look::Lines,
            Unit::Count,
        )
        .query(Query::new("{{problem}}", worst("problem", Shown.of(&RIGHTS, ""))))
        .steps(NONE_IS_GOOD)
        .alerts(&["PlimsollRights"])
        .size(12, 8),
        Panel::new(
            "Its own certificate",
            "When the certificate expires with which each replica serves its metrics and reports.",
            Look::Stat,
            Unit::FromNow,
        )
        .query(Query::new(
            "{{instance}}",
            format!(
                "1000 * {}",
                least("instance", Shown.of(&SERVER_CERTIFICATE_NOT_AFTER, ""))
            ),
        ))
        .alerts(&["PlimsollServerCertificateExpires"])
        .size(12, 8),
    ]
}

fn work() -> Vec<Panel> {
    let quantile = |q: &str| {
        let buckets = Shown.named(&format!("{EVALUATION_DURATION}_bucket"), "");
        format!(
            "histogram_quantile({q}, {})",
            sum("le", format!("rate({buckets}[$__rate_interval])"))
        )
    };
    let lines = |title, description, unit, queries: Vec<Query>| {
        let panel = Panel::new(title, description, Look::Lines, unit).size(8, 8);
        queries.into_iter().fold(panel, Panel::query)
    };
    vec![
        lines(
            "Evaluations",
            "Turns of the engine, per second and replica.",
            Unit::PerSecond,
            vec![Query::new("{{instance}}", rate(&EVALUATIONS, "instance"))],
        ),
        lines(
            "Units evaluated",
            "Verdicts reached anew, per second and replica: only what a change concerns is evaluated.",
            Unit::PerSecond,
            vec![Query::new("{{instance}}", rate(&EVALUATED_UNITS, "instance"))],
        ),
        lines(
            "Duration of evaluations",
            "How long a turn takes, over all replicas.",
            Unit::Seconds,
            vec![
                Query::new("median", quantile("0.5")),
                Query::new("99 %", quantile("0.99")),
            ],
        ),
        lines(
            "Writes of status and evidence",
            "Per second, by what became of them.",
            Unit::PerSecond,
            vec![
                Query::new("status {{outcome}}", rate(&STATUS_WRITES, "outcome")),
                Query::new("evidence {{outcome}}", rate(&EVIDENCE_WRITES, "outcome")),
            ],
        )
        .alerts(&["PlimsollWritesFail"]),
        lines(
            "Events",
            "Events about verdicts per second, by what became of them.",
            Unit::PerSecond,
            vec![Query::new("{{outcome}}", rate(&EVENTS, "outcome"))],
        ),
        lines(
            "Repairs",
            "Per second, by control and what became of them.",
            Unit::PerSecond,
            vec![Query::new(
                "{{control}} {{outcome}}",
                rate(&REMEDIATIONS, "control, outcome"),
            )],
        )
        .alerts(&["PlimsollRemediationIneffective"]),
    ]
}

fn cost() -> Vec<Panel> {
    let lines = |title, description, unit, expr: String| {
        Panel::new(title, description, Look::Lines, unit)
            .query(Query::new("{{instance}}", expr))
            .size(6, 8)
    };
    let each = |metric| worst("instance", Shown.of(metric, ""));
    vec![
        lines(
            "CPU",
            "CPU time used per second: 1 is a whole CPU.",
            Unit::Count,
            rate(&PROCESS_CPU, "instance"),
        ),
        lines("Memory", "Resident memory.", Unit::Bytes, each(&PROCESS_MEMORY)),
        lines(
            "Series per scrape",
            "How many series Prometheus reads from each replica: bounded, see the catalogue of metrics.",
            Unit::Count,
            worst("instance", Shown.named("scrape_samples_scraped", "")),
        ),
        lines(
            "Open files",
            "Open file descriptors, connections among them.",
            Unit::Count,
            each(&PROCESS_FDS),
        ),
    ]
}
