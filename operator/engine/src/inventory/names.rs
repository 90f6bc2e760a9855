//! Sets of object names: nearly always of one, then of some, sometimes of tens of thousands.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map, btree_set},
    slice,
    sync::Arc,
};

use crate::name::ObjRef;

/// A set of names, in order.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::box_collection,
    reason = "most sets are of one: those should not pay for the others"
)]
pub(super) enum Names {
    One(ObjRef),
    Some(Box<Vec<ObjRef>>),
    Many(Box<BTreeSet<ObjRef>>),
}

/// Most names that are kept in a list: a tree would take twice the room, and moving so many is quick.
const SOME: usize = 1024;

impl Names {
    pub(super) fn insert(&mut self, name: ObjRef) {
        match self {
            Self::One(one) => {
                if *one != name {
                    let mut list = vec![one.clone(), name];
                    list.sort();
                    *self = Self::Some(Box::new(list));
                }
            }
            Self::Some(list) => {
                let Err(at) = list.binary_search(&name) else {
                    return;
                };
                if list.len() == SOME {
                    let set = std::mem::take(&mut **list).into_iter().chain([name]);
                    *self = Self::Many(Box::new(set.collect()));
                    return;
                }
                if list.len() == list.capacity() {
                    list.reserve_exact(1 + list.len() / 8);
                }
                list.insert(at, name);
            }
            Self::Many(set) => _ = set.insert(name),
        }
    }

    /// Takes a name out; tells whether none is left.
    pub(super) fn remove(&mut self, name: &ObjRef) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Some(list) => {
                if let Ok(at) = list.binary_search(name) {
                    list.remove(at);
                }
                list.is_empty()
            }
            Self::Many(set) => {
                set.remove(name);
                set.is_empty()
            }
        }
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        match self {
            Self::One(one) => Iter::Some(slice::from_ref(one).iter()),
            Self::Some(list) => Iter::Some(list.iter()),
            Self::Many(set) => Iter::Many(set.iter()),
        }
    }
}

/// The names of a set, in order.
#[derive(Clone, Debug)]
pub(super) enum Iter<'a> {
    Some(slice::Iter<'a, ObjRef>),
    Many(btree_set::Iter<'a, ObjRef>),
}

impl Default for Iter<'_> {
    fn default() -> Self {
        Self::Some(slice::Iter::default())
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a ObjRef;

    fn next(&mut self) -> Option<&'a ObjRef> {
        match self {
            Self::Some(names) => names.next(),
            Self::Many(names) => names.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Some(names) => names.size_hint(),
            Self::Many(names) => names.size_hint(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// The names of all objects of a kind, by namespace (those of cluster-scoped kinds under the empty one).
#[derive(Default)]
pub(super) struct Roll {
    namespaces: BTreeMap<Arc<str>, Names>,
    count: usize,
}

impl Roll {
    /// Adds a name that is not in it.
    pub(super) fn insert(&mut self, name: ObjRef) {
        self.count += 1;
        match self.namespaces.get_mut(name.namespace_arc()) {
            Some(names) => names.insert(name),
            None => {
                _ = self
                    .namespaces
                    .insert(name.namespace_arc().clone(), Names::One(name));
            }
        }
    }

    /// Takes out a name that is in it.
    pub(super) fn remove(&mut self, name: &ObjRef) {
        self.count -= 1;
        if self
            .namespaces
            .get_mut(name.namespace_arc())
            .is_some_and(|names| names.remove(name))
        {
            self.namespaces.remove(name.namespace_arc());
        }
    }

    pub(super) fn in_namespace(&self, namespace: &str) -> Iter<'_> {
        self.namespaces
            .get(namespace)
            .map(Names::iter)
            .unwrap_or_default()
    }

    pub(super) fn iter(&self) -> InOrder<'_> {
        InOrder {
            namespaces: self.namespaces.values(),
            names: Iter::default(),
            left: self.count,
        }
    }
}

/// All names of a kind, in order.
#[derive(Clone, Default)]
pub(super) struct InOrder<'a> {
    namespaces: btree_map::Values<'a, Arc<str>, Names>,
    names: Iter<'a>,
    left: usize,
}

impl<'a> Iterator for InOrder<'a> {
    type Item = &'a ObjRef;

    fn next(&mut self) -> Option<&'a ObjRef> {
        let next = loop {
            match self.names.next() {
                None => self.names = self.namespaces.next()?.iter(),
                some => break some,
            }
        };
        self.left = self.left.saturating_sub(1);
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for InOrder<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    fn pod(namespace: usize, number: usize) -> ObjRef {
        ObjRef::new(Kind::Pod, format!("ns-{namespace}"), format!("{number:05}"))
    }

    #[test]
    fn names_are_in_order_however_many() {
        for count in [0, 1, 2, 7, SOME, SOME + 1, 3 * SOME] {
            let mut roll = Roll::default();
            let names: Vec<ObjRef> = (0..count).map(|i| pod(i % 2, i * 7919 % 10007)).collect();
            for name in &names {
                roll.insert(name.clone());
            }
            let mut sorted = names.clone();
            sorted.sort();
            assert!(roll.iter().eq(&sorted));
            assert_eq!(roll.iter().len(), count);
            assert_eq!(roll.in_namespace("ns-1").len(), count / 2);
            for name in &names {
                roll.remove(name);
            }
            assert!(roll.namespaces.is_empty() && roll.count == 0);
        }
    }
}
