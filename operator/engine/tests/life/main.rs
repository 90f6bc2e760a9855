//! What the engine owes whatever its controls do: a panic stays in its unit, time alone turns verdicts, exceptions and graces
//! end when they say, and nothing is kept that nobody needs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod containment;
mod observations;
mod time;
mod toys;

use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::{
    Engine,
    baseline::compile,
    decode::decode_json,
    finding::Verdict,
    kind::Kind,
    name::ObjRef,
    report::{Delta, UnitKey, UnitResult},
};
use serde_json::{Value, json};

/// An engine under one baseline of toy controls, with a clock.
pub(crate) struct Life {
    pub(crate) engine: Engine,
    pub(crate) now: Timestamp,
}

impl Life {
    /// Judged by these controls.
    pub(crate) fn of(engine: Engine, controls: &[&str]) -> Self {
        let mut life = Self {
            engine,
            now: "2026-06-01T12:00:00Z".parse().unwrap(),
        };
        life.engine.see_everything();
        life.baseline(controls);
        life.put(Kind::Namespace, "", "shop", &json!({"team": "web"}));
        life
    }

    pub(crate) fn baseline(&mut self, controls: &[&str]) {
        let controls: serde_json::Map<String, Value> =
            controls.iter().map(|id| ((*id).to_owned(), json!({}))).collect();
        let spec = serde_json::from_value(json!({"controls": controls})).unwrap();
        let compiled = compile("toys", 1, &spec, &[], &toys::registry(), None);
        assert!(compiled.problems.is_empty(), "{:?}", compiled.problems);
        self.engine.set_baselines(vec![compiled]);
    }

    /// A live engine that has published its first report.
    pub(crate) fn watching(controls: &[&str]) -> Self {
        let mut life = Self::of(Engine::live(), controls);
        life.turn();
        life.engine.watching();
        life
    }

    pub(crate) fn put(&mut self, kind: Kind, namespace: &str, name: &str, labels: &Value) {
        self.put_created(
            kind,
            namespace,
            name,
            labels,
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
    }

    pub(crate) fn put_created(
        &mut self,
        kind: Kind,
        namespace: &str,
        name: &str,
        labels: &Value,
        at: Timestamp,
    ) {
        let mut object =
            json!({"metadata": {"name": name, "labels": labels, "creationTimestamp": at}, "spec": {}});
        if !namespace.is_empty() {
            object["metadata"]["namespace"] = json!(namespace);
        }
        self.engine
            .upsert(decode_json(kind, &object.to_string()).unwrap());
    }

    /// A Deployment that makes `toy/acts` act.
    pub(crate) fn deployment(&mut self, name: &str, act: &str) {
        self.put(Kind::Deployment, "shop", name, &json!({"act": act}));
    }

    pub(crate) fn turn(&mut self) -> Delta {
        self.engine.turn(self.now)
    }

    pub(crate) fn after(&mut self, time: SignedDuration) -> Delta {
        self.now += time;
        self.turn()
    }

    pub(crate) fn unit(&self, control: &'static str, name: &str) -> UnitResult {
        let subject = ObjRef::new(Kind::Deployment, "shop", name);
        self.engine.report().baselines["toys"]
            .units
            .get(&UnitKey { control, subject })
            .unwrap()
    }

    /// The verdict in a word, with the reason where it is Unknown.
    pub(crate) fn verdict(&self, control: &'static str, name: &str) -> String {
        match &self.unit(control, name).verdict {
            Verdict::Unknown(why) => format!("unknown {}", why.reason()),
            other => other.word().into(),
        }
    }
}
