//! Sets of ports: ranges per protocol.

use std::{fmt, sync::Arc};

/// A transport protocol that policies know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs, reason = "the protocols' own names")]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// The protocol as policies write it (`TCP`, `UDP`, `SCTP`), whatever the case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|p| p.word().eq_ignore_ascii_case(text))
    }

    /// As policies write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A set of ports of any protocol. Cheap to clone; nothing and everything cost nothing.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PortSet(Repr);

/// All protocols in one line of numbers, so that a set is one list of ranges: the port, and above it the protocol.
/// Ranges are sorted, apart from each other, and neither none nor everything.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
enum Repr {
    #[default]
    None,
    All,
    Some(Arc<[Span]>),
}

type Span = (u32, u32);

const PER_PROTOCOL: u32 = 1 << 16;
const LAST: u32 = PER_PROTOCOL * 3 - 1;
const EVERYTHING: &[Span] = &[(0, LAST)];

impl PortSet {
    /// No port.
    pub const NONE: Self = Self(Repr::None);
    /// Every port of every protocol.
    pub const ALL: Self = Self(Repr::All);

    /// The ports of a protocol from `first` to `last`, both included. There is no port 0, so that a range from 1 is one
    /// from 0.
    pub fn range(protocol: Protocol, first: u16, last: u16) -> Self {
        let base = protocol as u32 * PER_PROTOCOL;
        let first = if first == 1 { 0 } else { first };
        if first > last {
            return Self::NONE;
        }
        Self(Repr::Some(Arc::new([(
            base + u32::from(first),
            base + u32::from(last),
        )])))
    }

    /// Every port of a protocol.
    pub fn of(protocol: Protocol) -> Self {
        Self::range(protocol, 0, u16::MAX)
    }

    /// Many sets together.
    pub fn union_of(sets: impl IntoIterator<Item = PortSet>) -> Self {
        let mut spans: Vec<Span> = Vec::new();
        let mut only: Option<PortSet> = None;
        for set in sets {
            match set.0 {
                Repr::None => continue,
                Repr::All => return Self::ALL,
                Repr::Some(ref of) => spans.extend(&**of),
            }
            only = if only.is_none() && spans.len() == set.spans().len() {
                Some(set)
            } else {
                None
            };
        }
        only.unwrap_or_else(|| Self::from_unsorted(spans))
    }

    fn from_unsorted(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable();
        let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
        for (first, last) in spans {
            match merged.last_mut() {
                Some(before) if first <= before.1 + 1 => before.1 = before.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self::from_merged(merged)
    }

    fn from_merged(spans: Vec<Span>) -> Self {
        Self(match spans.as_slice() {
            [] => Repr::None,
            EVERYTHING => Repr::All,
            _ => Repr::Some(spans.into()),
        })
    }

    fn spans(&self) -> &[Span] {
        match &self.0 {
            Repr::None => &[],
            Repr::All => EVERYTHING,
            Repr::Some(spans) => spans,
        }
    }

    /// Whether it holds no port.
    pub const fn is_none(&self) -> bool {
        matches!(self.0, Repr::None)
    }

    /// Whether it holds every port of every protocol.
    pub const fn is_all(&self) -> bool {
        matches!(self.0, Repr::All)
    }

    /// Whether it holds a port.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        let at = protocol as u32 * PER_PROTOCOL + u32::from(port);
        let after = self.spans().partition_point(|span| span.0 <= at);
        after > 0 && self.spans()[after - 1].1 >= at
    }

    /// The ports in either set.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (Repr::None, _) | (_, Repr::All) => other.clone(),
            (_, Repr::None) | (Repr::All, _) => self.clone(),
            (Repr::Some(a), Repr::Some(b)) if a == b => self.clone(),
            (Repr::Some(a), Repr::Some(b)) => Self::from_unsorted(a.iter().chain(&**b).copied().collect()),
        }
    }

    /// The ports in both sets.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (Repr::None, _) | (_, Repr::All) => self.clone(),
            (_, Repr::None) | (Repr::All, _) => other.clone(),
            (Repr::Some(a), Repr::Some(b)) if a == b => self.clone(),
            (Repr::Some(a), Repr::Some(b)) => Self::from_merged(common(a, b)),
        }
    }

    /// Whether a port is in both sets.
    pub fn meets(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::None, _) | (_, Repr::None) => false,
            (Repr::All, _) | (_, Repr::All) => true,
            (Repr::Some(a), Repr::Some(b)) => a == b || !common(a, b).is_empty(),
        }
    }

    /// The ports that are in this set and not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (Repr::None, _) | (_, Repr::None) => self.clone(),
            (_, Repr::All) => Self::NONE,
            (_, Repr::Some(holes)) => Self::from_merged(common(self.spans(), &gaps(holes))),
        }
    }

    /// Whether every port of the other set is in this one.
    pub fn includes(&self, other: &Self) -> bool {
        self.is_all() || other.without(self).is_none()
    }

    /// The ranges, by protocol and port. A protocol of which every port is in the set gives `1` to `65535`.
    pub fn ranges(&self) -> impl Iterator<Item = PortRange> + '_ {
        let of = move |protocol: Protocol| {
            let base = protocol as u32 * PER_PROTOCOL;
            let within = self.spans().iter().filter_map(move |(first, last)| {
                let first = (*first).max(base.max(1) + u32::from(base > 0));
                let last = (*last).min(base + PER_PROTOCOL - 1);
                (first <= last).then(|| (first - base, last - base))
            });
            within.filter_map(move |(first, last)| {
                Some(PortRange {
                    protocol,
                    first: u16::try_from(first).ok()?,
                    last: u16::try_from(last).ok()?,
                })
            })
        };
        Protocol::ALL.into_iter().flat_map(of)
    }
}

fn gaps(spans: &[Span]) -> Vec<Span> {
    let mut free = Vec::with_capacity(spans.len() + 1);
    let mut next = 0;
    for (first, last) in spans {
        if *first > next {
            free.push((next, first - 1));
        }
        next = last + 1;
    }
    if next <= LAST {
        free.push((next, LAST));
    }
    free
}

fn common(a: &[Span], b: &[Span]) -> Vec<Span> {
    let (mut i, mut j) = (0, 0);
    let mut found = Vec::new();
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let (first, last) = (x.0.max(y.0), x.1.min(y.1));
        if first <= last {
            found.push((first, last));
        }
        if x.1 < y.1 { i += 1 } else { j += 1 }
    }
    found
}

/// Ports of one protocol from `first` to `last`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs, reason = "the type says it")]
pub struct PortRange {
    pub protocol: Protocol,
    pub first: u16,
    pub last: u16,
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = self.protocol;
        match (self.first, self.last) {
            (1, u16::MAX) => write!(f, "{protocol}"),
            (first, last) if first == last => write!(f, "{protocol}/{first}"),
            (first, last) => write!(f, "{protocol}/{first}-{last}"),
        }
    }
}

/// `none`, `all`, or the ranges: `TCP/80, TCP/8000-8080, UDP`.
impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Repr::None => return f.write_str("none"),
            Repr::All => return f.write_str("all"),
            Repr::Some(_) => {}
        }
        for (i, range) in self.ranges().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{range}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sets() -> impl Strategy<Value = PortSet> {
        let range = (0usize..3, 0u16..12, 0u16..12)
            .prop_map(|(p, first, last)| PortSet::range(Protocol::ALL[p], first, last));
        let some = prop::collection::vec(range, 0..4).prop_map(PortSet::union_of);
        prop_oneof![4 => some.clone(), 1 => Just(PortSet::ALL), 1 => some.prop_map(|set| PortSet::ALL.without(&set))]
    }

    proptest! {
        #[test]
        fn operations_are_those_of_sets(a in sets(), b in sets(), p in 0usize..3, port in 1u16..14) {
            let has = |set: &PortSet| set.contains(Protocol::ALL[p], port);
            prop_assert_eq!(has(&a.or(&b)), has(&a) || has(&b));
            prop_assert_eq!(has(&a.and(&b)), has(&a) && has(&b));
            prop_assert_eq!(has(&a.without(&b)), has(&a) && !has(&b));
            prop_assert_eq!(a.meets(&b), !a.and(&b).is_none());
            prop_assert_eq!(a.includes(&b), a.or(&b) == a);
            prop_assert_eq!(a.ranges().any(|r| r.protocol == Protocol::ALL[p] && (r.first..=r.last).contains(&port)), has(&a));
        }
    }

    #[test]
    fn all_protocols_whole_are_everything() {
        let all = PortSet::union_of(Protocol::ALL.map(|p| PortSet::range(p, 1, u16::MAX)));
        assert!(all.is_all());
        assert_eq!(all.to_string(), "all");
        let some = PortSet::range(Protocol::Tcp, 80, 80).or(&PortSet::of(Protocol::Sctp));
        assert_eq!(some.to_string(), "TCP/80, SCTP");
        assert_eq!(PortSet::range(Protocol::Tcp, 9, 3), PortSet::NONE);
    }
}
