//! Who read what: facts with their values, and the readers of every read.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use crate::{
    dep::{Dep, Reader},
    fact::{Computed, ErasedFact, ErasedValue, Fact},
    kind::Kind,
    unknown::Unknown,
};

/// The readers of one read: nearly always one or a few, sometimes tens of thousands.
#[derive(Debug)]
#[allow(
    clippy::box_collection,
    reason = "a third of the size, in the largest table there is"
)]
enum Readers {
    One(Reader),
    Few(Box<Vec<Reader>>),
    Many(Box<HashSet<Reader>>),
}

const FEW: usize = 16;

impl Readers {
    fn add(&mut self, reader: Reader) {
        match self {
            Self::Many(set) => _ = set.insert(reader),
            Self::One(one) if *one == reader => {}
            Self::One(one) => *self = Self::Few(Box::new(vec![*one, reader])),
            Self::Few(list) if list.contains(&reader) => {}
            Self::Few(list) if list.len() < FEW => list.push(reader),
            Self::Few(list) => {
                *self = Self::Many(Box::new(list.drain(..).chain([reader]).collect()));
            }
        }
    }

    /// Takes a reader out; tells whether none is left.
    fn remove(&mut self, reader: Reader) -> bool {
        match self {
            Self::One(one) => *one == reader,
            Self::Few(list) => {
                list.retain(|r| *r != reader);
                list.is_empty()
            }
            Self::Many(set) => {
                set.remove(&reader);
                set.is_empty()
            }
        }
    }

    fn collect(&self) -> Vec<Reader> {
        match self {
            Self::One(one) => vec![*one],
            Self::Few(list) => list.to_vec(),
            Self::Many(set) => set.iter().copied().collect(),
        }
    }
}

/// The reverse of everybody's reads.
#[derive(Default)]
pub(crate) struct Graph {
    readers: HashMap<Dep, Readers, foldhash::fast::FixedState>,
}

impl Graph {
    /// Replaces a reader's reads; both lists are sorted. Returns the reads nobody holds any more.
    pub(crate) fn replace(&mut self, reader: Reader, old: &[Dep], new: &[Dep]) -> Vec<Dep> {
        let mut orphans = Vec::new();
        if old == new {
            return orphans;
        }
        for dep in old.iter().filter(|dep| new.binary_search(dep).is_err()) {
            if self
                .readers
                .get_mut(dep)
                .is_some_and(|readers| readers.remove(reader))
            {
                self.readers.remove(dep);
                orphans.push(*dep);
            }
        }
        for dep in new.iter().filter(|dep| old.binary_search(dep).is_err()) {
            self.readers
                .entry(*dep)
                .and_modify(|readers| readers.add(reader))
                .or_insert(Readers::One(reader));
        }
        orphans
    }

    /// Everybody who read `dep`.
    pub(crate) fn readers(&self, dep: Dep) -> Vec<Reader> {
        self.readers.get(&dep).map(Readers::collect).unwrap_or_default()
    }

    fn is_read(&self, dep: Dep) -> bool {
        self.readers.contains_key(&dep)
    }
}

struct Held {
    fact: Arc<dyn ErasedFact>,
    value: ErasedValue,
    deps: Box<[Dep]>,
    level: u32,
    dirty: bool,
}

/// Deepest level of a fact. Facts that read each other rise with every value they hand round: here that ends.
const DEEPEST: u32 = 64;

/// Facts that somebody read, with their values.
#[derive(Default)]
pub(crate) struct FactStore {
    // Boxed: the table keeps empty slots.
    facts: HashMap<Dep, Box<Held>, foldhash::fast::FixedState>,
    /// Facts to compute again, lowest level first: what they read is then already up to date.
    dirty: BTreeMap<u32, BTreeSet<Dep>>,
}

impl FactStore {
    /// The value of a fact that is up to date.
    pub(crate) fn current<F: Fact>(&self, dep: Dep, fact: &F) -> Option<ErasedValue> {
        let held = self.facts.get(&dep).filter(|held| !held.dirty)?;
        let same = held.fact.as_any().downcast_ref::<F>() == Some(fact);
        same.then(|| held.value.clone())
    }

    /// Marks a fact as to be computed again.
    pub(crate) fn mark_dirty(&mut self, dep: Dep) {
        if let Some(held) = self.facts.get_mut(&dep).filter(|held| !held.dirty) {
            held.dirty = true;
            self.dirty.entry(held.level).or_default().insert(dep);
        }
    }

    /// Marks the facts that may read objects of `kind`.
    pub(crate) fn mark_readers_of(&mut self, kind: Kind) {
        let readers: Vec<Dep> = self
            .facts
            .iter()
            .filter(|(_, held)| held.fact.reads().contains(kind))
            .map(|(dep, _)| *dep)
            .collect();
        for dep in readers {
            self.mark_dirty(dep);
        }
    }

    /// The next fact to compute again; it stays dirty until [`FactStore::store`] takes its new value.
    pub(crate) fn next_dirty(&mut self) -> Option<(Arc<dyn ErasedFact>, Dep)> {
        loop {
            let mut lowest = self.dirty.first_entry()?;
            let Some(dep) = lowest.get_mut().pop_first() else {
                lowest.remove();
                continue;
            };
            if let Some(held) = self.facts.get(&dep).filter(|held| held.dirty) {
                return Some((held.fact.clone(), dep));
            }
        }
    }

    /// Takes in a computed fact; tells whether its value differs from the one held, and which reads became orphans.
    pub(crate) fn store(&mut self, mut computed: Computed, graph: &mut Graph) -> Stored {
        let level = 1 + computed
            .reads
            .deps
            .iter()
            .filter_map(|d| self.facts.get(d))
            .map(|h| h.level)
            .max()
            .unwrap_or(0)
            .min(DEEPEST);
        if level > DEEPEST {
            let why = Unknown::new("CyclicFact", "facts read each other in a circle");
            computed.value = Err(why);
        }
        let dep = computed.dep;
        let old = self.facts.get(&dep);
        let changed = old.is_some_and(|held| !computed.fact.same(&held.value, &computed.value));
        let rose = old.is_some_and(|held| held.level < level);
        let before = old.map_or(&[][..], |held| &held.deps);
        let orphans = graph.replace(Reader::fact(dep), before, &computed.reads.deps);
        self.facts.insert(
            dep,
            Box::new(Held {
                fact: computed.fact,
                value: computed.value,
                deps: computed.reads.deps.into_boxed_slice(),
                level,
                dirty: false,
            }),
        );
        // A fact that now reads deeper than before may have read something still dirty: once more, in its turn.
        if rose && self.dirty.range(..level).any(|(_, deps)| !deps.is_empty()) {
            self.mark_dirty(dep);
        }
        Stored { changed, orphans }
    }

    /// Drops a fact nobody reads any more; returns the reads that thereby became orphans.
    pub(crate) fn drop_unread(&mut self, dep: Dep, graph: &mut Graph) -> Vec<Dep> {
        if graph.is_read(dep) {
            return Vec::new();
        }
        match self.facts.remove(&dep) {
            Some(held) => graph.replace(Reader::fact(dep), &held.deps, &[]),
            None => Vec::new(),
        }
    }

    /// How many facts are held.
    pub(crate) fn len(&self) -> usize {
        self.facts.len()
    }
}

/// What storing a fact did.
pub(crate) struct Stored {
    pub(crate) changed: bool,
    pub(crate) orphans: Vec<Dep>,
}
