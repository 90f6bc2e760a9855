//! Whether a rule allows every peer.

use std::net::IpAddr;

use plimsoll_engine::{
    intorstring::IntOrString,
    object::{Direction, IpBlock, Rule},
};

/// How a rule allows every peer, if it does: by naming none, or by blocks that together hold every address.
pub(crate) fn how(rule: &Rule, direction: Direction) -> Option<String> {
    if rule.peers.is_empty() {
        return Some(format!("with every peer: a rule without {}", direction.peers_field()));
    }
    let blocks: Vec<Range> = rule
        .peers
        .iter()
        .filter_map(|peer| peer.ip_block.as_ref())
        .filter(|block| !keeps_pods_out(block))
        .filter_map(|block| Range::parse(&block.cidr))
        .collect();
    [(false, "IPv4"), (true, "IPv6")]
        .into_iter()
        .find(|(v6, _)| covers_all(&blocks, *v6))
        .map(|(_, family)| format!("with every {family} address"))
}

/// Whether the rule is about given ports or addresses rather than about everything.
pub(crate) fn is_limited(rule: &Rule) -> bool {
    !rule.ports.is_empty() || !rule.peers.is_empty()
}

/// Whether the rule is about port 53 alone.
pub(crate) fn is_dns(rule: &Rule) -> bool {
    !rule.ports.is_empty()
        && rule
            .ports
            .iter()
            .all(|p| p.port == Some(IntOrString::Int(53)) && p.end_port.is_none_or(|end| end == 53))
}

/// Ranges that pods' addresses are taken from (RFC 1918, RFC 6598, RFC 4193).
const PRIVATE: [&str; 5] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
];

/// Whether the exceptions leave out a whole private range: "the Internet but not the cluster". An exception for one address
/// (the metadata service) leaves every pod within reach.
fn keeps_pods_out(block: &IpBlock) -> bool {
    let exceptions: Vec<Range> = block.except().iter().filter_map(|e| Range::parse(e)).collect();
    PRIVATE
        .iter()
        .filter_map(|private| Range::parse(private))
        .any(|private| exceptions.iter().any(|except| except.contains(&private)))
}

/// Whether one range lies within another; a text that is no range is in none.
pub(crate) fn is_within(inner: &str, outer: &str) -> bool {
    match (Range::parse(inner), Range::parse(outer)) {
        (Some(inner), Some(outer)) => outer.contains(&inner),
        _ => false,
    }
}

/// Whether a text is a range of addresses.
pub(crate) fn is_range(text: &str) -> bool {
    Range::parse(text).is_some()
}

/// Addresses from first to last, of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    v6: bool,
    first: u128,
    last: u128,
}

impl Range {
    fn parse(cidr: &str) -> Option<Self> {
        let (address, prefix) = cidr.trim().split_once('/')?;
        let prefix: u32 = prefix.parse().ok()?;
        let (v6, bits, address) = match address.parse().ok()? {
            IpAddr::V4(v4) => (false, 32, u128::from(v4.to_bits())),
            IpAddr::V6(v6) => (true, 128, v6.to_bits()),
        };
        let hosts = bits - prefix.min(bits);
        let mask = u128::MAX.checked_shr(128 - hosts).unwrap_or(0);
        (prefix <= bits).then_some(Self {
            v6,
            first: address & !mask,
            last: address | mask,
        })
    }

    fn contains(&self, other: &Self) -> bool {
        self.v6 == other.v6 && self.first <= other.first && other.last <= self.last
    }
}

/// Whether the ranges of a family hold all its addresses: `0.0.0.0/1` and `128.0.0.0/1` do.
fn covers_all(ranges: &[Range], v6: bool) -> bool {
    let end = if v6 { u128::MAX } else { u128::from(u32::MAX) };
    let mut ranges: Vec<&Range> = ranges.iter().filter(|range| range.v6 == v6).collect();
    ranges.sort_by_key(|range| range.first);
    let mut next = 0;
    for range in ranges {
        if range.first > next {
            return false;
        }
        if range.last >= end {
            return true;
        }
        next = next.max(range.last + 1);
    }
    false
}

#[cfg(test)]
mod tests {
    use plimsoll_engine::object::NetworkPolicy;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn opens(rule: &Value) -> bool {
        let policy: NetworkPolicy =
            serde_json::from_value(json!({"spec": {"policyTypes": ["Ingress"], "ingress": [rule]}})).unwrap();
        how(&policy.rules(Direction::Ingress)[0], Direction::Ingress).is_some()
    }

    #[rstest]
    #[case::empty_rule(json!({}), true)]
    #[case::ports_without_peers(json!({"ports": [{"port": 443}]}), true)]
    #[case::every_namespace_is_not_every_peer(json!({"from": [{"namespaceSelector": {}}]}), false)]
    #[case::all_of_v4(json!({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}), true)]
    #[case::all_of_v6(json!({"from": [{"podSelector": {}}, {"ipBlock": {"cidr": "::/0"}}]}), true)]
    #[case::two_halves(
        json!({"from": [{"ipBlock": {"cidr": "128.0.0.0/1"}}, {"ipBlock": {"cidr": "0.0.0.0/1"}}]}), true)]
    #[case::two_quarters(
        json!({"from": [{"ipBlock": {"cidr": "0.0.0.0/2"}}, {"ipBlock": {"cidr": "128.0.0.0/1"}}]}), false)]
    #[case::halves_of_two_families(
        json!({"from": [{"ipBlock": {"cidr": "8000::/1"}}, {"ipBlock": {"cidr": "0.0.0.0/1"}}]}), false)]
    #[case::one_range(json!({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}), false)]
    #[case::metadata_excepted(
        json!({"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}}]}), true)]
    #[case::private_ranges_excepted(
        json!({"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "192.168.0.0/16"]}}]}), false)]
    #[case::no_range(json!({"from": [{"ipBlock": {"cidr": "anywhere"}}]}), false)]
    #[case::impossible_prefix(json!({"from": [{"ipBlock": {"cidr": "0.0.0.0/33"}}]}), false)]
    fn a_rule_allows_every_peer_or_not(#[case] rule: Value, #[case] open: bool) {
        assert_eq!(opens(&rule), open);
    }
}
