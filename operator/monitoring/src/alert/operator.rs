//! Alerts about the operator itself: who watches the watcher.

use plimsoll_metrics::{
    BUILD_INFO, EVALUATION_ERRORS, EVIDENCE_WRITES, LAST_EVALUATION, READY, RIGHTS,
    SERVER_CERTIFICATE_NOT_AFTER, STATUS_WRITES, WATCHED_KIND_COVERAGE,
};

use super::{Alert, Group, Limits, Owner, Severity, threshold::CERTIFICATE_URGENT};
use crate::promql::{MINUTE, Pace, Reader::Rule, leaders, least, sum, worst};

/// Evaluations are a few seconds apart, whether something happens or not.
const STALE: u32 = 5 * MINUTE;

fn alert(
    name: &'static str,
    severity: Severity,
    expr: String,
    hold: u32,
    [summary, description]: [&'static str; 2],
) -> Alert {
    Alert {
        name,
        group: Group::Operator,
        severity,
        owner: Owner::Platform,
        expr,
        hold,
        summary,
        description,
    }
}

pub(super) fn alerts(pace: Pace, limits: Limits) -> Vec<Alert> {
    let mut all = alive(pace);
    all.extend(leading());
    all.extend(working(pace));
    all.extend(prepared(limits));
    all
}

/// Whether it runs and evaluates.
fn alive(pace: Pace) -> Vec<Alert> {
    let stale = pace.seconds(STALE);
    vec![
        alert(
            "PlimsollDown",
            Severity::Critical,
            format!("absent({})", Rule.of(&BUILD_INFO, "")),
            5 * MINUTE,
            [
                "The operator is down",
                "Prometheus sees no replica of the operator: nothing is measured, nothing repaired, and every other alert of \
                 Plimsoll is silent.",
            ],
        ),
        alert(
            "PlimsollNotReady",
            Severity::Warning,
            format!("{} == 0", least("instance", Rule.of(&READY, ""))),
            10 * MINUTE,
            [
                "The operator on {{ $labels.instance }} is not ready",
                "The replica {{ $labels.instance }} has not yet seen all the kinds it needs, and publishes no verdict.",
            ],
        ),
        alert(
            "PlimsollEvaluationStale",
            Severity::Critical,
            format!(
                "time() - {} > {stale}",
                worst("instance", Rule.of(&LAST_EVALUATION, ""))
            ),
            MINUTE,
            [
                "The operator on {{ $labels.instance }} does not evaluate",
                "The replica {{ $labels.instance }} evaluated for the last time {{ $value | humanizeDuration }} ago: its verdicts \
                 are out of date.",
            ],
        ),
        Alert {
            severity: Severity::None,
            ..alert(
                "PlimsollWatchdog",
                Severity::None,
                format!("time() - {} < {stale}", worst("", Rule.of(&LAST_EVALUATION, ""))),
                0,
                [
                    "Plimsoll is at work",
                    "This alert always fires while the operator evaluates, Prometheus evaluates rules and Alertmanager delivers: \
                     have its receiver raise an alarm when it falls silent.",
                ],
            )
        },
    ]
}

/// Whether exactly one replica writes.
fn leading() -> Vec<Alert> {
    vec![
        alert(
            "PlimsollWithoutLeader",
            Severity::Critical,
            format!("{} == 0", leaders(Rule)),
            2 * MINUTE,
            [
                "No replica of the operator leads for the duty {{ $labels.duty }}",
                "The replicas of {{ $labels.job }} evaluate, but none leads for the duty {{ $labels.duty }} (read: status and \
                 evidence; repair; probe): it is not done.",
            ],
        ),
        alert(
            "PlimsollSeveralLeaders",
            Severity::Critical,
            format!("{} > 1", leaders(Rule)),
            2 * MINUTE,
            [
                "Several replicas of the operator lead for the duty {{ $labels.duty }}",
                "{{ $value }} replicas of {{ $labels.job }} believe that they lead for the duty {{ $labels.duty }}. Each write is fenced by the Lease, so one of \
                 them is wrong and cannot write.",
            ],
        ),
    ]
}

/// Whether it sees and writes what it has to.
fn working(pace: Pace) -> Vec<Alert> {
    let window = pace.span(15 * MINUTE);
    let unseen = Rule.of(
        &WATCHED_KIND_COVERAGE,
        r#"state=~"forbidden|partial|stale|syncing""#,
    );
    let errors = format!("increase({}[{window}])", Rule.of(&EVALUATION_ERRORS, ""));
    // What is gone was not lost, and who was overtaken tries again.
    let writes = |metric| {
        let outcomes = r#"outcome!~"written|not_found|conflict""#;
        sum(
            "outcome",
            format!("increase({}[{window}])", Rule.of(metric, outcomes)),
        )
    };
    vec![
        alert(
            "PlimsollKindNotSeen",
            Severity::Warning,
            format!("{} == 1", worst("kind, state", unseen)),
            15 * MINUTE,
            [
                "The operator does not see {{ $labels.kind }}",
                "The kind {{ $labels.kind }} is {{ $labels.state }}: every verdict that depends on it is Unknown or out of date.",
            ],
        ),
        alert(
            "PlimsollControlPanicked",
            Severity::Warning,
            format!("{} > 0", worst("", errors)),
            0,
            [
                "A control of the operator failed",
                "{{ $value | humanize }} evaluations ended in a panic within 15 minutes: this is a bug, and the verdicts concerned \
                 are Unknown.",
            ],
        ),
        alert(
            "PlimsollWritesFail",
            Severity::Warning,
            format!(
                "{} > 0 or {} > 0",
                writes(&STATUS_WRITES),
                writes(&EVIDENCE_WRITES)
            ),
            15 * MINUTE,
            [
                "The operator cannot write its status or evidence",
                "{{ $value | humanize }} writes of status or evidence ended with {{ $labels.outcome }} within 15 minutes: what is \
                 told is out of date, and what happened may be forgotten after a restart.",
            ],
        ),
    ]
}

/// Whether it has the rights and the certificate that it needs.
fn prepared(limits: Limits) -> Vec<Alert> {
    vec![
        alert(
            "PlimsollRights",
            Severity::Warning,
            format!("{} > 0", worst("problem", Rule.of(&RIGHTS, ""))),
            15 * MINUTE,
            [
                "The operator's rights are not those it needs",
                "{{ $value }} rights of the operator are {{ $labels.problem }}: what is missing makes verdicts Unknown or repairs \
                 fail, and what is in excess helps only an attacker.",
            ],
        ),
        alert(
            "PlimsollServerCertificateExpires",
            Severity::Warning,
            format!(
                "{} - time() < {}",
                least("instance", Rule.of(&SERVER_CERTIFICATE_NOT_AFTER, "")),
                limits.of(CERTIFICATE_URGENT)
            ),
            5 * MINUTE,
            [
                "The operator's own certificate on {{ $labels.instance }} is about to expire",
                "The certificate with which {{ $labels.instance }} serves its metrics and reports is valid for another \
                 {{ $value | humanizeDuration }}: then a Prometheus that verifies it is blind.",
            ],
        ),
    ]
}
