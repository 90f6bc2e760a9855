//! What findings on traffic say beside who reaches whom: witnesses, addresses of pods, selectors that match nothing.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use super::NamespaceReach;
use crate::{
    control::project,
    decode::Object,
    fact::Fact,
    inventory::IndexKey,
    kind::{Kind, KindSet},
    object::Node,
    reach::{Addresses, Local, Sources},
    selector::LabelSelector,
    unknown::Unknown,
    view::View,
};

/// The first pods of a namespace that are among the sources of an opening, see [`Local::spokesman`]. It changes with those
/// pods and their egress policies only, so that a namespace may be named by thousands without being watched by them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Spokesman {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The sources.
    pub sources: Sources,
}

impl Fact for Spokesman {
    const READS: KindSet = NamespaceReach::READS;
    type Value = Option<Local>;

    fn compute(&self, view: &View<'_>) -> Result<Option<Local>, Unknown> {
        let namespace = self.namespace.clone();
        Ok(view.fact(&NamespaceReach { namespace })?.spokesman(&self.sources))
    }
}

/// The objects of a namespace whose pods use their node's network, in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OnHostNetwork {
    /// The namespace.
    pub namespace: Arc<str>,
}

impl Fact for OnHostNetwork {
    const READS: KindSet = NamespaceReach::READS;
    type Value = Vec<crate::name::ObjRef>;

    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown> {
        let namespace = self.namespace.clone();
        let local = view.fact(&NamespaceReach { namespace })?;
        let mut found: Self::Value = local.host_network().cloned().collect();
        found.sort_unstable();
        Ok(found)
    }
}

/// The ranges that pods get their addresses from, as nodes tell (`spec.podCIDRs`): per family the smallest one that holds
/// those of all nodes, so that a node more or less seldom changes it. `None` where a node tells nothing, or there is none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PodRanges;

impl Fact for PodRanges {
    const READS: KindSet = KindSet::of(&[Kind::Node]);
    type Value = Option<Addresses>;

    fn compute(&self, view: &View<'_>) -> Result<Option<Addresses>, Unknown> {
        pod_ranges(view.all(Kind::Node)?)
    }
}

/// The ranges that nodes give pods their addresses from, widened to one of each family; `None` where a node names none.
pub fn pod_ranges<'n>(nodes: impl IntoIterator<Item = &'n Object>) -> Result<Option<Addresses>, Unknown> {
    let (mut v4, mut v6) = (None, None);
    for object in nodes {
        let ranges = project::<Node>(object)?
            .spec
            .pod_cidrs
            .as_deref()
            .unwrap_or_default();
        if ranges.is_empty() {
            return Ok(None);
        }
        for range in ranges {
            match parse(range) {
                Some((true, first, last)) => v6 = Some(around(v6, first, last)),
                Some((false, first, last)) => v4 = Some(around(v4, first, last)),
                None => return Ok(None),
            }
        }
    }
    let v4 = v4.map(|range| enclosing(range, 32));
    let v6 = v6.map(|range| enclosing(range, 128));
    let ranges: Vec<String> = v4.into_iter().chain(v6).collect();
    Ok(if ranges.is_empty() {
        None
    } else {
        Addresses::parse(ranges)
    })
}

fn parse(range: &str) -> Option<(bool, u128, u128)> {
    let (address, prefix) = range.split_once('/')?;
    let prefix: u32 = prefix.parse().ok()?;
    let (v6, bits, address): (_, u32, _) = if let Ok(v4) = address.parse::<Ipv4Addr>() {
        (false, 32, u128::from(v4.to_bits()))
    } else {
        (true, 128, address.parse::<Ipv6Addr>().ok()?.to_bits())
    };
    let own = bits.checked_sub(prefix)?;
    let hosts = u128::MAX.checked_shr(128 - own).unwrap_or(0);
    Some((v6, address & !hosts, address | hosts))
}

fn around(known: Option<(u128, u128)>, first: u128, last: u128) -> (u128, u128) {
    known.map_or((first, last), |(a, b)| (a.min(first), b.max(last)))
}

/// The smallest prefix that holds both.
fn enclosing((first, last): (u128, u128), bits: u32) -> String {
    let prefix = (first ^ last)
        .leading_zeros()
        .saturating_sub(128 - bits)
        .min(bits);
    let hosts = u128::MAX.checked_shr(128 - (bits - prefix)).unwrap_or(0);
    let first = first & !hosts;
    let address: std::net::IpAddr = if bits == 32 {
        Ipv4Addr::from_bits(u32::try_from(first).unwrap_or_default()).into()
    } else {
        Ipv6Addr::from_bits(first).into()
    };
    format!("{address}/{prefix}")
}

/// Whether some namespace has a label.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct IsNamespaceLabel {
    /// The label's key.
    pub key: Box<str>,
    /// Its value.
    pub value: Box<str>,
}

impl Fact for IsNamespaceLabel {
    const READS: KindSet = KindSet::of(&[Kind::Namespace]);
    type Value = bool;

    fn compute(&self, view: &View<'_>) -> Result<bool, Unknown> {
        let carrying = IndexKey::Carries(Kind::Namespace, self.key.clone(), self.value.clone());
        Ok(!view.indexed(Kind::Namespace, &carrying)?.is_empty())
    }
}

/// Whether a selector selects pods of a namespace.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SelectsPods {
    /// The namespace.
    pub namespace: Arc<str>,
    /// What selects them by their labels.
    pub selector: LabelSelector,
}

impl Fact for SelectsPods {
    const READS: KindSet = NamespaceReach::READS;
    type Value = bool;

    fn compute(&self, view: &View<'_>) -> Result<bool, Unknown> {
        let namespace = self.namespace.clone();
        let local = view.fact(&NamespaceReach { namespace })?;
        Ok(local
            .classes
            .iter()
            .any(|class| !class.who.host_network && self.selector.matches(&class.who.labels)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(&["10.244.0.0/24"], "10.244.0.0/24")]
    #[case(&["10.244.0.0/24", "10.244.7.0/24"], "10.244.0.0/21")]
    #[case(&["0.0.0.0/1", "128.0.0.0/1"], "0.0.0.0/0")]
    #[case(&["10.0.0.1/32"], "10.0.0.1/32")]
    #[case(&["fd00:1::/64", "fd00:2::/64"], "fd00::/30")]
    #[case(&["::/0"], "::/0")]
    fn ranges_are_put_into_the_smallest_prefix(#[case] ranges: &[&str], #[case] expected: &str) {
        let mut known = None;
        let mut bits = 32;
        for (v6, first, last) in ranges.iter().map(|range| parse(range).unwrap()) {
            known = Some(around(known, first, last));
            bits = if v6 { 128 } else { 32 };
        }
        assert_eq!(enclosing(known.unwrap(), bits), expected);
    }

    #[rstest::rstest]
    #[case("10.0.0.0")]
    #[case("10.0.0.0/33")]
    #[case("fd00::/129")]
    #[case("/8")]
    #[case("pods/8")]
    fn what_is_no_range_is_none(#[case] text: &str) {
        assert_eq!(parse(text), None);
    }
}
