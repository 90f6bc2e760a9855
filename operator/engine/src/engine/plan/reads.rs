//! What the units of a node read: each read once, however many of them read it.

use crate::dep::Trace;

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
pub(crate) struct Reads(Box<[(Trace, Lanes)]>);

impl Reads {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn traces(&self) -> impl Iterator<Item = Trace> {
        self.0.iter().map(|(read, _)| *read)
    }

    /// The units that read something.
    pub(crate) fn readers(&self, read: Trace) -> Lanes {
        let at = self.0.binary_search_by_key(&read, |(read, _)| *read);
        at.map_or(Lanes::default(), |at| self.0[at].1)
    }

    /// Whether this is what all units of some lanes read already. Most units read the same whenever they are judged.
    pub(crate) fn are(&self, lanes: Lanes, read: &mut Vec<(Trace, Lanes)>) -> bool {
        settle(read);
        let held = self.0.iter().map(|(read, by)| (*read, by.both(lanes)));
        held.filter(|(_, by)| !by.is_empty()).eq(read.iter().copied())
    }

    /// The same, but for what all units of some lanes read.
    pub(crate) fn with(&self, lanes: Lanes, read: impl IntoIterator<Item = (Trace, Lanes)>) -> Self {
        let kept = self.0.iter().map(|(read, by)| (*read, by.without(lanes)));
        let mut all: Vec<(Trace, Lanes)> = kept.filter(|(_, by)| !by.is_empty()).chain(read).collect();
        settle(&mut all);
        Self(all.into())
    }
}

/// Sorts reads, each once with all units that read it.
fn settle(reads: &mut Vec<(Trace, Lanes)>) {
    reads.sort_unstable_by_key(|(read, _)| *read);
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
    use crate::{dep::Dep, kind::Kind};

    #[test]
    fn a_read_is_kept_as_long_as_some_unit_reads_it() {
        let [a, b, c] = [Kind::Pod, Kind::Node, Kind::Role].map(|kind| Dep::kind(kind).trace());
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
        assert!(reads.with(second, []).traces().eq([c]));
        assert_eq!(Lanes::of(3), Lanes::of(35), "slots beyond the last bit share one");
    }
}
