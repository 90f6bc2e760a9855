//! What only a running engine shows: labels that change, and what an event costs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod cost;
mod incremental;
mod relabelling;

use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::{
    Engine,
    baseline::compile,
    decode::decode_json,
    finding::Verdict,
    kind::Kind,
    name::ObjRef,
    report::{Delta, UnitResult},
};
use serde_json::{Value, json};

/// An engine under one baseline, with a clock of its own.
pub(crate) struct Cluster {
    pub(crate) engine: Engine,
    now: Timestamp,
}

impl Cluster {
    pub(crate) fn new(engine: Engine, spec: &Value) -> Self {
        let mut cluster = Self {
            engine,
            now: "2026-06-01T12:00:00Z".parse().unwrap(),
        };
        cluster.engine.see_everything();
        cluster.baseline(spec);
        cluster
    }

    pub(crate) fn live(spec: &Value) -> Self {
        Self::new(Engine::live(), spec)
    }

    pub(crate) fn baseline(&mut self, spec: &Value) {
        let spec = serde_json::from_value(spec.clone()).unwrap();
        let compiled = compile("test", 1, &spec, &[], &plimsoll_controls::registry(), None);
        assert!(compiled.problems.is_empty(), "{:?}", compiled.problems);
        self.engine.set_baselines(vec![compiled]);
    }

    pub(crate) fn put(&mut self, object: &Value) {
        let kind = Kind::of_manifest(
            object["apiVersion"].as_str().unwrap(),
            object["kind"].as_str().unwrap(),
        )
        .unwrap();
        self.engine
            .upsert(decode_json(kind, &object.to_string()).unwrap());
    }

    pub(crate) fn remove(&mut self, kind: Kind, namespace: &str, name: &str) {
        self.engine.remove(&ObjRef::new(kind, namespace, name));
    }

    pub(crate) fn turn(&mut self) -> Delta {
        self.engine.turn(self.now)
    }

    /// Lets everything settle that is still settling.
    pub(crate) fn settle(&mut self) {
        self.turn();
        self.now += SignedDuration::from_mins(10);
        self.turn();
    }

    pub(crate) fn unit(&self, control: &str, namespace: &str) -> UnitResult {
        let report = self.engine.report();
        let subject = ObjRef::namespace_object(namespace);
        let units = &report.baselines.get("test").unwrap().units;
        units
            .values()
            .find(|unit| unit.key.control == control && unit.key.subject == subject)
            .unwrap()
    }
}

/// The reasons of what fails, sorted.
pub(crate) fn failing(unit: &UnitResult) -> Vec<&'static str> {
    let mut reasons: Vec<_> = unit.failing().map(|r| r.finding.reason).collect();
    assert_eq!(reasons.is_empty(), unit.verdict != Verdict::Fail);
    reasons.sort_unstable();
    reasons
}

pub(crate) fn namespace(name: &str, labels: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": name, "labels": labels}})
}

pub(crate) fn deployment(namespace: &str, name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 1, "template": {"metadata": {"labels": labels}}},
    })
}
