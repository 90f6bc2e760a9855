//! The ledger: settled verdicts with counters maintained, never rebuilt.

use std::{collections::BTreeMap, sync::Arc};

use imbl::OrdMap;
use jiff::Timestamp;

use super::plan::{Retired, Said};
use crate::{
    baseline::{Compiled, Entry},
    finding::Verdict,
    kind::Kind,
    name::ObjRef,
    report::{
        BaselineReport, Delta, Judgement, Judgements, Rank, Report, Reported, State, Tally, Transition,
        UnitKey, UnitResult, Units,
    },
    unknown::Unknown,
};

/// The report in the making.
#[derive(Default)]
pub(crate) struct Ledger {
    report: Report,
    pending: Vec<Transition>,
}

impl Ledger {
    pub(crate) fn report(&self) -> Report {
        self.report.clone()
    }

    /// Makes the report hold exactly these baselines.
    pub(crate) fn set_baselines(&mut self, baselines: &[Compiled]) {
        let gone: Vec<Arc<str>> = self
            .report
            .baselines
            .keys()
            .filter(|name| !baselines.iter().any(|b| b.name == **name))
            .cloned()
            .collect();
        for name in gone {
            self.report.baselines.remove(&name);
        }
        for compiled in baselines {
            let report = self
                .report
                .baselines
                .entry(compiled.name.clone())
                .or_insert_with(|| empty(&compiled.name));
            report.generation = compiled.generation;
            report.mode = compiled.mode;
            report.problems = compiled.problems.clone().into();
            let severities: BTreeMap<_, _> = compiled
                .entries
                .iter()
                .map(|e| (e.control.meta().id, e.severity))
                .collect();
            report.severities = Arc::new(severities);
        }
    }

    /// Files a namespace under its tenant; `None` where it has none, or is gone.
    pub(crate) fn set_tenant(&mut self, baseline: &str, namespace: &str, tenant: Option<Arc<str>>) {
        let Some(report) = self.report.baselines.get_mut(baseline) else {
            return;
        };
        match tenant {
            Some(tenant) => _ = report.tenants.insert(namespace.into(), tenant),
            None => _ = report.tenants.remove(namespace),
        }
    }

    /// A namespace is gone.
    pub(crate) fn forget_namespace(&mut self, namespace: &str) {
        let of: Vec<Arc<str>> = self.report.baselines.keys().cloned().collect();
        for baseline in of {
            self.set_tenant(&baseline, namespace, None);
        }
    }

    /// Takes in what changed in what is said of a subject, and all that is said of it now.
    pub(crate) fn change(
        &mut self,
        baseline: &Arc<str>,
        subject: &ObjRef,
        changed: Vec<Said>,
        all: Judgements,
        delta: &mut Delta,
    ) {
        if changed.is_empty() {
            return;
        }
        let Some(report) = self.report.baselines.get_mut(baseline) else {
            return;
        };
        report.units.set(subject, all);
        let is_first = self.report.evaluated_at.is_none();
        for said in changed {
            let unit = |judgement| UnitResult {
                key: UnitKey {
                    control: said.control,
                    subject: subject.clone(),
                },
                judgement,
            };
            let transition = Transition {
                baseline: baseline.clone(),
                before: said.before.map(unit),
                after: said.after.map(unit),
            };
            count_waivers(&mut self.report.waived_by, &transition);
            recount(report, &transition);
            if !is_first {
                delta.transitions.push(transition);
            }
        }
    }

    /// Takes retired units out; the transitions show in the next delta.
    pub(crate) fn retire(&mut self, retired: Retired) {
        let Some(baseline) = retired
            .units
            .first()
            .map(|unit| unit.entry.settings.baseline.clone())
        else {
            return;
        };
        let said = retired.units.into_iter().filter(|unit| unit.judgement.is_some());
        let said = said.map(|unit| Said {
            control: unit.entry.control.meta().id,
            before: unit.judgement,
            after: None,
        });
        let mut delta = Delta::default();
        self.change(
            &baseline,
            &retired.subject,
            said.collect(),
            retired.said,
            &mut delta,
        );
        self.pending.append(&mut delta.transitions);
    }

    /// Replaces the stand-ins for kinds that cannot be seen.
    pub(crate) fn set_blind(&mut self, blind: Vec<(Arc<Entry>, Kind, Unknown)>, delta: &mut Delta) {
        let mut stale: Vec<(Arc<str>, UnitResult)> = Vec::new();
        for (name, baseline) in &self.report.baselines {
            let old = baseline
                .tallies
                .iter()
                .filter(|(_, tally)| tally.blind > 0)
                .map(|((control, _), _)| *control);
            for control in old {
                let of_control = Kind::ALL.iter().filter_map(|kind| {
                    let key = UnitKey {
                        control,
                        subject: ObjRef::all_of(*kind),
                    };
                    baseline.units.get(&key).filter(|unit| unit.blind)
                });
                stale.extend(of_control.map(|unit| (name.clone(), unit)));
            }
        }
        for (entry, kind, why) in blind {
            let subject = ObjRef::all_of(kind);
            stale.retain(|(name, unit)| {
                *name != entry.settings.baseline
                    || unit.key.control != entry.control.meta().id
                    || unit.key.subject != subject
            });
            let key = UnitKey {
                control: entry.control.meta().id,
                subject,
            };
            let name = &entry.settings.baseline;
            let held = self
                .report
                .baselines
                .get(name)
                .and_then(|report| report.units.get(&key));
            let judgement = unseen(&entry, why);
            if held.as_ref().is_none_or(|held| held.judgement != judgement) {
                self.replace(name, held, Some(UnitResult { key, judgement }), delta);
            }
        }
        for (baseline, unit) in stale {
            self.replace(&baseline, Some(unit), None, delta);
        }
    }

    fn replace(
        &mut self,
        baseline: &Arc<str>,
        before: Option<UnitResult>,
        after: Option<UnitResult>,
        delta: &mut Delta,
    ) {
        if let (Some(report), Some(unit)) = (
            self.report.baselines.get_mut(baseline),
            after.as_ref().or(before.as_ref()),
        ) {
            report
                .units
                .change(&unit.key, after.as_ref().map(|unit| unit.judgement.clone()));
        }
        let transition = Transition {
            baseline: baseline.clone(),
            before,
            after,
        };
        self.take(transition, delta);
    }

    fn take(&mut self, transition: Transition, delta: &mut Delta) {
        count_waivers(&mut self.report.waived_by, &transition);
        if let Some(report) = self.report.baselines.get_mut(&transition.baseline) {
            recount(report, &transition);
        }
        if !self.is_first() {
            delta.transitions.push(transition);
        }
    }

    /// Whether no turn has ended yet: what was so before anybody looked is no transition.
    fn is_first(&self) -> bool {
        self.report.evaluated_at.is_none()
    }

    /// Stamps the report at the end of a turn.
    pub(crate) fn finish(&mut self, now: Timestamp, delta: &Delta) {
        if self.is_first() || !delta.transitions.is_empty() {
            self.report.revision += 1;
        }
        self.report.evaluated_at = Some(now);
    }

    /// Transitions of units that were retired since the last turn.
    pub(crate) fn take_pending(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.pending)
    }
}

/// Keeps the counts and the order of findings in step.
fn recount(report: &mut BaselineReport, transition: &Transition) {
    if let Some(before) = &transition.before {
        count(report, before, -1);
        unrank(report, before);
    }
    if let Some(after) = &transition.after {
        count(report, after, 1);
        rank(report, after);
    }
}

/// Keeps in step how many findings each exception covers.
fn count_waivers(waived_by: &mut OrdMap<Arc<str>, u64>, transition: &Transition) {
    for (unit, sign) in [(&transition.before, -1), (&transition.after, 1)] {
        for reported in unit.iter().flat_map(|unit| unit.findings.iter()) {
            if let State::Waived(exception) = &reported.state {
                let covered = waived_by.entry(exception.clone()).or_insert(0);
                *covered = covered.saturating_add_signed(sign);
                if *covered == 0 {
                    waived_by.remove(exception);
                }
            }
        }
    }
}

fn empty(name: &Arc<str>) -> BaselineReport {
    BaselineReport {
        name: name.clone(),
        generation: 0,
        mode: crate::baseline::Mode::Observe,
        problems: Arc::from([]),
        severities: Arc::default(),
        units: Units::default(),
        tallies: OrdMap::new(),
        worst: OrdMap::new(),
        repairable: imbl::OrdSet::new(),
        tenants: OrdMap::new(),
    }
}

fn count(report: &mut BaselineReport, unit: &UnitResult, sign: i64) {
    let key = (unit.key.control, unit.environment.clone().unwrap_or_default());
    let Some(tally) = report.tallies.get_mut(&key) else {
        let mut tally = Tally::default();
        tally.count(unit, sign);
        report.tallies.insert(key, tally);
        return;
    };
    tally.count(unit, sign);
    if tally.is_zero() {
        report.tallies.remove(&key);
    }
}

fn rank(report: &mut BaselineReport, unit: &UnitResult) {
    for reported in unit.failing() {
        report.worst.insert(rank_of(reported), unit.key.clone());
    }
    if unit.is_repairable() {
        report.repairable.insert(unit.key.clone());
    }
}

fn unrank(report: &mut BaselineReport, unit: &UnitResult) {
    for reported in unit.failing() {
        report.worst.remove(&rank_of(reported));
    }
    if unit.is_repairable() {
        report.repairable.remove(&unit.key);
    }
}

fn rank_of(reported: &Reported) -> Rank {
    Rank {
        severity: reported.severity,
        first_seen: reported.first_seen,
        fingerprint: reported.fingerprint,
    }
}

fn unseen(entry: &Entry, why: Unknown) -> Arc<Judgement> {
    Arc::new(Judgement {
        control: entry.control.meta().id,
        severity: entry.severity,
        basis: entry.control.meta().basis,
        mode: entry.mode,
        environment: None,
        verdict: Verdict::Unknown(why),
        findings: Box::default(),
        notes: Box::default(),
        blind: true,
    })
}
