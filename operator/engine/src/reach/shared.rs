//! Values that many hold, told apart by a digest computed once.

use std::{
    cmp::Ordering,
    collections::HashMap,
    hash::{BuildHasher, Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

/// A table whose order does not depend on the run.
pub(crate) type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// A shared value: hashing it costs nothing, and comparing unequal ones next to nothing.
#[derive(Debug)]
pub struct Shared<T>(Arc<(u64, T)>);

impl<T: Hash> Shared<T> {
    /// Shares a value.
    pub fn new(value: T) -> Self {
        let digest = foldhash::quality::FixedState::with_seed(0x7265_6163).hash_one(&value);
        Self(Arc::new((digest, value)))
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.1
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.0 == other.0.0 && self.0.1 == other.0.1)
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.0);
    }
}

impl<T: Eq> PartialOrd for Shared<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By digest: an order that is the same in every run, and means nothing. Different values with one digest are not put in
/// order, which costs a list of them its canonical form and nothing else.
impl<T: Eq> Ord for Shared<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.0.cmp(&other.0.0)
    }
}

impl<T: Hash + Default> Default for Shared<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
