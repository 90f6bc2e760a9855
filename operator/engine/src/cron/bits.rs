//! A set of small numbers (below 64) as one word: the values a field matches.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Bits(pub(super) u64);

impl Bits {
    /// `start`, `start + step`, … up to `end` inclusive. `step` must not be zero.
    pub(super) fn range(start: u32, end: u32, step: usize) -> Self {
        Self(
            (start..=end)
                .step_by(step.max(1))
                .fold(0, |bits, n| bits | (1 << n)),
        )
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has(self, n: u32) -> bool {
        n < 64 && self.0 >> n & 1 == 1
    }

    /// The smallest member not below `n`.
    pub(super) fn at_or_after(self, n: u32) -> Option<u32> {
        let rest = self.0.checked_shr(n)?;
        (rest != 0).then(|| n + rest.trailing_zeros())
    }

    /// The largest member not above `n`.
    pub(super) fn at_or_before(self, n: u32) -> Option<u32> {
        let rest = self.0 << 63u32.checked_sub(n)?;
        (rest != 0).then(|| n - rest.leading_zeros())
    }

    /// Members from `low` to `high` inclusive, ascending.
    pub(super) fn iter(self, low: u32, high: u32) -> impl Iterator<Item = u32> {
        (low..=high).filter(move |&n| self.has(n))
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn finds_neighbours_at_both_ends() {
        let bits = Bits::range(5, 59, 15);
        assert_eq!(bits.iter(0, 63).collect::<Vec<_>>(), [5, 20, 35, 50]);
        assert_eq!(bits.at_or_after(0), Some(5));
        assert_eq!(bits.at_or_after(50), Some(50));
        assert_eq!(bits.at_or_after(51), None);
        assert_eq!(bits.at_or_after(64), None);
        assert_eq!(bits.at_or_before(4), None);
        assert_eq!(bits.at_or_before(34), Some(20));
        assert_eq!(bits.at_or_before(63), Some(50));
        assert_eq!(Bits::default().at_or_before(63), None);
    }
}
