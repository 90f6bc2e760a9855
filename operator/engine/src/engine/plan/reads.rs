//! What the units of a node read: each read once, however many of them read it.

use crate::dep::Dep;

/// Some of the units of a node: a bit for each, by its slot.
///
/// Where there are more slots than bits, units that share one always run together: that costs a little, and can never be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Lanes(u32);

impl Lanes {
    pub(crate) const ALL: Self = Self(u32::MAX);

    pub(crate) fn of(slot: u32) -> Self {
        Self(1 << (slot % u32::BITS))
    }

    pub(crate) fn holds(self, slot: u32) -> bool {
        self.0 & Self::of(slot).0 != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub(crate) fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[must_use]
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// The reads of a node, sorted, and beside each the units that read it.
#[derive(Default)]
pub(crate) struct Reads {
    deps: Box<[Dep]>,
    by: Box<[Lanes]>,
}

impl Reads {
    pub(crate) fn deps(&self) -> &[Dep] {
        &self.deps
    }

    /// The units that read something.
    pub(crate) fn readers(&self, dep: Dep) -> Lanes {
        self.deps
            .binary_search(&dep)
            .map_or(Lanes::default(), |at| self.by[at])
    }

    /// Whether this is what all units of some lanes read already. Most units read the same whenever they are judged.
    pub(crate) fn are(&self, lanes: Lanes, read: &mut Vec<(Dep, Lanes)>) -> bool {
        settle(read);
        let held = self.deps.iter().zip(&self.by);
        let held = held.map(|(dep, by)| (*dep, by.both(lanes)));
        held.filter(|(_, by)| !by.is_empty()).eq(read.iter().copied())
    }

    /// The same, but for what all units of some lanes read.
    pub(crate) fn with(&self, lanes: Lanes, read: impl IntoIterator<Item = (Dep, Lanes)>) -> Self {
        let kept = self.deps.iter().zip(&self.by);
        let kept = kept.map(|(dep, by)| (*dep, by.without(lanes)));
        let mut all: Vec<(Dep, Lanes)> = kept.filter(|(_, by)| !by.is_empty()).chain(read).collect();
        settle(&mut all);
        let (deps, by): (Vec<Dep>, Vec<Lanes>) = all.into_iter().unzip();
        Self {
            deps: deps.into(),
            by: by.into(),
        }
    }
}

/// Sorts reads, each once with all units that read it.
fn settle(reads: &mut Vec<(Dep, Lanes)>) {
    reads.sort_unstable_by_key(|(dep, _)| *dep);
    reads.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same {
            first.1 = first.1.and(later.1);
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    #[test]
    fn a_read_is_kept_as_long_as_some_unit_reads_it() {
        let [a, b, c] = [Kind::Pod, Kind::Node, Kind::Role].map(Dep::kind);
        let (first, second) = (Lanes::of(0), Lanes::of(1));
        let reads = Reads::default().with(first.and(second), [(a, first), (b, first), (b, second)]);
        assert_eq!(reads.readers(b), first.and(second));
        let reads = reads.with(first, [(c, first)]);
        assert_eq!(reads.readers(a), Lanes::default());
        assert_eq!(reads.readers(b), second);
        assert_eq!(reads.readers(c), first);
        assert!(reads.are(second, &mut vec![(b, second), (b, second)]));
        assert!(!reads.are(first, &mut vec![(b, first)]) && !reads.are(first, &mut Vec::new()));
        assert!(reads.are(first, &mut vec![(c, first)]) && !reads.are(Lanes::ALL, &mut vec![(c, first)]));
        assert!(reads.with(second, []).deps() == [c]);
        assert_eq!(Lanes::of(3), Lanes::of(35), "slots beyond the last bit share one");
    }
}
