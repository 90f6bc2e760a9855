//! Whether reach answers as the naive reference does, port by port; also run by the fuzz target of the same name.

use plimsoll_engine::{
    decode::{Object, decode_json},
    kind::Kind,
    name::ObjRef,
    reach::{Addresses, IpBlocks, Network, Protocol, Reach, Site, pods_of},
};
use serde_json::Value;

use crate::{
    naive::{PROTOCOLS, Point, World, host},
    random::{Cluster, Dice, Features, cluster},
};

pub(crate) fn decode(kind: &str, object: &Value) -> Object {
    let kind = *Kind::ALL.iter().find(|k| k.info().kind == kind).unwrap();
    decode_json(kind, &object.to_string()).unwrap()
}

pub(crate) fn pod(pod: &Value) -> plimsoll_engine::reach::Pods {
    pods_of(&decode("Pod", pod))
        .unwrap()
        .at([pod["status"]["podIP"].as_str().unwrap()])
}

/// One object of a cluster, or the lack of it.
pub(crate) enum Step<'a> {
    Put(&'static str, &'a Value),
    Remove(&'static str, &'a Value),
}

pub(crate) fn apply(reach: &mut Reach, step: &Step<'_>) {
    match step {
        Step::Put("Pod", object) => reach.upsert_pods(pod(object)),
        Step::Put(kind, object) => reach.upsert(&decode(kind, object)),
        Step::Remove(kind, object) => reach.remove(&decode(kind, object).name),
    }
}

pub(crate) fn steps(cluster: &Cluster) -> Vec<Step<'_>> {
    let of = |kind: &'static str| move |object| Step::Put(kind, object);
    let plain = cluster
        .namespaces
        .iter()
        .map(of("Namespace"))
        .chain(cluster.pods.iter().map(of("Pod")));
    let policies = cluster.policies.iter().map(of("NetworkPolicy"));
    plain
        .chain(policies)
        .chain(
            cluster
                .ordered
                .iter()
                .map(|(kind, object)| Step::Put(kind, object)),
        )
        .collect()
}

pub(crate) fn built(steps: &[Step<'_>], ip_blocks: IpBlocks) -> Reach {
    let mut reach = Reach::new(Network {
        ip_blocks,
        pod_ranges: None,
    });
    for step in steps {
        apply(&mut reach, step);
    }
    reach.settle();
    reach
}

pub(crate) const OUTSIDE: [&str; 3] = ["192.0.2.9", "10.0.0.200", "2001:db8::1"];
pub(crate) const PORTS: [u16; 5] = [52, 53, 79, 80, 8080];

pub(crate) struct Ends<'a> {
    pub(crate) points: Vec<Point<'a>>,
    pub(crate) names: Vec<Option<ObjRef>>,
    pub(crate) addresses: Vec<Option<Addresses>>,
}

impl<'a> Ends<'a> {
    pub(crate) fn of(cluster: &'a Cluster) -> Self {
        let pods = cluster.pods.iter().map(Point::Pod);
        let points: Vec<Point<'a>> = pods.chain(OUTSIDE.iter().map(|a| Point::Outside(a))).collect();
        let name = |point: &Point<'_>| match point {
            Point::Pod(pod) => Some(decode("Pod", pod).name),
            Point::Outside(_) => None,
        };
        let address = |point: &Point<'_>| match point {
            Point::Pod(_) => None,
            Point::Outside(address) => Addresses::parse([address]),
        };
        Self {
            names: points.iter().map(name).collect(),
            addresses: points.iter().map(address).collect(),
            points,
        }
    }

    pub(crate) fn site<'r>(&'r self, reach: &'r Reach, i: usize) -> Site<'r> {
        match (&self.names[i], &self.addresses[i]) {
            (Some(name), _) => reach.site(name).unwrap(),
            (_, Some(addresses)) => Site::Outside(addresses),
            _ => panic!("neither"),
        }
    }

    /// Pairs of different ends of which one at least is a pod.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let n = self.points.len();
        (0..n)
            .flat_map(move |i| (0..n).map(move |j| (i, j)))
            .filter(move |(i, j)| i != j && (self.names[*i].is_some() || self.names[*j].is_some()))
    }
}

/// Every order in which policies of equal priority may be asked; at most a few hundred.
pub(crate) fn orders(cluster: &Cluster) -> Vec<Vec<usize>> {
    let priority = |i: &usize| {
        let (kind, policy) = &cluster.ordered[*i];
        if *kind == "BaselineAdminNetworkPolicy" {
            9
        } else {
            policy["spec"]["priority"].as_u64().unwrap()
        }
    };
    let mut all = vec![Vec::new()];
    for _ in 0..cluster.ordered.len() {
        let mut longer = Vec::new();
        for order in all {
            let left = || (0..cluster.ordered.len()).filter(|i| !order.contains(i));
            let first = left().map(|i| priority(&i)).min();
            for i in left().filter(|i| Some(priority(i)) == first) {
                longer.push(order.iter().copied().chain([i]).collect());
            }
        }
        all = longer;
    }
    all
}

/// What may be either way, where there is anything that it decides.
fn either_if(matters: bool) -> &'static [bool] {
    if matters { &[false, true] } else { &[false] }
}

fn names_domains(policy: &Value) -> bool {
    policy.to_string().contains("domainNames")
}

/// Asks for every pair of ends on every port of interest.
pub(crate) fn agrees(dice: &mut Dice, features: Features, ip_blocks: IpBlocks) {
    let cluster = cluster(dice, features);
    let reach = built(&steps(&cluster), ip_blocks);
    let ends = Ends::of(&cluster);
    let blocks: &[bool] = match ip_blocks {
        IpBlocks::MayMatchPods => &[false, true],
        IpBlocks::MatchPods => &[true],
        IpBlocks::NeverMatchPods => &[false],
    };
    let flags = either_if(cluster.ordered.iter().any(|(_, policy)| names_domains(policy)));
    let nodes = either_if(cluster.pods.iter().any(host));
    let mut worlds = Vec::new();
    for order in orders(&cluster) {
        for blocks_match_pods in blocks.iter().copied() {
            for in_domain in flags.iter().copied() {
                worlds.extend(nodes.iter().copied().map(|same_node| World {
                    cluster: &cluster,
                    order: order.clone(),
                    blocks_match_pods,
                    in_domain,
                    same_node,
                }));
            }
        }
    }
    for (i, j) in ends.pairs() {
        let (from, to) = (ends.points[i], ends.points[j]);
        let bounds = reach.between(ends.site(&reach, i), ends.site(&reach, j)).unwrap();
        for protocol in PROTOCOLS {
            for port in PORTS {
                let (mut sure, mut possible) = (true, false);
                for world in &worlds {
                    let open = world.connects(from, to, protocol, port);
                    (sure, possible) = (sure && open, possible || open);
                    if !sure && possible {
                        break;
                    }
                }
                let at = Protocol::parse(protocol).unwrap();
                let found = (bounds.sure.contains(at, port), bounds.possible.contains(at, port));
                let why = || reach.explain(ends.site(&reach, i), ends.site(&reach, j));
                let shown = |p: Point<'_>| match p {
                    Point::Pod(pod) => pod.to_string(),
                    Point::Outside(address) => address.to_owned(),
                };
                let context = || {
                    let policies = [
                        &cluster.policies[..],
                        &cluster.ordered.iter().map(|o| o.1.clone()).collect::<Vec<_>>(),
                    ];
                    format!(
                        "{} to {} on {protocol}/{port}: {:?}\n{policies:?}",
                        shown(from),
                        shown(to),
                        why()
                    )
                };
                assert_eq!(found.0, sure, "sure, {}", context());
                if features.equal_priorities {
                    // Which of two policies is asked first is followed for each direction by itself.
                    assert!(found.1 || !possible, "possible, {}", context());
                } else {
                    assert_eq!(found.1, possible, "possible, {}", context());
                }
            }
        }
    }
}

pub(crate) const PLAIN: Features = Features {
    ordered: false,
    equal_priorities: false,
    host_network: false,
};
pub(crate) const ORDERED: Features = Features {
    ordered: true,
    ..PLAIN
};
pub(crate) const EVERYTHING: Features = Features {
    ordered: true,
    equal_priorities: true,
    host_network: true,
};
