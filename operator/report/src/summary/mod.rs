//! From verdicts to the report: everything but the single results.

mod groups;
pub(crate) mod headline;
mod walk;

use std::collections::BTreeMap;

use jiff::Timestamp;
use plimsoll_engine::{
    baseline::Compiled,
    control::Meta,
    coverage::Coverage,
    finding::Basis,
    report::{BaselineReport, Tally},
};

use crate::{
    Given, REPORT_VERSION, Waiver,
    entry::{BasisWord, severity},
    frameworks,
    model::{
        Baseline, Comparison, ControlSummary, Counts, Documents, ExceptionSummary, KindCoverage, Mapping,
        Parameter, Report,
    },
};
use groups::Groups;
use walk::Walk;

/// Makes the report.
pub fn assemble(given: &Given<'_>) -> Report {
    let groups = Groups::of(given);
    let walk = Walk::of(given);
    let mut report = Report {
        api_version: REPORT_VERSION,
        generated_at: given.now.to_string(),
        evaluated_at: given.verdicts.evaluated_at.map(|at| at.to_string()),
        version: given.version.to_owned(),
        source: given.source.clone(),
        score: percent(groups.score()),
        counts: Counts::from(&groups.total),
        headline: Vec::new(),
        baselines: baselines(given),
        areas: groups.areas(),
        environments: groups.environments(),
        matrix: groups.matrix(),
        frameworks: groups.frameworks(),
        controls: controls(given),
        comparison: given.previous.map(|previous| Comparison {
            since: previous.evaluated_at.clone(),
            score: previous.score,
            opened: walk.opened,
            resolved: previous.open.len() as u64 - walk.still_open,
        }),
        ages: given.live.then(|| walk.ages()),
        tenants: walk.tenants(),
        namespaces: walk.namespaces(),
        unknowns: walk.unknowns(),
        exceptions: exceptions(given),
        coverage: coverage(given),
        assumptions: given.assumptions.to_vec(),
        problems: given.problems.to_vec(),
        documents: given.documents.map(|documents| Documents {
            total: documents.total,
            decoded: documents.decoded,
            not_relevant: documents.not_relevant,
            unreadable: documents
                .unreadable
                .iter()
                .map(|bad| format!("{}:{}: {}", bad.file, bad.line, bad.why))
                .collect(),
        }),
    };
    report.headline = headline::of(&report);
    report
}

/// A share between 0 and 1 as one between 0 and 100, with one decimal; 100 means all.
pub(crate) fn percent(share: Option<f64>) -> Option<f64> {
    share.map(|share| {
        let rounded = (share * 1000.0).round() / 10.0;
        if share < 1.0 { rounded.min(99.9) } else { rounded }
    })
}

fn baselines(given: &Given<'_>) -> Vec<Baseline> {
    let of = |baseline: &BaselineReport| Baseline {
        name: baseline.name.to_string(),
        generation: baseline.generation,
        mode: format!("{:?}", baseline.mode),
        score: percent(baseline.score()),
        counts: Counts::from(&baseline.total()),
        problems: baseline
            .problems
            .iter()
            .map(|problem| format!("{}: {}", problem.field, problem.message))
            .collect(),
    };
    given.verdicts.baselines.values().map(of).collect()
}

/// Every control that is evaluated, worst first: by the severity of its worst open finding, then by how many there are.
fn controls(given: &Given<'_>) -> Vec<ControlSummary> {
    let mut controls = Vec::new();
    for baseline in given.verdicts.baselines.values() {
        let tallies = baseline.by_control();
        let compiled = given
            .baselines
            .iter()
            .find(|compiled| compiled.name == baseline.name);
        for control in baseline.severities.keys() {
            if let Some(meta) = given.controls.meta(control) {
                let tally = tallies.get(control).copied().unwrap_or_default();
                controls.push(control_summary(baseline, compiled, meta, &tally));
            }
        }
    }
    controls.sort_by_key(|control| {
        let counts = &control.counts;
        let by_severity = counts.findings.each().map(|(_, n)| std::cmp::Reverse(n));
        (by_severity, std::cmp::Reverse(counts.unknown), control.control)
    });
    controls
}

fn control_summary(
    baseline: &BaselineReport,
    compiled: Option<&Compiled>,
    meta: &'static Meta,
    tally: &Tally,
) -> ControlSummary {
    ControlSummary {
        baseline: baseline.name.to_string(),
        control: meta.id,
        title: meta.title,
        area: meta.family(),
        severity: severity(baseline.severity_of(meta.id)),
        basis: match meta.basis {
            Basis::Automated => BasisWord::Automated,
            Basis::Probed => BasisWord::Probed,
            Basis::Attested => BasisWord::Attested,
        },
        mode: compiled
            .and_then(|compiled| compiled.mode_of(meta.id))
            .map(|mode| format!("{mode:?}")),
        score: percent(tally.ratio()),
        counts: Counts::from(tally),
        parameters: compiled
            .map(|compiled| parameters(compiled, meta.id))
            .unwrap_or_default(),
        mappings: meta
            .mappings
            .iter()
            .map(|(framework, criterion)| Mapping {
                framework,
                criterion: frameworks::label(framework, criterion),
            })
            .collect(),
    }
}

fn parameters(compiled: &Compiled, control: &str) -> Vec<Parameter> {
    let values = compiled
        .explain()
        .find(|(id, _)| *id == control)
        .map(|(_, values)| values.iter());
    values
        .into_iter()
        .flatten()
        .map(|(name, (value, origin))| Parameter {
            name: name.clone(),
            value: value.clone(),
            origin: origin.to_string(),
        })
        .collect()
}

fn exceptions(given: &Given<'_>) -> Vec<ExceptionSummary> {
    let mut exceptions: Vec<ExceptionSummary> = given
        .waivers
        .iter()
        .map(|waiver| {
            let covered = given.verdicts.waived_by.get(&*waiver.name).copied();
            exception(waiver, covered.unwrap_or_default(), given.now)
        })
        .collect();
    exceptions.sort_by(|a, b| (a.days_left, &a.name).cmp(&(b.days_left, &b.name)));
    exceptions
}

fn exception(waiver: &Waiver, findings: u64, now: Timestamp) -> ExceptionSummary {
    let phase = match waiver.expires {
        _ if waiver.invalid.is_some() => "invalid",
        None => "invalid",
        Some(expires) if expires <= now => "expired",
        Some(_) if findings == 0 => "inert",
        Some(_) => "active",
    };
    ExceptionSummary {
        name: waiver.name.clone(),
        control: waiver.control.clone(),
        baselines: waiver.baselines.clone(),
        covers: waiver.covers.clone(),
        phase,
        findings,
        reason: waiver.reason.clone(),
        risk_id: waiver.risk_id.clone(),
        approved_by: waiver.approved_by.clone(),
        expires: waiver.expires.map(|at| at.to_string()),
        days_left: waiver
            .expires
            .map(|at| at.duration_since(now).as_hours().div_euclid(24)),
        invalid: waiver.invalid.clone(),
    }
}

/// What is not seen whole first, then by name.
fn coverage(given: &Given<'_>) -> Vec<KindCoverage> {
    let mut seen: BTreeMap<(u8, String), KindCoverage> = BTreeMap::new();
    for (kind, (coverage, objects)) in given.coverage {
        let (rank, word) = match coverage {
            Coverage::Forbidden => (0, "forbidden"),
            Coverage::Stale => (1, "stale"),
            Coverage::Syncing => (2, "syncing"),
            Coverage::Partial => (3, "partial"),
            Coverage::Complete => (4, "complete"),
            Coverage::Absent => (5, "absent"),
        };
        let resource = kind.resource();
        seen.insert(
            (rank, resource.clone()),
            KindCoverage {
                resource,
                coverage: word,
                objects: objects.filter(|_| *coverage != Coverage::Absent),
            },
        );
    }
    seen.into_values().collect()
}
