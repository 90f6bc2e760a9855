//! Evaluating units: pure, in parallel where there are many, and a panic stays in its unit.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use rayon::prelude::*;

use super::plan::{Lanes, Plan, Work, cluster_subject};
use crate::{
    baseline::Entry,
    control::Unit,
    dep::Dep,
    fact::{Computed, Fact as _, Known},
    facts::WaysOut,
    finding::Findings,
    kind::Kind,
    name::ObjRef,
    unknown::Unknown,
    view::{Overlay, Reads, View, World},
};

/// Below this many subjects threads cost more than they bring.
const PARALLEL_FROM: usize = 128;

/// What a control said of a unit, before time and exceptions are considered.
pub(crate) struct Outcome {
    pub(crate) in_scope: bool,
    pub(crate) environment: Option<Arc<str>>,
    pub(crate) findings: Findings,
    pub(crate) reads: Reads,
    pub(crate) panicked: bool,
}

/// What was said of all units of some lanes of a node, by slot.
pub(crate) struct Judged {
    pub(crate) node: u32,
    pub(crate) lanes: Lanes,
    pub(crate) outcomes: Vec<(u32, Outcome)>,
}

/// Evaluates units; also returns the facts computed on the way. What sums up the whole cluster need not be prepared but for
/// the first units of a turn.
pub(crate) fn evaluate_all(
    world: World<'_>,
    plan: &Plan,
    work: &[Work],
    is_first: bool,
) -> (Vec<Judged>, Vec<Computed>) {
    if work.len() < PARALLEL_FROM {
        return evaluate_chunk(world, plan, work);
    }
    let (first, work) = one_of_each(plan, work);
    let sums = if is_first { sums(world, plan) } else { Vec::new() };
    let (mut judged, known) = groundwork(world, plan, sums, &first);
    let world = World {
        warm: Some(&known),
        ..world
    };
    let (others, mut facts) = evaluate_parts(world, plan, &work);
    judged.extend(others);
    let mut all = known.into_list();
    all.append(&mut facts);
    (judged, all)
}

/// What sums up the whole cluster, and one unit of each control: computed once, instead of once by each thread.
pub(crate) fn groundwork(
    world: World<'_>,
    plan: &Plan,
    sums: Vec<Computed>,
    first: &[Work],
) -> (Vec<Judged>, Known) {
    let mut known = Known::default();
    known.extend(sums);
    let world = World {
        warm: Some(&known),
        ..world
    };
    let (judged, computed) = evaluate_chunk(world, plan, first);
    known.extend(computed);
    (judged, known)
}

/// The sums of all namespaces, in parallel: the first unit that asks about traffic asks for all of them, and would compute
/// them one after the other.
pub(crate) fn sums(world: World<'_>, plan: &Plan) -> Vec<Computed> {
    if !plan.kinds().includes(WaysOut::READS) {
        return Vec::new();
    }
    let wanted: Vec<(WaysOut, Dep)> = world
        .inventory
        .names(Kind::Namespace)
        .map(|name| WaysOut::of(name.name()))
        .map(|fact| (fact.clone(), Dep::fact(&fact)))
        .filter(|(fact, dep)| world.facts.current(*dep, fact).is_none())
        .collect();
    in_parts(&wanted, |part| {
        let overlay = Overlay::default();
        let view = View::for_fact(world, &overlay, WaysOut::READS);
        for (fact, _) in part {
            // What is unknown of it is told to whoever asks.
            _ = view.fact(fact);
        }
        overlay.into_computed().collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect()
}

/// Runs over parts of a list, several for each thread: not all parts are equally hard.
fn in_parts<T: Sync, R: Send>(list: &[T], run: impl Fn(&[T]) -> R + Send + Sync) -> Vec<R> {
    let part = list.len().div_ceil(rayon::current_num_threads() * 4).max(1);
    list.par_chunks(part).map(run).collect()
}

/// Evaluates units in parallel.
pub(crate) fn evaluate_parts(world: World<'_>, plan: &Plan, work: &[Work]) -> (Vec<Judged>, Vec<Computed>) {
    let (mut judged, mut facts) = (Vec::with_capacity(work.len()), Vec::new());
    for (part, computed) in in_parts(work, |part| evaluate_chunk(world, plan, part)) {
        judged.extend(part);
        facts.extend(computed);
    }
    (judged, facts)
}

/// The first unit of each entry of a baseline, and the others.
pub(crate) fn one_of_each(plan: &Plan, work: &[Work]) -> (Vec<Work>, Vec<Work>) {
    let mut seen = HashSet::new();
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for (id, lanes) in work {
        let slots = plan
            .node(*id)
            .into_iter()
            .flat_map(|node| plan.units(node, *lanes));
        let new = slots.filter(|(slot, _)| seen.insert(*slot));
        let new = new.fold(Lanes::default(), |lanes, (slot, _)| lanes.and(Lanes::of(slot)));
        first.push((*id, new));
        others.push((*id, lanes.without(new)));
    }
    first.retain(|(_, lanes)| !lanes.is_empty());
    others.retain(|(_, lanes)| !lanes.is_empty());
    (first, others)
}

fn evaluate_chunk(world: World<'_>, plan: &Plan, work: &[Work]) -> (Vec<Judged>, Vec<Computed>) {
    let overlay = Overlay::default();
    let judge = |(id, lanes): &Work| {
        let node = plan.node(*id)?;
        let units = plan.units(node, *lanes);
        let outcomes = units.map(|(slot, entry)| (slot, evaluate(world, &overlay, entry, &node.subject)));
        Some(Judged {
            node: *id,
            lanes: *lanes,
            outcomes: outcomes.collect(),
        })
    };
    let judged = work.iter().filter_map(judge).collect();
    (judged, overlay.into_computed().collect())
}

fn evaluate(world: World<'_>, overlay: &Overlay, entry: &Entry, subject: &ObjRef) -> Outcome {
    let namespace = subject.governing_namespace().unwrap_or_default();
    let view = View::for_unit(
        world,
        overlay,
        &entry.settings,
        subject,
        entry.control.meta().reads,
    );
    let mut findings = Findings::new(subject.clone());
    let mut outcome = (true, None);
    let judged = catch_unwind(AssertUnwindSafe(|| {
        let standing = if namespace.is_empty() {
            None
        } else {
            Some(view.standing()?)
        };
        if let Some(standing) = standing {
            outcome = (standing.in_scope, standing.environment.clone());
            if !standing.in_scope {
                return Ok(());
            }
        }
        judge(&view, entry, subject, &mut findings)
    }));
    match judged {
        Ok(Ok(())) => {}
        Ok(Err(unknown)) => findings.unknown(unknown),
        Err(payload) => {
            // What a control had found before it panicked proves nothing about the rest.
            findings = Findings::new(subject.clone());
            findings.unknown(Unknown::panicked("the control", payload.as_ref()));
        }
    }
    let panicked = findings.unknown.as_ref().is_some_and(Unknown::is_panic);
    let (in_scope, environment) = outcome;
    Outcome {
        in_scope: in_scope && findings.judged,
        environment,
        findings,
        reads: view.into_reads(),
        panicked,
    }
}

fn judge(view: &View<'_>, entry: &Entry, subject: &ObjRef, findings: &mut Findings) -> Result<(), Unknown> {
    let params = entry.params.as_ref().map_err(|problem| {
        Unknown::new(
            "InvalidParameters",
            format!("{}: {}", problem.field, problem.message),
        )
    })?;
    let object = if *subject == cluster_subject() {
        None
    } else {
        view.object(subject)?
    };
    let unit = Unit::new(subject, object);
    let checked = entry.control.check(&unit, view, params, findings);
    for i in 0..findings.found.len() {
        // A repair that cannot be told is no reason not to report the finding.
        let mut repair = entry
            .control
            .repair(&unit, view, params, &findings.found[i])
            .unwrap_or_default();
        // It is kept as long as the finding is.
        if let Some(repair) = &mut repair {
            repair.changes.shrink_to_fit();
        }
        if repair.is_some() {
            findings.found[i].repair = repair.map(Box::new);
        }
    }
    checked
}
