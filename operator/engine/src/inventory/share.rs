//! Shares equal values between the objects that hold them: a thousand pods have one set of labels, one owner, one namespace.

use std::{borrow::Borrow, collections::HashSet, hash::Hash, sync::Arc};

use crate::{labels::Labels, rights::Rules};

/// A value whose clones share it.
pub(super) trait Shared: Clone + Eq + Hash {
    /// How many hold it.
    fn holders(&self) -> usize;
}

impl Shared for Labels {
    fn holders(&self) -> usize {
        self.shared_by()
    }
}

impl Shared for Arc<str> {
    fn holders(&self) -> usize {
        Arc::strong_count(self)
    }
}

impl<T: Eq + Hash> Shared for triomphe::Arc<T> {
    fn holders(&self) -> usize {
        Self::strong_count(self)
    }
}

impl Shared for Rules {
    fn holders(&self) -> usize {
        self.shared_by()
    }
}

/// One of each value; sweeps out those that nobody else holds when it has grown.
pub(super) struct Interner<T> {
    values: HashSet<T, foldhash::fast::RandomState>,
    sweep_at: usize,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            values: HashSet::default(),
            sweep_at: 1024,
        }
    }
}

impl<T: Shared> Interner<T> {
    /// The value that equals this one and that others hold too.
    pub(super) fn share(&mut self, value: T) -> T {
        if let Some(shared) = self.values.get(&value) {
            return shared.clone();
        }
        self.add(value)
    }

    /// The same, without making a value where there is one.
    pub(super) fn share_with<Q>(&mut self, value: &Q) -> T
    where
        T: Borrow<Q> + for<'q> From<&'q Q>,
        Q: Hash + Eq + ?Sized,
    {
        match self.values.get(value) {
            Some(shared) => shared.clone(),
            None => self.add(T::from(value)),
        }
    }

    fn add(&mut self, value: T) -> T {
        if self.values.len() >= self.sweep_at {
            self.values.retain(|value| value.holders() > 1);
            self.sweep_at = (self.values.len() * 2).max(1024);
        }
        self.values.insert(value.clone());
        value
    }
}
