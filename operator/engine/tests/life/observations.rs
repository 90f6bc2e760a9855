//! What somebody observed wakes exactly those who read it, and only when it says something new.

use std::collections::BTreeMap;

use plimsoll_engine::{
    coverage::Coverage,
    kind::Kind,
    observation::{Observation, operator::Obscured},
};

use crate::{Life, toys::Tide};

#[test]
fn an_observation_runs_its_readers_and_nobody_else() {
    let mut life = Life::watching(&["toy/tidal", "toy/acts"]);
    life.deployment("one", "pass");
    life.deployment("two", "pass");
    life.turn();
    assert_eq!(life.verdict("toy/tidal", "one"), "unknown NotObserved");
    life.engine
        .observe(Observation::of("one".into(), Tide { high: true }));
    assert_eq!(life.turn().evaluated, 1);
    assert_eq!(life.verdict("toy/tidal", "one"), "pass");
    assert_eq!(life.verdict("toy/tidal", "two"), "unknown NotObserved");
    life.engine
        .observe(Observation::of("one".into(), Tide { high: true }));
    assert_eq!(life.turn().evaluated, 0);
    life.engine.observe(Observation::gone::<Tide>("one".into()));
    assert_eq!(life.turn().evaluated, 1);
    assert_eq!(life.verdict("toy/tidal", "one"), "unknown NotObserved");
}

#[test]
fn only_what_is_needed_and_not_seen_as_a_whole_is_obscured() {
    let life = Life::watching(&["toy/acts"]);
    let needed = life.engine.needed_kinds();
    assert!(needed.contains(Kind::Deployment) && !needed.contains(Kind::Ingress));
    let coverage = |deployments| {
        let all = [
            (Kind::Deployment, deployments),
            (Kind::Ingress, Coverage::Forbidden),
        ];
        Obscured::of(needed, &BTreeMap::from(all)).0
    };
    assert!(coverage(Coverage::Complete).is_empty());
    assert_eq!(
        coverage(Coverage::Stale),
        BTreeMap::from([(Kind::Deployment, Coverage::Stale)])
    );
}
