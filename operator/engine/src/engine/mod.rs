//! The engine: inputs change the inventory, a turn evaluates exactly what they touched, the report is the result.
//!
//! No clock, no I/O: the owner passes one `now` per turn and asks when to come back.

mod evaluate;
mod ledger;
mod look;
mod plan;
mod restores;
mod settle;
mod wake;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    aside::{Aside, Asides},
    baseline::Compiled,
    control::{WORKLOADS, project},
    coverage::Coverage,
    decode::{DecodePlan, Object},
    dep::{Dep, Reader, Trace, Who},
    exception::Exception,
    fact::Computed,
    graph::{FactStore, Graph},
    inventory::{Inventory, Touched},
    kind::{Kind, KindSet},
    labels::Labels,
    memory::{Fingerprint, Memory, Seen, Shard},
    name::ObjRef,
    object::Namespace,
    observation::{Observation, Observations},
    probe::{Met, Probed},
    report::{Delta, Report},
    view::{Overlay, World, compute},
};
use evaluate::{Judged, Outcome, evaluate_all};
use ledger::Ledger;
use plan::{Lanes, News, Plan, Work, fingerprint};
use settle::{Grace, Settling};
use wake::{Sleeper, Wakes};

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
            let known: std::collections::HashSet<_> = self.plan.fingerprints().collect();
            self.memory.retain_units(|unit| known.contains(&unit));
        }
    }

    /// Makes room for so many more objects: to grow step by step moves all of them several times.
    pub fn reserve(&mut self, objects: usize) {
        self.inventory.reserve(objects);
    }

    /// Takes an object in, or its new version.
    pub fn upsert(&mut self, object: Object) {
        let name = object.name.clone();
        let told = self.tells_of_restores(&object) || self.told_of_restores(&name);
        let touched = self.inventory.upsert(object);
        self.restores_changed |= told && !touched.deps.is_empty();
        if touched.deps.is_empty() {
            return;
        }
        if name.kind() == Kind::Namespace {
            self.observed.insert(name.clone());
        }
        self.enlist(&name);
        self.touch(&touched);
    }

    /// Forgets an object.
    pub fn remove(&mut self, name: &ObjRef) {
        self.restores_changed |= self.told_of_restores(name);
        let touched = self.inventory.remove(name);
        if !touched.removed {
            return;
        }
        if name.kind() == Kind::Namespace {
            self.observed.remove(name);
            self.ledger.forget_namespace(name.name());
            let forgotten = self.memory.forget_namespace(name.name());
            self.touch_first_seen(name.name(), &forgotten.labels);
            self.touch_deps(forgotten.probes);
        }
        self.discharge(name);
        self.touch(&touched);
    }

    /// Replaces everything known of a kind: the answer of a list. What is not in it is gone.
    pub fn replace_kind(&mut self, kind: Kind, objects: Vec<Object>) {
        let present: std::collections::HashSet<&ObjRef> = objects.iter().map(|o| &o.name).collect();
        let gone: Vec<ObjRef> = self
            .inventory
            .names(kind)
            .filter(|name| !present.contains(name))
            .cloned()
            .collect();
        for name in gone {
            self.remove(&name);
        }
        for object in objects {
            self.upsert(object);
        }
    }

    /// Tells under which plan the objects of a kind were decoded. To be told together with the whole kind: what was decoded
    /// under another plan says nothing about what this one asks.
    pub fn set_decoded(&mut self, kind: Kind, plan: Arc<DecodePlan>) {
        if self.inventory.set_decoded(kind, plan) {
            self.mark_readers_of(kind);
        }
    }

    /// Sets how much of a kind is known.
    pub fn set_coverage(&mut self, kind: Kind, coverage: Coverage) {
        if !self.inventory.set_coverage(kind, coverage) {
            return;
        }
        self.blindness_changed = true;
        self.mark_readers_of(kind);
    }

    fn mark_readers_of(&mut self, kind: Kind) {
        self.facts.mark_readers_of(kind);
        self.run(self.plan.readers_of(kind));
    }

    /// Replaces the baselines.
    pub fn set_baselines(&mut self, baselines: Vec<Compiled>) {
        let change = self.plan.replace(baselines, &self.inventory);
        for unit in change.removed {
            self.retire(unit);
        }
        self.run(change.dirty);
        let keys = self
            .plan
            .baselines()
            .iter()
            .flat_map(|b| b.settings.watched_labels());
        if self.inventory.watch_labels(keys.map(Arc::from).collect()) {
            for kind in WORKLOADS.iter().chain([&Kind::Namespace]) {
                self.mark_readers_of(*kind);
            }
        }
        self.ledger.set_baselines(self.plan.baselines());
        self.restores_changed = true;
        self.observed
            .extend(self.inventory.names(Kind::Namespace).cloned());
        self.blindness_changed = true;
    }

    /// Replaces the exceptions.
    pub fn set_exceptions(&mut self, exceptions: Vec<Exception>) {
        let mut by_control: HashMap<String, Vec<Arc<Exception>>> = HashMap::new();
        for exception in exceptions {
            by_control
                .entry(exception.control.clone())
                .or_default()
                .push(Arc::new(exception));
        }
        let changed: BTreeSet<&String> = by_control
            .keys()
            .chain(self.exceptions.keys())
            .filter(|control| by_control.get(*control) != self.exceptions.get(*control))
            .collect();
        let units = changed
            .into_iter()
            .flat_map(|control| self.plan.units_of(control));
        let units: Vec<Work> = units.collect();
        self.run(units);
        self.exceptions = by_control;
    }

    /// Takes in what was observed, or that it is no longer known; wakes whoever read it, if that says anything new.
    pub fn observe(&mut self, observation: Observation) {
        let deps: Vec<Dep> = self.observations.take(observation).into_iter().collect();
        self.touch_deps(deps);
    }

    /// Takes in what a prober met: it is remembered.
    pub fn met(&mut self, met: Met) {
        let deps = vec![self.memory.met(met)];
        self.touch_deps(deps);
    }

    /// Takes in what another process remembers of probes of a namespace's hosts. `uid` is the namespace's.
    pub fn recall(&mut self, namespace: &str, uid: Option<&str>, probed: &Probed) {
        let gone = self.inventory.coverage(Kind::Namespace) == Coverage::Complete
            && self.inventory.get(&ObjRef::namespace_object(namespace)).is_none();
        if gone || probed.is_empty() {
            return;
        }
        let deps = self.memory.recall(namespace, uid, probed);
        self.touch_deps(deps);
    }

    /// Takes in what an earlier process remembered of a namespace.
    pub fn load_memory(&mut self, namespace: &str, shard: Shard) {
        let keys: Vec<String> = shard.labels.keys().cloned().collect();
        self.memory.load(namespace, shard);
        self.touch_first_seen(namespace, &keys);
        self.touch_restores(namespace);
        self.restores_changed = true;
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

    /// Evaluates what changed since the last turn.
    pub fn turn(&mut self, now: Timestamp) -> Delta {
        for sleeper in self.wakes.due(now) {
            match sleeper {
                Sleeper::Fact(dep) => self.facts.wake(dep),
                Sleeper::Unit(node, slot) => self.run([(node, Lanes::of(slot))]),
            }
        }
        self.observe_namespaces();
        self.observe_restores();
        let mut delta = Delta {
            facts: self.refresh_facts(now),
            transitions: self.ledger.take_pending(),
            ..Delta::default()
        };
        let work: Vec<Work> = std::mem::take(&mut self.dirty).into_iter().collect();
        for (number, some) in work.chunks(AT_ONCE).enumerate() {
            let (judged, computed) = evaluate_all(self.world(now), &self.plan, some, number == 0);
            for fact in computed {
                delta.facts += 1;
                self.keep_fact(fact);
            }
            for judged in judged {
                self.settle(judged, now, &mut delta);
            }
        }
        if std::mem::take(&mut self.blindness_changed) {
            self.ledger
                .set_blind(self.plan.blind(&self.inventory), &mut delta);
        }
        self.drop_orphans();
        self.ledger.finish(now, &delta);
        delta
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

    /// Makes an object's units exist, exactly those that judge it.
    fn enlist(&mut self, name: &ObjRef) {
        let Some(object) = self.inventory.get(name) else {
            return;
        };
        let change = self.plan.enlist(object);
        for unit in change.removed {
            self.retire(unit);
        }
        self.run(change.dirty);
    }

    fn discharge(&mut self, name: &ObjRef) {
        for unit in self.plan.discharge(name) {
            self.retire(unit);
        }
    }

    fn retire(&mut self, retired: plan::Retired) {
        let id = retired.node;
        if self.plan.node(id).is_none() {
            self.dirty.remove(&id);
        }
        let orphans = self.graph.replace(
            Reader::node(id),
            retired.read.traces(),
            retired.reads.iter().copied(),
        );
        self.orphans.extend(orphans);
        let namespace = retired.subject.governing_namespace().unwrap_or_default();
        for unit in &retired.units {
            self.asides.set((id, unit.slot), Aside::default());
            if self.memory.knows_units_of(namespace) {
                let fingerprint = fingerprint(&unit.entry, &retired.subject);
                self.memory.remember(namespace, fingerprint, Vec::new());
            }
        }
        self.ledger.retire(retired);
    }

    fn touch_first_seen(&mut self, namespace: &str, keys: &[String]) {
        let deps = keys.iter().map(|key| Dep::first_seen(key, namespace));
        self.touch_deps(deps.collect());
    }

    fn touch_deps(&mut self, deps: Vec<Dep>) {
        self.touch(&Touched {
            deps,
            ..Touched::default()
        });
    }

    /// Remembers the first valid labels of namespaces that changed. Only a live engine remembers.
    fn observe_namespaces(&mut self) {
        for name in std::mem::take(&mut self.observed) {
            let Some(object) = self.inventory.get(&name).filter(|_| self.grace != Grace::Never) else {
                continue;
            };
            // Of one that cannot be read it is not known which it is: it is taken for the same as before.
            let forgotten = project::<Namespace>(object)
                .map(|namespace| self.memory.observe_namespace(name.name(), namespace.uid()))
                .unwrap_or_default();
            let mut changed = forgotten.labels;
            let labels = object.meta.labels.clone();
            for baseline in self.plan.baselines() {
                let settings = &baseline.settings;
                let environment = settings
                    .environment_label(&labels)
                    .and_then(|value| settings.normalise(value))
                    .map(|value| (settings.environment_key(), value));
                let tenant = settings
                    .tenant_label(&labels)
                    .map(|(_, tenant)| (settings.tenant_key(), tenant.into()));
                for (key, value) in environment.into_iter().chain(tenant) {
                    if self.memory.observe_label(key, name.name(), &value) {
                        changed.push(key.to_owned());
                    }
                }
            }
            self.file_under_tenants(name.name(), &labels);
            // Another baseline may read the same label and hold other values for valid.
            self.touch_first_seen(name.name(), &changed);
            self.touch_deps(forgotten.probes);
            if forgotten.restores {
                self.touch_restores(name.name());
            }
        }
    }

    /// Files a namespace under its tenant, by baseline: the first one seen stays in force, as it does for controls.
    fn file_under_tenants(&mut self, namespace: &str, labels: &Labels) {
        for baseline in self.plan.baselines() {
            let settings = &baseline.settings;
            let first = self.memory.first_label(settings.tenant_key(), namespace);
            let tenant = first.or_else(|| settings.tenant_label(labels).map(|(_, tenant)| tenant));
            self.ledger
                .set_tenant(&settings.baseline, namespace, tenant.map(Arc::from));
        }
    }

    /// Computes dirty facts again, those first that others read; readers of what changed become dirty in turn.
    fn refresh_facts(&mut self, now: Timestamp) -> usize {
        let mut computed = 0;
        while let Some((stale, dep)) = self.facts.next_dirty() {
            let overlay = Overlay::default();
            let fresh = compute(self.world(now), &overlay, stale, dep);
            for fact in overlay.into_computed().chain([fresh]) {
                computed += 1;
                self.keep_fact(fact);
            }
        }
        computed
    }

    fn keep_fact(&mut self, fact: Computed) {
        let dep = fact.dep;
        if let Some(wake) = fact.reads.wake {
            self.wakes.set(Sleeper::Fact(dep), wake);
        }
        let stored = self.facts.store(fact, &mut self.graph);
        self.orphans.extend(stored.orphans);
        if stored.changed {
            self.mark_readers(dep.trace());
        }
        // Computed for a reader whose reads are not filed yet: unread for good only if it still is when the turn ends.
        self.orphans.push(dep.trace());
    }

    /// The verdict on a unit of the plan.
    fn settled(
        &self,
        node: u32,
        slot: u32,
        outcome: &mut Outcome,
        now: Timestamp,
    ) -> Option<settle::Settled> {
        let (node, entry) = (self.plan.node(node)?, self.plan.entry(slot)?);
        let control = entry.control.meta().id;
        let namespace = node.subject.governing_namespace().unwrap_or_default();
        let remembers = self.memory.knows_units_of(namespace);
        let unit = remembers.then(|| fingerprint(entry, &node.subject));
        let known = unit.map_or(&[][..], |unit| self.memory.seen(namespace, unit));
        let settling = Settling {
            entry,
            subject: &node.subject,
            known,
            unit,
            exceptions: self.exceptions.get(control).map_or(&[], Vec::as_slice),
            inventory: &self.inventory,
            before: node.said.get(control).map(|said| &**said),
            grace: self.grace,
            now,
        };
        Some(settling.settle(outcome))
    }

    fn settle(&mut self, judged: Judged, now: Timestamp, delta: &mut Delta) {
        let id = judged.node;
        let mut news = Vec::with_capacity(judged.outcomes.len());
        for (slot, mut outcome) in judged.outcomes {
            delta.evaluated += 1;
            delta.panicked += usize::from(outcome.panicked);
            let aside = std::mem::take(&mut outcome.findings.aside);
            self.asides.set((id, slot), aside);
            let Some(settled) = self.settled(id, slot, &mut outcome, now) else {
                continue;
            };
            self.remember(id, slot, settled.unit, settled.seen);
            let reads = outcome.reads;
            if let Some(wake) = [reads.wake, settled.wake].into_iter().flatten().min() {
                self.wakes.set(Sleeper::Unit(id, slot), wake);
            }
            let mut deps = reads.deps;
            deps.extend(settled.deps);
            let judgement = settled.judgement.map(|said| self.plan.share(id, slot, said));
            news.push(News {
                slot,
                deps,
                judgement,
            });
        }
        self.say(id, judged.lanes, news, delta);
    }

    /// Remembers since when a unit's findings have been there.
    fn remember(&mut self, node: u32, slot: u32, unit: Option<Fingerprint>, seen: Vec<Seen>) {
        let nothing = seen.is_empty() && unit.is_none();
        if nothing || self.grace == Grace::Never {
            return;
        }
        let (Some(node), Some(entry)) = (self.plan.node(node), self.plan.entry(slot)) else {
            return;
        };
        let namespace = node.subject.governing_namespace().unwrap_or_default();
        let unit = unit.unwrap_or_else(|| fingerprint(entry, &node.subject));
        self.memory.remember(namespace, unit, seen);
    }

    /// Takes in what was read and said of all units of some lanes of a node.
    fn say(&mut self, id: u32, lanes: Lanes, news: Vec<News>, delta: &mut Delta) {
        let entry = news.first().and_then(|unit| self.plan.entry(unit.slot));
        let Some(baseline) = entry.map(|entry| entry.settings.baseline.clone()) else {
            return;
        };
        let Some((read, said)) = self.plan.set(id, lanes, news) else {
            return;
        };
        let Some(node) = self.plan.node(id) else { return };
        if let Some(read) = read {
            let orphans = self
                .graph
                .replace(Reader::node(id), read.traces(), node.reads.traces());
            self.orphans.extend(orphans);
        }
        self.ledger
            .change(&baseline, &node.subject, said, node.said.clone(), delta);
    }

    /// Drops facts nobody reads any more, and then those that only they read.
    fn drop_orphans(&mut self) {
        let mut orphans = std::mem::take(&mut self.orphans);
        while let Some(read) = orphans.pop() {
            orphans.extend(self.facts.drop_unread(read, &mut self.graph));
        }
    }
}
