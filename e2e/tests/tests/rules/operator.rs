//! The operator itself.

use crate::case::{Case, case};

const JOB: &[(&str, &str)] = &[("job", "plimsoll")];
const REPLICA: &[(&str, &str)] = &[("job", "plimsoll"), ("instance", "a")];

pub(crate) fn cases() -> Vec<Case> {
    [alive(), evaluation(), leading(), working(), prepared()].concat()
}

fn alive() -> Vec<Case> {
    let build = r#"plimsoll_build_info{version="1.0.0"}"#;
    vec![
        case("PlimsollDown", "gone for ten minutes").series(build, "1x10 _x30").at("25m").fires(
            &[],
            "Prometheus sees no replica of the operator: nothing is measured, nothing repaired, and every other alert of Plimsoll is \
             silent.",
        ),
        case("PlimsollDown", "restarted").series(build, "1x10 _x3 1x30").at("25m"),
        case("PlimsollNotReady", "one of two").series("plimsoll_ready", "0x30").series(r#"plimsoll_ready{instance="b"}"#, "1x30").at("15m").fires(
            REPLICA,
            "The replica a has not yet seen all the kinds it needs, and publishes no verdict.",
        ),
        case("PlimsollNotReady", "a slow start").series("plimsoll_ready", "0x8 1x30").at("15m"),
    ]
}

fn evaluation() -> Vec<Case> {
    let last = "plimsoll_last_evaluation_timestamp_seconds";
    vec![
        case("PlimsollEvaluationStale", "stuck since the tenth minute").series(last, "0+60x10 600x30").at("20m").fires(
            REPLICA,
            "The replica a evaluated for the last time 10m 0s ago: its verdicts are out of date.",
        ),
        case("PlimsollEvaluationStale", "at work").series(last, "0+60x30").at("20m"),
        case("PlimsollWatchdog", "at work").series(last, "0+60x30").at("20m").fires(
            JOB,
            "This alert always fires while the operator evaluates, Prometheus evaluates rules and Alertmanager delivers: have its \
             receiver raise an alarm when it falls silent.",
        ),
        case("PlimsollWatchdog", "the operator is gone").series(last, "0+60x5 _x30").at("20m"),
        case("PlimsollWatchdog", "the operator is stuck").series(last, "0+60x10 600x30").at("20m"),
    ]
}

fn leading() -> Vec<Case> {
    let (without, several) = ("PlimsollWithoutLeader", "PlimsollSeveralLeaders");
    let leader = |instance: &str| format!(r#"plimsoll_leader{{instance="{instance}"}}"#);
    let duty =
        |instance: &str, duty: &str| format!(r#"plimsoll_duty{{instance="{instance}",duty="{duty}"}}"#);
    let two = |alert, about| {
        case(alert, about)
            .series(&duty("a", "read"), "1x30")
            .series(&duty("b", "read"), "1x30")
    };
    let of_read = &[("job", "plimsoll"), ("duty", "read")];
    vec![
        two(without, "two replicas, none leads")
            .series(&leader("a"), "0x20")
            .series(&leader("b"), "0x20")
            .at("10m")
            .fires(
                of_read,
                "The replicas of plimsoll evaluate, but none leads for the duty read (read: status and evidence; repair; probe): it \
                 is not done.",
            ),
        two(without, "a change of leader")
            .series(&leader("a"), "1x5 0x20")
            .series(&leader("b"), "0x6 1x20")
            .at("10m"),
        two(several, "both of two")
            .series(&leader("a"), "1x20")
            .series(&leader("b"), "1x20")
            .at("10m")
            .fires(
                of_read,
                "2 replicas of plimsoll believe that they lead for the duty read. Each write is fenced by the Lease, so one of them \
                 is wrong and cannot write.",
            ),
        case(several, "one for each duty")
            .series(&duty("a", "read"), "1x30")
            .series(&duty("b", "probe"), "1x30")
            .series(&leader("a"), "1x20")
            .series(&leader("b"), "1x20")
            .at("10m"),
    ]
}

fn working() -> Vec<Case> {
    let kind =
        |state: &str| format!(r#"plimsoll_watched_kind_coverage{{kind="networkpolicies",state="{state}"}}"#);
    let writes = |outcome: &str| format!(r#"plimsoll_status_writes_total{{outcome="{outcome}"}}"#);
    vec![
        case("PlimsollKindNotSeen", "a right is missing").series(&kind("forbidden"), "1x40").at("30m").fires(
            &[("job", "plimsoll"), ("kind", "networkpolicies"), ("state", "forbidden")],
            "The kind networkpolicies is forbidden: every verdict that depends on it is Unknown or out of date.",
        ),
        case("PlimsollKindNotSeen", "not served, and complete")
            .series(&kind("absent"), "1x20 _x20")
            .series(&kind("complete"), "_x20 1x20")
            .at("30m"),
        case("PlimsollControlPanicked", "twice").series("plimsoll_evaluation_errors_total", "0x10 2x30").at("20m").fires(
            JOB,
            "2 evaluations ended in a panic within 15 minutes: this is a bug, and the verdicts concerned are Unknown.",
        ),
        case("PlimsollControlPanicked", "long ago").series("plimsoll_evaluation_errors_total", "2x90").at("60m"),
        case("PlimsollWritesFail", "forbidden again and again").series(&writes("forbidden"), "0+15x60").at("60m").fires(
            &[("job", "plimsoll"), ("outcome", "forbidden")],
            "225 writes of status or evidence ended with forbidden within 15 minutes: what is told is out of date, and what happened \
             may be forgotten after a restart.",
        ),
        case("PlimsollWritesFail", "written, and overtaken")
            .series(&writes("written"), "0+15x60")
            .series(&writes("conflict"), "0+15x60")
            .at("60m"),
    ]
}

fn prepared() -> Vec<Case> {
    let rights = |problem: &str| format!(r#"plimsoll_rights{{problem="{problem}"}}"#);
    let own = "plimsoll_server_certificate_not_after_timestamp_seconds";
    vec![
        case("PlimsollRights", "some are missing").series(&rights("missing"), "3x40").series(&rights("excess"), "0x40").at("30m").fires(
            &[("job", "plimsoll"), ("problem", "missing")],
            "3 rights of the operator are missing: what is missing makes verdicts Unknown or repairs fail, and what is in excess \
             helps only an attacker.",
        ),
        case("PlimsollRights", "while the chart is installed anew").series(&rights("missing"), "3x10 0x30").at("30m"),
        case("PlimsollServerCertificateExpires", "in less than two days").series(own, "172800x40").at("10m").fires(
            REPLICA,
            "The certificate with which a serves its metrics and reports is valid for another 1d 23h 50m 0s: then a Prometheus that \
             verifies it is blind.",
        ),
        case("PlimsollServerCertificateExpires", "in a month").series(own, "2592000x40").at("30m"),
    ]
}
