//! The catalogue: every metric the operator exports, once. The exporter writes nothing that is not here, and dashboards, rules
//! and documentation refer to these values, so that no name, label or unit can drift.
//!
//! Names end with their unit, counters are named without `_total` (see [`Metric`]'s `Display` for the name in an expression),
//! helps are one sentence without a full stop. No label names an object, a tenant, a person or a message; hosts only where
//! stated.

pub use plimsoll_engine::metric::{
    BACKUP_DUE, BACKUP_LAST_SUCCESS, Bound, Dimension, Fold, MEASURED, Metric, MetricKind, RESTORE_TEST_DUE,
    RESTORE_TEST_DURATION, RESTORE_TEST_LAST_SUCCESS, TLS_CERTIFICATE_NOT_AFTER, TLS_VERSION_ACCEPTED,
    UPTIME_COVERAGE, UPTIME_ERROR_BUDGET, UPTIME_RATIO, UPTIME_TARGET, Unit,
};

use Dimension::{Baselines, Controls, Environments, Families, Hosts, Kinds, Repairs};

/// Worst verdict per control and environment.
pub static CONTROL_STATUS: Metric = Metric::gauge(
    "plimsoll_control_status",
    Unit::None,
    "Worst verdict of a control in an environment: 1 pass, 0 fail, -1 unknown; absent where it judged nothing",
)
.with(
    &["baseline", "control", "family", "severity", "environment"],
    Bound::by(1, &[Baselines, Controls, Environments]),
);

/// How many findings; `result` is `fail`, `waived` or `unknown`.
pub static FINDINGS: Metric = Metric::gauge(
    "plimsoll_findings",
    Unit::None,
    "Findings that fail or are waived, and units whose verdict is unknown",
)
.with(
    &["baseline", "control", "severity", "environment", "result"],
    Bound::by(6, &[Baselines, Controls, Environments]),
);

/// How many units; `result` is `pass`, `fail`, `unknown`, `not_applicable` or `waived`.
pub static UNITS: Metric = Metric::gauge(
    "plimsoll_units",
    Unit::None,
    "Verdicts: how many units a control judged with each result",
)
.with(
    &["baseline", "control", "environment", "result"],
    Bound::by(5, &[Baselines, Controls, Environments]),
);

/// The share of what passes.
pub static COMPLIANCE_RATIO: Metric = Metric::gauge(
    "plimsoll_compliance_ratio",
    Unit::Ratio,
    "Share of what passes, weighted by severity; unknown counts as not passing",
)
.with(
    &["baseline", "environment", "family"],
    Bound::by(1, &[Baselines, Environments, Families]),
);

/// The score of a baseline.
pub static SCORE_RATIO: Metric = Metric::gauge(
    "plimsoll_score_ratio",
    Unit::Ratio,
    "Score of a baseline over all its controls",
)
.with(&["baseline"], Bound::by(1, &[Baselines]));

/// What is wrong with a baseline itself.
pub static BASELINE_PROBLEMS: Metric = Metric::gauge(
    "plimsoll_baseline_problems",
    Unit::None,
    "Parts of a baseline that the operator cannot accept",
)
.with(&["baseline"], Bound::by(1, &[Baselines]));

/// How old the oldest finding is.
pub static FINDING_OLDEST: Metric = Metric::gauge(
    "plimsoll_finding_oldest_seconds",
    Unit::Seconds,
    "Age of the oldest finding that fails; absent where none does",
)
.with(&["baseline", "severity"], Bound::by(4, &[Baselines]));

/// How many exceptions; `state` is `active`, `expired`, `inert` or `invalid`.
pub static EXCEPTIONS: Metric = Metric::gauge(
    "plimsoll_exceptions",
    Unit::None,
    "BaselineExceptions: active ones cover findings, inert ones none",
)
.with(&["state"], Bound::fixed(4));

/// When the next exception ends.
pub static EXCEPTION_NEXT_EXPIRY: Metric = Metric::gauge(
    "plimsoll_exception_next_expiry_timestamp_seconds",
    Unit::Seconds,
    "When the first of the active exceptions from a control expires; absent where there is none",
)
.with(&["control"], Bound::by(1, &[Controls]));

/// Repairs that wait for somebody.
pub static REMEDIATION_PENDING: Metric = Metric::gauge(
    "plimsoll_remediation_pending",
    Unit::None,
    "Failing units with a known repair that was not applied: it waits for a person, for approval or for its turn",
)
.with(&["control"], Bound::by(1, &[Repairs]));

/// Which controls in force support which requirements of which frameworks.
pub static CONTROL_MAPPING_INFO: Metric = Metric::gauge(
    "plimsoll_control_mapping_info",
    Unit::None,
    "Requirements of frameworks that a control in force supports; always 1",
)
.with(
    &["control", "framework", "requirement"],
    Bound::by(12, &[Controls]),
);

/// Repairs; `outcome` is `applied`, `failed`, `ineffective` (undone by somebody, again and again) or `managed_elsewhere`, `class` is `safe`, `approval` or `never`.
pub static REMEDIATIONS: Metric = Metric::counter(
    "plimsoll_remediations",
    Unit::None,
    "Repairs by what became of them",
)
.with(
    &["baseline", "control", "class", "outcome"],
    Bound::by(12, &[Baselines, Repairs]),
);

/// Attempts to reach a host; `result` is `success`, `failure` or `excluded` (maintenance).
pub static UPTIME_PROBES: Metric = Metric::counter(
    "plimsoll_uptime_probe",
    Unit::None,
    "Attempts to reach a host, by what became of them",
)
.with(&["host", "result"], Bound::by(3, &[Hosts]));

/// Whether a prober works here.
pub static PROBER_UP: Metric = Metric::gauge(
    "plimsoll_prober_up",
    Unit::None,
    "Whether this replica probes: 1 on the one that leads, 0 on the others; absent where probing is off",
);

/// What was measured and has no series.
pub static MEASURES_LEFT_OUT: Metric = Metric::gauge(
    "plimsoll_measures_left_out",
    Unit::None,
    "Series that a metric has no room for",
)
.with(&["metric"], Bound::fixed(MEASURED.len() as u64));

/// Whether this replica writes.
pub static LEADER: Metric = Metric::gauge(
    "plimsoll_leader",
    Unit::None,
    "Whether this replica leads and so writes: 1 or 0",
);

/// What a replica is there for: where reading, repairing and probing are separate, each has a leader of its own. `duty` is
/// `read`, `repair` or `probe`.
pub static DUTY: Metric = Metric::gauge(
    "plimsoll_duty",
    Unit::None,
    "Work that this replica does while it leads; always 1",
)
.with(&["duty"], Bound::fixed(3));

/// What is running.
pub static BUILD_INFO: Metric = Metric::gauge("plimsoll_build_info", Unit::None, "What is running; always 1")
    .with(&["version"], Bound::fixed(1));

/// Whether verdicts are published.
pub static READY: Metric = Metric::gauge(
    "plimsoll_ready",
    Unit::None,
    "Whether every needed kind was seen or is known not to become visible: 1 or 0",
);

/// When it last evaluated.
pub static LAST_EVALUATION: Metric = Metric::gauge(
    "plimsoll_last_evaluation_timestamp_seconds",
    Unit::Seconds,
    "When the engine last ran",
);

/// Turns of the engine.
pub static EVALUATIONS: Metric = Metric::counter("plimsoll_evaluations", Unit::None, "Turns of the engine");

/// Units evaluated.
pub static EVALUATED_UNITS: Metric =
    Metric::counter("plimsoll_evaluated_units", Unit::None, "Units evaluated");

/// Controls that panicked.
pub static EVALUATION_ERRORS: Metric = Metric::counter(
    "plimsoll_evaluation_errors",
    Unit::None,
    "Units whose control panicked: their verdict is unknown",
);

/// Buckets of [`EVALUATION_DURATION`], in seconds.
pub const EVALUATION_BUCKETS: [f64; 11] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0,
];

/// How long turns take.
pub static EVALUATION_DURATION: Metric = Metric::histogram(
    "plimsoll_evaluation_duration_seconds",
    Unit::Seconds,
    "Duration of a turn of the engine",
    EVALUATION_BUCKETS.len() as u64 + 3,
);

/// Objects held.
pub static OBJECTS: Metric = Metric::gauge("plimsoll_objects", Unit::None, "Objects held in memory");

/// What is seen of each kind; `state` is `syncing`, `absent`, `forbidden`, `complete`, `partial` or `stale`.
pub static WATCHED_KIND_COVERAGE: Metric = Metric::gauge(
    "plimsoll_watched_kind_coverage",
    Unit::None,
    "How much of a kind the operator sees: 1 for the state it is in",
)
.with(&["kind", "state"], Bound::by(1, &[Kinds]));

/// Rights that are not as they should be; `problem` is `missing` or `excess`.
pub static RIGHTS: Metric = Metric::gauge(
    "plimsoll_rights",
    Unit::None,
    "Rights of the operator that it needs and lacks, or has and does not need",
)
.with(&["problem"], Bound::fixed(2));

/// Events; `outcome` tells what became of them.
pub static EVENTS: Metric = Metric::counter(
    "plimsoll_events",
    Unit::None,
    "Events about verdicts, by what became of them",
)
.with(&["outcome"], Bound::fixed(20));

/// Writes of status.
pub static STATUS_WRITES: Metric = Metric::counter(
    "plimsoll_status_writes",
    Unit::None,
    "Writes of status by what became of them",
)
.with(&["outcome"], Bound::fixed(20));

/// Writes of evidence.
pub static EVIDENCE_WRITES: Metric = Metric::counter(
    "plimsoll_evidence_writes",
    Unit::None,
    "Writes of evidence by what became of them",
)
.with(&["outcome"], Bound::fixed(20));

/// Writes of reports for other tools; `outcome` is also `foreign` (somebody else's object has the name) and `terminating`.
pub static REPORT_WRITES: Metric = Metric::counter(
    "plimsoll_report_writes",
    Unit::None,
    "Writes of reports for other tools by what became of them",
)
.with(&["outcome"], Bound::fixed(20));

/// Requests to the operator; `outcome` is `allowed`, `unauthenticated`, `forbidden` or `unavailable`.
pub static REQUESTS: Metric = Metric::counter(
    "plimsoll_requests",
    Unit::None,
    "Requests for what only some may see, such as metrics, by whether they were let in",
)
.with(&["outcome"], Bound::fixed(4));

/// Until when the operator's own certificate is valid.
pub static SERVER_CERTIFICATE_NOT_AFTER: Metric = Metric::gauge(
    "plimsoll_server_certificate_not_after_timestamp_seconds",
    Unit::Seconds,
    "When the certificate with which the operator serves its metrics expires; absent where it serves plain HTTP",
);

/// CPU time of the process.
pub static PROCESS_CPU: Metric = Metric::counter(
    "process_cpu_seconds",
    Unit::Seconds,
    "CPU time used, user and system",
);

/// Memory of the process.
pub static PROCESS_MEMORY: Metric =
    Metric::gauge("process_resident_memory_bytes", Unit::Bytes, "Resident memory");

/// When the process started.
pub static PROCESS_START: Metric = Metric::gauge(
    "process_start_time_seconds",
    Unit::Seconds,
    "When the process started",
);

/// Open files of the process.
pub static PROCESS_FDS: Metric = Metric::gauge("process_open_fds", Unit::None, "Open file descriptors");

/// The operator's own metrics: everything but what controls measure.
static OWN: [&Metric; 37] = [
    &CONTROL_MAPPING_INFO,
    &CONTROL_STATUS,
    &FINDINGS,
    &UNITS,
    &COMPLIANCE_RATIO,
    &SCORE_RATIO,
    &BASELINE_PROBLEMS,
    &FINDING_OLDEST,
    &EXCEPTIONS,
    &EXCEPTION_NEXT_EXPIRY,
    &REMEDIATION_PENDING,
    &REMEDIATIONS,
    &UPTIME_PROBES,
    &PROBER_UP,
    &MEASURES_LEFT_OUT,
    &LEADER,
    &DUTY,
    &BUILD_INFO,
    &READY,
    &LAST_EVALUATION,
    &EVALUATIONS,
    &EVALUATED_UNITS,
    &EVALUATION_ERRORS,
    &EVALUATION_DURATION,
    &OBJECTS,
    &WATCHED_KIND_COVERAGE,
    &RIGHTS,
    &EVENTS,
    &STATUS_WRITES,
    &EVIDENCE_WRITES,
    &REPORT_WRITES,
    &REQUESTS,
    &SERVER_CERTIFICATE_NOT_AFTER,
    &PROCESS_CPU,
    &PROCESS_MEMORY,
    &PROCESS_START,
    &PROCESS_FDS,
];

/// Every metric that is exported.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    OWN.iter().chain(&MEASURED).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn is_snake(name: &str) -> bool {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    }

    #[test]
    fn names_and_helps_are_as_open_metrics_asks() {
        let mut names = BTreeSet::new();
        for metric in all() {
            assert!(names.insert(metric.name), "{} twice", metric.name);
            assert!(is_snake(metric.name), "{}", metric.name);
            assert!(metric.name.starts_with("plimsoll_") || metric.name.starts_with("process_"));
            for reserved in ["_total", "_count", "_sum", "_bucket", "_created"] {
                assert!(!metric.name.ends_with(reserved), "{}", metric.name);
            }
            if let Some(unit) = metric.unit.word() {
                assert!(
                    metric.name.ends_with(&format!("_{unit}")),
                    "{}: {unit}",
                    metric.name
                );
            }
            assert!(
                !metric.help.is_empty() && !metric.help.ends_with('.'),
                "{}",
                metric.name
            );
            assert!(metric.help.starts_with(char::is_uppercase), "{}", metric.name);
            assert!(
                metric.labels.iter().all(|label| is_snake(label)),
                "{}",
                metric.name
            );
        }
    }

    #[test]
    fn nothing_that_names_objects_tenants_or_people_is_a_label() {
        for metric in all() {
            for label in metric.labels {
                let forbidden = [
                    "namespace",
                    "name",
                    "object",
                    "tenant",
                    "user",
                    "message",
                    "pod",
                    "instance",
                    "job",
                ];
                assert!(!forbidden.contains(label), "{}: {label}", metric.name);
            }
        }
    }

    #[test]
    fn bounds_are_formulas_one_can_work_out() {
        assert_eq!(
            FINDINGS.bound.to_string(),
            "6 × baselines × controls × environments"
        );
        assert_eq!(UPTIME_RATIO.bound.to_string(), "hosts × windows, at most 2000");
        assert_eq!(LEADER.bound.to_string(), "1");
        let size = |dimension| match dimension {
            Dimension::Controls => 30,
            Dimension::Hosts => 5_000,
            _ => 2,
        };
        assert_eq!(FINDINGS.bound.of(size), 6 * 2 * 30 * 2);
        assert_eq!(UPTIME_RATIO.bound.of(size), 2_000);
        assert_eq!(REMEDIATIONS.to_string(), "plimsoll_remediations_total");
    }
}
