//! The plan: which units exist, and under which control of which baseline each is judged.

use std::{collections::HashMap, sync::Arc};

use crate::{
    baseline::{Compiled, Entry},
    decode::Object,
    dep::Dep,
    inventory::Inventory,
    kind::{Kind, KindSet},
    memory::Fingerprint,
    name::ObjRef,
    report::Judgement,
    unknown::Unknown,
};

/// One unit: a subject under one entry. Small: there are several for each workload.
pub(crate) struct UnitNode {
    slot: u32,
    pub(crate) subject: ObjRef,
    /// What its verdict was read from, sorted.
    pub(crate) deps: Box<[Dep]>,
    /// What was last said of it; `None` before the first turn and out of scope.
    pub(crate) judgement: Option<Arc<Judgement>>,
}

/// A unit that is no more.
pub(crate) struct Retired {
    pub(crate) id: u32,
    pub(crate) entry: Arc<Entry>,
    pub(crate) subject: ObjRef,
    pub(crate) deps: Box<[Dep]>,
    pub(crate) judgement: Option<Arc<Judgement>>,
}

impl Retired {
    /// Identifies the unit in what is remembered.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.entry, &self.subject)
    }
}

fn fingerprint(entry: &Entry, subject: &ObjRef) -> Fingerprint {
    Fingerprint::unit(&entry.settings.baseline, entry.control.meta().id, subject)
}

/// What a unit had read, and what was said of it.
pub(crate) type Before = (Box<[Dep]>, Option<Arc<Judgement>>);

/// What a change of objects or baselines does to the units.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) removed: Vec<Retired>,
    pub(crate) dirty: Vec<u32>,
}

/// All units, with the entries they are judged under.
#[derive(Default)]
pub(crate) struct Plan {
    baselines: Vec<Compiled>,
    /// Slots are never reused while units refer to them; `None` once their entry is gone.
    slots: Vec<Option<Slot>>,
    takers: HashMap<Kind, Vec<u32>>,
    units: Vec<Option<UnitNode>>,
    free: Vec<u32>,
    by_subject: HashMap<ObjRef, Vec<u32>>,
}

/// An entry, and what is said of most of its units: kept once, and shared by all that are said it.
struct Slot {
    entry: Arc<Entry>,
    common: Vec<Arc<Judgement>>,
}

/// Judgements kept for sharing in each slot: by environment and verdict, a few.
const COMMON: usize = 16;

/// The subject of cluster units.
pub(crate) fn cluster_subject() -> ObjRef {
    ObjRef::namespace_object("")
}

impl Slot {
    fn new(entry: Arc<Entry>) -> Self {
        Self {
            entry,
            common: Vec::new(),
        }
    }
}

impl Plan {
    pub(crate) fn baselines(&self) -> &[Compiled] {
        &self.baselines
    }

    pub(crate) fn unit(&self, id: u32) -> Option<&UnitNode> {
        self.units.get(id as usize).and_then(Option::as_ref)
    }

    /// The entry a unit is judged under.
    pub(crate) fn entry(&self, unit: &UnitNode) -> &Arc<Entry> {
        // A unit lives no longer than the entry in its slot: `replace` retires both together.
        self.slots[unit.slot as usize]
            .as_ref()
            .map_or_else(|| unreachable!("a unit outlived its entry"), |slot| &slot.entry)
    }

    /// Identifies a unit in what is remembered.
    pub(crate) fn fingerprint(&self, unit: &UnitNode) -> Fingerprint {
        fingerprint(self.entry(unit), &unit.subject)
    }

    /// Sets what was read and said of a unit; returns what was before.
    pub(crate) fn set(
        &mut self,
        id: u32,
        deps: Box<[Dep]>,
        judgement: Option<Arc<Judgement>>,
    ) -> Option<Before> {
        let unit = self.units.get_mut(id as usize)?.as_mut()?;
        Some((
            std::mem::replace(&mut unit.deps, deps),
            std::mem::replace(&mut unit.judgement, judgement),
        ))
    }

    /// A judgement to be held by a unit: the one it holds already if that says the same, or one shared with other units if
    /// it says nothing of this one alone.
    pub(crate) fn share(&mut self, id: u32, judgement: Judgement) -> Arc<Judgement> {
        let Some(unit) = self.units.get(id as usize).and_then(Option::as_ref) else {
            return Arc::new(judgement);
        };
        if let Some(held) = unit.judgement.as_ref().filter(|held| ***held == judgement) {
            return held.clone();
        }
        let slot = self.slots[unit.slot as usize].as_mut();
        let Some(slot) = slot.filter(|_| judgement.is_common()) else {
            return Arc::new(judgement);
        };
        if let Some(common) = slot.common.iter().find(|common| ***common == judgement) {
            return common.clone();
        }
        let judgement = Arc::new(judgement);
        if slot.common.len() == COMMON {
            slot.common.remove(0);
        }
        slot.common.push(judgement.clone());
        judgement
    }

    pub(crate) fn len(&self) -> usize {
        self.units.len() - self.free.len()
    }

    /// Every kind some active control reads.
    pub(crate) fn kinds(&self) -> KindSet {
        self.active()
            .fold(KindSet::EMPTY, |all, entry| all.union(entry.control.meta().reads))
    }

    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.units.iter().flatten().map(|unit| self.fingerprint(unit))
    }

    /// The units that may read objects of a kind: how much of it is known changes seldom, and is not recorded per unit.
    pub(crate) fn readers_of(&self, kind: Kind) -> impl Iterator<Item = u32> {
        // Whoever asks for scope, environment or tenant reads Namespaces.
        self.ids(move |plan, unit| {
            kind == Kind::Namespace || plan.entry(unit).control.meta().reads.contains(kind)
        })
    }

    /// The units judged by a control, under any baseline.
    pub(crate) fn units_of(&self, control: &str) -> impl Iterator<Item = u32> {
        self.ids(move |plan, unit| plan.entry(unit).control.meta().id == control)
    }

    fn ids(&self, test: impl Fn(&Self, &UnitNode) -> bool) -> impl Iterator<Item = u32> {
        (0u32..)
            .zip(&self.units)
            .filter_map(move |(id, unit)| unit.as_ref().filter(|u| test(self, u)).map(|_| id))
    }

    fn active(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.slots.iter().flatten().map(|slot| &slot.entry)
    }

    /// Takes new baselines in place of the old ones, keeping every unit whose entry stays the same.
    pub(crate) fn replace(&mut self, baselines: Vec<Compiled>, inventory: &Inventory) -> Change {
        let mut change = Change::default();
        let mut wanted: HashMap<(Arc<str>, &'static str), Arc<Entry>> = baselines
            .iter()
            .flat_map(|b| {
                b.entries
                    .iter()
                    .map(|e| ((b.name.clone(), e.control.meta().id), e.clone()))
            })
            .collect();
        for slot in 0..self.slots.len() {
            let Some(old) = self.slots[slot].as_ref().map(|slot| slot.entry.clone()) else {
                continue;
            };
            match wanted.remove(&(old.settings.baseline.clone(), old.control.meta().id)) {
                Some(new) if new.same_as(&old) => {}
                Some(new) => {
                    self.slots[slot] = Some(Slot::new(new));
                    change
                        .dirty
                        .extend(self.ids(|_, unit| unit.slot as usize == slot));
                }
                None => self.close(slot, &mut change),
            }
        }
        let mut added: Vec<_> = wanted.into_values().collect();
        added.sort_by_key(|entry| (entry.settings.baseline.clone(), entry.control.meta().id));
        for entry in added {
            self.open(entry, inventory, &mut change);
        }
        self.baselines = baselines;
        change
    }

    fn close(&mut self, slot: usize, change: &mut Change) {
        let ids: Vec<u32> = self.ids(|_, unit| unit.slot as usize == slot).collect();
        change
            .removed
            .extend(ids.into_iter().filter_map(|id| self.retire(id)));
        self.slots[slot] = None;
        self.takers
            .values_mut()
            .for_each(|slots| slots.retain(|s| *s as usize != slot));
    }

    fn open(&mut self, entry: Arc<Entry>, inventory: &Inventory, change: &mut Change) {
        let slot = self
            .slots
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        let unit_kind = entry.control.meta().unit;
        self.slots[slot] = Some(Slot::new(entry));
        // There are never more slots than controls times baselines.
        let Ok(slot) = u32::try_from(slot) else { return };
        if unit_kind.has_cluster() {
            change.dirty.extend(self.add(slot, cluster_subject()));
        }
        for kind in unit_kind.kinds() {
            self.takers.entry(*kind).or_default().push(slot);
            for name in inventory.names(*kind) {
                if inventory.get(name).is_some_and(|object| unit_kind.takes(object)) {
                    change.dirty.extend(self.add(slot, name.clone()));
                }
            }
        }
    }

    /// Makes exactly the units exist that judge this object.
    pub(crate) fn enlist(&mut self, object: &Object) -> Change {
        let mut change = Change::default();
        let takers = self.takers.get(&object.name.kind()).cloned().unwrap_or_default();
        for slot in takers {
            let Some(held) = &self.slots[slot as usize] else {
                continue;
            };
            let wanted = held.entry.control.meta().unit.takes(object);
            let existing = self.by_subject.get(&object.name).and_then(|ids| {
                ids.iter()
                    .copied()
                    .find(|id| self.unit(*id).is_some_and(|u| u.slot == slot))
            });
            match (wanted, existing) {
                (true, Some(id)) => change.dirty.push(id),
                (true, None) => change.dirty.extend(self.add(slot, object.name.clone())),
                (false, Some(id)) => change.removed.extend(self.retire(id)),
                (false, None) => {}
            }
        }
        change
    }

    /// Retires the units of an object that is gone.
    pub(crate) fn discharge(&mut self, name: &ObjRef) -> Vec<Retired> {
        let ids = self.by_subject.get(name).cloned().unwrap_or_default();
        ids.into_iter().filter_map(|id| self.retire(id)).collect()
    }

    fn add(&mut self, slot: u32, subject: ObjRef) -> Option<u32> {
        let node = UnitNode {
            slot,
            subject: subject.clone(),
            deps: Box::default(),
            judgement: None,
        };
        let id = if let Some(id) = self.free.pop() {
            self.units[id as usize] = Some(node);
            id
        } else {
            self.units.push(Some(node));
            u32::try_from(self.units.len() - 1).ok()?
        };
        self.by_subject.entry(subject).or_default().push(id);
        Some(id)
    }

    fn retire(&mut self, id: u32) -> Option<Retired> {
        let node = self.units.get_mut(id as usize)?.take()?;
        self.free.push(id);
        if let Some(ids) = self.by_subject.get_mut(&node.subject) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_subject.remove(&node.subject);
            }
        }
        let entry = self.slots[node.slot as usize].as_ref()?.entry.clone();
        Some(Retired {
            id,
            entry,
            subject: node.subject,
            deps: node.deps,
            judgement: node.judgement,
        })
    }

    /// The kinds each control judges and that cannot be seen as a whole, with the reason.
    pub(crate) fn blind(&self, inventory: &Inventory) -> Vec<(Arc<Entry>, Kind, Unknown)> {
        self.active()
            .flat_map(|entry| {
                entry
                    .control
                    .meta()
                    .unit
                    .kinds()
                    .iter()
                    .map(move |kind| (entry, *kind))
            })
            .filter_map(|(entry, kind)| {
                let coverage = inventory.coverage(kind);
                let partial = coverage == crate::coverage::Coverage::Partial;
                coverage
                    .proves_absence(kind)
                    .err()
                    .filter(|_| !partial)
                    .map(|why| (entry.clone(), kind, why))
            })
            .collect()
    }
}
