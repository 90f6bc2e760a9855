//! From the engine's report to a bounded status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use plimsoll_engine::{
    baseline::Problem,
    report::{BaselineReport, Rank, Tally, UnitKey},
    text::cut_json,
};

use crate::{
    condition::condition,
    status::{ControlStatus, FindingStatus, SecurityBaselineStatus, Totals},
};

/// No status is larger, whatever the cluster looks like.
pub const MAX_STATUS_BYTES: usize = 32 * 1024;
/// Most findings listed in a status.
pub const MAX_WORST: usize = 20;
/// Longest message of a listed finding, in bytes.
const MAX_MESSAGE: usize = 256;
/// Longest field path of a listed finding, in bytes.
const MAX_PATH: usize = 128;
/// Most problems spelt out in the message of `Accepted`.
const MAX_PROBLEMS: usize = 10;

/// The status that says what a report says. `previous` keeps the transition times of conditions that did not change.
pub fn status_of(
    report: &BaselineReport,
    evaluated_at: Timestamp,
    previous: Option<&SecurityBaselineStatus>,
) -> SecurityBaselineStatus {
    let total = report.total();
    let before = previous.map_or(&[][..], |status| &status.conditions);
    bounded(SecurityBaselineStatus {
        observed_generation: Some(report.generation),
        conditions: vec![
            accepted(&report.problems, report.generation, evaluated_at, before),
            condition(
                "Ready",
                Some(true),
                "Evaluated",
                "the figures are of the current generation",
                report.generation,
                evaluated_at,
                before,
            ),
            compliant(&total, report, evaluated_at, before),
        ],
        last_evaluated: Some(evaluated_at),
        mode: Some(report.mode),
        score: report.score().map(percent),
        totals: Some(totals(&total)),
        controls: controls(report),
        worst: worst(report),
    })
}

fn accepted(problems: &[Problem], generation: i64, now: Timestamp, before: &[Condition]) -> Condition {
    if problems.is_empty() {
        let message = "every part of the baseline is understood";
        return condition(
            "Accepted",
            Some(true),
            "Accepted",
            message,
            generation,
            now,
            before,
        );
    }
    let mut lines: Vec<String> = problems
        .iter()
        .take(MAX_PROBLEMS)
        .map(|p| cut_json(&format!("{}: {}", p.field, p.message), MAX_MESSAGE))
        .collect();
    if problems.len() > MAX_PROBLEMS {
        lines.push(format!("and {} more", problems.len() - MAX_PROBLEMS));
    }
    condition(
        "Accepted",
        Some(false),
        "Invalid",
        &lines.join("; "),
        generation,
        now,
        before,
    )
}

fn compliant(total: &Tally, report: &BaselineReport, now: Timestamp, before: &[Condition]) -> Condition {
    let (status, reason, message) = if total.fail > 0 {
        let message = format!(
            "{} verdicts are Fail, {} cannot be told",
            total.fail, total.unknown
        );
        (Some(false), "Failing", message)
    } else if total.unknown > 0 || !report.problems.is_empty() {
        (
            None,
            "Unknown",
            format!("nothing fails, but {} verdicts cannot be told", total.unknown),
        )
    } else {
        (
            Some(true),
            "Compliant",
            "nothing fails and nothing is unknown".into(),
        )
    };
    condition(
        "Compliant",
        status,
        reason,
        &message,
        report.generation,
        now,
        before,
    )
}

/// Rounded down, so that 100 is said of nothing less than everything.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a share between 0 and 1 gives 0 to 100"
)]
fn percent(share: f64) -> i64 {
    ((share * 100.0 + 1e-9).floor() as i64).clamp(0, 100)
}

fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn totals(tally: &Tally) -> Totals {
    Totals {
        pass: count(tally.pass),
        fail: count(tally.fail),
        unknown: count(tally.unknown),
        not_applicable: count(tally.not_applicable),
        waived: count(tally.waived),
    }
}

/// Every control that is evaluated, also one that found nothing to judge.
fn controls(report: &BaselineReport) -> Vec<ControlStatus> {
    let by_control = report.by_control();
    report
        .severities
        .iter()
        .map(|(id, severity)| {
            let tally = by_control.get(id).copied().unwrap_or_default();
            ControlStatus {
                id: (*id).into(),
                severity: *severity,
                pass: count(tally.pass),
                fail: count(tally.fail),
                unknown: count(tally.unknown),
                not_applicable: count(tally.not_applicable),
                waived: count(tally.waived),
            }
        })
        .collect()
}

fn worst(report: &BaselineReport) -> Vec<FindingStatus> {
    report
        .worst
        .iter()
        .filter_map(|(rank, key)| finding(report, rank, key))
        .take(MAX_WORST)
        .collect()
}

fn finding(report: &BaselineReport, rank: &Rank, key: &UnitKey) -> Option<FindingStatus> {
    let unit = report.units.get(key)?;
    let reported = unit.failing().find(|r| r.fingerprint == rank.fingerprint)?;
    let finding = &reported.finding;
    Some(FindingStatus {
        control: key.control.into(),
        severity: reported.severity,
        object: (&finding.object).into(),
        reason: finding.reason.into(),
        message: cut_json(&finding.message, MAX_MESSAGE),
        field_path: finding.field_path.as_deref().map(|path| cut_json(path, MAX_PATH)),
        first_seen: reported.first_seen,
    })
}

/// Leaves findings out until the status fits. Counts are never left out: a hundred controls take less than half.
fn bounded(mut status: SecurityBaselineStatus) -> SecurityBaselineStatus {
    while size(&status) > MAX_STATUS_BYTES && status.worst.pop().is_some() {}
    status
}

fn size(status: &SecurityBaselineStatus) -> usize {
    serde_json::to_vec(status).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests;
