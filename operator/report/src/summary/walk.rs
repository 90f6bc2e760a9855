//! What only single units tell: one walk over all of them.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::{
    finding::Verdict,
    name::ObjRef,
    report::{BaselineReport, Judgement, Tally},
    unknown::Unknown,
};

use super::percent;
use crate::{
    Given,
    model::{AgeBand, Counts, Group, NamespaceSummary, UnknownGroup},
};

/// Most units named as examples of what cannot be judged.
const EXAMPLES: usize = 20;
/// Where bands of age begin, in days.
const BANDS: [(i64, &str); 5] = [
    (0, "today"),
    (1, "1 to 7 days"),
    (7, "7 to 30 days"),
    (30, "30 to 90 days"),
    (90, "longer"),
];

#[derive(Default)]
struct OfNamespace<'a> {
    environment: Option<&'a str>,
    tenant: Option<&'a str>,
    tally: Tally,
    objects: u64,
}

struct OfReason<'a> {
    unknown: &'a Unknown,
    units: u64,
    examples: Vec<&'a ObjRef>,
}

#[derive(Default)]
pub(super) struct Walk<'a> {
    namespaces: BTreeMap<&'a str, OfNamespace<'a>>,
    tenants: BTreeMap<Option<&'a str>, Tally>,
    unknowns: BTreeMap<(&'static str, &'static str, bool), OfReason<'a>>,
    ages: [[u64; 4]; BANDS.len()],
    pub(super) opened: u64,
    pub(super) still_open: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn of(given: &Given<'a>) -> Self {
        let mut walk = Self::default();
        let mut met: HashSet<&ObjRef> = HashSet::new();
        for baseline in given.verdicts.baselines.values() {
            for (control, subject, unit) in baseline.units.iter() {
                walk.place(baseline, subject, unit, &mut met);
                walk.doubt(control, subject, unit);
                for found in unit.failing() {
                    walk.age(given.now, found.first_seen, found.severity as usize);
                    let known = given
                        .previous
                        .map(|previous| previous.open.contains(&found.fingerprint.as_u128()));
                    self::add(&mut walk.still_open, known == Some(true));
                    self::add(&mut walk.opened, known == Some(false));
                }
            }
        }
        walk
    }

    /// Counts a unit where it belongs. What is in no namespace belongs to no tenant, and is not listed by tenant.
    fn place(
        &mut self,
        baseline: &'a BaselineReport,
        subject: &'a ObjRef,
        unit: &'a Judgement,
        met: &mut HashSet<&'a ObjRef>,
    ) {
        let Some(name) = subject
            .governing_namespace()
            .filter(|name| !name.is_empty() && !subject.is_all())
        else {
            return;
        };
        let tenant = baseline.tenants.get(name).map(|tenant| &**tenant);
        let namespace = self.namespaces.entry(name).or_default();
        namespace.environment = namespace.environment.or(unit.environment.as_deref());
        namespace.tenant = namespace.tenant.or(tenant);
        namespace.tally.count(unit, 1);
        namespace.objects += u64::from(met.insert(subject));
        self.tenants.entry(tenant).or_default().count(unit, 1);
    }

    fn doubt(&mut self, control: &'static str, subject: &'a ObjRef, unit: &'a Judgement) {
        let Verdict::Unknown(unknown) = &unit.verdict else {
            return;
        };
        let key = (control, unknown.reason(), unknown.is_live_only());
        let group = self.unknowns.entry(key).or_insert_with(|| OfReason {
            unknown,
            units: 0,
            examples: Vec::new(),
        });
        group.units += 1;
        if group.examples.len() < EXAMPLES {
            group.examples.push(subject);
        }
    }

    fn age(&mut self, now: Timestamp, first_seen: Timestamp, severity: usize) {
        let age = now.duration_since(first_seen);
        let reached = |(days, _): &(i64, _)| age >= SignedDuration::from_hours(24 * days);
        let band = BANDS.iter().rposition(reached).unwrap_or_default();
        self.ages[band][severity] += 1;
    }

    pub(super) fn ages(&self) -> Vec<AgeBand> {
        let band = |((from_days, label), counts): (&(i64, &'static str), &[u64; 4])| AgeBand {
            label,
            from_days: *from_days,
            findings: (*counts).into(),
        };
        BANDS.iter().zip(&self.ages).map(band).collect()
    }

    /// Those with the worst findings first; what belongs to no tenant last. Nothing where nobody has tenants.
    pub(super) fn tenants(&self) -> Vec<Group> {
        if self.tenants.keys().all(Option::is_none) {
            return Vec::new();
        }
        let mut tenants: Vec<Group> = self
            .tenants
            .iter()
            .map(|(name, tally)| Group {
                name: name.map(str::to_owned),
                score: percent(tally.ratio()),
                counts: Counts::from(tally),
            })
            .collect();
        tenants.sort_by_key(|tenant| {
            (
                tenant.name.is_none(),
                worst_first(&tenant.counts),
                tenant.name.clone(),
            )
        });
        tenants
    }

    pub(super) fn namespaces(&self) -> Vec<NamespaceSummary> {
        let mut namespaces: Vec<NamespaceSummary> = self
            .namespaces
            .iter()
            .map(|(name, of)| NamespaceSummary {
                name: (*name).to_owned(),
                environment: of.environment.map(str::to_owned),
                tenant: of.tenant.map(str::to_owned),
                objects: of.objects,
                counts: Counts::from(&of.tally),
            })
            .collect();
        namespaces.sort_by_key(|namespace| worst_first(&namespace.counts));
        namespaces
    }

    /// Those that concern most units first.
    pub(super) fn unknowns(&self) -> Vec<UnknownGroup> {
        let mut groups: Vec<UnknownGroup> = self
            .unknowns
            .iter()
            .map(|((control, reason, live_only), group)| UnknownGroup {
                control,
                reason,
                live_only: *live_only,
                units: group.units,
                message: group.unknown.message().to_owned(),
                examples: group.examples.iter().map(|subject| in_words(subject)).collect(),
            })
            .collect();
        groups.sort_by_key(|group| (group.live_only, std::cmp::Reverse(group.units)));
        groups
    }
}

fn add(n: &mut u64, counts: bool) {
    *n += u64::from(counts);
}

fn worst_first(counts: &Counts) -> [std::cmp::Reverse<u64>; 4] {
    counts.findings.each().map(|(_, n)| std::cmp::Reverse(n))
}

/// A unit as people call it.
fn in_words(subject: &ObjRef) -> String {
    match subject.name() {
        "" => "the cluster".to_owned(),
        _ if subject.is_all() => format!("all {}", subject.kind().resource()),
        _ => subject.to_string(),
    }
}
