//! The engine: inputs change the inventory, a turn evaluates exactly what they touched, the report is the result.
//!
//! No clock, no I/O: the owner passes one `now` per turn and asks when to come back.

mod evaluate;
mod inputs;
mod ledger;
mod look;
mod namespaces;
mod plan;
mod restores;
mod settle;
mod turn;
mod wake;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    aside::Asides,
    dep::{Dep, Trace, Who},
    exception::Exception,
    graph::{FactStore, Graph},
    inventory::{Inventory, Touched},
    kind::{Kind, KindSet},
    memory::Memory,
    name::ObjRef,
    observation::Observations,
    report::Report,
    view::World,
};
use ledger::Ledger;
use plan::{Lanes, Plan, Work};
use settle::Grace;
use wake::Wakes;

/// Subjects judged before the outcomes of their units are settled and let go: enough for every core, few enough that the room
/// they take for a moment is small beside what stays.
const AT_ONCE: usize = 256;

/// Measures a cluster against its baselines, incrementally.
pub struct Engine {
    inventory: Inventory,
    facts: FactStore,
    graph: Graph,
    plan: Plan,
    memory: Memory,
    observations: Observations,
    exceptions: HashMap<String, Vec<Arc<Exception>>>,
    ledger: Ledger,
    asides: Asides,
    wakes: Wakes,
    dirty: BTreeMap<u32, Lanes>,
    orphans: Vec<Trace>,
    observed: BTreeSet<ObjRef>,
    grace: Grace,
    blindness_changed: bool,
    restores_changed: bool,
}

impl Engine {
    /// An engine that watches: remembers, and gives new failures time to settle once [`Engine::watching`] was called.
    pub fn live() -> Self {
        Self::with(Grace::Starting)
    }

    /// An engine for one look at something: no memory, no grace.
    pub fn scan() -> Self {
        Self::with(Grace::Never)
    }

    fn with(grace: Grace) -> Self {
        Self {
            inventory: Inventory::default(),
            facts: FactStore::default(),
            graph: Graph::default(),
            plan: Plan::default(),
            memory: Memory::default(),
            observations: Observations::default(),
            exceptions: HashMap::new(),
            ledger: Ledger::default(),
            asides: Asides::default(),
            wakes: Wakes::default(),
            dirty: BTreeMap::new(),
            orphans: Vec::new(),
            observed: BTreeSet::new(),
            grace,
            blindness_changed: false,
            restores_changed: false,
        }
    }

    /// The first report was published: what turns to Fail from now on is given time to settle, and what is remembered of
    /// units that no longer exist is forgotten, if everything could be seen.
    pub fn watching(&mut self) {
        if self.grace == Grace::Starting {
            self.grace = Grace::Watching;
        }
        let sees_all = self
            .plan
            .kinds()
            .iter()
            .all(|k| self.inventory.coverage(k).proves_absence(k).is_ok());
        if sees_all {
            let known: HashSet<_> = self.plan.fingerprints().collect();
            self.memory.retain_units(|unit| known.contains(&unit));
        }
    }

    /// Makes room for so many more objects: to grow step by step moves all of them several times.
    pub fn reserve(&mut self, objects: usize) {
        self.inventory.reserve(objects);
    }

    fn world(&self, now: Timestamp) -> World<'_> {
        World {
            inventory: &self.inventory,
            facts: &self.facts,
            memory: &self.memory,
            observations: &self.observations,
            now,
            warm: None,
            records: true,
        }
    }

    fn mark_readers_of(&mut self, kind: Kind) {
        self.facts.mark_readers_of(kind);
        self.run(self.plan.readers_of(kind));
    }

    /// What is remembered, to be persisted.
    pub fn memory_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// Every kind that some control in force reads.
    pub fn needed_kinds(&self) -> KindSet {
        self.plan.kinds()
    }

    /// Everything known of the cluster.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The state after the last turn.
    pub fn report(&self) -> Report {
        self.ledger.report()
    }

    /// What controls said beside their verdicts.
    pub fn asides(&self) -> Asides {
        self.asides.clone()
    }

    /// When time alone may next change a verdict.
    pub fn next_wake(&mut self) -> Option<Timestamp> {
        self.wakes.next()
    }

    /// How many units and facts are held.
    pub fn size(&self) -> (usize, usize) {
        (self.plan.len(), self.facts.len())
    }

    /// How many reads are recorded, and about how many bytes they take, both ways: what each unit and fact read, and who
    /// read each.
    pub fn recorded_reads(&self) -> (usize, usize) {
        let (by_units, by_facts) = (self.plan.reads(), self.facts.reads());
        let reads = by_units + by_facts;
        let bytes = by_units * size_of::<(Trace, Lanes)>() + by_facts * size_of::<Trace>();
        (reads, bytes + self.graph.bytes())
    }

    fn touch(&mut self, touched: &Touched) {
        for dep in &touched.deps {
            self.mark_readers(dep.trace());
        }
    }

    /// What was read is no longer so.
    fn mark_readers(&mut self, read: Trace) {
        for reader in self.graph.readers(read) {
            match reader.who() {
                Who::Fact(fact) => self.facts.mark_dirty(fact),
                Who::Node(id) => {
                    let lanes = self.plan.node(id).map(|node| node.reads.readers(read));
                    self.run(lanes.map(|lanes| (id, lanes)));
                }
            }
        }
    }

    /// Has units judged in the next turn.
    fn run(&mut self, work: impl IntoIterator<Item = Work>) {
        for (node, lanes) in work {
            let dirty = self.dirty.entry(node).or_default();
            *dirty = dirty.and(lanes);
        }
    }

    fn touch_deps(&mut self, deps: Vec<Dep>) {
        self.touch(&Touched {
            deps,
            ..Touched::default()
        });
    }
}
