//! Sets of object names: nearly always of one, then of a few, sometimes of tens of thousands.

use std::collections::{BTreeSet, btree_set};

use crate::name::ObjRef;

/// A set of names, in order.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::box_collection,
    reason = "most sets are of one: those should not pay for the others"
)]
pub(super) enum Names {
    One(ObjRef),
    Many(Box<BTreeSet<ObjRef>>),
}

impl Names {
    pub(super) fn insert(&mut self, name: ObjRef) {
        match self {
            Self::Many(set) => _ = set.insert(name),
            Self::One(one) if *one == name => {}
            Self::One(one) => *self = Self::Many(Box::new(BTreeSet::from([one.clone(), name]))),
        }
    }

    /// Takes a name out; tells whether none is left.
    pub(super) fn remove(&mut self, name: &ObjRef) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Many(set) => {
                set.remove(name);
                set.is_empty()
            }
        }
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        match self {
            Self::One(one) => Iter::One(Some(one)),
            Self::Many(set) => Iter::Many(set.iter()),
        }
    }
}

/// The names of a set, in order.
#[derive(Clone, Debug)]
pub(super) enum Iter<'a> {
    One(Option<&'a ObjRef>),
    Many(btree_set::Iter<'a, ObjRef>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a ObjRef;

    fn next(&mut self) -> Option<&'a ObjRef> {
        match self {
            Self::One(one) => one.take(),
            Self::Many(names) => names.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::One(one) => (usize::from(one.is_some()), Some(usize::from(one.is_some()))),
            Self::Many(names) => names.size_hint(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}
