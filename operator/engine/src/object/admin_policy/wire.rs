//! How both versions write a policy. What was said in another way in the first `v1alpha1` is read too.

use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{Action, AdminPeer, AdminPolicy, AdminPort, AdminRule, PodSet, Tier};
use crate::{object::Direction, selector::LabelSelector};

/// A policy of any of the kinds.
#[derive(Deserialize)]
pub(super) struct Wire {
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize, Default)]
struct Spec {
    #[serde(default)]
    tier: Option<Tier>,
    #[serde(default)]
    priority: Option<i32>,
    #[serde(default)]
    subject: Option<SetWire>,
    #[serde(default)]
    ingress: Option<Vec<RuleWire>>,
    #[serde(default)]
    egress: Option<Vec<RuleWire>>,
}

impl From<Wire> for AdminPolicy {
    fn from(Wire { spec }: Wire) -> Self {
        let rules = |rules: Option<Vec<RuleWire>>, direction| {
            rules
                .into_iter()
                .flatten()
                .map(|rule| rule.read(direction))
                .collect()
        };
        Self {
            tier: spec.tier,
            priority: spec.priority.unwrap_or_default(),
            subject: spec.subject.and_then(SetWire::read),
            ingress: rules(spec.ingress, Direction::Ingress),
            egress: rules(spec.egress, Direction::Egress),
        }
    }
}

#[derive(Deserialize)]
struct RuleWire {
    #[serde(default)]
    name: Option<Box<str>>,
    action: Action,
    #[serde(default)]
    from: Option<Vec<PeerWire>>,
    #[serde(default)]
    to: Option<Vec<PeerWire>>,
    /// `v1alpha1`.
    #[serde(default)]
    ports: Option<Vec<PortWire>>,
    /// `v1alpha2`.
    #[serde(default)]
    protocols: Option<Vec<ProtocolWire>>,
}

impl RuleWire {
    fn read(self, direction: Direction) -> AdminRule {
        let peers = match direction {
            Direction::Ingress => self.from,
            Direction::Egress => self.to,
        };
        let ports = self.ports.into_iter().flatten().map(PortWire::read);
        let protocols = self.protocols.into_iter().flatten().map(ProtocolWire::read);
        AdminRule {
            name: self.name,
            action: self.action,
            peers: peers.into_iter().flatten().map(PeerWire::read).collect(),
            ports: ports.chain(protocols).collect(),
        }
    }
}

#[derive(Deserialize)]
struct SetWire {
    #[serde(default)]
    namespaces: Option<Namespaces>,
    #[serde(default)]
    pods: Option<PodsWire>,
}

impl SetWire {
    fn read(self) -> Option<PodSet> {
        let set = |namespaces: Namespaces, pods| namespaces.0.map(|namespaces| PodSet { namespaces, pods });
        match (self.namespaces, self.pods) {
            (Some(namespaces), None) => set(namespaces, LabelSelector::default()),
            (None, Some(pods)) => set(
                pods.namespace_selector.or(pods.namespaces).unwrap_or_default(),
                pods.pod_selector,
            ),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodsWire {
    #[serde(default)]
    namespace_selector: Option<Namespaces>,
    /// As the first `v1alpha1` had it.
    #[serde(default)]
    namespaces: Option<Namespaces>,
    #[serde(default)]
    pod_selector: LabelSelector,
}

/// A selector of namespaces. The first `v1alpha1` wrapped it (`namespaces: {namespaceSelector: …}`) and knew `sameLabels`
/// beside it, which is not understood.
struct Namespaces(Option<LabelSelector>);

impl Default for Namespaces {
    fn default() -> Self {
        Self(Some(LabelSelector::default()))
    }
}

impl<'de> Deserialize<'de> for Namespaces {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Either {
            #[serde(default)]
            namespace_selector: Option<LabelSelector>,
            #[serde(default)]
            same_labels: Option<IgnoredAny>,
            #[serde(default)]
            not_same_labels: Option<IgnoredAny>,
            #[serde(flatten)]
            plain: LabelSelector,
        }
        let read = Either::deserialize(d)?;
        let known = read.same_labels.is_none() && read.not_same_labels.is_none();
        Ok(Self(known.then(|| read.namespace_selector.unwrap_or(read.plain))))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PeerWire {
    #[serde(flatten)]
    set: SetWire,
    #[serde(default)]
    nodes: Option<IgnoredAny>,
    #[serde(default)]
    networks: Option<Box<[Box<str>]>>,
    #[serde(default)]
    domain_names: Option<IgnoredAny>,
}

impl PeerWire {
    fn read(self) -> AdminPeer {
        match self {
            Self {
                networks: Some(ranges),
                ..
            } => AdminPeer::Networks(ranges),
            Self { nodes: Some(_), .. } => AdminPeer::Nodes,
            Self {
                domain_names: Some(_),
                ..
            } => AdminPeer::Domains,
            Self { set, .. } => set.read().map_or(AdminPeer::Unknown, AdminPeer::Pods),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PortWire {
    #[serde(default)]
    port_number: Option<Number>,
    #[serde(default)]
    port_range: Option<Range>,
    #[serde(default)]
    named_port: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Number {
    #[serde(default)]
    protocol: Option<Box<str>>,
    port: u16,
}

#[derive(Deserialize)]
struct Range {
    #[serde(default)]
    protocol: Option<Box<str>>,
    start: u16,
    end: u16,
}

impl PortWire {
    fn read(self) -> AdminPort {
        let tcp = |protocol: Option<Box<str>>| protocol.unwrap_or_else(|| "TCP".into());
        match self {
            Self {
                port_number: Some(number),
                ..
            } => AdminPort::Range(tcp(number.protocol), number.port, number.port),
            Self {
                port_range: Some(range),
                ..
            } => AdminPort::Range(tcp(range.protocol), range.start, range.end),
            Self {
                named_port: Some(name),
                ..
            } => AdminPort::Named(name),
            _ => AdminPort::Unknown,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProtocolWire {
    #[serde(default)]
    tcp: Option<Destination>,
    #[serde(default)]
    udp: Option<Destination>,
    #[serde(default)]
    sctp: Option<Destination>,
    #[serde(default)]
    destination_named_port: Option<Box<str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Destination {
    #[serde(default)]
    destination_port: Option<PortOrRange>,
}

#[derive(Deserialize)]
struct PortOrRange {
    #[serde(default)]
    number: Option<u16>,
    #[serde(default)]
    range: Option<Range>,
}

impl ProtocolWire {
    fn read(self) -> AdminPort {
        let (protocol, destination) = match self {
            Self { tcp: Some(tcp), .. } => ("TCP", tcp),
            Self { udp: Some(udp), .. } => ("UDP", udp),
            Self { sctp: Some(sctp), .. } => ("SCTP", sctp),
            Self {
                destination_named_port: Some(name),
                ..
            } => return AdminPort::Named(name),
            _ => return AdminPort::Unknown,
        };
        match destination.destination_port {
            None => AdminPort::Range(protocol.into(), 0, u16::MAX),
            Some(PortOrRange {
                number: Some(port), ..
            }) => AdminPort::Range(protocol.into(), port, port),
            Some(PortOrRange {
                range: Some(range), ..
            }) => AdminPort::Range(protocol.into(), range.start, range.end),
            Some(_) => AdminPort::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn policy(spec: &Value) -> AdminPolicy {
        serde_json::from_value(json!({ "spec": spec })).unwrap()
    }

    fn peers(list: &Value) -> Box<[AdminPeer]> {
        let rule = json!({"action": "Allow", "to": list});
        policy(&json!({"priority": 1, "egress": [rule]})).rules(Direction::Egress)[0]
            .peers
            .clone()
    }

    fn team(name: &str) -> LabelSelector {
        serde_json::from_value(json!({"matchLabels": {"team": name}})).unwrap()
    }

    #[test]
    fn peers_of_both_versions_are_read() {
        let selector = json!({"matchLabels": {"team": "x"}});
        let read = peers(&json!([
            {"namespaces": selector},
            {"namespaces": {"namespaceSelector": selector}},
            {"pods": {"namespaceSelector": selector, "podSelector": {}}},
            {"pods": {"namespaces": {"namespaceSelector": selector}, "podSelector": {}}},
            {"networks": ["10.0.0.0/8"]},
            {"nodes": {}},
            {"domainNames": ["example.com"]},
            {"namespaces": {"sameLabels": ["tenant"]}},
            {"clouds": []},
        ]));
        let in_team = AdminPeer::Pods(PodSet {
            namespaces: team("x"),
            ..PodSet::default()
        });
        assert_eq!(
            read[..4],
            [in_team.clone(), in_team.clone(), in_team.clone(), in_team]
        );
        assert_eq!(read[4], AdminPeer::Networks(Box::new(["10.0.0.0/8".into()])));
        assert_eq!(
            read[5..],
            [
                AdminPeer::Nodes,
                AdminPeer::Domains,
                AdminPeer::Unknown,
                AdminPeer::Unknown
            ]
        );
    }

    #[test]
    fn ports_of_both_versions_are_read() {
        let rule = json!({"action": "Deny", "from": [{"namespaces": {}}],
            "ports": [{"portNumber": {"port": 80}}, {"portRange": {"protocol": "UDP", "start": 1, "end": 9}}, {"namedPort": "web"}, {}],
            "protocols": [{"sctp": {"destinationPort": {"number": 9003}}}, {"tcp": {"destinationPort": {"range": {"start": 5, "end": 6}}}},
                {"destinationNamedPort": "dns"}, {"udp": {}}, {"icmp": {}}]});
        let policy = policy(&json!({"priority": 1, "ingress": [rule]}));
        let range = |protocol: &str, first, last| AdminPort::Range(protocol.into(), first, last);
        assert_eq!(
            *policy.rules(Direction::Ingress)[0].ports,
            [
                range("TCP", 80, 80),
                range("UDP", 1, 9),
                AdminPort::Named("web".into()),
                AdminPort::Unknown,
                range("SCTP", 9003, 9003),
                range("TCP", 5, 6),
                AdminPort::Named("dns".into()),
                range("UDP", 0, u16::MAX),
                AdminPort::Unknown,
            ]
        );
    }

    #[test]
    fn a_subject_of_unknown_form_may_be_any_pod() {
        assert_eq!(
            policy(&json!({"priority": 1, "subject": {"cluster": {}}})).subject,
            None
        );
        assert_eq!(policy(&json!({"priority": 1})).subject, None);
        let all = policy(&json!({"priority": 1, "subject": {"namespaces": {}}}));
        assert_eq!(all.subject, Some(PodSet::default()));
    }
}
