//! One heap of deadlines: when time alone may change something.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use jiff::Timestamp;

use crate::dep::Dep;

/// Who waits for a moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Sleeper {
    /// A fact.
    Fact(Dep),
    /// The unit of a node that has a slot.
    Unit(u32, u32),
}

/// Deadlines, each sleeper's next one only.
#[derive(Default)]
pub(crate) struct Wakes {
    heap: BinaryHeap<Reverse<(Timestamp, Sleeper)>>,
    current: HashMap<Sleeper, Timestamp>,
}

impl Wakes {
    /// Wakes a sleeper at a moment, or earlier if it was to be woken earlier: running once too often is harmless.
    pub(crate) fn set(&mut self, sleeper: Sleeper, at: Timestamp) {
        let current = self.current.entry(sleeper).or_insert(Timestamp::MAX);
        if at < *current {
            *current = at;
            self.heap.push(Reverse((at, sleeper)));
        }
    }

    /// Those whose moment has come.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<Sleeper> {
        let mut due = Vec::new();
        while let Some(Reverse((at, sleeper))) = self.heap.peek().copied() {
            if at > now {
                break;
            }
            self.heap.pop();
            if self.current.get(&sleeper) == Some(&at) {
                self.current.remove(&sleeper);
                due.push(sleeper);
            }
        }
        due
    }

    /// The next deadline.
    pub(crate) fn next(&mut self) -> Option<Timestamp> {
        while let Some(Reverse((at, sleeper))) = self.heap.peek() {
            if self.current.get(sleeper) == Some(at) {
                return Some(*at);
            }
            self.heap.pop();
        }
        None
    }
}
