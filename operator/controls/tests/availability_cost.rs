//! A change to a budget, an autoscaler, a pod or a node runs the workloads it concerns, however many share a namespace.
#![allow(clippy::unwrap_used, reason = "tests")]

use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, compile},
    decode::decode_json,
    kind::Kind,
    name::ObjRef,
};
use serde_json::{Value, json};

const DEPLOYMENTS: usize = 1_000;
const NOW: &str = "2026-06-01T12:00:00Z";

fn engine(control: &str, objects: impl Iterator<Item = (Kind, Value)>) -> Engine {
    let spec = BaselineSpec {
        controls: [(control.to_owned(), serde_json::Map::new())].into(),
        ..BaselineSpec::default()
    };
    let compiled = compile("cost", 1, &spec, &[], &plimsoll_controls::registry(), None);
    let mut engine = Engine::live();
    engine.set_baselines(vec![compiled]);
    engine.see_everything();
    let namespace =
        json!({"metadata": {"name": "shop", "labels": {"plimsoll.dev/environment": "production"}}});
    for (kind, object) in objects.chain([(Kind::Namespace, namespace)]) {
        put(&mut engine, kind, &object);
    }
    assert_eq!(engine.turn(NOW.parse().unwrap()).evaluated, DEPLOYMENTS);
    engine
}

fn put(engine: &mut Engine, kind: Kind, object: &Value) {
    engine.upsert(decode_json(kind, &object.to_string()).unwrap());
}

/// Units evaluated when an object is put.
fn cost(engine: &mut Engine, kind: Kind, object: &Value) -> usize {
    put(engine, kind, object);
    engine.turn(NOW.parse().unwrap()).evaluated
}

/// Every Deployment carries a label of its own and one that all share, which sorts first.
fn deployments() -> impl Iterator<Item = (Kind, Value)> {
    (0..DEPLOYMENTS).map(|i| {
        let labels = json!({"app": "shop", "instance": format!("web-{i}")});
        let object = json!({
            "metadata": {"name": format!("web-{i}"), "namespace": "shop"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app"}]}},
            },
        });
        (Kind::Deployment, object)
    })
}

fn budget(selector: &Value, missing: usize) -> Value {
    json!({
        "metadata": {"name": "one", "namespace": "shop"},
        "spec": {"selector": selector, "maxUnavailable": missing},
    })
}

#[test]
fn a_budget_runs_the_workloads_it_selects() {
    let mut engine = engine("availability/disruption-budget", deployments());
    let own = json!({"matchLabels": {"instance": "web-5"}});
    assert_eq!(cost(&mut engine, Kind::PodDisruptionBudget, &budget(&own, 1)), 1);
    assert_eq!(cost(&mut engine, Kind::PodDisruptionBudget, &budget(&own, 2)), 1);
    // Filed under the shared label, and still only what it selects.
    let shared = json!({"matchLabels": {"app": "shop", "instance": "web-6"}});
    assert_eq!(
        cost(&mut engine, Kind::PodDisruptionBudget, &budget(&shared, 1)),
        2,
        "the one it left and the one it took"
    );
    // Under no label at all.
    let listed =
        json!({"matchExpressions": [{"key": "instance", "operator": "In", "values": ["web-7", "web-8"]}]});
    assert_eq!(
        cost(&mut engine, Kind::PodDisruptionBudget, &budget(&listed, 1)),
        3
    );
    let name = ObjRef::new(Kind::PodDisruptionBudget, "shop", "one");
    engine.remove(&name);
    assert_eq!(engine.turn(NOW.parse().unwrap()).evaluated, 2);
}

#[test]
fn an_autoscaler_runs_its_target() {
    for control in [
        "availability/replica-redundancy",
        "availability/disruption-budget",
    ] {
        let mut engine = engine(control, deployments());
        for min in [3, 1] {
            let hpa = json!({
                "metadata": {"name": "hpa", "namespace": "shop"},
                "spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web-5"},
                    "minReplicas": min,
                    "maxReplicas": 9,
                },
            });
            let evaluated = cost(&mut engine, Kind::HorizontalPodAutoscaler, &hpa);
            assert_eq!(evaluated, 1, "{control}");
        }
    }
}

#[test]
fn a_quota_that_still_has_room_runs_nobody() {
    let single = deployments().map(|(kind, mut object)| {
        object["spec"]["replicas"] = 1.into();
        (kind, object)
    });
    let quota = |used: usize| {
        json!({
            "metadata": {"name": "pods", "namespace": "shop"},
            "spec": {"hard": {"pods": 5000}},
            "status": {"used": {"pods": used}},
        })
    };
    let mut engine = engine(
        "availability/replica-redundancy",
        single.chain([(Kind::ResourceQuota, quota(1000))]),
    );
    assert_eq!(cost(&mut engine, Kind::ResourceQuota, &quota(1001)), 0);
    assert_eq!(cost(&mut engine, Kind::ResourceQuota, &quota(5000)), DEPLOYMENTS);
}

fn owned(kind: &str, owner: &str, name: &str, rest: &Value) -> Value {
    let mut object = rest.clone();
    object["metadata"] = json!({
        "name": name,
        "namespace": "shop",
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": kind, "name": owner, "controller": true}],
    });
    object
}

fn pod(i: usize, which: usize, node: &str) -> (Kind, Value) {
    let rest = json!({"spec": {"nodeName": node}, "status": {"phase": "Running"}});
    let object = owned(
        "ReplicaSet",
        &format!("web-{i}-1"),
        &format!("web-{i}-1-{which}"),
        &rest,
    );
    (Kind::Pod, object)
}

fn node(name: &str, zone: &str) -> (Kind, Value) {
    let labels = json!({"topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": name});
    (Kind::Node, json!({"metadata": {"name": name, "labels": labels}}))
}

#[test]
fn a_pod_runs_its_workload_and_a_node_those_that_have_pods_there() {
    let replica_sets = (0..DEPLOYMENTS).map(|i| {
        let rest = json!({"spec": {"replicas": 2}});
        let object = owned("Deployment", &format!("web-{i}"), &format!("web-{i}-1"), &rest);
        (Kind::ReplicaSet, object)
    });
    let pods = (0..DEPLOYMENTS).flat_map(|i| {
        let second = if i < 3 { "n3" } else { "n2" };
        [pod(i, 0, "n1"), pod(i, 1, second)]
    });
    let nodes = [node("n1", "a"), node("n2", "b"), node("n3", "b"), node("n4", "b")];
    let objects = deployments().chain(replica_sets).chain(pods).chain(nodes);
    let mut engine = engine("availability/topology-spread", objects);
    let (kind, moved) = pod(5, 1, "n4");
    assert_eq!(cost(&mut engine, kind, &moved), 1);
    // One more on a node and in a zone that are known is news for nobody else.
    let (kind, again) = pod(5, 2, "n4");
    assert_eq!(cost(&mut engine, kind, &again), 1);
    let (kind, relabelled) = node("n3", "a");
    assert_eq!(cost(&mut engine, kind, &relabelled), 3);
}
