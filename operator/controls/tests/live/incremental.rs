//! However a cluster came to be as it is, the verdicts are those of a first look at it.

use std::collections::BTreeMap;

use plimsoll_engine::{Engine, kind::Kind};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Cluster, namespace};

const VALUES: [&str; 4] = ["production", "staging", "prod", "odd"];

#[derive(Clone, Debug)]
enum Event {
    Namespace(usize, Option<usize>, Option<usize>),
    Workload {
        kind: usize,
        namespace: usize,
        name: usize,
        value: Option<usize>,
        release: Option<usize>,
        account: bool,
    },
    Policy {
        namespace: usize,
        name: usize,
        shape: usize,
    },
    Foreign(usize),
    Remove(usize),
    Keys(bool),
    Turn,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let value = || proptest::option::of(0..VALUES.len());
    let event = prop_oneof![
        3 => (0..3usize, value(), value()).prop_map(|(n, a, b)| Event::Namespace(n, a, b)),
        5 => ((0..2usize, 0..3usize, 0..3usize), value(), proptest::option::of(0..2usize), any::<bool>()).prop_map(
            |((kind, namespace, name), value, release, account)| Event::Workload { kind, namespace, name, value, release, account }
        ),
        2 => (0..3usize, 0..2usize, 0..4usize).prop_map(|(namespace, name, shape)| Event::Policy { namespace, name, shape }),
        1 => (0..2usize).prop_map(Event::Foreign),
        3 => any::<usize>().prop_map(Event::Remove),
        1 => any::<bool>().prop_map(Event::Keys),
        2 => Just(Event::Turn),
    ];
    proptest::collection::vec(event, 1..40)
}

fn spec(other_keys: bool) -> Value {
    let keys = if other_keys { json!(["team"]) } else { json!([]) };
    json!({
        "environments": {"labelKey": "env", "fallbackKeys": keys},
        "tenancy": {"labelKey": "tenant", "fallbackKeys": if other_keys { json!(["env"]) } else { json!([]) }},
        "controls": {
            "environments/segregated": {},
            "isolation/tenant-namespace": {},
            "isolation/default-deny": {},
        },
    })
}

fn labels(pairs: &[(&str, Option<usize>)]) -> Value {
    pairs
        .iter()
        .filter_map(|(key, value)| value.map(|v| ((*key).to_owned(), json!(VALUES[v]))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn object(event: &Event) -> Option<Value> {
    let ns = |n: &usize| format!("ns-{n}");
    Some(match event {
        Event::Namespace(n, a, b) => namespace(&ns(n), &labels(&[("env", *a), ("tenant", *b)])),
        Event::Workload {
            kind,
            namespace,
            name,
            value,
            release,
            account,
        } => {
            let annotations = release.map_or(json!({}), |r| {
                json!({"meta.helm.sh/release-name": format!("r{r}"), "meta.helm.sh/release-namespace": "x"})
            });
            let account = if *account { json!("web") } else { Value::Null };
            json!({
                "apiVersion": "apps/v1", "kind": (["Deployment", "StatefulSet"][*kind]),
                "metadata": {"name": format!("w{name}"), "namespace": ns(namespace), "annotations": annotations,
                    "labels": labels(&[("team", *value)])},
                "spec": {"template": {
                    "metadata": {"labels": labels(&[("env", *value), ("tenant", *value)])},
                    "spec": {"serviceAccountName": account},
                }},
            })
        }
        Event::Policy {
            namespace,
            name,
            shape,
        } => json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": format!("p{name}"), "namespace": ns(namespace)},
            "spec": ([json!({}), json!({"egress": [{}]}), json!({"policyTypes": ["Egress"]}), json!("odd")][*shape]),
        }),
        Event::Foreign(n) => json!({
            "apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "AdminNetworkPolicy",
            "metadata": {"name": format!("a{n}")},
            "spec": {"subject": {"namespaces": {"matchLabels": {"env": VALUES[*n]}}}},
        }),
        Event::Remove(_) | Event::Keys(_) | Event::Turn => return None,
    })
}

/// Every verdict with its findings.
fn verdicts(cluster: &Cluster) -> BTreeMap<String, String> {
    let report = cluster.engine.report();
    let units = report.baselines.get("test").unwrap().units.clone();
    units
        .values()
        .map(|unit| {
            let findings: Vec<_> = unit.findings.iter().map(|r| &r.finding).collect();
            (
                format!("{} {}", unit.key.control, unit.key.subject),
                format!("{:?} {findings:?}", unit.verdict),
            )
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn events_one_by_one_end_where_a_first_look_does(events in events()) {
        let mut cluster = Cluster::new(Engine::scan(), &spec(false));
        let mut present: BTreeMap<(String, String, String), Value> = BTreeMap::new();
        let mut keys = false;
        for event in &events {
            match event {
                Event::Turn => _ = cluster.turn(),
                Event::Keys(other) => {
                    keys = *other;
                    cluster.baseline(&spec(keys));
                }
                Event::Remove(n) if !present.is_empty() => {
                    let (key, object) = present.iter().nth(n % present.len()).map(|(k, v)| (k.clone(), v.clone())).unwrap();
                    let kind = Kind::of_manifest(object["apiVersion"].as_str().unwrap(), &key.0).unwrap();
                    cluster.remove(kind, &key.1, &key.2);
                    present.remove(&key);
                }
                other => if let Some(object) = object(other) {
                    cluster.put(&object);
                    let text = |v: &Value| v.as_str().unwrap_or("").to_owned();
                    let metadata = &object["metadata"];
                    present.insert((text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"])), object);
                },
            }
        }
        cluster.turn();
        let mut fresh = Cluster::new(Engine::scan(), &spec(keys));
        for object in present.values() {
            fresh.put(object);
        }
        fresh.turn();
        prop_assert_eq!(verdicts(&cluster), verdicts(&fresh));
    }
}
