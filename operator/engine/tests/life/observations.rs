//! What somebody observed wakes exactly those who read it, and only when it says something new.

use plimsoll_engine::observation::Observation;

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
