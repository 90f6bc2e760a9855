//! How the cluster stands against its baselines.

use plimsoll_engine::metric::Metric;
use plimsoll_metrics::{
    BACKUP_DUE, BACKUP_LAST_SUCCESS, COMPLIANCE_RATIO, CONTROL_MAPPING_INFO, CONTROL_STATUS,
    EXCEPTION_NEXT_EXPIRY, EXCEPTIONS, FINDING_OLDEST, FINDINGS, REMEDIATION_PENDING, REMEDIATIONS,
    RESTORE_TEST_DUE, SCORE_RATIO, TLS_CERTIFICATE_NOT_AFTER, TLS_VERSION_ACCEPTED, UNITS,
};

use super::{
    Dashboard, Look, Panel, Query, Row, Step, Unit,
    panel::{NONE_IS_BETTER, NONE_IS_GOOD, SHARE},
    variable::{BASELINE, ENVIRONMENT},
};
use crate::promql::{Reader::Panel as Shown, least, sum, worst};

/// What the variables choose.
const CHOSEN: &str = r#"baseline=~"$baseline",environment=~"$environment""#;

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "compliance",
        title: "Plimsoll / Compliance",
        description: "How the cluster stands against its SecurityBaselines: for administrators, owners of services and auditors. \
                      What is Unknown never counts as passing.",
        variables: &[BASELINE, ENVIRONMENT],
        rows: vec![
            Row {
                title: "Now",
                panels: now(),
            },
            Row {
                title: "By environment, family and framework",
                panels: shares(),
            },
            Row {
                title: "Worst first",
                panels: worst_first(),
            },
            Row {
                title: "Trend",
                panels: trend(),
            },
            Row {
                title: "Backups and certificates",
                panels: due(),
            },
            Row {
                title: "Accepted and repaired",
                panels: decided(),
            },
        ],
        from: "now-7d",
    }
}

/// A gauge of what the variables choose, once whatever the number of replicas.
fn chosen(metric: &Metric, matchers: &str, by: &str) -> String {
    let comma = if matchers.is_empty() { "" } else { "," };
    worst(by, Shown.of(metric, &format!("{matchers}{comma}{CHOSEN}")))
}

/// Findings with one result, by these labels; zero where there is none.
fn findings(result: &str, by: &str) -> String {
    let labels = "baseline, control, severity, environment";
    sum(by, chosen(&FINDINGS, result, labels))
}

fn units(results: &str, by: &str) -> String {
    sum(
        by,
        chosen(&UNITS, results, "baseline, control, environment, result"),
    )
}

fn of_baseline(metric: &Metric, by: &str) -> String {
    worst(by, Shown.of(metric, r#"baseline=~"$baseline""#))
}

fn now() -> Vec<Panel> {
    let count = |title, description, expr: String, steps, alerts| {
        Panel::new(title, description, Look::Stat, Unit::Count)
            .query(Query::new(title, expr))
            .steps(steps)
            .alerts(alerts)
    };
    // Without labels: what `vector` gives has none, and would stand beside the count.
    let or_none = |expr: String| format!("sum({expr}) or vector(0)");
    vec![
        Panel::new(
            "Score",
            "Share of what passes over all controls of the baseline, weighted by severity; Unknown counts as not passing.",
            Look::Stat,
            Unit::Share,
        )
        .query(Query::new("{{baseline}}", of_baseline(&SCORE_RATIO, "baseline")))
        .steps(SHARE)
        .range(0.0, 1.0)
        .decimals(1)
        .size(8, 4),
        count(
            "Critical findings",
            "Open findings of critical severity. Each alerts at once, and again after an hour.",
            or_none(findings(r#"result="fail",severity="critical""#, "")),
            NONE_IS_GOOD,
            &["PlimsollCriticalFindings", "PlimsollCriticalFindingsUnresolved"],
        ),
        count(
            "High findings",
            "Open findings of high severity.",
            or_none(findings(r#"result="fail",severity="high""#, "")),
            NONE_IS_GOOD,
            &[],
        ),
        count(
            "Unknown",
            "Units whose verdict is Unknown: something needed to judge them cannot be seen. They count as not passing.",
            or_none(findings(r#"result="unknown""#, "")),
            NONE_IS_BETTER,
            &["PlimsollUnknownRising"],
        ),
        count(
            "Waived",
            "Findings that an active BaselineException covers.",
            or_none(findings(r#"result="waived""#, "")),
            super::panel::PLAIN,
            &["PlimsollExceptionExpiresSoon"],
        ),
    ]
}

/// What belongs to no environment has an empty label, which a legend cannot show.
fn named(expr: &str) -> String {
    format!(r#"label_replace({expr}, "environment", "none", "environment", "")"#)
}

/// Pass, out of all that was judged.
fn passing(by: &str) -> String {
    let judged = units(r#"result=~"pass|fail|unknown""#, by);
    format!("({} or 0 * {judged}) / {judged}", units(r#"result="pass""#, by))
}

/// The same by what a framework asks for; a control may serve several requirements, and counts for each.
fn by_framework() -> String {
    let requirement = worst("control, framework", Shown.of(&CONTROL_MAPPING_INFO, ""));
    let mapped = |results: &str| {
        let units = units(results, "control");
        let joined = format!("{units} * on (cluster, job, control) group_right () {requirement}");
        sum("framework", joined)
    };
    let judged = mapped(r#"result=~"pass|fail|unknown""#);
    format!("({} or 0 * {judged}) / {judged}", mapped(r#"result="pass""#))
}

fn shares() -> Vec<Panel> {
    let bars = |title, description, query| {
        Panel::new(title, description, Look::Bars, Unit::Share)
            .query(query)
            .steps(SHARE)
            .range(0.0, 1.0)
            .size(8, 8)
    };
    let family = least("family", Shown.of(&COMPLIANCE_RATIO, CHOSEN));
    vec![
        bars(
            "Passing by environment",
            "Share of verdicts that pass in each environment. What belongs to no environment, such as cluster roles, is \
             `none`.",
            Query::new("{{environment}}", named(&passing("environment"))),
        ),
        bars(
            "Compliance by family",
            "Share of what passes in each family of controls, weighted by severity: the worst of the chosen baselines and \
             environments.",
            Query::new("{{family}}", family),
        ),
        bars(
            "Passing by framework",
            "Share of verdicts that pass among controls that a framework's requirements map to. It supports an audit and \
             replaces none.",
            Query::new("{{framework}}", by_framework()),
        ),
    ]
}

fn worst_first() -> Vec<Panel> {
    let controls = findings(r#"result="fail""#, "control, severity");
    vec![
        Panel::new(
            "Controls with most findings",
            "The 15 controls with most open findings. `kubectl get securitybaseline NAME -o yaml` has the worst of them by object.",
            Look::Table {
                columns: &[("control", "Control"), ("severity", "Severity")],
            },
            Unit::Count,
        )
        .query(Query::new("Findings", format!("topk(15, {controls} > 0)")))
        .steps(NONE_IS_GOOD),
        Panel::new(
            "Oldest open finding",
            "How long the oldest finding of each severity has been open. It survives restarts of the operator.",
            Look::Bars,
            Unit::Seconds,
        )
        .query(Query::new(
            "{{baseline}} {{severity}}",
            of_baseline(&FINDING_OLDEST, "baseline, severity"),
        ))
        .steps(&[(Step::Good, 0.0), (Step::Fair, 604_800.0), (Step::Bad, 2_592_000.0)]),
        Panel::new(
            "Status of controls",
            "The worst verdict of each control over time. A control without a line judged nothing.",
            Look::States,
            Unit::Count,
        )
        .query(Query::new(
            "{{control}} {{environment}}",
            named(&least("control, environment", Shown.of(&CONTROL_STATUS, CHOSEN))),
        ))
        .words(&[
            (1, "Pass", Step::Good),
            (0, "Fail", Step::Bad),
            (-1, "Unknown", Step::Unknown),
        ])
        .size(24, 14),
    ]
}

fn trend() -> Vec<Panel> {
    vec![
        Panel::new(
            "Score over time",
            "The score of each baseline.",
            Look::Lines,
            Unit::Share,
        )
        .query(Query::new("{{baseline}}", of_baseline(&SCORE_RATIO, "baseline")))
        .steps(SHARE)
        .range(0.0, 1.0)
        .decimals(1)
        .size(8, 8),
        Panel::new(
            "Open findings by severity",
            "Findings that fail; waived ones are left out.",
            Look::Stack,
            Unit::Count,
        )
        .query(Query::new(
            "{{severity}}",
            findings(r#"result="fail""#, "severity"),
        ))
        .size(8, 8),
        Panel::new(
            "Verdicts by result",
            "How many units were judged with each result: a growing share of unknown deserves a look.",
            Look::Stack,
            Unit::Count,
        )
        .query(Query::new(
            "{{result}}",
            units(r#"result=~"pass|fail|unknown|waived""#, "result"),
        ))
        .alerts(&["PlimsollUnknownRising"])
        .size(8, 8),
    ]
}

fn due() -> Vec<Panel> {
    let environment = r#"environment=~"$environment""#;
    let by = "environment, target_kind, target";
    let in_time = |expr: String| format!("1000 * {expr}");
    let database = &[
        ("environment", "Environment"),
        ("target_kind", "Kind"),
        ("target", "Database (opaque id)"),
    ];
    vec![
        Panel::new(
            "Backups of databases",
            "When the last backup of each database succeeded, and when it becomes too old by its baseline.",
            Look::Table { columns: database },
            Unit::FromNow,
        )
        .query(Query::new(
            "Last success",
            in_time(worst(by, Shown.of(&BACKUP_LAST_SUCCESS, environment))),
        ))
        .query(Query::new("Too old", in_time(worst(by, Shown.of(&BACKUP_DUE, environment)))))
        .alerts(&["PlimsollBackupTooOld"])
        .size(8, 8),
        Panel::new(
            "Restore tests due",
            "How long the last verified restore of each database still counts, by the mechanism it was backed up with.",
            Look::Bars,
            Unit::Seconds,
        )
        .query(Query::new(
            "{{environment}} {{target_kind}} {{target}} {{mechanism}}",
            format!(
                "{} - time()",
                least(&format!("{by}, mechanism"), Shown.of(&RESTORE_TEST_DUE, environment))
            ),
        ))
        .steps(&[(Step::Bad, 0.0), (Step::Fair, 0.0), (Step::Good, 2_592_000.0)])
        .alerts(&["PlimsollRestoreTestDue"])
        .size(8, 8),
        Panel::new(
            "Certificates and TLS of published hosts",
            "How long the certificate that each host showed is still valid, and the oldest version of TLS that it accepts.",
            Look::Table { columns: &[("host", "Host")] },
            Unit::Seconds,
        )
        .query(Query::new(
            "Valid for",
            format!("{} - time()", least("host", Shown.of(&TLS_CERTIFICATE_NOT_AFTER, ""))),
        ))
        .query(
            Query::new(
                "Accepts TLS 1.0 or 1.1",
                worst("host", Shown.of(&TLS_VERSION_ACCEPTED, r#"version=~"1.0|1.1""#)),
            )
            .in_unit(Unit::YesNo),
        )
        .steps(&[(Step::Bad, 0.0), (Step::Fair, 259_200.0), (Step::Good, 1_209_600.0)])
        .alerts(&["PlimsollCertificateExpiresSoon", "PlimsollCertificateExpires"])
        .size(8, 8),
    ]
}

fn decided() -> Vec<Panel> {
    vec![
        Panel::new(
            "Exceptions",
            "BaselineExceptions by state: active ones cover findings, inert ones none, expired ones count again.",
            Look::Bars,
            Unit::Count,
        )
        .query(Query::new("{{state}}", worst("state", Shown.of(&EXCEPTIONS, ""))))
        .size(6, 7),
        Panel::new(
            "Next exception to expire",
            "How long the first active exception from each control still holds.",
            Look::Bars,
            Unit::Seconds,
        )
        .query(Query::new(
            "{{control}}",
            format!("{} - time()", least("control", Shown.of(&EXCEPTION_NEXT_EXPIRY, ""))),
        ))
        .steps(&[(Step::Bad, 0.0), (Step::Fair, 0.0), (Step::Good, 1_209_600.0)])
        .alerts(&["PlimsollExceptionExpiresSoon"])
        .size(6, 7),
        Panel::new(
            "Repairs that wait",
            "Failing units with a known repair that was not made: it waits for a person, for approval or for its turn.",
            Look::Bars,
            Unit::Count,
        )
        .query(Query::new("{{control}}", worst("control", Shown.of(&REMEDIATION_PENDING, ""))))
        .size(6, 7),
        Panel::new(
            "Repairs",
            "Repairs by what became of them. Only the leader repairs.",
            Look::Stack,
            Unit::Count,
        )
        .query(Query::new(
            "{{outcome}}",
            sum(
                "outcome",
                format!(
                    "increase({}[$__rate_interval])",
                    Shown.of(&REMEDIATIONS, r#"baseline=~"$baseline""#)
                ),
            ),
        ))
        .alerts(&["PlimsollRemediationIneffective"])
        .size(6, 7),
    ]
}
