//! Agreement with the naive reference on random clusters, and what must hold whatever the cluster.

use plimsoll_engine::{
    name::ObjRef,
    reach::{Bounds, IpBlocks, Matrix, PortSet, Reach, Site, Sources},
};
use serde_json::Value;

use crate::{
    agreement::{EVERYTHING, Ends, ORDERED, PLAIN, Step, agrees, apply, built, decode, orders, steps},
    naive::host,
    random::{Cluster, Dice, Features, cluster, rule},
};

/// As many seeds as `PLIMSOLL_REACH_SEEDS` says.
fn seeds(usual: u64) -> std::ops::Range<u64> {
    let given = std::env::var("PLIMSOLL_REACH_SEEDS").ok();
    0..given.map_or(usual, |n| n.parse().unwrap())
}

#[test]
fn network_policies_alone_agree_with_the_reference() {
    for seed in seeds(40) {
        agrees(&mut Dice::new(seed), PLAIN, IpBlocks::MatchPods);
        agrees(&mut Dice::new(seed), PLAIN, IpBlocks::NeverMatchPods);
    }
}

#[test]
fn all_kinds_of_policies_agree_with_the_reference() {
    for seed in seeds(80) {
        agrees(&mut Dice::new(seed), ORDERED, IpBlocks::MatchPods);
    }
}

#[test]
fn what_is_not_known_is_bounded_by_the_reference() {
    for seed in seeds(25) {
        agrees(
            &mut Dice::new(seed),
            Features {
                equal_priorities: false,
                ..EVERYTHING
            },
            IpBlocks::MayMatchPods,
        );
        agrees(&mut Dice::new(seed), EVERYTHING, IpBlocks::MayMatchPods);
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
