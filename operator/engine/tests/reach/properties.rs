//! Agreement with the naive reference on random clusters, and what must hold whatever the cluster.

use plimsoll_engine::{
    decode::{Object, decode_json},
    kind::Kind,
    name::ObjRef,
    reach::{Addresses, Bounds, IpBlocks, Matrix, Network, PortSet, Protocol, Reach, Site, Sources, pods_of},
};
use serde_json::Value;

use crate::{
    naive::{PROTOCOLS, Point, World, host},
    random::{Cluster, Dice, Features, cluster, rule},
};

/// As many seeds as `PLIMSOLL_REACH_SEEDS` says.
fn seeds(usual: u64) -> std::ops::Range<u64> {
    let given = std::env::var("PLIMSOLL_REACH_SEEDS").ok();
    0..given.map_or(usual, |n| n.parse().unwrap())
}

fn decode(kind: &str, object: &Value) -> Object {
    let kind = *Kind::ALL.iter().find(|k| k.info().kind == kind).unwrap();
    decode_json(kind, &object.to_string()).unwrap()
}

fn pod(pod: &Value) -> plimsoll_engine::reach::Pods {
    pods_of(&decode("Pod", pod))
        .unwrap()
        .at([pod["status"]["podIP"].as_str().unwrap()])
}

/// One object of a cluster, or the lack of it.
pub(crate) enum Step<'a> {
    Put(&'static str, &'a Value),
    Remove(&'static str, &'a Value),
}

fn apply(reach: &mut Reach, step: &Step<'_>) {
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

fn built(steps: &[Step<'_>], ip_blocks: IpBlocks) -> Reach {
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

const OUTSIDE: [&str; 3] = ["192.0.2.9", "10.0.0.200", "2001:db8::1"];
const PORTS: [u16; 5] = [52, 53, 79, 80, 8080];

struct Ends<'a> {
    points: Vec<Point<'a>>,
    names: Vec<Option<ObjRef>>,
    addresses: Vec<Option<Addresses>>,
}

impl<'a> Ends<'a> {
    fn of(cluster: &'a Cluster) -> Self {
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

    fn site<'r>(&'r self, reach: &'r Reach, i: usize) -> Site<'r> {
        match (&self.names[i], &self.addresses[i]) {
            (Some(name), _) => reach.site(name).unwrap(),
            (_, Some(addresses)) => Site::Outside(addresses),
            _ => panic!("neither"),
        }
    }

    /// Pairs of different ends of which one at least is a pod.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let n = self.points.len();
        (0..n)
            .flat_map(move |i| (0..n).map(move |j| (i, j)))
            .filter(move |(i, j)| i != j && (self.names[*i].is_some() || self.names[*j].is_some()))
    }
}

/// Every order in which policies of equal priority may be asked; at most a few hundred.
fn orders(cluster: &Cluster) -> Vec<Vec<usize>> {
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

fn agrees(seed: u64, features: Features, ip_blocks: IpBlocks) {
    let cluster = cluster(&mut Dice::new(seed), features);
    let reach = built(&steps(&cluster), ip_blocks);
    let ends = Ends::of(&cluster);
    let blocks: &[bool] = match ip_blocks {
        IpBlocks::MayMatchPods => &[false, true],
        IpBlocks::MatchPods => &[true],
        IpBlocks::NeverMatchPods => &[false],
    };
    let flags = if features.ordered {
        &[false, true][..]
    } else {
        &[false]
    };
    let nodes = if features.host_network {
        &[false, true][..]
    } else {
        &[false]
    };
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
                let open = || {
                    worlds
                        .iter()
                        .map(|world| world.connects(from, to, protocol, port))
                };
                let (sure, possible) = (open().all(|open| open), open().any(|open| open));
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
                        "seed {seed}: {} to {} on {protocol}/{port}: {:?}\n{policies:?}",
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

const PLAIN: Features = Features {
    ordered: false,
    equal_priorities: false,
    host_network: false,
};
const ORDERED: Features = Features {
    ordered: true,
    ..PLAIN
};
const EVERYTHING: Features = Features {
    ordered: true,
    equal_priorities: true,
    host_network: true,
};

#[test]
fn network_policies_alone_agree_with_the_reference() {
    for seed in seeds(40) {
        agrees(seed, PLAIN, IpBlocks::MatchPods);
        agrees(seed, PLAIN, IpBlocks::NeverMatchPods);
    }
}

#[test]
fn all_kinds_of_policies_agree_with_the_reference() {
    for seed in seeds(80) {
        agrees(seed, ORDERED, IpBlocks::MatchPods);
    }
}

#[test]
fn what_is_not_known_is_bounded_by_the_reference() {
    for seed in seeds(25) {
        agrees(
            seed,
            Features {
                equal_priorities: false,
                ..EVERYTHING
            },
            IpBlocks::MayMatchPods,
        );
        agrees(seed, EVERYTHING, IpBlocks::MayMatchPods);
    }
}

/// Everything a cluster answers, in a form that can be compared.
fn answers(reach: &Reach) -> Vec<String> {
    let locals: Vec<_> = reach.locals().collect();
    let mut found = Vec::new();
    for from in &locals {
        found.push(format!("{from:?}"));
        for to in &locals {
            for (a, b) in from
                .classes
                .iter()
                .flat_map(|a| to.classes.iter().map(move |b| (a, b)))
            {
                let (a, b) = (Site::Pods(from, a), Site::Pods(to, b));
                found.push(format!("{:?} {:?}", reach.between(a, b), reach.explain(a, b)));
            }
        }
        for open in reach.open(&from.namespace.name) {
            let names = |sources: &Option<Sources>| sources.as_ref().map(|s| reach.sources(s));
            let sources = (names(&open.sure), names(&open.possible), names(&open.unmodelled));
            found.push(format!(
                "{:?} {:?} {:?} {} {sources:?}",
                open.cause, open.pods, open.ports, open.count
            ));
        }
    }
    found
}

#[test]
fn the_order_of_objects_does_not_matter() {
    for seed in seeds(40) {
        let mut dice = Dice::new(seed);
        let cluster = cluster(&mut dice, EVERYTHING);
        let mut shuffled = steps(&cluster);
        let first = answers(&built(&shuffled, IpBlocks::MayMatchPods));
        dice.shuffle(&mut shuffled);
        assert_eq!(
            answers(&built(&shuffled, IpBlocks::MayMatchPods)),
            first,
            "seed {seed}"
        );
    }
}

#[test]
fn a_life_of_changes_ends_where_a_fresh_start_does() {
    for seed in seeds(40) {
        let mut dice = Dice::new(seed);
        // Versions of the same objects: names repeat from cluster to cluster.
        let clusters: Vec<Cluster> = (0..4).map(|_| cluster(&mut dice, EVERYTHING)).collect();
        let mut puts: Vec<Step<'_>> = clusters.iter().flat_map(steps).collect();
        dice.shuffle(&mut puts);
        let mut reach = Reach::default();
        let mut present: std::collections::BTreeMap<ObjRef, (&'static str, &Value)> =
            std::collections::BTreeMap::new();
        for put in &puts {
            let Step::Put(kind, object) = put else { continue };
            let name = decode(kind, object).name;
            if dice.one_in(3) {
                apply(&mut reach, &Step::Remove(kind, object));
                present.remove(&name);
            } else {
                apply(&mut reach, put);
                present.insert(name, (kind, object));
            }
            if dice.one_in(2) {
                let before: Vec<(String, Vec<_>)> = reach
                    .locals()
                    .map(|l| {
                        (
                            l.namespace.name.to_string(),
                            reach.open(&l.namespace.name).to_vec(),
                        )
                    })
                    .collect();
                let touched = reach.settle();
                for (name, open) in before {
                    let told = touched.opened.iter().any(|t| **t == *name);
                    assert_eq!(
                        told,
                        reach.open(&name) != open,
                        "seed {seed}: {name} is told as changed"
                    );
                }
            }
        }
        reach.settle();
        let fresh: Vec<Step<'_>> = present
            .values()
            .map(|(kind, object)| Step::Put(kind, object))
            .collect();
        let fresh = built(&fresh, IpBlocks::MayMatchPods);
        // Namespaces that held something once are still known; what is empty says nothing.
        let said = |reach: &Reach| {
            let mut all = answers(reach);
            all.retain(|line| !line.contains("classes: [], policies: [], unmodelled: None"));
            all
        };
        assert_eq!(said(&reach), said(&fresh), "seed {seed}");
    }
}

/// Per destination namespace, the others that reach some of its pods, by the pairs of classes.
fn by_pairs(reach: &Reach, to: &str, open: impl Fn(&Bounds) -> &PortSet) -> Vec<String> {
    let to = reach.local(to).unwrap();
    let reaches = |from: &&std::sync::Arc<plimsoll_engine::reach::Local>| {
        from.namespace.name != to.namespace.name
            && from.classes.iter().filter(|a| !a.who.host_network).any(|a| {
                to.classes.iter().filter(|b| !b.who.host_network).any(|b| {
                    let bounds = reach.between(Site::Pods(from, a), Site::Pods(to, b)).unwrap();
                    !open(&bounds).is_none()
                })
            })
    };
    reach
        .locals()
        .filter(reaches)
        .map(|from| from.namespace.name.to_string())
        .collect()
}

fn by_openings(
    reach: &Reach,
    to: &str,
    of: impl Fn(&plimsoll_engine::reach::Open) -> &Option<Sources>,
) -> Vec<String> {
    let sources = reach.open(to).iter().filter_map(|open| of(open).as_ref());
    let names: std::collections::BTreeSet<String> = sources
        .flat_map(|sources| {
            reach
                .sources(sources)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        })
        .filter(|name| name != to)
        .collect();
    names.into_iter().collect()
}

#[test]
fn openings_are_what_pairs_of_pods_show() {
    for seed in seeds(60) {
        for (features, ip_blocks) in [
            (PLAIN, IpBlocks::MayMatchPods),
            (ORDERED, IpBlocks::MatchPods),
            (EVERYTHING, IpBlocks::MayMatchPods),
        ] {
            let cluster = cluster(&mut Dice::new(seed), features);
            let reach = built(&steps(&cluster), ip_blocks);
            for local in reach.locals() {
                let to = &*local.namespace.name;
                let possible = by_pairs(&reach, to, |bounds| &bounds.possible);
                assert_eq!(
                    by_openings(&reach, to, |open| &open.possible),
                    possible,
                    "seed {seed}, {to}"
                );
                let sure = by_pairs(&reach, to, |bounds| &bounds.sure);
                let found = by_openings(&reach, to, |open| &open.sure);
                if features.equal_priorities {
                    // Where either of two policies opens a port, neither alone is sure to.
                    assert!(found.iter().all(|name| sure.contains(name)), "seed {seed}, {to}");
                } else {
                    assert_eq!(found, sure, "seed {seed}, {to}");
                }
            }
        }
    }
}

#[test]
fn all_answers_at_once_are_those_of_the_pairs() {
    for seed in seeds(60) {
        let cluster = cluster(&mut Dice::new(seed), EVERYTHING);
        let reach = built(&steps(&cluster), IpBlocks::MayMatchPods);
        let matrix = Matrix::new(&reach);
        assert_eq!(matrix.classes().len(), reach.classes().count());
        for (i, (local, from)) in matrix.classes().iter().enumerate() {
            for (j, (other, to)) in matrix.classes().iter().enumerate() {
                let expected = reach
                    .between(Site::Pods(local, from), Site::Pods(other, to))
                    .unwrap();
                assert_eq!(*matrix.get(i, j), expected, "seed {seed}");
            }
        }
    }
}

#[test]
fn another_rule_that_allows_never_closes_anything() {
    for seed in seeds(60) {
        let mut dice = Dice::new(seed);
        let mut cluster = cluster(&mut dice, EVERYTHING);
        let before = built(&steps(&cluster), IpBlocks::MayMatchPods);
        let Some(policy) = cluster.policies.first_mut() else {
            continue;
        };
        let (field, peers) = if dice.one_in(2) {
            ("ingress", "from")
        } else {
            ("egress", "to")
        };
        let types = policy["spec"]["policyTypes"].clone();
        let isolates = types.as_array().map_or(field == "ingress", |types| {
            types
                .iter()
                .any(|t| t.as_str().is_some_and(|t| t.eq_ignore_ascii_case(field)))
        });
        if !isolates {
            continue;
        }
        let mut rules = policy["spec"][field].as_array().cloned().unwrap_or_default();
        rules.push(rule(&mut dice, peers));
        policy["spec"][field] = rules.into();
        let after = built(&steps(&cluster), IpBlocks::MayMatchPods);
        let ends = Ends::of(&cluster);
        for (i, j) in ends.pairs() {
            let of = |reach: &Reach| reach.between(ends.site(reach, i), ends.site(reach, j)).unwrap();
            let (old, new) = (of(&before), of(&after));
            assert!(
                new.sure.includes(&old.sure) && new.possible.includes(&old.possible),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn the_clusters_have_what_they_claim() {
    let clusters: Vec<Cluster> = (0..100)
        .map(|seed| cluster(&mut Dice::new(seed), EVERYTHING))
        .collect();
    let with = |has: fn(&Cluster) -> bool| clusters.iter().filter(|c| has(c)).count();
    assert!(with(|c| c.pods.iter().any(host)) > 30);
    for kind in [
        "AdminNetworkPolicy",
        "BaselineAdminNetworkPolicy",
        "ClusterNetworkPolicy",
    ] {
        assert!(
            clusters
                .iter()
                .filter(|c| c.ordered.iter().any(|(k, _)| *k == kind))
                .count()
                > 30
        );
    }
    assert!(with(|c| orders(c).len() > 1) > 20);
    assert!(with(|c| c.policies.iter().any(|p| p.to_string().contains("ipBlock"))) > 30);
}
