//! Who read what: facts with their values, and the readers of every read.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use hashbrown::HashTable;

use crate::{
    dep::{Dep, Reader, Trace},
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

/// [`Readers`] in half a word: this is the largest table there is.
#[derive(Clone, Copy)]
struct Packed(u32);

/// The bit that no [`Reader`] has.
const SET: u32 = 1 << 31;

impl Packed {
    fn one(reader: Reader) -> Self {
        Self(reader.word())
    }

    fn set(number: u32) -> Self {
        Self(SET | number)
    }

    fn readers(self) -> Readers {
        if self.0 & SET == 0 {
            Readers::One(Reader::of_word(self.0))
        } else {
            Readers::Set(self.0 & !SET)
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

    /// Bytes beside its place in the table.
    fn bytes(&self) -> usize {
        match self {
            Self::Few(list) => list.capacity() * size_of::<Reader>(),
            Self::Many(set) => set.capacity() * (size_of::<Reader>() + 1),
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
    readers: HashMap<Trace, Packed, foldhash::fast::FixedState>,
    sets: Slab<Set>,
}

impl Graph {
    /// Replaces a reader's reads; both lists are sorted, and hold each read once. Returns the reads nobody holds any more.
    pub(crate) fn replace(
        &mut self,
        reader: Reader,
        old: impl IntoIterator<Item = Trace>,
        new: impl IntoIterator<Item = Trace>,
    ) -> Vec<Trace> {
        let mut orphans = Vec::new();
        let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
        loop {
            match (old.peek().copied(), new.peek().copied()) {
                (Some(before), Some(now)) if before == now => {
                    old.next();
                    new.next();
                }
                (Some(before), now) if now.is_none_or(|now| before < now) => {
                    old.next();
                    if self.remove(before, reader) {
                        orphans.push(before);
                    }
                }
                (_, Some(now)) => {
                    new.next();
                    self.add(now, reader);
                }
                (_, None) => return orphans,
            }
        }
    }

    fn add(&mut self, read: Trace, reader: Reader) {
        let mut held = match self.readers.entry(read) {
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
    fn remove(&mut self, read: Trace, reader: Reader) -> bool {
        let is_last = match self.readers.get(&read).map(|packed| packed.readers()) {
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
            self.readers.remove(&read);
        }
        is_last
    }

    /// Everybody who read something.
    pub(crate) fn readers(&self, read: Trace) -> Vec<Reader> {
        match self.readers.get(&read).map(|packed| packed.readers()) {
            None => Vec::new(),
            Some(Readers::One(one)) => vec![one],
            Some(Readers::Set(number)) => self.sets.get(number).map(Set::to_vec).unwrap_or_default(),
        }
    }

    /// About how many bytes the table takes.
    pub(crate) fn bytes(&self) -> usize {
        let sets = self.sets.iter().map(|(_, set)| size_of::<Set>() + set.bytes());
        sets.sum::<usize>() + self.readers.capacity() * (size_of::<(Trace, Packed)>() + 1)
    }

    fn is_read(&self, read: Trace) -> bool {
        self.readers.contains_key(&read)
    }
}

struct Held {
    fact: Arc<dyn ErasedFact>,
    dep: Dep,
    value: ErasedValue,
    reads: Box<[Trace]>,
    level: u32,
    dirty: bool,
}

/// Deepest level of a fact. Facts that read each other rise with every value they hand round: here that ends.
const DEEPEST: u32 = 64;

/// Facts that somebody read, with their values.
#[derive(Default)]
pub(crate) struct FactStore {
    facts: Slab<Held>,
    /// Their numbers, by the trace they leave.
    by_trace: HashTable<u32>,
    /// Facts to compute again, lowest level first: what they read is then already up to date.
    dirty: BTreeMap<u32, BTreeSet<u32>>,
}

impl FactStore {
    fn number(&self, dep: Dep) -> Option<u32> {
        let is = |number: &u32| self.facts.get(*number).is_some_and(|held| held.dep == dep);
        self.by_trace.find(dep.trace().hash(), is).copied()
    }

    fn get(&self, dep: Dep) -> Option<&Held> {
        self.facts.get(self.number(dep)?)
    }

    /// The value of a fact that is up to date.
    pub(crate) fn current<F: Fact>(&self, dep: Dep, fact: &F) -> Option<ErasedValue> {
        let held = self.get(dep).filter(|held| !held.dirty)?;
        let same = held.fact.as_any().downcast_ref::<F>() == Some(fact);
        same.then(|| held.value.clone())
    }

    /// Marks a fact as to be computed again.
    pub(crate) fn mark_dirty(&mut self, number: u32) {
        if let Some(held) = self.facts.get_mut(number).filter(|held| !held.dirty) {
            held.dirty = true;
            self.dirty.entry(held.level).or_default().insert(number);
        }
    }

    /// The same, if it is still held.
    pub(crate) fn wake(&mut self, dep: Dep) {
        if let Some(number) = self.number(dep) {
            self.mark_dirty(number);
        }
    }

    /// Marks the facts that may read objects of `kind`.
    pub(crate) fn mark_readers_of(&mut self, kind: Kind) {
        let facts = self.facts.iter();
        let readers = facts.filter(|(_, held)| held.fact.reads().contains(kind));
        let readers: Vec<u32> = readers.map(|(number, _)| number).collect();
        for number in readers {
            self.mark_dirty(number);
        }
    }

    /// The next fact to compute again; it stays dirty until [`FactStore::store`] takes its new value.
    pub(crate) fn next_dirty(&mut self) -> Option<(Arc<dyn ErasedFact>, Dep)> {
        loop {
            let mut lowest = self.dirty.first_entry()?;
            let Some(number) = lowest.get_mut().pop_first() else {
                lowest.remove();
                continue;
            };
            if let Some(held) = self.facts.get(number).filter(|held| held.dirty) {
                return Some((held.fact.clone(), held.dep));
            }
        }
    }

    /// Takes in a computed fact; tells whether its value differs from the one held, and which reads became orphans.
    pub(crate) fn store(&mut self, mut computed: Computed, graph: &mut Graph) -> Stored {
        let read = computed.reads.deps.iter().filter_map(|dep| self.get(*dep));
        let level = 1 + read.map(|held| held.level).max().unwrap_or(0).min(DEEPEST);
        if level > DEEPEST {
            let why = Unknown::new("CyclicFact", "facts read each other in a circle");
            computed.value = Err(why);
        }
        let mut reads: Vec<Trace> = computed.reads.deps.iter().map(|dep| dep.trace()).collect();
        reads.sort_unstable();
        reads.dedup();
        let fresh = Held {
            fact: computed.fact,
            dep: computed.dep,
            value: computed.value,
            reads: reads.into(),
            level,
            dirty: false,
        };
        let dep = fresh.dep;
        let number = self.number(dep);
        let Some((number, held)) = number.and_then(|number| Some((number, self.facts.get_mut(number)?)))
        else {
            return Stored {
                changed: false,
                orphans: self.add(fresh, graph),
            };
        };
        let changed = !fresh.fact.same(&held.value, &fresh.value);
        let rose = held.level < level;
        let before = std::mem::replace(held, fresh);
        let reads = held.reads.iter().copied();
        let orphans = graph.replace(Reader::fact(number), before.reads, reads);
        // A fact that now reads deeper than before may have read something still dirty: once more, in its turn.
        if rose && self.dirty.range(..level).any(|(_, facts)| !facts.is_empty()) {
            self.mark_dirty(number);
        }
        Stored { changed, orphans }
    }

    /// Holds a fact that was not held.
    fn add(&mut self, fresh: Held, graph: &mut Graph) -> Vec<Trace> {
        let reads = fresh.reads.clone();
        let trace = fresh.dep.trace();
        let number = self.facts.insert(fresh);
        let Self { facts, by_trace, .. } = self;
        let hash = |number: &u32| facts.get(*number).map_or(0, |held| held.dep.trace().hash());
        by_trace.insert_unique(trace.hash(), number, hash);
        graph.replace(Reader::fact(number), [], reads)
    }

    /// Drops the facts of a trace if nobody reads them any more; returns the reads that thereby became orphans.
    pub(crate) fn drop_unread(&mut self, trace: Trace, graph: &mut Graph) -> Vec<Trace> {
        let mut orphans = Vec::new();
        if graph.is_read(trace) {
            return orphans;
        }
        loop {
            let is = |number: &u32| {
                self.facts
                    .get(*number)
                    .is_some_and(|held| held.dep.trace() == trace)
            };
            let Ok(place) = self.by_trace.find_entry(trace.hash(), is) else {
                return orphans;
            };
            let (number, _) = place.remove();
            let Some(held) = self.facts.remove(number) else {
                return orphans;
            };
            if let Some(dirty) = self.dirty.get_mut(&held.level) {
                dirty.remove(&number);
            }
            orphans.extend(graph.replace(Reader::fact(number), held.reads, []));
        }
    }

    /// How many reads the facts recorded.
    pub(crate) fn reads(&self) -> usize {
        self.facts.iter().map(|(_, held)| held.reads.len()).sum()
    }

    /// How many facts are held.
    pub(crate) fn len(&self) -> usize {
        self.by_trace.len()
    }
}

/// What storing a fact did.
pub(crate) struct Stored {
    pub(crate) changed: bool,
    pub(crate) orphans: Vec<Trace>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_come_and_go_one_by_one_and_by_hundreds() {
        let read = Dep::kind(Kind::Pod).trace();
        let mut graph = Graph::default();
        for most in [1, 2, 16, 17, 300] {
            let readers = || (0..most).map(Reader::node).chain([Reader::fact(7)]);
            for (before, reader) in readers().enumerate() {
                assert_eq!(graph.readers(read).len(), before);
                graph.replace(reader, [], [read]);
                graph.replace(reader, [], [read]);
            }
            assert!(readers().all(|reader| graph.readers(read).contains(&reader)));
            let orphans: Vec<Trace> = readers()
                .flat_map(|reader| graph.replace(reader, [read], []))
                .collect();
            assert_eq!(orphans, [read], "only the last reader leaves it unread");
            assert!(!graph.is_read(read));
        }
    }
}
