//! Sets of addresses: ranges of IPv4 and of IPv6, apart.

use std::{net::Ipv6Addr, sync::Arc};

use super::Match;

/// A set of addresses. An IPv6 range holds no IPv4 address: `::/0` says nothing of IPv4 traffic.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Addresses(Arc<[Range]>);

/// First and last address of a family (4 or 6), so that ranges sort by family.
type Range = (u8, u128, u128);

impl Addresses {
    /// Every address of both families.
    pub fn all() -> Self {
        Self(Arc::new([(4, 0, u128::from(u32::MAX)), (6, 0, u128::MAX)]))
    }

    /// The ranges (`10.0.0.0/8`) and single addresses together; `None` when one cannot be read.
    pub fn parse<T: AsRef<str>>(ranges: impl IntoIterator<Item = T>) -> Option<Self> {
        let read: Option<Vec<Range>> = ranges.into_iter().map(|text| parse(text.as_ref())).collect();
        Some(Self::from_unsorted(read?))
    }

    fn from_unsorted(mut ranges: Vec<Range>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(before) if before.0 == range.0 && range.1 <= before.2.saturating_add(1) => {
                    before.2 = before.2.max(range.2);
                }
                _ => merged.push(range),
            }
        }
        Self(merged.into())
    }

    /// Whether it holds no address.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The addresses of all sets together.
    pub fn union_of(sets: &[Self]) -> Self {
        match sets {
            [only] => only.clone(),
            sets => Self::from_unsorted(sets.iter().flat_map(|set| &*set.0).copied().collect()),
        }
    }

    /// The addresses that are in this set and not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for (family, first, last) in self.0.iter().copied() {
            let mut next = Some(first);
            // Only the holes that touch this range, however many there are.
            let from = other.0.partition_point(|hole| (hole.0, hole.2) < (family, first));
            for hole in other.0[from..]
                .iter()
                .take_while(|hole| hole.0 == family && hole.1 <= last)
            {
                let Some(start) = next else { break };
                if hole.1 > start {
                    left.push((family, start, hole.1 - 1));
                }
                next = hole.2.checked_add(1);
            }
            if let Some(start) = next.filter(|start| *start <= last) {
                left.push((family, start, last));
            }
        }
        Self(left.into())
    }

    /// Whether an address that is one of `these` is in this set: certainly, perhaps, or not.
    pub fn holds(&self, these: &Self) -> Match {
        let mut any = false;
        let mut all = !these.is_empty();
        for (family, first, last) in these.0.iter().copied() {
            let from = self
                .0
                .partition_point(|range| (range.0, range.2) < (family, first));
            let touching = self
                .0
                .get(from)
                .filter(|range| range.0 == family && range.1 <= last);
            any |= touching.is_some();
            // Ranges are merged: one that is held whole is held by one range.
            all &= touching.is_some_and(|range| range.1 <= first && range.2 >= last);
        }
        match (all, any) {
            (true, _) => Match::Yes,
            (false, true) => Match::Maybe,
            (false, false) => Match::No,
        }
    }
}

/// A range, or a single address. Lenient as the API server: bits beyond the prefix are ignored, and decimals of IPv4 may
/// start with zeros (`ParseCIDRSloppy`).
fn parse(text: &str) -> Option<Range> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(prefix(length)?)),
        None => (text, None),
    };
    let (family, bits, value) = match v4(address) {
        Some(value) => (4, 32, value),
        None => (6, 128, address.parse::<Ipv6Addr>().ok()?.to_bits()),
    };
    let length = length.unwrap_or(bits);
    let host = bits.checked_sub(length)?;
    let mask = 1u128.checked_shl(host).map_or(u128::MAX, |top| top - 1);
    Some((family, value & !mask, value | mask))
}

fn prefix(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn v4(text: &str) -> Option<u128> {
    let mut parts = text.split('.');
    let mut value = 0;
    for _ in 0..4 {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 8 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        value = value << 8 | u128::from(part.parse::<u32>().ok().filter(|n| *n < 256)?);
    }
    parts.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn set(ranges: &[&str]) -> Addresses {
        Addresses::parse(ranges).unwrap()
    }

    #[rstest]
    #[case(&["10.0.0.0/8"], &["10.244.3.3"], Match::Yes)]
    #[case(&["10.0.0.0/8"], &["11.0.0.1"], Match::No)]
    #[case(&["10.0.0.0/9", "10.128.0.0/9"], &["10.0.0.0/8"], Match::Yes)]
    #[case(&["10.0.0.0/9"], &["10.0.0.0/8"], Match::Maybe)]
    #[case(&["0.0.0.0/0"], &["10.0.0.1", "fd00::1"], Match::Maybe)]
    #[case(&["0.0.0.0/0", "::/0"], &["10.0.0.1", "fd00::1"], Match::Yes)]
    #[case(&["::/0"], &["10.0.0.1"], Match::No)]
    #[case(&["10.1.2.3/8"], &["10.200.0.0"], Match::Yes)]
    #[case(&["010.0.00.0/8"], &["10.200.0.0"], Match::Yes)]
    #[case(&[], &["10.0.0.1"], Match::No)]
    fn holds_what_it_holds(#[case] set_of: &[&str], #[case] these: &[&str], #[case] expected: Match) {
        assert_eq!(set(set_of).holds(&set(these)), expected);
    }

    #[test]
    fn holes_are_taken_out() {
        let block = set(&["10.0.0.0/8"]).without(&set(&["10.0.0.0/16", "10.5.0.0/16", "11.0.0.0/8"]));
        assert_eq!(block.holds(&set(&["10.5.1.1"])), Match::No);
        assert_eq!(block.holds(&set(&["10.0.255.255"])), Match::No);
        assert_eq!(block.holds(&set(&["10.1.0.0/16"])), Match::Yes);
        assert_eq!(block.holds(&set(&["10.255.255.255"])), Match::Yes);
        assert!(Addresses::all().without(&Addresses::all()).is_empty());
        let rest = Addresses::all().without(&set(&["0.0.0.0/0"]));
        assert_eq!(rest.holds(&set(&["::/0"])), Match::Yes);
    }

    #[rstest]
    #[case("10.0.0.0/33")]
    #[case("10.0.0/8")]
    #[case("256.0.0.0/8")]
    #[case("10.0.0.0/")]
    #[case("10.0.0.0/+8")]
    #[case("::1/129")]
    #[case("")]
    #[case("all")]
    fn what_is_no_range_is_refused(#[case] text: &str) {
        assert_eq!(Addresses::parse([text]), None);
    }
}
