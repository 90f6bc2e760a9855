//! What confidential texts cost and prove: a new namespace runs those that name it; what was decoded before anybody asked is
//! Unknown, never Pass; a large text is looked through in bounded time.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, Compiled, compile},
    coverage::Coverage,
    decode::{DecodePlan, decode_json_under},
    finding::Verdict,
    kind::Kind,
};
use serde_json::{Value, json};

const NOW: &str = "2026-06-01T12:00:00Z";
const DEPLOYMENTS: usize = 1_000;
const CREDENTIALS: &str = "access/no-plaintext-credentials";
const REFERENCES: &str = "environments/no-cross-references";

fn compiled(control: &str, params: Value) -> Compiled {
    let Value::Object(params) = params else {
        panic!("parameters")
    };
    let spec = BaselineSpec {
        controls: [(control.to_owned(), params)].into(),
        ..BaselineSpec::default()
    };
    compile("texts", 1, &spec, &[], &plimsoll_controls::registry(), None)
}

struct Cluster {
    engine: Engine,
    plan: Arc<DecodePlan>,
}

impl Cluster {
    fn new(baseline: Compiled) -> Self {
        let plan = Arc::new(DecodePlan::of([&baseline]));
        let mut engine = Engine::scan();
        engine.set_baselines(vec![baseline]);
        for kind in Kind::ALL {
            engine.set_coverage(*kind, Coverage::Complete);
            engine.set_decoded(*kind, plan.clone());
        }
        Self { engine, plan }
    }

    fn put(&mut self, kind: Kind, object: &Value) {
        self.engine
            .upsert(decode_json_under(&self.plan, kind, &object.to_string()).unwrap());
    }

    fn namespace(&mut self, name: &str, environment: &str) {
        let labels = json!({ "plimsoll.dev/environment": environment });
        self.put(
            Kind::Namespace,
            &json!({ "metadata": { "name": name, "labels": labels } }),
        );
    }

    fn turn(&mut self) -> usize {
        self.engine.turn(NOW.parse().unwrap()).evaluated
    }

    /// How many units have a verdict, by its word.
    fn count(&self, word: &str) -> usize {
        let report = self.engine.report();
        let units = report
            .baselines
            .iter()
            .flat_map(|(_, baseline)| baseline.units.values());
        units.filter(|unit| unit.verdict.word() == word).count()
    }
}

fn deployment(name: &str, variable: &str, value: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "shop" },
        "spec": { "template": { "spec": { "containers": [
            { "name": "c", "env": [{ "name": variable, "value": value }] }
        ] } } },
    })
}

#[test]
fn a_new_namespace_runs_only_those_that_name_it() {
    let mut cluster = Cluster::new(compiled(REFERENCES, json!({})));
    cluster.namespace("shop", "production");
    for i in 0..DEPLOYMENTS {
        let object = deployment(
            &format!("web-{i}"),
            "HOST",
            &format!("http://db.team-{i}.svc:80/"),
        );
        cluster.put(Kind::Deployment, &object);
    }
    assert_eq!(cluster.turn(), DEPLOYMENTS);
    assert_eq!(cluster.count("pass"), DEPLOYMENTS);
    cluster.namespace("team-7", "staging");
    assert_eq!(cluster.turn(), 1);
    assert_eq!(cluster.count("fail"), 1);
    cluster.namespace("nobody-names-it", "staging");
    assert_eq!(cluster.turn(), 0);
    // A value that names the same host is no change.
    cluster.put(
        Kind::Deployment,
        &deployment("web-8", "HOST", "https://db.team-8.svc/path"),
    );
    assert_eq!(cluster.turn(), 0);
}

#[test]
fn what_was_decoded_before_anybody_asked_is_unknown_until_it_is_listed_again() {
    let mut cluster = Cluster::new(compiled(CREDENTIALS, json!({})));
    cluster.namespace("shop", "production");
    cluster.put(Kind::Deployment, &deployment("web", "geheim", "hunter2"));
    cluster.turn();
    assert_eq!(cluster.count("pass"), 1);
    let other = compiled(CREDENTIALS, json!({ "namePattern": "^geheim$" }));
    let plan = Arc::new(DecodePlan::of([&other]));
    cluster.engine.set_baselines(vec![other]);
    cluster.turn();
    let report = cluster.engine.report();
    let unit = report.baselines["texts"].units.values().next().unwrap().clone();
    assert!(
        matches!(&unit.verdict, Verdict::Unknown(why) if why.reason() == "NotDecoded"),
        "{:?}",
        unit.verdict
    );
    // As the operator does: the kind is listed again under the new plan.
    let again = decode_json_under(
        &plan,
        Kind::Deployment,
        &deployment("web", "geheim", "hunter2").to_string(),
    );
    cluster
        .engine
        .replace_kind(Kind::Deployment, vec![again.unwrap()]);
    cluster.engine.set_decoded(Kind::Deployment, plan);
    cluster.turn();
    assert_eq!(cluster.count("fail"), 1);
}

#[test]
fn patterns_of_several_baselines_do_not_mix() {
    let mine = compiled(CREDENTIALS, json!({}));
    let other = compiled(
        CREDENTIALS,
        json!({ "namePattern": "^geheim$", "valuePatterns": [] }),
    );
    let plan = Arc::new(DecodePlan::of([&mine, &other]));
    assert_eq!(*plan, DecodePlan::of([&other, &mine]), "whatever the order");
    let mut cluster = Cluster::new(mine);
    for kind in Kind::ALL {
        cluster.engine.set_decoded(*kind, plan.clone());
    }
    cluster.plan = plan;
    cluster.namespace("shop", "production");
    cluster.put(Kind::Deployment, &deployment("theirs", "geheim", "hunter2"));
    cluster.put(Kind::Deployment, &deployment("ours", "password", "hunter2"));
    cluster.turn();
    assert_eq!((cluster.count("pass"), cluster.count("fail")), (1, 1));
}

#[test]
fn hostile_texts_are_looked_through_in_bounded_time() {
    let baselines = [compiled(CREDENTIALS, json!({})), compiled(REFERENCES, json!({}))];
    let plan = Arc::new(DecodePlan::of(&baselines));
    for text in [
        "a.",
        "password=",
        "://:",
        "eyJa.",
        "a:b@c.d ",
        "\"token\": \"",
        "--x y\n",
        "-----BEGIN ",
        "@a.b/",
        "_a.b",
    ] {
        let data = text.repeat((1 << 20) / text.len());
        let object =
            json!({ "metadata": { "name": "big", "namespace": "shop" }, "data": { "a.properties": data } });
        let object = object.to_string();
        let begun = Instant::now();
        let decoded = decode_json_under(&plan, Kind::ConfigMap, &object).unwrap();
        let took = begun.elapsed();
        assert!(decoded.body.is_ok());
        // Seconds only without optimisation and on a busy machine; what grew with the square would take hours.
        assert!(took < Duration::from_mins(1), "{text:?}: {took:?}");
    }
}
