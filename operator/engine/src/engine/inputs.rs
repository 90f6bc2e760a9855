//! What comes in: objects, baselines, exceptions, observations, and what was remembered. Each marks exactly what it touches.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{
    Engine,
    plan::{self, Work, fingerprint},
};
use crate::{
    aside::Aside,
    baseline::Compiled,
    coverage::Coverage,
    decode::{DecodePlan, Object},
    dep::{Dep, Reader},
    exception::Exception,
    kind::Kind,
    memory::Shard,
    name::ObjRef,
    observation::Observation,
    probe::{Met, Probed},
    workload::WORKLOADS,
};

impl Engine {
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
        let present: HashSet<&ObjRef> = objects.iter().map(|o| &o.name).collect();
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

    /// Every kind is known whole: what is given is all there is, as in a dump of a cluster or in a test.
    pub fn see_everything(&mut self) {
        for kind in Kind::ALL {
            self.set_coverage(*kind, Coverage::Complete);
        }
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
}
