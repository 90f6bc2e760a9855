//! The plan: which units exist, and under which control of which baseline each is judged.

mod nodes;
mod reads;

use std::{collections::HashMap, sync::Arc};

use crate::{
    baseline::{Compiled, Entry},
    decode::Object,
    dep::{Dep, Trace},
    finding::Details,
    inventory::Inventory,
    kind::{Kind, KindSet},
    memory::Fingerprint,
    name::ObjRef,
    recent::Recent,
    report::{Judgement, Judgements},
    unknown::Unknown,
};
pub(crate) use nodes::Node;
use nodes::Nodes;
pub(crate) use reads::{Lanes, Reads};

/// Units to be judged: a node, and which of its units.
pub(crate) type Work = (u32, Lanes);

/// Units of one subject that are no more.
pub(crate) struct Retired {
    pub(crate) node: u32,
    pub(crate) subject: ObjRef,
    pub(crate) units: Vec<RetiredUnit>,
    /// What the node had read, and what its remaining units have.
    pub(crate) read: Reads,
    pub(crate) reads: Vec<Trace>,
    /// What is still said of the subject.
    pub(crate) said: Judgements,
}

/// One of them.
pub(crate) struct RetiredUnit {
    pub(crate) slot: u32,
    pub(crate) entry: Arc<Entry>,
    pub(crate) judgement: Option<Arc<Judgement>>,
}

/// What was read and said of a unit.
pub(crate) struct News {
    pub(crate) slot: u32,
    pub(crate) deps: Vec<Dep>,
    pub(crate) judgement: Option<Arc<Judgement>>,
}

/// What is said of a unit, and what was.
pub(crate) struct Said {
    pub(crate) control: &'static str,
    pub(crate) before: Option<Arc<Judgement>>,
    pub(crate) after: Option<Arc<Judgement>>,
}

/// Identifies a unit in what is remembered.
pub(crate) fn fingerprint(entry: &Entry, subject: &ObjRef) -> Fingerprint {
    Fingerprint::unit(&entry.settings.baseline, entry.control.meta().id, subject)
}

/// What a change of objects or baselines does to the units.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) removed: Vec<Retired>,
    pub(crate) dirty: Vec<Work>,
}

/// All units, with the entries they are judged under.
#[derive(Default)]
pub(crate) struct Plan {
    baselines: Vec<Compiled>,
    /// Slots are never reused while units refer to them; `None` once their entry is gone.
    slots: Vec<Option<Slot>>,
    /// A number for the name of every baseline there ever was.
    numbers: HashMap<Arc<str>, u32>,
    takers: HashMap<Kind, Vec<u32>>,
    nodes: Nodes,
    /// What was last said of whole subjects: of most of a kind the very same.
    said: Recent<Judgements>,
}

/// An entry, and what is said of most of its units: kept once, and shared by all that are said it.
struct Slot {
    entry: Arc<Entry>,
    /// The number of its baseline.
    baseline: u32,
    common: Recent<Arc<Judgement>>,
    /// What its latest findings said: most of one cause say the same.
    details: Recent<triomphe::Arc<Details>>,
}

/// The subject of cluster units.
pub(crate) fn cluster_subject() -> ObjRef {
    ObjRef::namespace_object("")
}

impl Slot {
    fn new(entry: Arc<Entry>, baseline: u32) -> Self {
        Self {
            entry,
            baseline,
            common: Recent::default(),
            details: Recent::default(),
        }
    }
}

impl Plan {
    pub(crate) fn baselines(&self) -> &[Compiled] {
        &self.baselines
    }

    /// A subject with its units under one baseline.
    pub(crate) fn node(&self, id: u32) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// Some units of a node, each with the entry it is judged under.
    pub(crate) fn units(&self, node: &Node, lanes: Lanes) -> impl Iterator<Item = (u32, &Arc<Entry>)> {
        let slots = self.nodes.slots(node).iter().copied();
        slots
            .filter(move |slot| lanes.holds(*slot))
            .filter_map(|slot| Some((slot, self.entry(slot)?)))
    }

    /// The entry in a slot.
    pub(crate) fn entry(&self, slot: u32) -> Option<&Arc<Entry>> {
        Some(&self.slots.get(slot as usize)?.as_ref()?.entry)
    }

    /// Sets what was read and said of all units of some lanes of a node; returns what was read before, if it was anything else,
    /// and what changed.
    pub(crate) fn set(
        &mut self,
        id: u32,
        lanes: Lanes,
        news: Vec<News>,
    ) -> Option<(Option<Reads>, Vec<Said>)> {
        let node = self.nodes.get(id)?;
        let control = |slot: u32| Some(self.entry(slot)?.control.meta().id);
        let mut read = Vec::new();
        let mut said = Vec::with_capacity(news.len());
        for unit in news {
            let lane = Lanes::of(unit.slot);
            read.extend(unit.deps.into_iter().map(|dep| (dep.trace(), lane)));
            let control = control(unit.slot)?;
            let before = node.said.get(control).cloned();
            if !same(before.as_ref(), unit.judgement.as_ref()) {
                said.push(Said {
                    control,
                    before,
                    after: unit.judgement,
                });
            }
        }
        let reads = (!node.reads.are(lanes, &mut read)).then(|| node.reads.with(lanes, read));
        let node = self.nodes.get_mut(id)?;
        if !said.is_empty() {
            let all = node.said.with(said.iter().map(|s| (s.control, s.after.clone())));
            node.said = self.said.share(all, Judgements::is_same);
        }
        let read = reads.map(|reads| std::mem::replace(&mut node.reads, reads));
        Some((read, said))
    }

    /// A judgement to be held by a unit: the one it holds already if that says the same, or one shared with other units if
    /// it says nothing of this one alone.
    pub(crate) fn share(&mut self, id: u32, slot: u32, mut judgement: Judgement) -> Arc<Judgement> {
        let held = self.node(id).and_then(|node| node.said.get(judgement.control));
        if let Some(held) = held.filter(|held| ***held == judgement) {
            return held.clone();
        }
        let slot = self.slots.get_mut(slot as usize).and_then(Option::as_mut);
        let Some(slot) = slot else {
            return Arc::new(judgement);
        };
        if !judgement.is_common() {
            for reported in &mut judgement.findings {
                reported.finding.share(&mut slot.details);
            }
            return Arc::new(judgement);
        }
        match slot.common.find(|common| **common == judgement) {
            Some(common) => common,
            None => slot.common.keep(Arc::new(judgement)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.units()
    }

    /// How many reads the units recorded.
    pub(crate) fn reads(&self) -> usize {
        self.nodes.iter().map(|(_, node)| node.reads.len()).sum()
    }

    /// Every kind some active control reads.
    pub(crate) fn kinds(&self) -> KindSet {
        self.active()
            .fold(KindSet::EMPTY, |all, entry| all.union(entry.control.meta().reads))
    }

    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.nodes.iter().flat_map(|(_, node)| {
            let entries = self.nodes.slots(node).iter().filter_map(|slot| self.entry(*slot));
            entries.map(|entry| fingerprint(entry, &node.subject))
        })
    }

    /// The units that may read objects of a kind: how much of it is known changes seldom, and is not recorded per unit.
    pub(crate) fn readers_of(&self, kind: Kind) -> Vec<Work> {
        // Whoever asks for scope, environment or tenant reads Namespaces.
        self.judged(|entry| kind == Kind::Namespace || entry.control.meta().reads.contains(kind))
    }

    /// The units judged by a control, under any baseline.
    pub(crate) fn units_of(&self, control: &str) -> Vec<Work> {
        self.judged(|entry| entry.control.meta().id == control)
    }

    fn judged(&self, test: impl Fn(&Entry) -> bool) -> Vec<Work> {
        self.nodes
            .lanes(|slot| self.entry(slot).is_some_and(|entry| test(entry)))
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
        // There are never more slots than controls times baselines.
        for slot in 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX) {
            let Some(old) = self.entry(slot).cloned() else {
                continue;
            };
            match wanted.remove(&(old.settings.baseline.clone(), old.control.meta().id)) {
                Some(new) if new.same_as(&old) => {}
                Some(new) => {
                    let number = self.number(&new.settings.baseline);
                    self.slots[slot as usize] = Some(Slot::new(new, number));
                    change.dirty.extend(self.nodes.lanes(|s| s == slot));
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

    fn number(&mut self, baseline: &Arc<str>) -> u32 {
        if let Some(known) = self.numbers.get(baseline) {
            return *known;
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(baseline.clone(), number);
        number
    }

    fn close(&mut self, slot: u32, change: &mut Change) {
        for (id, _) in self.nodes.lanes(|s| s == slot) {
            change.removed.extend(self.retire(id, &[slot]));
        }
        self.slots[slot as usize] = None;
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
        let number = self.number(&entry.settings.baseline);
        self.slots[slot] = Some(Slot::new(entry, number));
        // There are never more slots than controls times baselines.
        let Ok(slot) = u32::try_from(slot) else { return };
        if unit_kind.has_cluster() {
            change.dirty.push(self.add(number, slot, &cluster_subject()));
        }
        for kind in unit_kind.kinds() {
            self.takers.entry(*kind).or_default().push(slot);
            for name in inventory.names(*kind) {
                if inventory.get(name).is_some_and(|object| unit_kind.takes(object)) {
                    change.dirty.push(self.add(number, slot, name));
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
            let (wanted, number) = (held.entry.control.meta().unit.takes(object), held.baseline);
            let node = self.nodes.find(number, &object.name);
            let existing = node.filter(|id| self.nodes.has(*id, slot));
            match (wanted, existing) {
                (true, Some(id)) => change.dirty.push((id, Lanes::of(slot))),
                (true, None) => change.dirty.push(self.add(number, slot, &object.name)),
                (false, Some(id)) => change.removed.extend(self.retire(id, &[slot])),
                (false, None) => {}
            }
        }
        change
    }

    /// Retires the units of an object that is gone.
    pub(crate) fn discharge(&mut self, name: &ObjRef) -> Vec<Retired> {
        let nodes = self
            .numbers
            .values()
            .filter_map(|number| self.nodes.find(*number, name));
        let nodes: Vec<u32> = nodes.collect();
        let retire = |id: u32| {
            let slots = self.nodes.get(id).map(|node| self.nodes.slots(node).to_vec());
            self.retire(id, &slots.unwrap_or_default())
        };
        nodes.into_iter().filter_map(retire).collect()
    }

    fn add(&mut self, baseline: u32, slot: u32, subject: &ObjRef) -> Work {
        (self.nodes.add(baseline, slot, subject), Lanes::of(slot))
    }

    fn retire(&mut self, id: u32, slots: &[u32]) -> Option<Retired> {
        let node = self.nodes.get(id)?;
        let unit = |slot: &u32| {
            let entry = self.entry(*slot)?.clone();
            Some(RetiredUnit {
                slot: *slot,
                judgement: node.said.get(entry.control.meta().id).cloned(),
                entry,
            })
        };
        let units: Vec<RetiredUnit> = slots.iter().filter_map(unit).collect();
        let said = node
            .said
            .with(units.iter().map(|unit| (unit.entry.control.meta().id, None)));
        let subject = node.subject.clone();
        let read = self.nodes.remove(id, slots, said.clone());
        let reads = self.nodes.get(id).map(|node| node.reads.traces().collect());
        Some(Retired {
            node: id,
            subject,
            units,
            read,
            reads: reads.unwrap_or_default(),
            said,
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

/// Whether the same is said. Judgements are mostly shared: then they need not be read.
fn same(a: Option<&Arc<Judgement>>, b: Option<&Arc<Judgement>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
        (None, None) => true,
        _ => false,
    }
}
