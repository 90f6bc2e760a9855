//! What a sequence of events amounts to: enough to look at the same cluster for the first time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use jiff::Timestamp;
use plimsoll_engine::{
    Engine,
    aside::Asides,
    baseline::{Compiled, compile},
    control::Registry,
    coverage::Coverage,
    decode::{DecodePlan, Object},
    exception::Exception,
    kind::Kind,
    memory::Memory,
    name::ObjRef,
    report::{BaselineReport, Report},
};
use serde_json::Value;

use crate::{dice::Dice, operator::Operator, scenes::PLAN};

/// The inputs of an engine, as they stand.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) now: Timestamp,
    pub(crate) objects: BTreeMap<ObjRef, Object>,
    pub(crate) coverage: BTreeMap<Kind, Coverage>,
    pub(crate) baselines: BTreeMap<String, (i64, Value)>,
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) operator: Option<Operator>,
    /// Kinds whose texts were not looked through, or not yet.
    pub(crate) undecoded: BTreeSet<Kind>,
    compiled: Vec<Compiled>,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(plimsoll_controls::registry);

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            now: "2026-06-01T12:00:00Z".parse().unwrap(),
            objects: BTreeMap::new(),
            coverage: kinds()
                .into_iter()
                .map(|kind| (kind, Coverage::Complete))
                .collect(),
            baselines: BTreeMap::new(),
            exceptions: Vec::new(),
            operator: None,
            undecoded: BTreeSet::new(),
            compiled: Vec::new(),
        }
    }

    /// The baselines as they stand; to be called after they were edited.
    pub(crate) fn compile(&mut self) -> Vec<Compiled> {
        let compiled = self.baselines.iter().map(|(name, (generation, spec))| {
            let spec = serde_json::from_value(spec.clone()).unwrap();
            compile(name, *generation, &spec, &[], &REGISTRY, None)
        });
        self.compiled = compiled.collect();
        self.compiled.clone()
    }

    /// The plan under which a kind was decoded.
    pub(crate) fn plan_of(&self, kind: Kind) -> Arc<DecodePlan> {
        if self.undecoded.contains(&kind) {
            Arc::default()
        } else {
            PLAN.clone()
        }
    }

    /// An engine given everything at once, in some order.
    pub(crate) fn engine(&self, engine: Engine, memory: &Memory, dice: &mut Dice) -> Engine {
        let mut engine = engine;
        let mut parts = [0, 1, 2, 3, 4, 5, 6];
        dice.shuffle(&mut parts);
        for part in parts {
            match part {
                0 => remember(&mut engine, memory),
                1 => engine.set_baselines(self.compiled.clone()),
                2 => engine.set_exceptions(self.exceptions.clone()),
                3 => kinds()
                    .into_iter()
                    .for_each(|kind| engine.set_decoded(kind, self.plan_of(kind))),
                4 => self
                    .coverage
                    .iter()
                    .for_each(|(kind, c)| engine.set_coverage(*kind, *c)),
                5 => self
                    .operator
                    .iter()
                    .flat_map(Operator::observations)
                    .for_each(|observation| engine.observe(observation)),
                _ => {
                    let mut objects: Vec<&Object> = self.objects.values().collect();
                    dice.shuffle(&mut objects);
                    for object in objects {
                        engine.upsert(object.clone());
                    }
                }
            }
        }
        engine
    }
}

/// The kinds some control reads: what an operator watches.
pub(crate) fn kinds() -> Vec<Kind> {
    REGISTRY.reads().iter().collect()
}

/// Hands on what an earlier process remembered, the way it is persisted.
pub(crate) fn remember(engine: &mut Engine, memory: &Memory) {
    for namespace in memory.namespaces() {
        if let Some(shard) = memory.shard(namespace) {
            let text = serde_json::to_string(shard).unwrap();
            engine.load_memory(namespace, serde_json::from_str(&text).unwrap());
        }
    }
}

/// The first difference of two reports, in words.
pub(crate) fn difference(mine: &Report, fresh: &Report) -> Option<String> {
    let names = |report: &Report| report.baselines.keys().cloned().collect::<Vec<_>>();
    if names(mine) != names(fresh) {
        return Some(format!("baselines {:?} and {:?}", names(mine), names(fresh)));
    }
    if mine.waived_by != fresh.waived_by {
        return Some(format!(
            "waived_by {:?} and {:?}",
            mine.waived_by, fresh.waived_by
        ));
    }
    mine.baselines
        .iter()
        .zip(fresh.baselines.iter())
        .find_map(|((name, mine), (_, fresh))| Some(format!("{name}: {}", of_baseline(mine, fresh)?)))
}

fn of_baseline(mine: &BaselineReport, fresh: &BaselineReport) -> Option<String> {
    for unit in mine.units.values() {
        match fresh.units.get(&unit.key) {
            None => return Some(format!("a unit nobody else has: {unit:#?}")),
            Some(other) if other != unit => return Some(format!("{unit:#?}\n against \n{other:#?}")),
            Some(_) => {}
        }
    }
    if let Some(missing) = fresh.units.values().find(|unit| !mine.units.contains(&unit.key)) {
        return Some(format!("a unit is missing: {missing:#?}"));
    }
    let said = [
        ("tallies", mine.tallies == fresh.tallies),
        ("worst", mine.worst == fresh.worst),
        ("repairable", mine.repairable == fresh.repairable),
        ("severities", mine.severities == fresh.severities),
        ("problems", mine.problems == fresh.problems),
        ("generation", mine.generation == fresh.generation),
        ("mode", mine.mode == fresh.mode),
        ("score", mine.score() == fresh.score()),
    ];
    said.iter()
        .find(|(_, same)| !same)
        .map(|(what, _)| format!("{what} differ"))
}

/// What one engine says beside its verdicts and the other does not, in words.
pub(crate) fn aside_difference(mine: &Asides, fresh: &Asides) -> Option<String> {
    let said = |asides: &Asides| {
        let requests = asides.requests().map(|request| format!("{request:?}"));
        let mut all: Vec<String> = requests
            .chain(asides.measures().map(|m| format!("{m:?}")))
            .collect();
        all.sort();
        all
    };
    let (mine, fresh) = (said(mine), said(fresh));
    (mine != fresh).then(|| format!("beside the verdicts {mine:#?}\n against \n{fresh:#?}"))
}

/// The first difference of what two engines remember, in words.
pub(crate) fn memory_difference(mine: &Memory, fresh: &Memory) -> Option<String> {
    let all = mine.namespaces().chain(fresh.namespaces());
    all.filter(|namespace| mine.shard(namespace) != fresh.shard(namespace))
        .map(|namespace| {
            format!(
                "memory of {namespace:?}: {:#?}\n against \n{:#?}",
                mine.shard(namespace),
                fresh.shard(namespace)
            )
        })
        .next()
}
