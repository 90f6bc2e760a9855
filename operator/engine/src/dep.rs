//! What a verdict or a fact was read from, as 64-bit digests.
//!
//! Readers are found by digest: should two reads ever share one, a change of either re-evaluates both, which costs a little
//! and can never be wrong.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, Hasher},
    sync::LazyLock,
};

use crate::{
    fact::Fact,
    inventory::{Group, IndexKey},
    kind::Kind,
    name::ObjRef,
    observation::Observed,
    probe::Check,
};

/// One read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Dep(u64);

/// What is filed of a read: half of its digest, for there are very many. That two reads share a trace comes up now and then,
/// and does what two reads of one digest would: whoever reads the one runs for the other too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Trace(u32);

/// Who read: a fact or the units of a node, by number. Half a word, for there are very many.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Reader(u32);

/// What a [`Reader`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    Fact(u32),
    Node(u32),
}

/// The bit that tells facts from nodes. Of neither does any memory hold as many as the bits below it can count.
const FACT: u32 = 1 << 30;

impl Reader {
    pub(crate) fn fact(number: u32) -> Self {
        Self(FACT | number)
    }

    pub(crate) fn node(number: u32) -> Self {
        Self(number)
    }

    /// As a number whose highest bit is not set.
    pub(crate) fn word(self) -> u32 {
        self.0
    }

    /// What [`Reader::word`] tells.
    pub(crate) fn of_word(word: u32) -> Self {
        Self(word)
    }

    pub(crate) fn who(self) -> Who {
        if self.0 & FACT == 0 {
            Who::Node(self.0)
        } else {
            Who::Fact(self.0 & !FACT)
        }
    }
}

impl Trace {
    /// To be found by in a table.
    pub(crate) fn hash(self) -> u64 {
        u64::from(self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Values by what they are of.
pub(crate) type ByDep<T> = HashMap<Dep, T, foldhash::fast::FixedState>;

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

    /// Which objects of a kind there are, whatever they say.
    pub(crate) fn census(kind: Kind) -> Self {
        Self::digest(12, &kind)
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

    /// What is filed of it.
    #[allow(clippy::cast_possible_truncation, reason = "half of the digest is wanted")]
    pub(crate) fn trace(self) -> Trace {
        Trace(self.0 as u32)
    }

    fn digest(tag: u8, value: &impl Hash) -> Self {
        // Chosen anew by each process: nobody can name objects so that others' changes run their readers.
        static SEED: LazyLock<foldhash::quality::RandomState> = LazyLock::new(Default::default);
        let mut hasher = SEED.build_hasher();
        hasher.write_u8(tag);
        value.hash(&mut hasher);
        Self(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_what_it_was_made_of() {
        for number in [0, 7, FACT - 1] {
            for (reader, who) in [
                (Reader::node(number), Who::Node(number)),
                (Reader::fact(number), Who::Fact(number)),
            ] {
                assert_eq!((reader.who(), Reader::of_word(reader.word())), (who, reader));
            }
        }
    }
}
