//! A control or fact that misbehaves costs its own units their verdict, and nothing else.

use plimsoll_engine::{Engine, kind::Kind, name::ObjRef, observation::operator::Faults};
use serde_json::json;

use crate::Life;

#[test]
fn a_control_that_panics_is_unknown_for_its_unit_alone() {
    let mut life = Life::watching(&["toy/acts"]);
    life.deployment("good", "pass");
    life.deployment("bad", "panic");
    let delta = life.turn();
    assert_eq!((delta.evaluated, delta.panicked), (2, 1));
    assert_eq!(life.verdict("toy/acts", "good"), "pass");
    assert_eq!(life.verdict("toy/acts", "bad"), "unknown Panicked");
    let faults = |life: &Life| {
        let faults = Faults::of(&life.engine.report()).0.into_iter();
        faults.map(|(_, control)| control).collect::<Vec<_>>()
    };
    assert_eq!(
        faults(&life),
        ["toy/acts"],
        "whoever watches the operator can tell"
    );
    life.deployment("bad", "pass");
    life.turn();
    assert_eq!(life.verdict("toy/acts", "bad"), "pass");
    assert!(faults(&life).is_empty());
}

#[test]
fn a_control_that_reads_what_it_does_not_declare_is_unknown() {
    let mut life = Life::watching(&["toy/acts"]);
    life.deployment("good", "pass");
    life.deployment("bad", "undeclared");
    assert_eq!(life.turn().panicked, 1);
    assert_eq!(life.verdict("toy/acts", "good"), "pass");
    assert_eq!(life.verdict("toy/acts", "bad"), "unknown Panicked");
}

#[test]
fn a_fact_that_panics_is_unknown_for_its_readers_until_what_it_read_changes() {
    let mut life = Life::watching(&["toy/moody", "toy/acts"]);
    life.put(Kind::ConfigMap, "shop", "mood", &json!({"mood": "bad"}));
    life.deployment("one", "pass");
    life.deployment("two", "pass");
    assert_eq!(life.turn().panicked, 2);
    for name in ["one", "two"] {
        assert_eq!(life.verdict("toy/moody", name), "unknown Panicked");
        assert_eq!(life.verdict("toy/acts", name), "pass");
    }
    life.put(Kind::ConfigMap, "shop", "mood", &json!({"mood": "good"}));
    life.turn();
    assert_eq!(life.verdict("toy/moody", "two"), "pass");
    // And while it is kept up to date, outside any control.
    life.put(Kind::ConfigMap, "shop", "mood", &json!({"mood": "bad"}));
    life.turn();
    assert_eq!(life.verdict("toy/moody", "two"), "unknown Panicked");
}

#[test]
fn facts_that_read_each_other_end() {
    let mut life = Life::watching(&["toy/circular", "toy/acts"]);
    life.deployment("one", "pass");
    life.turn();
    for name in ["a", "b", "c"] {
        life.put(Kind::ConfigMap, "shop", name, &json!({}));
        assert!(life.turn().facts < 1_000);
    }
    assert_eq!(life.verdict("toy/acts", "one"), "pass");
}

#[test]
fn when_everything_is_gone_nothing_is_kept() {
    let controls = ["toy/acts", "toy/moody"];
    let empty = Life::of(Engine::live(), &[]).engine.size();
    let mut life = Life::watching(&controls);
    for i in 0..50 {
        life.put(
            Kind::Namespace,
            "",
            &format!("ns-{i}"),
            &json!({"plimsoll.dev/tenant": "acme"}),
        );
        life.put(Kind::ConfigMap, &format!("ns-{i}"), "mood", &json!({}));
        life.put(
            Kind::Deployment,
            &format!("ns-{i}"),
            "web",
            &json!({"act": "fail"}),
        );
    }
    life.turn();
    assert!(life.engine.size().0 >= 100 && life.engine.size().1 >= 100);
    for i in 0..50 {
        life.engine
            .remove(&ObjRef::new(Kind::Deployment, format!("ns-{i}"), "web"));
        life.engine
            .remove(&ObjRef::new(Kind::ConfigMap, format!("ns-{i}"), "mood"));
        life.engine.remove(&ObjRef::namespace_object(&format!("ns-{i}")));
    }
    life.turn();
    assert_eq!(life.engine.size(), empty);
    assert_eq!(life.engine.next_wake(), None);
    let memory = life.engine.memory_mut();
    memory.take_changed();
    let namespaces: Vec<_> = memory.namespaces().map(ToString::to_string).collect();
    assert!(namespaces.len() <= 1, "remembered: {namespaces:?}");
    assert!(life.engine.report().baselines["toys"].units.is_empty());
}
