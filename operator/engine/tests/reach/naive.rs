//! Reachability as a person would work it out: one pod, one other pod, one port, straight from the objects' JSON, sharing
//! nothing with the engine.

use std::net::IpAddr;

use serde_json::Value;

use crate::random::Cluster;

/// One end: a pod, or an address outside the cluster.
#[derive(Clone, Copy)]
pub(crate) enum Point<'a> {
    Pod(&'a Value),
    Outside(&'a str),
}

/// What a CNI, or chance, decides.
#[derive(Clone)]
pub(crate) struct World<'a> {
    pub(crate) cluster: &'a Cluster,
    /// Whether an `ipBlock` matches pods.
    pub(crate) blocks_match_pods: bool,
    /// Whether the addresses outside are those of the domains that rules name.
    pub(crate) in_domain: bool,
    /// Whether pods in the host's network are on the node of whomever they talk to.
    pub(crate) same_node: bool,
    /// The policies of the ordered kinds, in the order in which they are asked.
    pub(crate) order: Vec<usize>,
}

pub(crate) const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

impl World<'_> {
    /// Whether a new connection gets through.
    pub(crate) fn connects(&self, from: Point<'_>, to: Point<'_>, protocol: &str, port: u16) -> bool {
        self.allows(from, to, to, "egress", protocol, port)
            && self.allows(to, from, to, "ingress", protocol, port)
    }

    fn allows(
        &self,
        own: Point<'_>,
        other: Point<'_>,
        to: Point<'_>,
        side: &str,
        protocol: &str,
        port: u16,
    ) -> bool {
        let Point::Pod(pod) = own else { return true };
        if host(pod) {
            return true;
        }
        if side == "ingress" && self.same_node && matches!(other, Point::Pod(other) if host(other)) {
            return true;
        }
        match self.ordered("Admin", pod, other, to, side, protocol, port) {
            Some("Allow" | "Accept") => return true,
            Some("Deny") => return false,
            _ => {}
        }
        let isolating = || {
            self.cluster
                .policies
                .iter()
                .filter(|policy| isolates(policy, pod, side))
        };
        if isolating().next().is_some() {
            return isolating().any(|policy| self.rule_matches(policy, pod, other, to, side, protocol, port));
        }
        self.ordered("Baseline", pod, other, to, side, protocol, port) != Some("Deny")
    }

    /// What the first matching rule of a tier does.
    #[allow(clippy::too_many_arguments, reason = "spelt out on purpose")]
    fn ordered(
        &self,
        tier: &str,
        pod: &Value,
        other: Point<'_>,
        to: Point<'_>,
        side: &str,
        protocol: &str,
        port: u16,
    ) -> Option<&str> {
        for index in &self.order {
            let (kind, policy) = &self.cluster.ordered[*index];
            let of_tier = match *kind {
                "AdminNetworkPolicy" => "Admin",
                "BaselineAdminNetworkPolicy" => "Baseline",
                _ => policy["spec"]["tier"].as_str().unwrap(),
            };
            if of_tier != tier || !self.in_set(&policy["spec"]["subject"], pod) {
                continue;
            }
            for rule in list(&policy["spec"][side]) {
                let peers = if side == "ingress" {
                    &rule["from"]
                } else {
                    &rule["to"]
                };
                let ports: Vec<&Value> = list(&rule["ports"]).chain(list(&rule["protocols"])).collect();
                let on_port = ports.is_empty() || ports.iter().any(|p| ordered_port(p, to, protocol, port));
                if on_port && list(peers).any(|peer| self.ordered_peer(peer, other)) {
                    return rule["action"].as_str();
                }
            }
        }
        None
    }

    fn ordered_peer(&self, peer: &Value, other: Point<'_>) -> bool {
        if let Some(networks) = peer.get("networks") {
            return list(networks).any(|block| contains(text(block), address(other)));
        }
        match other {
            Point::Pod(pod) => peer.get("domainNames").is_none() && !host(pod) && self.in_set(peer, pod),
            Point::Outside(_) => self.in_domain && peer.get("domainNames").is_some(),
        }
    }

    fn in_set(&self, set: &Value, pod: &Value) -> bool {
        let namespace = self.namespace_labels(pod);
        match set.get("pods") {
            None => selects(&set["namespaces"], &namespace),
            Some(pods) => {
                selects(&pods["namespaceSelector"], &namespace) && selects(&pods["podSelector"], &labels(pod))
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "spelt out on purpose")]
    fn rule_matches(
        &self,
        policy: &Value,
        pod: &Value,
        other: Point<'_>,
        to: Point<'_>,
        side: &str,
        protocol: &str,
        port: u16,
    ) -> bool {
        list(&policy["spec"][side]).any(|rule| {
            let peers: Vec<&Value> = list(if side == "ingress" {
                &rule["from"]
            } else {
                &rule["to"]
            })
            .collect();
            let ports: Vec<&Value> = list(&rule["ports"]).collect();
            let on = |by_address: bool| {
                ports.is_empty()
                    || ports
                        .iter()
                        .any(|p| plain_port(p, to, protocol, port, by_address && side == "egress"))
            };
            if peers.is_empty() {
                return on(false);
            }
            peers
                .iter()
                .any(|peer| self.peer(peer, pod, other) && on(peer.get("ipBlock").is_some()))
        })
    }

    fn peer(&self, peer: &Value, pod: &Value, other: Point<'_>) -> bool {
        if let Some(block) = peer.get("ipBlock") {
            let meant = match other {
                Point::Pod(other) => host(other) || self.blocks_match_pods,
                Point::Outside(_) => true,
            };
            let address = address(other);
            return meant
                && contains(text(&block["cidr"]), address)
                && !list(&block["except"]).any(|hole| contains(text(hole), address));
        }
        let Point::Pod(other) = other else { return false };
        let in_namespace = match peer.get("namespaceSelector") {
            Some(selector) => selects(selector, &self.namespace_labels(other)),
            None => other["metadata"]["namespace"] == pod["metadata"]["namespace"],
        };
        !host(other) && in_namespace && peer.get("podSelector").is_none_or(|s| selects(s, &labels(other)))
    }

    fn namespace_labels(&self, pod: &Value) -> Vec<(String, String)> {
        let name = &pod["metadata"]["namespace"];
        let namespace = self
            .cluster
            .namespaces
            .iter()
            .find(|n| n["metadata"]["name"] == *name)
            .unwrap();
        let mut labels = labels(namespace);
        labels.push(("kubernetes.io/metadata.name".into(), text(name).into()));
        labels
    }
}

pub(crate) fn host(pod: &Value) -> bool {
    pod["spec"]["hostNetwork"] == true
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn labels(object: &Value) -> Vec<(String, String)> {
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    labels
        .map(|(key, value)| (key.clone(), text(value).into()))
        .collect()
}

fn selects(selector: &Value, labels: &[(String, String)]) -> bool {
    let value = |key: &str| labels.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
    let exact = selector["matchLabels"].as_object().into_iter().flatten();
    exact
        .into_iter()
        .all(|(key, wanted)| value(key) == wanted.as_str())
        && list(&selector["matchExpressions"]).all(|e| {
            let value = value(text(&e["key"]));
            let listed = value.is_some_and(|value| list(&e["values"]).any(|v| v == value));
            match text(&e["operator"]) {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => value.is_some(),
                _ => value.is_none(),
            }
        })
}

fn isolates(policy: &Value, pod: &Value, side: &str) -> bool {
    let spec = &policy["spec"];
    let named = |word: &str| list(&spec["policyTypes"]).any(|t| t == word);
    let isolates = match (spec.get("policyTypes"), side) {
        (None, "ingress") => true,
        (None, _) => list(&spec["egress"]).next().is_some(),
        (Some(_), "ingress") => named("Ingress"),
        (Some(_), _) => named("Egress"),
    };
    isolates
        && policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
        && selects(&spec["podSelector"], &labels(pod))
}

fn named(to: Point<'_>, name: &str, protocol: &str, port: u16) -> bool {
    let Point::Pod(pod) = to else { return false };
    list(&pod["spec"]["containers"][0]["ports"])
        .any(|p| p["name"] == name && p["protocol"] == protocol && p["containerPort"] == port)
}

fn plain_port(wanted: &Value, to: Point<'_>, protocol: &str, port: u16, by_address: bool) -> bool {
    if wanted["protocol"].as_str().unwrap_or("TCP") != protocol {
        return false;
    }
    match &wanted["port"] {
        Value::Null => true,
        Value::String(name) => !by_address && named(to, name, protocol, port),
        first => {
            let last = wanted["endPort"].as_u64().or(first.as_u64()).unwrap();
            (first.as_u64().unwrap()..=last).contains(&u64::from(port))
        }
    }
}

fn ordered_port(wanted: &Value, to: Point<'_>, protocol: &str, port: u16) -> bool {
    let number = |of: &Value| of["number"].as_u64().or(of["port"].as_u64()) == Some(u64::from(port));
    let range =
        |of: &Value| (of["start"].as_u64().unwrap()..=of["end"].as_u64().unwrap()).contains(&u64::from(port));
    if let Some(name) = wanted.get("destinationNamedPort").or(wanted.get("namedPort")) {
        return named(to, text(name), protocol, port);
    }
    if let Some(of) = wanted.get("portNumber") {
        return of["protocol"].as_str().unwrap_or("TCP") == protocol && number(of);
    }
    if let Some(of) = wanted.get("portRange") {
        return of["protocol"].as_str().unwrap_or("TCP") == protocol && range(of);
    }
    let Some(of) = wanted.get(protocol.to_lowercase()) else {
        return false;
    };
    let of = &of["destinationPort"];
    number(of) || of.get("range").is_some_and(range)
}

fn address(point: Point<'_>) -> IpAddr {
    match point {
        Point::Pod(pod) => text(&pod["status"]["podIP"]).parse().unwrap(),
        Point::Outside(address) => address.parse().unwrap(),
    }
}

fn contains(block: &str, address: IpAddr) -> bool {
    let (start, bits) = block.split_once('/').unwrap();
    let bits: u32 = bits.parse().unwrap();
    match (start.parse().unwrap(), address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => bits == 0 || (a.to_bits() ^ b.to_bits()) >> (32 - bits) == 0,
        (IpAddr::V6(a), IpAddr::V6(b)) => bits == 0 || (a.to_bits() ^ b.to_bits()) >> (128 - bits) == 0,
        _ => false,
    }
}
