//! What the baselines say: status, findings, ratios and ages, from tallies alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;
use plimsoll_engine::{
    baseline::Compiled,
    finding::Severity,
    memory::Fingerprint,
    report::{BaselineReport, Rank, Report, Score, Tally},
};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::{Sheet, State, catalog, sample};
use crate::Published;

/// The collector of the verdicts.
#[derive(Debug)]
pub(super) struct Verdicts(pub(super) State);

impl Collector for Verdicts {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let published = self.0.now();
        if !published.health.ready {
            return Ok(()); // a half-known cluster would look better or worse than it is
        }
        let report = &published.report;
        let sheet = &mut Sheet(encoder);
        control_status(sheet, report)?;
        findings(sheet, report)?;
        units(sheet, report)?;
        ratios(sheet, report)?;
        oldest(sheet, report, (self.0.clock)())?;
        pending(sheet, report)?;
        mappings(sheet, &published)?;
        exceptions(sheet, &published, (self.0.clock)())
    }
}

fn exceptions(sheet: &mut Sheet<'_>, published: &Published, now: Timestamp) -> fmt::Result {
    let (counts, next) = crate::output::status::phases(published, now);
    let series = counts.into_iter().map(|(phase, count)| ([phase], sample(count)));
    sheet.gauge(&catalog::EXCEPTIONS, series)?;
    // Only of controls that exist: the text of an exception is no label.
    let known = |control: &String| {
        let mut baselines = published.report.baselines.values();
        baselines.any(|baseline| baseline.severities.contains_key(control.as_str()))
    };
    let next = next
        .iter()
        .filter(|(control, _)| known(control))
        .map(|(control, at)| ([control.as_str()], at.as_duration().as_secs_f64()));
    sheet.gauge(&catalog::EXCEPTION_NEXT_EXPIRY, next)
}

/// An info metric: joined with any other by `control`, it tells how a framework's requirements fare.
fn mappings(sheet: &mut Sheet<'_>, published: &Published) -> fmt::Result {
    let controls = published.baselines.iter().flat_map(Compiled::metas);
    let rows: BTreeSet<[&str; 3]> = controls
        .flat_map(|meta| {
            meta.mappings
                .iter()
                .map(|(framework, requirement)| [meta.id, *framework, *requirement])
        })
        .collect();
    sheet.gauge(
        &catalog::CONTROL_MAPPING_INFO,
        rows.into_iter().map(|row| (row, 1.0)),
    )
}

/// A control in an environment, with what was counted there.
struct Row<'a> {
    baseline: &'a str,
    control: &'static str,
    severity: Severity,
    environment: &'a str,
    tally: &'a Tally,
}

fn rows(report: &Report) -> impl Iterator<Item = Row<'_>> {
    report.baselines.values().flat_map(|baseline| {
        baseline
            .tallies
            .iter()
            .map(|((control, environment), tally)| Row {
                baseline: &baseline.name,
                control,
                severity: baseline.severity_of(control),
                environment,
                tally,
            })
    })
}

fn family(control: &'static str) -> &'static str {
    control.split_once('/').map_or(control, |(family, _)| family)
}

fn control_status(sheet: &mut Sheet<'_>, report: &Report) -> fmt::Result {
    let statuses = rows(report).filter_map(|row| {
        let labels = [
            row.baseline,
            row.control,
            family(row.control),
            row.severity.word(),
            row.environment,
        ];
        Some((labels, status(row.tally)?))
    });
    sheet.gauge(&catalog::CONTROL_STATUS, statuses)
}

/// A known failure outweighs what is not known; what is only waived or does not apply is no status.
fn status(tally: &Tally) -> Option<f64> {
    match tally {
        Tally { fail: 1.., .. } => Some(0.0),
        Tally { unknown: 1.., .. } => Some(-1.0),
        Tally { pass: 1.., .. } => Some(1.0),
        _ => None,
    }
}

fn findings(sheet: &mut Sheet<'_>, report: &Report) -> fmt::Result {
    let series = rows(report).flat_map(|row| {
        let labels = move |severity: Severity, result| {
            [
                row.baseline,
                row.control,
                severity.word(),
                row.environment,
                result,
            ]
        };
        let failing = Severity::ALL.into_iter().zip(row.tally.findings);
        // The control's own severity always has a series, so that a dashboard sees it reach zero.
        let failing = failing
            .filter(move |(severity, count)| *count > 0 || *severity == row.severity)
            .map(move |(severity, count)| (labels(severity, "fail"), sample(count)));
        let others = [
            ("waived", row.tally.waived_findings),
            ("unknown", row.tally.unknown),
        ];
        let others = others
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(move |(result, count)| (labels(row.severity, result), sample(count)));
        failing.chain(others)
    });
    sheet.gauge(&catalog::FINDINGS, series)
}

fn units(sheet: &mut Sheet<'_>, report: &Report) -> fmt::Result {
    let series = rows(report).flat_map(|row| {
        let counts = [
            ("pass", row.tally.pass),
            ("fail", row.tally.fail),
            ("unknown", row.tally.unknown),
            ("not_applicable", row.tally.not_applicable),
            ("waived", row.tally.waived),
        ];
        let some = counts.into_iter().filter(|(_, count)| *count > 0);
        some.map(move |(result, count)| {
            let labels = [row.baseline, row.control, row.environment, result];
            (labels, sample(count))
        })
    });
    sheet.gauge(&catalog::UNITS, series)
}

fn ratios(sheet: &mut Sheet<'_>, report: &Report) -> fmt::Result {
    let mut scores: BTreeMap<[&str; 3], Score> = BTreeMap::new();
    for row in rows(report) {
        let key = [row.baseline, row.environment, family(row.control)];
        scores.entry(key).or_default().add(row.severity, row.tally);
    }
    let by_family = scores
        .iter()
        .filter_map(|([baseline, environment, family], score)| {
            let labels = [*baseline, *environment, *family];
            Some((labels, score.value()?))
        });
    sheet.gauge(&catalog::COMPLIANCE_RATIO, by_family)?;
    let whole = report
        .baselines
        .values()
        .filter_map(|baseline| Some(([&*baseline.name], baseline.score()?)));
    sheet.gauge(&catalog::SCORE_RATIO, whole)?;
    let problems = report.baselines.values().map(|baseline| {
        let count = u64::try_from(baseline.problems.len()).unwrap_or(u64::MAX);
        ([&*baseline.name], sample(count))
    });
    sheet.gauge(&catalog::BASELINE_PROBLEMS, problems)
}

fn oldest(sheet: &mut Sheet<'_>, report: &Report, now: Timestamp) -> fmt::Result {
    let ages = report.baselines.values().flat_map(|baseline| {
        Severity::ALL.into_iter().filter_map(move |severity| {
            let since = first_of(baseline, severity)?;
            let labels = [&*baseline.name, severity.word()];
            // A clock that was set back makes no negative age.
            Some((labels, now.duration_since(since).as_secs_f64().max(0.0)))
        })
    });
    sheet.gauge(&catalog::FINDING_OLDEST, ages)
}

/// Since when the oldest finding of a severity has been there: the first of its kind in the ranking.
fn first_of(baseline: &BaselineReport, severity: Severity) -> Option<Timestamp> {
    let from = Rank {
        severity,
        first_seen: Timestamp::MIN,
        fingerprint: Fingerprint::of(&[]),
    };
    let (rank, _) = baseline.worst.get_next(&from)?;
    (rank.severity == severity).then_some(rank.first_seen)
}

/// Repairs that wait. One plan serves all baselines, so that of several that ask for it the longest list counts, not the sum.
fn pending(sheet: &mut Sheet<'_>, report: &Report) -> fmt::Result {
    let mut waiting: BTreeMap<&'static str, u64> = BTreeMap::new();
    for baseline in report.baselines.values() {
        for (control, tally) in baseline.by_control() {
            if tally.pending > 0 {
                let most = waiting.entry(control).or_default();
                *most = tally.pending.max(*most);
            }
        }
    }
    let series = waiting
        .into_iter()
        .map(|(control, count)| ([control], sample(count)));
    sheet.gauge(&catalog::REMEDIATION_PENDING, series)
}
