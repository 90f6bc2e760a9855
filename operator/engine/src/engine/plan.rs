//! The plan: which units exist, and under which control of which baseline each is judged.

use std::{collections::HashMap, sync::Arc};

use crate::{
    baseline::{Compiled, Entry},
    decode::Object,
    inventory::Inventory,
    kind::{Kind, KindSet},
    memory::Fingerprint,
    name::ObjRef,
    unknown::Unknown,
    view::Reads,
};

/// One unit: a subject under one entry.
pub(crate) struct UnitNode {
    slot: usize,
    pub(crate) subject: ObjRef,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) reads: Reads,
}

/// A unit that is no more.
pub(crate) struct Retired {
    pub(crate) id: u32,
    pub(crate) entry: Arc<Entry>,
    pub(crate) subject: ObjRef,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) reads: Reads,
}

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
    slots: Vec<Option<Arc<Entry>>>,
    takers: HashMap<Kind, Vec<usize>>,
    units: Vec<Option<UnitNode>>,
    free: Vec<u32>,
    by_subject: HashMap<ObjRef, Vec<u32>>,
}

/// The subject of cluster units.
pub(crate) fn cluster_subject() -> ObjRef {
    ObjRef::namespace_object("")
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
        self.slots[unit.slot]
            .as_ref()
            .unwrap_or_else(|| unreachable!("a unit outlived its entry"))
    }

    pub(crate) fn set_reads(&mut self, id: u32, reads: Reads) -> Reads {
        match self.units.get_mut(id as usize) {
            Some(Some(unit)) => std::mem::replace(&mut unit.reads, reads),
            _ => Reads::default(),
        }
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
        self.units.iter().flatten().map(|unit| unit.fingerprint)
    }

    /// The units that read objects of a kind.
    pub(crate) fn readers_of(&self, kind: Kind) -> impl Iterator<Item = u32> {
        self.ids(move |_, unit| unit.reads.kinds.contains(kind))
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
        self.slots.iter().flatten()
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
            let Some(old) = self.slots[slot].clone() else {
                continue;
            };
            match wanted.remove(&(old.settings.baseline.clone(), old.control.meta().id)) {
                Some(new) if new.same_as(&old) => {}
                Some(new) => {
                    self.slots[slot] = Some(new);
                    change.dirty.extend(self.ids(|_, unit| unit.slot == slot));
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
        let ids: Vec<u32> = self.ids(|_, unit| unit.slot == slot).collect();
        change
            .removed
            .extend(ids.into_iter().filter_map(|id| self.retire(id)));
        self.slots[slot] = None;
        self.takers
            .values_mut()
            .for_each(|slots| slots.retain(|s| *s != slot));
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
        self.slots[slot] = Some(entry);
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
            let Some(entry) = &self.slots[slot] else { continue };
            let wanted = entry.control.meta().unit.takes(object);
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

    fn add(&mut self, slot: usize, subject: ObjRef) -> Option<u32> {
        let entry = self.slots[slot].as_ref()?;
        let fingerprint = Fingerprint::unit(&entry.settings.baseline, entry.control.meta().id, &subject);
        let node = UnitNode {
            slot,
            subject: subject.clone(),
            fingerprint,
            reads: Reads::default(),
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
        let entry = self.slots[node.slot].clone()?;
        Some(Retired {
            id,
            entry,
            subject: node.subject,
            fingerprint: node.fingerprint,
            reads: node.reads,
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
