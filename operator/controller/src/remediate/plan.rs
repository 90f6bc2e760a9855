//! From verdicts to changes: one plan per object and control over all baselines, the strictest value in the most
//! restrictive mode.
//!
//! Only findings that count are repaired: failing, not settling, not waived. A baseline that covers the object and has such a
//! finding takes part in the decision; one that is content with the object has no say. The mode in force is the lowest of
//! those that take part, so that a value from a baseline that only observes is never written, and neither is a change that
//! one of them wants proposed first. What an exception covers is not repaired, whichever other baseline asks for it.

mod merge;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_engine::{
    baseline::{Compiled, Mode},
    finding::{Change, Repair, RepairClass},
    name::ObjRef,
    report::{Judgement, Report, State, UnitKey},
};

use merge::stricter;

/// One change to make, agreed on by all baselines.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// The control whose finding it repairs.
    pub control: &'static str,
    /// The change, with the strictest value.
    pub change: Change,
    /// The baseline that asks for that value, the first by name among equals.
    pub baseline: Arc<str>,
    /// The lowest limit of the baselines that ask for it: most changes to the object in one hour.
    pub max_changes_per_hour: u32,
}

/// The changes that repair one unit, in the order to make them; one that fails stops those behind it.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The unit.
    pub unit: UnitKey,
    /// In the order to make them.
    pub steps: Vec<Step>,
}

/// What is to be written now. The same whatever the order of baselines and findings.
pub fn plan(report: &Report, baselines: &[Compiled]) -> Vec<Plan> {
    let limits: BTreeMap<&str, u32> = baselines
        .iter()
        .map(|b| (&*b.name, b.max_changes_per_hour))
        .collect();
    let plans = enforced(report).into_iter().filter_map(|key| {
        let wishes = wishes(report, &limits, key)?;
        let steps = agree(key.control, &wishes);
        (!steps.is_empty()).then(|| Plan {
            unit: key.clone(),
            steps,
        })
    });
    once_per_target(plans.collect())
}

/// Units that at least one baseline enforces.
fn enforced(report: &Report) -> BTreeSet<&UnitKey> {
    report
        .baselines
        .values()
        .flat_map(|baseline| baseline.repairable.iter().map(move |key| (baseline, key)))
        .filter(|(baseline, key)| {
            baseline
                .units
                .judgement(key)
                .is_some_and(|unit| unit.mode == Mode::Enforce)
        })
        .map(|(_, key)| key)
        .collect()
}

/// A repair that a baseline asks for.
struct Wish<'a> {
    baseline: &'a Arc<str>,
    limit: u32,
    repair: &'a Repair,
}

/// The repairs that all baselines ask for on a unit; `None` if one of them, or an exception, keeps them from being made.
fn wishes<'a>(report: &'a Report, limits: &BTreeMap<&str, u32>, key: &UnitKey) -> Option<Vec<Wish<'a>>> {
    let mut wishes = Vec::new();
    for (name, baseline) in &report.baselines {
        let Some(unit) = baseline.units.judgement(key) else {
            continue;
        };
        let (repairs, waived) = repairs(unit);
        if waived || (!repairs.is_empty() && unit.mode != Mode::Enforce) {
            return None;
        }
        if !repairs.is_empty() {
            // A report of a baseline that is no longer known is on its way out.
            let limit = *limits.get(&**name)?;
            wishes.extend(repairs.into_iter().map(|repair| Wish {
                baseline: name,
                limit,
                repair,
            }));
        }
    }
    Some(wishes)
}

/// The repairs of findings that count, and whether a waived finding has one.
fn repairs(unit: &Judgement) -> (Vec<&Repair>, bool) {
    let mut repairs = Vec::new();
    let mut waived = false;
    for reported in &unit.findings {
        let Some(repair) = reported.finding.repair.as_deref() else {
            continue;
        };
        match reported.state {
            State::Failing => repairs.push(repair),
            State::Waived(_) => waived = true,
            State::Settling(_) => {}
        }
    }
    (repairs, waived)
}

/// What a change is planned under: its object and its place in it.
type Place = (ObjRef, Box<str>);

fn place(change: &Change) -> Place {
    (change.target().clone(), change.pointer().into())
}

/// One step per place of an object over all wishes. A repair that touches a place for which no safe change can be agreed on
/// is left out as a whole: its changes belong together.
fn agree(control: &'static str, wishes: &[Wish<'_>]) -> Vec<Step> {
    let free: Vec<&Wish<'_>> = wishes
        .iter()
        .filter(|wish| !wish.repair.changes.iter().any(|change| is_held(change, wishes)))
        .collect();
    let mut steps: BTreeMap<Place, Step> = BTreeMap::new();
    for wish in &free {
        for change in &wish.repair.changes {
            let step = Step {
                control,
                change: change.clone(),
                baseline: wish.baseline.clone(),
                max_changes_per_hour: wish.limit,
            };
            match steps.get_mut(&place(change)) {
                Some(known) => join(known, step),
                None => {
                    steps.insert(place(change), step);
                }
            }
        }
    }
    let order = order(&free);
    let mut steps: Vec<Step> = steps.into_values().collect();
    steps.sort_by_key(|step| std::cmp::Reverse(order.get(&place(&step.change)).copied()));
    steps
}

/// Whether some wish for the place of a change is not safe, or wants it to be something else.
fn is_held(change: &Change, wishes: &[Wish<'_>]) -> bool {
    wishes.iter().any(|wish| {
        let mut others = wish.repair.changes.iter().filter(|other| change.overlaps(other));
        others.any(|other| wish.repair.class != RepairClass::Safe || stricter(change, other).is_none())
    })
}

/// Joins two steps for one object: the strictest value, asked for by whoever asks for exactly it.
fn join(known: &mut Step, other: Step) {
    let Some(change) = stricter(&known.change, &other.change) else {
        return; // held, see `is_held`
    };
    known.max_changes_per_hour = known.max_changes_per_hour.min(other.max_changes_per_hour);
    if change != known.change || (change == other.change && other.baseline < known.baseline) {
        known.baseline = other.baseline;
    }
    known.change = change;
}

/// How many changes have to come after each object's: the longest way to the end of a repair through all of them. Repairs
/// list companions first, so that what restricts (the default deny) comes after what it needs.
fn order(wishes: &[&Wish<'_>]) -> BTreeMap<Place, usize> {
    let mut height: BTreeMap<Place, usize> = BTreeMap::new();
    let changes: usize = wishes.iter().map(|wish| wish.repair.changes.len()).sum();
    // As many rounds as there are changes settle any order; orders that contradict each other just end there.
    for _ in 0..changes {
        let mut settled = true;
        for wish in wishes {
            let mut behind = 0;
            for change in wish.repair.changes.iter().rev() {
                let own = height.entry(place(change)).or_default();
                settled &= *own >= behind;
                *own = behind.max(*own);
                behind = *own + 1;
            }
        }
        if settled {
            break;
        }
    }
    height
}

/// An object that several units of one control want changed (two workloads of one autoscaler) is changed once, in the
/// first plan that has it; where they disagree, in none.
fn once_per_target(mut plans: Vec<Plan>) -> Vec<Plan> {
    let mut agreed: BTreeMap<(&'static str, Place), Option<Step>> = BTreeMap::new();
    for step in plans.iter().flat_map(|plan| &plan.steps) {
        let key = (step.control, place(&step.change));
        match agreed.get_mut(&key) {
            Some(Some(known)) if stricter(&known.change, &step.change).is_some() => join(known, step.clone()),
            Some(slot) => *slot = None,
            None => {
                agreed.insert(key, Some(step.clone()));
            }
        }
    }
    for plan in &mut plans {
        plan.steps = std::mem::take(&mut plan.steps)
            .into_iter()
            .filter_map(|step| agreed.remove(&(step.control, place(&step.change)))?)
            .collect();
    }
    plans.retain(|plan| !plan.steps.is_empty());
    plans
}

#[cfg(test)]
mod tests;
