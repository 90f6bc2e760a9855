//! How many units an event evaluates, in a namespace of a thousand workloads among a hundred namespaces.

use plimsoll_engine::{kind::Kind, report::Delta};
use serde_json::{Value, json};

use crate::{Cluster, deployment, failing, namespace};

const LABELS: (&str, &str) = ("plimsoll.dev/tenant", "plimsoll.dev/environment");

fn spec() -> Value {
    json!({"controls": {
        "environments/labelled": {},
        "environments/segregated": {},
        "isolation/tenant-namespace": {},
        "isolation/default-deny": {},
    }})
}

fn labels(tenant: &str, environment: &str) -> Value {
    json!({LABELS.0: tenant, LABELS.1: environment})
}

fn pod(name: &str, phase: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "big", "labels": labels("acme", "production"),
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": true}],
        },
        "spec": {"containers": [{"name": "app"}]},
        "status": {"phase": phase},
    })
}

fn policy(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    })
}

fn big() -> Cluster {
    let mut cluster = Cluster::live(&spec());
    for i in 0..99 {
        let environment = ["production", "staging"][i % 2];
        cluster.put(&namespace(
            &format!("ns-{i}"),
            &labels(&format!("t{i}"), environment),
        ));
    }
    cluster.put(&namespace("big", &labels("acme", "production")));
    for i in 0..1000 {
        cluster.put(&deployment(
            "big",
            &format!("d{i}"),
            &labels("acme", "production"),
        ));
        cluster.put(&pod(&format!("p{i}"), "Running"));
    }
    cluster.settle();
    cluster.engine.watching();
    assert_eq!(cluster.turn().evaluated, 0);
    cluster
}

#[track_caller]
fn costs(delta: &Delta, units: usize, facts: usize) {
    assert!(
        delta.evaluated <= units && delta.facts <= facts,
        "{} units and {} facts, at most {units} and {facts} expected",
        delta.evaluated,
        delta.facts
    );
}

#[test]
fn a_pod_coming_changing_or_going_evaluates_no_unit() {
    let mut cluster = big();
    cluster.put(&pod("p0", "Failed"));
    costs(&cluster.turn(), 0, 1);
    cluster.put(&pod("new", "Pending"));
    costs(&cluster.turn(), 0, 1);
    cluster.remove(Kind::Pod, "big", "p1");
    costs(&cluster.turn(), 0, 1);
}

#[test]
fn a_workload_that_says_what_its_namespace_says_evaluates_no_unit() {
    let mut cluster = big();
    let mut scaled = deployment("big", "d0", &labels("acme", "production"));
    scaled["spec"]["replicas"] = json!(5);
    cluster.put(&scaled);
    costs(&cluster.turn(), 0, 1);
    cluster.put(&deployment("big", "new", &labels("acme", "production")));
    costs(&cluster.turn(), 0, 1);
    cluster.remove(Kind::Deployment, "big", "d1");
    costs(&cluster.turn(), 0, 1);
}

#[test]
fn a_stranger_evaluates_its_namespace_alone() {
    let mut cluster = big();
    cluster.put(&deployment("big", "d0", &labels("globex", "staging")));
    costs(&cluster.turn(), 2, 1);
    cluster.settle();
    assert_eq!(
        failing(&cluster.unit("isolation/tenant-namespace", "big")),
        ["Mixed"]
    );
    assert_eq!(
        failing(&cluster.unit("environments/segregated", "big")),
        ["Mixed"]
    );
    cluster.put(&deployment("big", "d0", &labels("acme", "production")));
    costs(&cluster.turn(), 2, 1);
    assert!(failing(&cluster.unit("isolation/tenant-namespace", "big")).is_empty());
}

#[test]
fn a_policy_evaluates_its_namespace_alone() {
    let mut cluster = big();
    assert_eq!(failing(&cluster.unit("isolation/default-deny", "big")).len(), 2);
    cluster.put(&policy("big", "deny"));
    costs(&cluster.turn(), 1, 0);
    assert!(failing(&cluster.unit("isolation/default-deny", "big")).is_empty());
}

#[test]
fn a_policy_of_another_kind_evaluates_where_it_may_apply() {
    let mut cluster = big();
    cluster.put(&json!({
        "apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "AdminNetworkPolicy",
        "metadata": {"name": "team"},
        "spec": {"subject": {"namespaces": {"matchLabels": {LABELS.0: "acme"}}}},
    }));
    // Two facts of each namespace look whether it is concerned; only one is.
    costs(&cluster.turn(), 1, 201);
}

#[test]
fn a_label_that_names_nothing_evaluates_the_units_of_its_namespace_alone() {
    let mut cluster = big();
    let mut edited = labels("acme", "production");
    edited["team"] = json!("web");
    cluster.put(&namespace("big", &edited));
    // One per control; the cluster as a whole is none of them.
    costs(&cluster.turn(), 4, 3);
}

#[test]
fn only_a_new_environment_evaluates_the_cluster() {
    let mut cluster = big();
    cluster.put(&namespace("another", &labels("acme", "staging")));
    costs(&cluster.turn(), 4, 4);
    cluster.put(&namespace("first", &labels("acme", "development")));
    costs(&cluster.turn(), 5, 4);
}

#[test]
fn the_first_workload_makes_an_empty_namespace_occupied() {
    let mut cluster = big();
    cluster.put(&deployment("ns-0", "web", &json!({})));
    costs(&cluster.turn(), 1, 1);
    cluster.put(&deployment("ns-0", "web-2", &json!({})));
    costs(&cluster.turn(), 0, 1);
}
