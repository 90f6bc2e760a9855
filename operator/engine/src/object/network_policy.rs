//! `networking.k8s.io/v1` NetworkPolicy, whole: what is reachable follows from every part of it.
//!
//! Defaults are those of `pkg/apis/networking/v1/defaults.go`: absent `policyTypes` means Ingress, and Egress only where
//! `egress` has a rule; a port without a protocol means TCP.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{intorstring::IntOrString, selector::LabelSelector};

/// The direction of traffic as its pod sees it.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema,
)]
#[allow(missing_docs, reason = "the API's own words")]
pub enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    /// The word as `policyTypes` has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }

    /// The field of `spec` that holds the direction's rules.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The field of a rule that holds its peers.
    pub const fn peers_field(self) -> &'static str {
        match self {
            Self::Ingress => "from",
            Self::Egress => "to",
        }
    }
}

/// A NetworkPolicy.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(from = "Wire")]
pub struct NetworkPolicy {
    /// The pods of its namespace it selects; empty selects all.
    pub pod_selector: LabelSelector,
    /// Whether pods it selects are isolated for ingress.
    ingress_isolates: bool,
    /// Whether pods it selects are isolated for egress.
    egress_isolates: bool,
    /// Rules that are in force: none of a direction that does not isolate.
    ingress: Box<[Rule]>,
    egress: Box<[Rule]>,
}

impl NetworkPolicy {
    /// One that isolates every pod of its namespace and allows nothing.
    pub fn deny_all() -> Self {
        Self {
            pod_selector: LabelSelector::default(),
            ingress_isolates: true,
            egress_isolates: true,
            ingress: Box::default(),
            egress: Box::default(),
        }
    }

    /// Whether pods it selects may do in this direction only what some rule allows.
    pub const fn isolates(&self, direction: Direction) -> bool {
        match direction {
            Direction::Ingress => self.ingress_isolates,
            Direction::Egress => self.egress_isolates,
        }
    }

    /// The selectors by which its peers name namespaces.
    pub fn namespace_selectors(&self) -> impl Iterator<Item = &LabelSelector> {
        let rules = self.ingress.iter().chain(&self.egress);
        rules
            .flat_map(|rule| &rule.peers)
            .filter_map(|peer| peer.namespace_selector.as_ref())
    }

    /// The rules in force of a direction: rules of a direction that `policyTypes` leaves out do nothing.
    pub const fn rules(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// One rule: any of the peers on any of the ports.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Rule {
    /// `from` or `to`; empty means every peer, those outside the cluster too.
    pub peers: Box<[Peer]>,
    /// Empty means every port of every protocol.
    pub ports: Box<[Port]>,
}

/// One peer of a rule.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// Pods of the selected namespaces, or of the policy's own where there is no `namespaceSelector`.
    #[serde(default)]
    pub pod_selector: Option<LabelSelector>,
    /// Namespaces; empty selects all.
    #[serde(default)]
    pub namespace_selector: Option<LabelSelector>,
    /// Addresses; excludes the selectors.
    #[serde(default)]
    pub ip_block: Option<IpBlock>,
}

/// `ipBlock` of a peer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct IpBlock {
    /// A range such as `10.0.0.0/8`.
    pub cidr: Box<str>,
    /// Ranges within it that are not meant.
    #[serde(default)]
    except: Option<Box<[Box<str>]>>,
}

impl IpBlock {
    /// Ranges within the block that are not meant.
    pub fn except(&self) -> &[Box<str>] {
        self.except.as_deref().unwrap_or_default()
    }
}

/// One port, or range of ports, of a rule.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// `TCP`, `UDP` or `SCTP`; absent means TCP.
    #[serde(default)]
    protocol: Option<Box<str>>,
    /// Number, or name of a port of the destination's containers; absent means all of the protocol.
    #[serde(default)]
    pub port: Option<IntOrString>,
    /// Last port of a range that starts at `port`.
    #[serde(default)]
    pub end_port: Option<u16>,
}

impl Port {
    /// `TCP`, `UDP` or `SCTP`.
    pub fn protocol(&self) -> &str {
        self.protocol.as_deref().unwrap_or("TCP")
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    spec: Option<Spec>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    pod_selector: Option<LabelSelector>,
    #[serde(default)]
    policy_types: Option<Vec<Box<str>>>,
    #[serde(default, deserialize_with = "rules::<_, Ingress>")]
    ingress: Box<[Rule]>,
    #[serde(default, deserialize_with = "rules::<_, Egress>")]
    egress: Box<[Rule]>,
}

impl From<Wire> for NetworkPolicy {
    fn from(wire: Wire) -> Self {
        let spec = wire.spec.unwrap_or_default();
        let types = spec.policy_types.unwrap_or_default();
        let named = |direction: Direction| types.iter().any(|t| &**t == direction.word());
        let ingress_isolates = types.is_empty() || named(Direction::Ingress);
        let egress_isolates = if types.is_empty() {
            !spec.egress.is_empty()
        } else {
            named(Direction::Egress)
        };
        let in_force = |isolates, rules| if isolates { rules } else { Box::default() };
        Self {
            pod_selector: spec.pod_selector.unwrap_or_default(),
            ingress_isolates,
            egress_isolates,
            ingress: in_force(ingress_isolates, spec.ingress),
            egress: in_force(egress_isolates, spec.egress),
        }
    }
}

/// An ingress rule as written. Apart from egress: `to` in an ingress rule is dropped by the API server, and what is left
/// of the rule allows every peer.
#[derive(Deserialize, Default)]
struct Ingress {
    #[serde(default)]
    from: Option<Vec<Peer>>,
    #[serde(default)]
    ports: Option<Vec<Port>>,
}

/// An egress rule as written.
#[derive(Deserialize, Default)]
struct Egress {
    #[serde(default)]
    to: Option<Vec<Peer>>,
    #[serde(default)]
    ports: Option<Vec<Port>>,
}

impl From<Ingress> for Rule {
    fn from(rule: Ingress) -> Self {
        Self {
            peers: rule.from.unwrap_or_default().into(),
            ports: rule.ports.unwrap_or_default().into(),
        }
    }
}

impl From<Egress> for Rule {
    fn from(rule: Egress) -> Self {
        Self {
            peers: rule.to.unwrap_or_default().into(),
            ports: rule.ports.unwrap_or_default().into(),
        }
    }
}

/// A `null` rule is an empty one, and so allows everything: so the API server reads it.
fn rules<'de, D, R>(d: D) -> Result<Box<[Rule]>, D::Error>
where
    D: Deserializer<'de>,
    R: Deserialize<'de> + Default + Into<Rule>,
{
    let rules: Option<Vec<Option<R>>> = Option::deserialize(d)?;
    Ok(rules
        .into_iter()
        .flatten()
        .map(|rule| rule.unwrap_or_default().into())
        .collect())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn policy(spec: &serde_json::Value) -> NetworkPolicy {
        serde_json::from_value(json!({ "spec": spec })).unwrap()
    }

    #[rstest]
    #[case::nothing(json!({}), true, false)]
    #[case::empty_egress_does_not_isolate(json!({"egress": []}), true, false)]
    #[case::an_egress_rule_isolates_both(json!({"egress": [{}]}), true, true)]
    #[case::egress_only(json!({"policyTypes": ["Egress"]}), false, true)]
    #[case::empty_types_are_absent_types(json!({"policyTypes": [], "egress": [{}]}), true, true)]
    #[case::null_types(json!({"policyTypes": null}), true, false)]
    #[case::both(json!({"policyTypes": ["Ingress", "Egress"]}), true, true)]
    fn policy_types_default_as_upstream(
        #[case] spec: serde_json::Value,
        #[case] ingress: bool,
        #[case] egress: bool,
    ) {
        let policy = policy(&spec);
        assert_eq!(policy.isolates(Direction::Ingress), ingress);
        assert_eq!(policy.isolates(Direction::Egress), egress);
    }

    #[test]
    fn rules_of_a_direction_that_does_not_isolate_do_nothing() {
        let policy = policy(&json!({"policyTypes": ["Egress"], "ingress": [{}]}));
        assert!(policy.rules(Direction::Ingress).is_empty());
    }

    #[test]
    fn null_and_misplaced_peers_leave_a_rule_that_allows_every_peer() {
        let policy = policy(&json!({"ingress": [null, {"to": [{"podSelector": {}}]}, {"from": null}]}));
        assert_eq!(
            policy.rules(Direction::Ingress),
            [Rule::default(), Rule::default(), Rule::default()]
        );
    }

    #[test]
    fn peers_and_ports_are_read_whole() {
        let policy = policy(&json!({
            "podSelector": {"matchLabels": null},
            "policyTypes": ["Egress"],
            "egress": [{
                "to": [
                    {"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}},
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                    {"ipBlock": {"cidr": "::/0", "except": null}},
                ],
                "ports": [{"port": 53, "protocol": "UDP"}, {"port": 8000, "endPort": 8080}, {"port": "https"}, {}],
            }],
        }));
        assert!(policy.pod_selector.is_everything());
        let [rule] = policy.rules(Direction::Egress) else {
            panic!("one rule")
        };
        assert!(
            rule.peers[0]
                .namespace_selector
                .as_ref()
                .is_some_and(LabelSelector::is_everything)
        );
        assert_eq!(
            rule.peers[1].ip_block.as_ref().unwrap().except(),
            ["10.1.0.0/16".into()]
        );
        assert!(rule.peers[2].ip_block.as_ref().unwrap().except().is_empty());
        let protocols: Vec<&str> = rule.ports.iter().map(Port::protocol).collect();
        assert_eq!(protocols, ["UDP", "TCP", "TCP", "TCP"]);
        assert_eq!(rule.ports[1].end_port, Some(8080));
        assert_eq!(rule.ports[3].port, None);
    }
}
