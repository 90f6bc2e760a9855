//! The units, by their subjects. There are several for each workload: what they share is kept once.

use std::{collections::HashMap, hash::BuildHasher, sync::Arc};

use hashbrown::HashTable;

use super::reads::{Lanes, Reads};
use crate::{name::ObjRef, report::Judgements, slab::Slab};

/// A subject with all its units under one baseline.
pub(crate) struct Node {
    pub(crate) subject: ObjRef,
    /// The number of the baseline.
    baseline: u32,
    /// Which units there are.
    shape: u32,
    /// What their verdicts were read from.
    pub(crate) reads: Reads,
    /// What was last said of them: nothing before the first turn and out of scope.
    pub(crate) said: Judgements,
}

/// Lists of slots: the subjects of one kind mostly have the same units.
struct Shapes {
    lists: Vec<Arc<[u32]>>,
    numbers: HashMap<Arc<[u32]>, u32>,
}

/// No units.
const NONE: u32 = 0;

impl Default for Shapes {
    fn default() -> Self {
        let none: Arc<[u32]> = Arc::default();
        Self {
            lists: vec![none.clone()],
            numbers: HashMap::from([(none, NONE)]),
        }
    }
}

impl Shapes {
    fn slots(&self, shape: u32) -> &[u32] {
        &self.lists[shape as usize]
    }

    fn number(&mut self, slots: Vec<u32>) -> u32 {
        if let Some(known) = self.numbers.get(&*slots) {
            return *known;
        }
        let list: Arc<[u32]> = slots.into();
        let number = u32::try_from(self.lists.len()).unwrap_or(NONE);
        self.lists.push(list.clone());
        self.numbers.insert(list, number);
        number
    }
}

/// All nodes.
#[derive(Default)]
pub(crate) struct Nodes {
    by_id: Slab<Node>,
    /// Their numbers, by baseline and subject: what is found is read in the node.
    by_subject: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    shapes: Shapes,
    units: usize,
}

impl Node {
    fn is(&self, baseline: u32, subject: &ObjRef) -> bool {
        self.baseline == baseline && self.subject == *subject
    }
}

impl Nodes {
    pub(crate) fn get(&self, id: u32) -> Option<&Node> {
        self.by_id.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Node> {
        self.by_id.get_mut(id)
    }

    /// How many units there are.
    pub(crate) fn units(&self) -> usize {
        self.units
    }

    /// The node of a subject under a baseline.
    pub(crate) fn find(&self, baseline: u32, subject: &ObjRef) -> Option<u32> {
        let is = |id: &u32| self.get(*id).is_some_and(|node| node.is(baseline, subject));
        self.by_subject
            .find(self.hasher.hash_one((baseline, subject)), is)
            .copied()
    }

    /// The slots of a node's units.
    pub(crate) fn slots(&self, node: &Node) -> &[u32] {
        self.shapes.slots(node.shape)
    }

    /// Whether there is a unit.
    pub(crate) fn has(&self, id: u32, slot: u32) -> bool {
        self.get(id).is_some_and(|node| self.slots(node).contains(&slot))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Node)> {
        self.by_id.iter()
    }

    /// The units of the slots that pass a test, node by node.
    pub(crate) fn lanes(&self, test: impl Fn(u32) -> bool) -> Vec<(u32, Lanes)> {
        let of = |node: &Node| {
            let wanted = self.slots(node).iter().filter(|slot| test(**slot));
            wanted.fold(Lanes::default(), |lanes, slot| lanes.and(Lanes::of(*slot)))
        };
        let all = self.iter().map(|(id, node)| (id, of(node)));
        all.filter(|(_, lanes)| !lanes.is_empty()).collect()
    }

    /// Adds a unit; tells its node.
    pub(crate) fn add(&mut self, baseline: u32, slot: u32, subject: &ObjRef) -> u32 {
        let id = self
            .find(baseline, subject)
            .unwrap_or_else(|| self.make(baseline, subject));
        let mut slots = self.get(id).map_or(&[][..], |node| self.slots(node)).to_vec();
        slots.push(slot);
        slots.sort_unstable();
        self.reshape(id, slots);
        id
    }

    fn make(&mut self, baseline: u32, subject: &ObjRef) -> u32 {
        let id = self.by_id.insert(Node {
            subject: subject.clone(),
            baseline,
            shape: NONE,
            reads: Reads::default(),
            said: Judgements::default(),
        });
        let Self {
            by_id: nodes, hasher, ..
        } = self;
        let hash = |id: &u32| {
            nodes
                .get(*id)
                .map_or(0, |node| hasher.hash_one((node.baseline, &node.subject)))
        };
        self.by_subject.insert_unique(hash(&id), id, hash);
        id
    }

    /// Takes units out, and the node if none is left; returns what it had read. `said` is what is said by the others.
    pub(crate) fn remove(&mut self, id: u32, gone: &[u32], said: Judgements) -> Reads {
        let Some(node) = self.get(id) else {
            return Reads::default();
        };
        let slots = self.slots(node).iter().copied();
        let left: Vec<u32> = slots.filter(|slot| !gone.contains(slot)).collect();
        let lanes = left
            .iter()
            .fold(Lanes::default(), |lanes, slot| lanes.and(Lanes::of(*slot)));
        // What a unit has read whose lane another one shares goes when that one is judged again.
        let reads = node.reads.with(Lanes::ALL.without(lanes), []);
        self.reshape(id, left);
        let Some(node) = self.by_id.get_mut(id) else {
            return Reads::default();
        };
        node.said = said;
        let read = std::mem::replace(&mut node.reads, reads);
        if lanes.is_empty() {
            let hash = self.hasher.hash_one((node.baseline, &node.subject));
            if let Ok(place) = self.by_subject.find_entry(hash, |other| *other == id) {
                place.remove();
            }
            self.by_id.remove(id);
        }
        read
    }

    fn reshape(&mut self, id: u32, slots: Vec<u32>) {
        let Some(node) = self.by_id.get_mut(id) else {
            return;
        };
        self.units -= self.shapes.slots(node.shape).len();
        self.units += slots.len();
        node.shape = self.shapes.number(slots);
    }
}
