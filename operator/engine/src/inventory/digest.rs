//! Index keys as 128-bit digests: the keys themselves, with their strings, would be the largest part of the index.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use super::IndexKey;

/// Stands for an [`IndexKey`]. Two keys share one with a probability that never comes up, and nobody can make them: the
/// seeds are chosen anew by each process.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest(u64, u64);

/// Makes digests.
#[derive(Default)]
pub(super) struct Digests(RandomState, RandomState);

impl Digests {
    pub(super) fn of(&self, key: &IndexKey) -> Digest {
        Digest(self.0.hash_one(key), self.1.hash_one(key))
    }
}
