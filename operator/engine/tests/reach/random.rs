//! Random clusters with every feature, as the JSON an API server would hold.

use serde_json::{Map, Value, json};

/// What decides: a small generator of numbers (splitmix64), so that a seed names a cluster for good, or given bytes.
pub(crate) enum Dice {
    Seed(u64),
    /// Zeros where they end.
    Bytes(std::vec::IntoIter<u8>),
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self::Seed(seed)
    }

    /// Decides as a fuzzer says.
    #[allow(dead_code, reason = "called by the fuzz target")]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::Bytes(Vec::from(bytes).into_iter())
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        let number = match self {
            Self::Seed(seed) => splitmix(seed),
            Self::Bytes(bytes) => eaten(bytes, n),
        };
        usize::try_from(number % n as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.below(i + 1));
        }
    }

    fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }
}

fn splitmix(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// As few bytes as hold a number below `n`, so that a mutation of one changes one decision.
fn eaten(bytes: &mut impl Iterator<Item = u8>, n: usize) -> u64 {
    let (mut number, mut room) = (0, n - 1);
    while room > 0 {
        number = number << 8 | u64::from(bytes.next().unwrap_or(0));
        room >>= 8;
    }
    number
}

/// Which features a cluster has.
#[derive(Clone, Copy)]
pub(crate) struct Features {
    /// Policies of the ordered kinds.
    pub(crate) ordered: bool,
    /// ... some of which share a priority.
    pub(crate) equal_priorities: bool,
    /// Pods in the host's network.
    pub(crate) host_network: bool,
}

/// Objects by the kind they are of.
pub(crate) struct Cluster {
    pub(crate) namespaces: Vec<Value>,
    pub(crate) pods: Vec<Value>,
    pub(crate) policies: Vec<Value>,
    /// With their kind: AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy.
    pub(crate) ordered: Vec<(&'static str, Value)>,
}

const NAMESPACES: [&str; 4] = ["shop", "bank", "lab", "ops"];
const KEYS: [&str; 2] = ["app", "tier"];
const VALUES: [&str; 3] = ["web", "db", "x"];
const BLOCKS: [&str; 8] = [
    "10.0.0.0/8",
    "10.0.0.0/25",
    "10.0.0.3/32",
    "0.0.0.0/0",
    "::/0",
    "fd00::/64",
    "192.0.2.0/24",
    "10.0.0.128/25",
];

pub(crate) fn cluster(dice: &mut Dice, features: Features) -> Cluster {
    let count = 2 + dice.below(3);
    let namespaces = NAMESPACES[..count]
        .iter()
        .map(|name| json!({"metadata": {"name": name, "labels": labels(dice)}}));
    let namespaces: Vec<Value> = namespaces.collect();
    let pods = (0..5 + dice.below(4))
        .map(|i| pod(dice, i, count, features))
        .collect();
    let policies = (0..dice.below(6))
        .map(|i| network_policy(dice, i, count))
        .collect();
    let mut ordered = Vec::new();
    if features.ordered {
        for i in 0..dice.below(4) {
            let kind = dice.pick(&[
                "AdminNetworkPolicy",
                "ClusterNetworkPolicy",
                "ClusterNetworkPolicy",
            ]);
            ordered.push((kind, ordered_policy(dice, kind, i, features)));
        }
        if dice.one_in(2) {
            let kind = "BaselineAdminNetworkPolicy";
            ordered.push((kind, ordered_policy(dice, kind, 0, features)));
        }
    }
    Cluster {
        namespaces,
        pods,
        policies,
        ordered,
    }
}

fn labels(dice: &mut Dice) -> Value {
    let mut labels = Map::new();
    for key in KEYS {
        if !dice.one_in(3) {
            labels.insert(key.into(), dice.pick(&VALUES).into());
        }
    }
    labels.into()
}

fn pod(dice: &mut Dice, i: usize, namespaces: usize, features: Features) -> Value {
    let ports: Vec<Value> = ["web", "dns"]
        .iter()
        .filter(|_| dice.below(3) > 0)
        .map(|name| json!({"name": name, "containerPort": ([53, 80, 8080][i % 3]), "protocol": (["TCP", "UDP"][i % 2])}))
        .collect();
    let address = match dice.below(4) {
        0 => format!("fd00::{i}"),
        1 => format!("10.0.0.{}", 130 + i),
        _ => format!("10.0.0.{i}"),
    };
    json!({
        "metadata": {"name": format!("p{i}"), "namespace": NAMESPACES[dice.below(namespaces)], "labels": labels(dice)},
        "spec": {
            "hostNetwork": features.host_network && dice.one_in(6),
            "containers": [{"name": "c", "ports": ports}],
        },
        "status": {"podIP": address},
    })
}

fn selector(dice: &mut Dice) -> Value {
    match dice.below(8) {
        0 | 1 => json!({}),
        2 => json!({"matchLabels": null}),
        3 => json!({"matchLabels": {"kubernetes.io/metadata.name": dice.pick(&NAMESPACES)}}),
        // Contradictory.
        4 if dice.one_in(3) => json!({"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "app", "operator": "DoesNotExist"}]}),
        4 | 5 => json!({"matchExpressions": [expression(dice)]}),
        6 => {
            json!({"matchLabels": {dice.pick(&KEYS): dice.pick(&VALUES)}, "matchExpressions": [expression(dice)]})
        }
        _ => json!({"matchLabels": {dice.pick(&KEYS): dice.pick(&VALUES)}}),
    }
}

fn expression(dice: &mut Dice) -> Value {
    let key = dice.pick(&KEYS);
    match dice.below(4) {
        0 => json!({"key": key, "operator": "Exists"}),
        1 => json!({"key": key, "operator": "DoesNotExist"}),
        2 => json!({"key": key, "operator": "In", "values": [dice.pick(&VALUES), dice.pick(&VALUES)]}),
        _ => json!({"key": key, "operator": "NotIn", "values": [dice.pick(&VALUES)]}),
    }
}

fn network_policy(dice: &mut Dice, i: usize, namespaces: usize) -> Value {
    let mut spec = json!({"podSelector": selector(dice)});
    match dice.below(5) {
        0 => {}
        1 => spec["policyTypes"] = json!(["Ingress"]),
        2 => spec["policyTypes"] = json!(["Egress"]),
        _ => spec["policyTypes"] = json!(["Ingress", "Egress"]),
    }
    for (field, peers) in [("ingress", "from"), ("egress", "to")] {
        if dice.one_in(4) {
            continue;
        }
        spec[field] = dice.some(2, |dice| rule(dice, peers)).into();
    }
    json!({"metadata": {"name": format!("n{i}"), "namespace": NAMESPACES[dice.below(namespaces)]}, "spec": spec})
}

/// A rule of a NetworkPolicy.
pub(crate) fn rule(dice: &mut Dice, peers: &str) -> Value {
    let mut rule = json!({});
    if !dice.one_in(4) {
        rule[peers] = dice.some(3, peer).into();
    }
    if dice.one_in(2) {
        rule["ports"] = dice.some(2, port).into();
    }
    rule
}

fn peer(dice: &mut Dice) -> Value {
    match dice.below(5) {
        0 => json!({"podSelector": selector(dice)}),
        1 => json!({"namespaceSelector": selector(dice)}),
        2 | 3 => json!({"namespaceSelector": selector(dice), "podSelector": selector(dice)}),
        _ => {
            let except = dice.some(2, |dice| dice.pick(&BLOCKS));
            json!({"ipBlock": {"cidr": dice.pick(&BLOCKS), "except": except}})
        }
    }
}

fn port(dice: &mut Dice) -> Value {
    let protocol = dice.pick(&["TCP", "UDP", "SCTP"]);
    match dice.below(5) {
        0 => json!({"protocol": protocol}),
        1 => json!({"port": "web"}),
        2 => json!({"protocol": protocol, "port": "dns"}),
        3 => json!({"protocol": protocol, "port": 53, "endPort": 80}),
        _ => json!({"port": 80}),
    }
}

fn ordered_policy(dice: &mut Dice, kind: &str, i: usize, features: Features) -> Value {
    let cluster = kind == "ClusterNetworkPolicy";
    let priority = if features.equal_priorities {
        dice.below(2)
    } else {
        i
    };
    let mut spec = json!({"subject": subject(dice), "priority": priority});
    if cluster {
        spec["tier"] = dice.pick(&["Admin", "Baseline"]).into();
    }
    let mut actions = vec!["Deny", if cluster { "Accept" } else { "Allow" }];
    if kind != "BaselineAdminNetworkPolicy" {
        actions.push("Pass");
    }
    for (field, peers) in [("ingress", "from"), ("egress", "to")] {
        spec[field] = dice
            .some(3, |dice| ordered_rule(dice, &actions, cluster, peers))
            .into();
    }
    json!({"metadata": {"name": format!("o{i}")}, "spec": spec})
}

fn subject(dice: &mut Dice) -> Value {
    if dice.one_in(2) {
        json!({"namespaces": selector(dice)})
    } else {
        json!({"pods": {"namespaceSelector": selector(dice), "podSelector": selector(dice)}})
    }
}

fn ordered_rule(dice: &mut Dice, actions: &[&str], cluster: bool, peers: &str) -> Value {
    let action = dice.pick(actions);
    let list: Vec<Value> = (0..=dice.below(2))
        .map(|_| match dice.below(6) {
            0 if peers == "to" => json!({"networks": [dice.pick(&BLOCKS), dice.pick(&BLOCKS)]}),
            // Names may only be allowed.
            1 if peers == "to" && action.starts_with('A') => json!({"domainNames": ["example.com"]}),
            _ => subject(dice),
        })
        .collect();
    let mut rule = json!({"action": action, peers: list});
    let addresses = list
        .iter()
        .any(|peer| peer.get("networks").or(peer.get("domainNames")).is_some());
    if dice.one_in(2) {
        let field = if cluster { "protocols" } else { "ports" };
        rule[field] = (0..=dice.below(2))
            .map(|_| ordered_port(dice, cluster, addresses))
            .collect();
    }
    rule
}

fn ordered_port(dice: &mut Dice, cluster: bool, addresses: bool) -> Value {
    let protocol = dice.pick(&["TCP", "UDP", "SCTP"]);
    let lower = protocol.to_lowercase();
    match (dice.below(3), cluster) {
        (0, true) if !addresses => json!({"destinationNamedPort": "web"}),
        (0, false) if !addresses => json!({"namedPort": "dns"}),
        (1, true) => json!({lower: {"destinationPort": {"range": {"start": 53, "end": 80}}}}),
        (1, false) => json!({"portRange": {"protocol": protocol, "start": 53, "end": 80}}),
        (_, true) => json!({lower: {"destinationPort": {"number": 80}}}),
        (_, false) => json!({"portNumber": {"port": 80}}),
    }
}
