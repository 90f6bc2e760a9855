//! Who read what: facts with their values, and the readers of every read.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use crate::{
    dep::{Dep, Reader},
    fact::{Computed, ErasedFact, ErasedValue, Fact},
    kind::Kind,
    slab::Slab,
    unknown::Unknown,
};

/// The readers of one read: nearly always one, sometimes tens of thousands.
#[derive(Clone, Copy)]
enum Readers {
    One(Reader),
    Set(u32),
}

/// [`Readers`] in one word: this is the largest table there is.
#[derive(Clone, Copy)]
struct Packed(u64);

/// Above every node's number, below every fact's [`Dep`].
const SET: u64 = 1 << 32;

impl Packed {
    fn one(reader: Reader) -> Self {
        Self(reader.word())
    }

    fn set(number: u32) -> Self {
        Self(SET | u64::from(number))
    }

    fn readers(self) -> Readers {
        match u32::try_from(self.0 ^ SET) {
            Ok(number) => Readers::Set(number),
            Err(_) => Readers::One(Reader::of_word(self.0)),
        }
    }
}

/// Two readers or more.
enum Set {
    Few(Vec<Reader>),
    Many(HashSet<Reader, foldhash::fast::FixedState>),
}

const FEW: usize = 16;

impl Set {
    fn add(&mut self, reader: Reader) {
        match self {
            Self::Many(set) => _ = set.insert(reader),
            Self::Few(list) if list.contains(&reader) => {}
            Self::Few(list) if list.len() < FEW => {
                list.reserve_exact(1);
                list.push(reader);
            }
            Self::Few(list) => *self = Self::Many(list.drain(..).chain([reader]).collect()),
        }
    }

    /// Takes a reader out; tells whether none is left.
    fn remove(&mut self, reader: Reader) -> bool {
        match self {
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

    fn to_vec(&self) -> Vec<Reader> {
        match self {
            Self::Few(list) => list.clone(),
            Self::Many(set) => set.iter().copied().collect(),
        }
    }
}

/// The reverse of everybody's reads.
#[derive(Default)]
pub(crate) struct Graph {
    readers: HashMap<Dep, Packed, foldhash::fast::FixedState>,
    sets: Slab<Set>,
}

impl Graph {
    /// Replaces a reader's reads; both lists are sorted. Returns the reads nobody holds any more.
    pub(crate) fn replace(&mut self, reader: Reader, old: &[Dep], new: &[Dep]) -> Vec<Dep> {
        let mut orphans = Vec::new();
        if old == new {
            return orphans;
        }
        for dep in old.iter().filter(|dep| new.binary_search(dep).is_err()) {
            if self.remove(*dep, reader) {
                orphans.push(*dep);
            }
        }
        for dep in new.iter().filter(|dep| old.binary_search(dep).is_err()) {
            self.add(*dep, reader);
        }
        orphans
    }

    fn add(&mut self, dep: Dep, reader: Reader) {
        let mut held = match self.readers.entry(dep) {
            Entry::Occupied(held) => held,
            Entry::Vacant(place) => {
                place.insert(Packed::one(reader));
                return;
            }
        };
        match held.get().readers() {
            Readers::One(one) if one == reader => {}
            Readers::One(one) => {
                held.insert(Packed::set(self.sets.insert(Set::Few(vec![one, reader]))));
            }
            Readers::Set(number) => {
                if let Some(set) = self.sets.get_mut(number) {
                    set.add(reader);
                }
            }
        }
    }

    /// Takes a reader out; tells whether none is left.
    fn remove(&mut self, dep: Dep, reader: Reader) -> bool {
        let is_last = match self.readers.get(&dep).map(|packed| packed.readers()) {
            None => return false,
            Some(Readers::One(one)) => one == reader,
            Some(Readers::Set(number)) => {
                let is_last = self.sets.get_mut(number).is_none_or(|set| set.remove(reader));
                if is_last {
                    self.sets.remove(number);
                }
                is_last
            }
        };
        if is_last {
            self.readers.remove(&dep);
        }
        is_last
    }

    /// Everybody who read `dep`.
    pub(crate) fn readers(&self, dep: Dep) -> Vec<Reader> {
        match self.readers.get(&dep).map(|packed| packed.readers()) {
            None => Vec::new(),
            Some(Readers::One(one)) => vec![one],
            Some(Readers::Set(number)) => self.sets.get(number).map(Set::to_vec).unwrap_or_default(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_come_and_go_one_by_one_and_by_hundreds() {
        let [dep, fact] = [Kind::Pod, Kind::Node].map(Dep::kind);
        let mut graph = Graph::default();
        for most in [1, 2, 16, 17, 300] {
            let readers = || (0..most).map(Reader::node).chain([Reader::fact(fact)]);
            for (before, reader) in readers().enumerate() {
                assert_eq!(graph.readers(dep).len(), before);
                graph.replace(reader, &[], &[dep]);
                graph.replace(reader, &[], &[dep]);
            }
            assert!(readers().all(|reader| graph.readers(dep).contains(&reader)));
            let orphans: Vec<Dep> = readers()
                .flat_map(|reader| graph.replace(reader, &[dep], &[]))
                .collect();
            assert_eq!(orphans, [dep], "only the last reader leaves it unread");
            assert!(!graph.is_read(dep));
        }
    }
}
