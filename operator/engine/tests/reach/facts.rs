//! Reachability as controls read it: through facts, incrementally, with no cost that grows with pairs.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use plimsoll_engine::{
    Engine,
    baseline::compile,
    control::{Control, Meta, Registry, Unit, UnitKind},
    decode::decode_json,
    duration::Duration,
    fact::Fact,
    facts::{GroupBy, Membership, Openings, SourceGroups},
    finding::{Basis, Findings, Severity, Verdict},
    kind::Kind,
    reach::{Network, Shared},
    report::Delta,
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    agreement::{Step, steps},
    random::{Dice, Features, cluster},
};

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Params {}

/// Says of every namespace what opens it to other tenants.
struct Opened;

impl Control for Opened {
    const META: Meta = Meta {
        id: "toy/opened",
        title: "A toy",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::Namespace,
        reads: Openings::READS,
        fail_after: Duration::from_mins(5),
        mappings: &[],
        rights: &[],
        page: "",
    };
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, _: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let settings = view.settings()?;
        let (namespace, by) = (Arc::from(unit.namespace()), GroupBy::Tenant);
        let Membership::In(own) = Membership::of(settings, &namespace, by, view)? else {
            return Ok(());
        };
        let name = unit.namespace();
        let openings = Openings {
            namespace,
            network: Shared::new(Network::default()),
            trusting: false,
        };
        for open in view.fact(&openings)?.iter() {
            for (certainty, sources) in [("sure", &open.sure), ("possible", &open.possible)] {
                let Some(sources) = sources else { continue };
                let (settings, sources) = (settings.clone(), sources.clone());
                let groups = view.fact(&SourceGroups {
                    settings,
                    sources,
                    by,
                })?;
                let peers = groups.outside(&own);
                if peers > 0 {
                    let witnesses: Vec<_> = groups.others(&own, name).take(3).collect();
                    out.fail(
                        "Open",
                        format!("{certainty} {:?}: {peers}, such as {witnesses:?}", open.cause),
                    );
                }
            }
        }
        Ok(())
    }
}

struct Life {
    engine: Engine,
    now: Timestamp,
}

impl Life {
    fn new() -> Self {
        let mut engine = Engine::scan();
        engine.see_everything();
        let spec =
            serde_json::from_value(json!({"controls": {"toy/opened": {}}, "tenancy": {"labelKey": "tier"}}));
        let registry = Registry::default().with::<Opened>();
        let compiled = compile("toys", 1, &spec.unwrap(), &[], &registry, None);
        assert!(compiled.problems.is_empty(), "{:?}", compiled.problems);
        engine.set_baselines(vec![compiled]);
        Self {
            engine,
            now: "2026-06-01T12:00:00Z".parse().unwrap(),
        }
    }

    fn put(&mut self, kind: Kind, object: &Value) {
        self.engine
            .upsert(decode_json(kind, &object.to_string()).unwrap());
    }

    fn step(&mut self, step: &Step<'_>) {
        let kind = |word: &str| *Kind::ALL.iter().find(|k| k.info().kind == word).unwrap();
        match step {
            Step::Put(word, object) => self.put(kind(word), object),
            Step::Remove(word, object) => {
                let name = decode_json(kind(word), &object.to_string()).unwrap().name;
                self.engine.remove(&name);
            }
        }
    }

    fn turn(&mut self) -> Delta {
        self.engine.turn(self.now)
    }

    /// What is said of each namespace.
    fn said(&self) -> BTreeMap<String, Vec<String>> {
        let report = self.engine.report();
        let units = report.baselines["toys"].units.values();
        let said = units.map(|unit| {
            let found = unit
                .findings
                .iter()
                .map(|reported| reported.finding.message.to_string());
            let found: Vec<String> = match &unit.verdict {
                Verdict::Unknown(why) => vec![why.to_string()],
                _ => found.collect(),
            };
            (unit.key.subject.name().to_owned(), found)
        });
        said.collect()
    }

    fn guarded(&mut self, namespaces: usize) {
        for n in 0..namespaces {
            let name = format!("ns-{n:05}");
            self.put(
                Kind::Namespace,
                &json!({"metadata": {"name": name, "labels": {"tier": format!("t{}", n / 2)}}}),
            );
            self.deployment(&name, 1, "web");
        }
    }

    fn deployment(&mut self, namespace: &str, replicas: usize, app: &str) {
        let labels = json!({"labels": {"app": app}});
        self.put(
            Kind::Deployment,
            &json!({"metadata": {"name": "web", "namespace": namespace},
                "spec": {"replicas": replicas, "template": {"metadata": labels, "spec": {"containers": []}}}}),
        );
    }

    fn policy(&mut self, namespace: &str, spec: &Value) {
        self.put(
            Kind::NetworkPolicy,
            &json!({"metadata": {"name": "p", "namespace": namespace}, "spec": spec}),
        );
    }
}

#[test]
fn a_life_of_changes_ends_where_a_fresh_start_does() {
    const FEATURES: Features = Features {
        ordered: true,
        equal_priorities: true,
        host_network: true,
    };
    let mut findings = 0;
    for seed in 0..15 {
        let mut dice = Dice::new(seed);
        let clusters: Vec<_> = (0..3).map(|_| cluster(&mut dice, FEATURES)).collect();
        let mut puts: Vec<Step<'_>> = clusters.iter().flat_map(steps).collect();
        dice.shuffle(&mut puts);
        let mut life = Life::new();
        let mut present = BTreeMap::new();
        for put in &puts {
            let Step::Put(kind, object) = put else { continue };
            let name = format!("{kind} {}", object["metadata"]);
            let key = (
                kind.to_string(),
                object["metadata"]["namespace"].to_string(),
                object["metadata"]["name"].to_string(),
            );
            if dice.one_in(4) {
                life.step(&Step::Remove(kind, object));
                present.remove(&key);
            } else {
                life.step(put);
                present.insert(key, put);
            }
            if dice.one_in(3) {
                life.turn();
                let mut fresh = Life::new();
                for step in present.values() {
                    fresh.step(step);
                }
                fresh.turn();
                assert_eq!(life.said(), fresh.said(), "seed {seed}, after {name}");
                findings += life.said().values().flatten().count();
            }
        }
    }
    assert!(findings > 100, "{findings} findings");
}

#[test]
fn namespaces_without_a_policy_cost_what_they_are_and_not_their_pairs() {
    let cost = |namespaces: usize| {
        let mut life = Life::new();
        life.guarded(namespaces);
        let delta = life.turn();
        let said = life.said();
        assert_eq!(said.len(), namespaces);
        let peers = format!("NoPolicy: {}, such as", namespaces - 2);
        let wrong = said
            .iter()
            .find(|(_, found)| !found.iter().any(|f| f.contains(&peers)));
        assert_eq!(wrong, None);
        delta.facts
    };
    let (few, many) = (cost(100), cost(1_000));
    assert!(
        many < few * 12,
        "{few} facts for 100 namespaces, {many} for 1,000"
    );
}

#[test]
fn a_change_goes_only_as_far_as_it_matters() {
    let mut life = Life::new();
    life.guarded(200);
    for n in 0..200 {
        life.policy(
            &format!("ns-{n:05}"),
            &json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}),
        );
    }
    life.turn();
    assert!(life.said().values().all(Vec::is_empty));
    life.deployment("ns-00007", 5, "web");
    let delta = life.turn();
    assert_eq!(
        (delta.facts, delta.evaluated),
        (0, 0),
        "replicas are no matter of policies"
    );
    life.deployment("ns-00007", 5, "other");
    let delta = life.turn();
    assert_eq!(delta.evaluated, 0, "no policy knows the label");
    life.policy(
        "ns-00007",
        &json!({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]}),
    );
    let delta = life.turn();
    assert_eq!(
        delta.evaluated, 1,
        "what comes in is that namespace's matter alone"
    );
    assert!(
        life.said()["ns-00007"][0].contains(": 198, such as"),
        "{:?}",
        life.said()["ns-00007"]
    );
    life.policy(
        "ns-00009",
        &json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
    );
    let delta = life.turn();
    assert_eq!(
        delta.evaluated, 1,
        "who no longer reaches it matters to the one that is open"
    );
    assert!(
        life.said()["ns-00007"][0].contains(": 197, such as"),
        "{:?}",
        life.said()["ns-00007"]
    );
}

#[test]
fn a_policy_that_is_not_modelled_makes_its_namespace_unknown() {
    let mut life = Life::new();
    life.guarded(3);
    life.put(
        Kind::CiliumNetworkPolicy,
        &json!({"metadata": {"name": "c", "namespace": "ns-00001"}, "spec": {}}),
    );
    life.turn();
    let said = life.said();
    assert!(said["ns-00001"][0].starts_with("NotModelled"), "{said:?}");
    assert!(
        said["ns-00002"][0].contains("sure NoPolicy: 1, such as"),
        "{said:?}"
    );
    life.put(
        Kind::NetworkPolicy,
        &json!({"metadata": {"name": "p", "namespace": "ns-00002"}, "spec": {"podSelector": {"matchLabels": {"a": "-"}}}}),
    );
    life.turn();
    let said = life.said();
    assert!(
        said["ns-00002"][0].contains('p'),
        "a policy that cannot be read: {said:?}"
    );
    assert!(said["ns-00002"][0].starts_with("NotModelled"), "{said:?}");
}
