//! One heap of deadlines: when time alone may change something.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use jiff::Timestamp;

use crate::dep::Reader;

/// Deadlines, each reader's next one only.
#[derive(Default)]
pub(crate) struct Wakes {
    heap: BinaryHeap<Reverse<(Timestamp, Reader)>>,
    current: HashMap<Reader, Timestamp>,
}

impl Wakes {
    /// Wakes a reader at a moment, or earlier if it was to be woken earlier: running once too often is harmless.
    pub(crate) fn set(&mut self, reader: Reader, at: Timestamp) {
        let current = self.current.entry(reader).or_insert(Timestamp::MAX);
        if at < *current {
            *current = at;
            self.heap.push(Reverse((at, reader)));
        }
    }

    /// The readers whose moment has come.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<Reader> {
        let mut due = Vec::new();
        while let Some(Reverse((at, reader))) = self.heap.peek().copied() {
            if at > now {
                break;
            }
            self.heap.pop();
            if self.current.get(&reader) == Some(&at) {
                self.current.remove(&reader);
                due.push(reader);
            }
        }
        due
    }

    /// The next deadline.
    pub(crate) fn next(&mut self) -> Option<Timestamp> {
        while let Some(Reverse((at, reader))) = self.heap.peek() {
            if self.current.get(reader) == Some(at) {
                return Some(*at);
            }
            self.heap.pop();
        }
        None
    }
}
