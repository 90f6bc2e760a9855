//! The policy as a whole: bindings, identities, aggregation. What it says is held against a real API server in e2e/tests.

use serde_json::{Value, json};

use super::{Identity, Policy, Request, ResourceRequest};
use crate::{
    decode::{Object, decode_json},
    kind::Kind,
};

fn object(kind: Kind, value: &Value) -> Object {
    decode_json(kind, &value.to_string()).unwrap()
}

fn cluster_role(name: &str, labels: &Value, rules: &Value, selectors: &[Value]) -> Object {
    let mut role = json!({"metadata": {"name": name, "labels": labels}, "rules": rules});
    if !selectors.is_empty() {
        role["aggregationRule"] = json!({"clusterRoleSelectors": selectors});
    }
    object(Kind::ClusterRole, &role)
}

fn bind(namespace: Option<&str>, role: (&str, &str), subjects: &Value) -> Object {
    let mut binding = json!({
        "metadata": {"name": format!("to-{}", role.1)},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1},
        "subjects": subjects,
    });
    let Some(namespace) = namespace else {
        return object(Kind::ClusterRoleBinding, &binding);
    };
    binding["metadata"]["namespace"] = namespace.into();
    object(Kind::RoleBinding, &binding)
}

fn get<'a>(resource: &'a str, namespace: &'a str) -> Request<'a> {
    Request::Resource(ResourceRequest {
        verb: "get",
        resource,
        namespace,
        name: "x",
        ..ResourceRequest::default()
    })
}

fn reads(resource: &str) -> Value {
    json!([{"verbs": ["get"], "apiGroups": [""], "resources": [resource]}])
}

#[test]
fn a_role_binding_gives_a_cluster_role_in_its_namespace_only() {
    let paths = json!([{"verbs": ["get"], "nonResourceURLs": ["/metrics"]}, {"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "nodes"]}]);
    let alice = json!([{"kind": "User", "name": "alice"}]);
    let objects = [
        cluster_role("r", &json!({}), &paths, &[]),
        bind(Some("shop"), ("ClusterRole", "r"), &alice),
    ];
    let policy = Policy::of(&objects);
    let who = Identity::person("alice", []);
    assert!(policy.allows(&who, &get("pods", "shop")));
    assert!(!policy.allows(&who, &get("pods", "bank")));
    assert!(!policy.allows(&who, &get("nodes", "")));
    let metrics = Request::NonResource {
        verb: "get",
        path: "/metrics",
    };
    assert!(!policy.allows(&who, &metrics));
    let everywhere = [objects[0].clone(), bind(None, ("ClusterRole", "r"), &alice)];
    let policy = Policy::of(&everywhere);
    assert!(policy.allows(&who, &metrics) && policy.allows(&who, &get("nodes", "")));
    assert!(!policy.allows(&Identity::person("bob", ["alice"]), &metrics));
}

#[test]
fn a_binding_to_what_is_not_there_gives_nothing() {
    let alice = json!([{"kind": "User", "name": "alice"}]);
    let role = json!({"metadata": {"name": "r", "namespace": "bank"}, "rules": reads("pods")});
    let objects = [
        object(Kind::Role, &role),
        bind(Some("shop"), ("Role", "r"), &alice),
        bind(None, ("Role", "r"), &alice),
    ];
    let policy = Policy::of(&objects);
    for namespace in ["shop", "bank", ""] {
        assert!(!policy.allows(&Identity::person("alice", []), &get("pods", namespace)));
    }
}

#[test]
fn accounts_are_in_the_groups_that_nobody_lists() {
    let group = |name: &str| json!([{"kind": "Group", "name": name}]);
    let given = |group: &Value| {
        let objects = [
            cluster_role("r", &json!({}), &reads("pods"), &[]),
            bind(Some("shop"), ("ClusterRole", "r"), group),
        ];
        let policy = Policy::of(&objects);
        let who = [
            Identity::service_account("ci", "deployer"),
            Identity::service_account("cd", "deployer"),
            Identity::person("alice", ["staff"]),
            Identity::anonymous(),
        ];
        who.map(|who| policy.allows(&who, &get("pods", "shop")))
    };
    assert_eq!(
        given(&group("system:serviceaccounts")),
        [true, true, false, false]
    );
    assert_eq!(
        given(&group("system:serviceaccounts:ci")),
        [true, false, false, false]
    );
    assert_eq!(given(&group("system:authenticated")), [true, true, true, false]);
    assert_eq!(
        given(&group("system:unauthenticated")),
        [false, false, false, true]
    );
    assert_eq!(given(&group("staff")), [false, false, true, false]);
    assert!(Policy::of([]).allows(&Identity::new("x", ["system:masters"]), &get("pods", "")));
}

#[test]
fn rules_are_gathered_through_any_number_of_steps_and_circles() {
    let to = |label: &str| json!({"matchLabels": {"to": label}});
    let objects = [
        cluster_role("a", &json!({"to": "c"}), &json!([]), &[to("a")]),
        cluster_role("b", &json!({"to": "a"}), &json!([]), &[to("b")]),
        cluster_role("c", &json!({"to": "b"}), &reads("pods"), &[to("c")]),
        cluster_role(
            "invalid",
            &json!({}),
            &reads("nodes"),
            &[json!({"matchExpressions": [{"key": "to", "operator": "In"}]})],
        ),
        bind(
            None,
            ("ClusterRole", "a"),
            &json!([{"kind": "User", "name": "alice"}]),
        ),
        bind(
            None,
            ("ClusterRole", "invalid"),
            &json!([{"kind": "User", "name": "bob"}]),
        ),
    ];
    let policy = Policy::of(&objects);
    let (alice, bob) = (Identity::person("alice", []), Identity::person("bob", []));
    let request = get("pods", "shop");
    let because = policy.because(&alice, &request).unwrap();
    assert_eq!((because.role.name(), because.from.unwrap().name()), ("a", "c"));
    assert!(!policy.allows(&bob, &request) && policy.allows(&bob, &get("nodes", "")));
}

/// A manifest may bind what it does not give, and add to it.
#[test]
fn the_defaults_are_there_though_nobody_gives_them() {
    let aggregate = json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"});
    let objects = [
        cluster_role("more", &aggregate, &reads("gadgets"), &[]),
        bind(
            Some("shop"),
            ("ClusterRole", "edit"),
            &json!([{"kind": "User", "name": "alice"}]),
        ),
    ];
    let policy = Policy::of(&objects);
    let alice = Identity::person("alice", []);
    for (resource, allowed) in [
        ("pods", true),
        ("secrets", true),
        ("gadgets", true),
        ("roles", false),
    ] {
        assert_eq!(
            policy.allows(&alice, &get(resource, "shop")),
            allowed,
            "{resource}"
        );
    }
}

/// Whatever order the objects come in, and however often a role is copied, the answers are the same; copies share their rules.
#[test]
fn ten_thousand_rules_are_read_once_and_answer_at_once() {
    let rules: Vec<Value> = (0..10_000)
        .map(|i| json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": [format!("s{i}")]}))
        .collect();
    let objects = [
        cluster_role("huge", &json!({}), &json!(rules), &[]),
        bind(
            None,
            ("ClusterRole", "huge"),
            &json!([{"kind": "User", "name": "alice"}]),
        ),
    ];
    let policy = Policy::of(&objects);
    let ask = |name: &str| {
        policy.allows(
            &Identity::person("alice", []),
            &Request::Resource(ResourceRequest {
                verb: "get",
                resource: "secrets",
                name,
                ..ResourceRequest::default()
            }),
        )
    };
    assert!(ask("s9999") && ask("s0") && !ask("s10000"));
}
