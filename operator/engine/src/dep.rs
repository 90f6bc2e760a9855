//! What a verdict or a fact was read from, as 64-bit digests.
//!
//! Readers are found by digest: should two reads ever share one, a change of either re-evaluates both, which costs a little
//! and can never be wrong.

use std::hash::{BuildHasher, Hash, Hasher};

use crate::{
    fact::Fact,
    inventory::{Group, IndexKey},
    kind::Kind,
    name::ObjRef,
    observation::Observed,
    probe::Check,
};

/// One read.
///
/// Its highest bit is always set: a [`Reader`] is told by it whether it is a fact or the units of a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Dep(u64);

const DEP: u64 = 1 << 63;

/// Who read: a fact, known by its own [`Dep`], or units of one subject, known by the number of their node. One word, for
/// there are very many.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Reader(u64);

/// What a [`Reader`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    Fact(Dep),
    Node(u32),
}

impl Reader {
    pub(crate) fn fact(dep: Dep) -> Self {
        Self(dep.0)
    }

    pub(crate) fn node(id: u32) -> Self {
        Self(id.into())
    }

    /// As one word: of a node below 2^32, of a fact with the highest bit set.
    pub(crate) fn word(self) -> u64 {
        self.0
    }

    /// What [`Reader::word`] tells.
    pub(crate) fn of_word(word: u64) -> Self {
        Self(word)
    }

    pub(crate) fn who(self) -> Who {
        match u32::try_from(self.0) {
            Ok(id) => Who::Node(id),
            Err(_) => Who::Fact(Dep(self.0)),
        }
    }
}

impl Dep {
    /// An object by name, absence included.
    pub(crate) fn object(name: &ObjRef) -> Self {
        Self::digest(0, name)
    }

    /// A look-up in an index, with the objects it finds.
    pub(crate) fn index(key: &IndexKey) -> Self {
        Self::digest(1, key)
    }

    /// All objects of a kind.
    pub(crate) fn kind(kind: Kind) -> Self {
        Self::digest(2, &kind)
    }

    /// A fact.
    pub(crate) fn fact<F: Fact>(fact: &F) -> Self {
        Self::digest(3, &(std::any::TypeId::of::<F>(), fact))
    }

    /// What is remembered of a namespace's label.
    pub(crate) fn first_seen(label_key: &str, namespace: &str) -> Self {
        Self::digest(4, &(label_key, namespace))
    }

    /// Which keys of a group are in use.
    pub(crate) fn group(group: &Group) -> Self {
        Self::digest(5, group)
    }

    /// Which releases have more than one namespace.
    pub(crate) fn spread_releases() -> Self {
        Self::digest(6, &())
    }

    /// An observation.
    pub(crate) fn observation<O: Observed>(key: &O::Key) -> Self {
        Self::digest(10, &(std::any::TypeId::of::<O>(), key))
    }

    /// What the TLS servers of a host answered to probes, at whichever address.
    pub(crate) fn handshakes(namespace: &str, host: &str) -> Self {
        Self::digest(8, &(namespace, host))
    }

    /// How available a host was.
    pub(crate) fn availability(namespace: &str, check: &Check) -> Self {
        Self::digest(9, &(namespace, check))
    }

    /// What the objects of a namespace say of the pods they stand for.
    pub(crate) fn speech(namespace: &str) -> Self {
        Self::digest(7, &namespace)
    }

    /// What is remembered of restores of the databases of a namespace.
    pub(crate) fn restores(namespace: &str) -> Self {
        Self::digest(11, &namespace)
    }

    fn digest(tag: u8, value: &impl Hash) -> Self {
        let mut hasher = foldhash::quality::FixedState::with_seed(0x504c_494d).build_hasher();
        hasher.write_u8(tag);
        value.hash(&mut hasher);
        Self(hasher.finish() | DEP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    #[test]
    fn a_reader_is_what_it_was_made_of() {
        for kind in Kind::ALL {
            let dep = Dep::kind(*kind);
            assert_eq!(Reader::fact(dep).who(), Who::Fact(dep));
        }
        for id in [0, 7, u32::MAX] {
            assert_eq!(Reader::node(id).who(), Who::Node(id));
        }
    }
}
