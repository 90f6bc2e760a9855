//! Policies as nobody writes them: right answers, in bounded time, and never a panic.

use plimsoll_engine::{
    decode::decode_json,
    kind::Kind,
    name::ObjRef,
    reach::{Addresses, Bounds, IpBlocks, Matrix, Network, PortSet, Protocol, Reach, Site},
};
use serde_json::{Value, json};

const MANY: usize = 10_000;

fn put(reach: &mut Reach, kind: Kind, object: &Value) {
    reach.upsert(&decode_json(kind, &object.to_string()).unwrap());
}

/// Two namespaces with a pod each.
fn cluster() -> Reach {
    let mut reach = Reach::new(Network {
        ip_blocks: IpBlocks::MatchPods,
        pod_ranges: None,
    });
    for (name, address) in [("a", "10.0.0.1"), ("b", "fd00::1")] {
        put(
            &mut reach,
            Kind::Namespace,
            &json!({"metadata": {"name": name, "labels": {"n": name}}}),
        );
        let pod = json!({"metadata": {"name": "p", "namespace": name, "labels": {"app": "x"}},
            "spec": {"containers": [{"name": "c", "ports": [{"name": "web", "containerPort": 80}]}]}});
        let pod = decode_json(Kind::Pod, &pod.to_string()).unwrap();
        reach.upsert_pods(plimsoll_engine::reach::pods_of(&pod).unwrap().at([address]));
    }
    reach
}

fn site<'a>(reach: &'a Reach, namespace: &str) -> Site<'a> {
    reach.site(&ObjRef::new(Kind::Pod, namespace, "p")).unwrap()
}

/// From `a` to `b`, after everything else that may be asked was asked.
fn answer(reach: &mut Reach) -> Bounds {
    reach.settle();
    Matrix::new(reach);
    for open in ["a", "b"].iter().flat_map(|name| reach.open(name)) {
        open.possible.as_ref().map(|sources| reach.sources(sources));
    }
    reach.explain(site(reach, "a"), site(reach, "b"));
    reach.between(site(reach, "a"), site(reach, "b")).unwrap()
}

fn ingress(namespace: &str, rules: &Value) -> Value {
    json!({"metadata": {"name": "n", "namespace": namespace}, "spec": {"podSelector": {}, "ingress": rules}})
}

fn tcp(port: u16) -> PortSet {
    PortSet::range(Protocol::Tcp, port, port)
}

#[test]
fn ten_thousand_ports() {
    let ports: Vec<Value> = (0..MANY).map(|i| json!({"port": 2 * i + 1})).collect();
    let mut reach = cluster();
    put(
        &mut reach,
        Kind::NetworkPolicy,
        &ingress("b", &json!([{"ports": ports}])),
    );
    let open = answer(&mut reach).sure;
    assert_eq!(open.ranges().count(), MANY);
    assert!(open.contains(Protocol::Tcp, 19_999) && !open.contains(Protocol::Tcp, 20_000));
    let rules: Vec<Value> = ports
        .iter()
        .map(|port| json!({"ports": [port, {"port": "web"}]}))
        .collect();
    let mut reach = cluster();
    put(&mut reach, Kind::NetworkPolicy, &ingress("b", &rules.into()));
    assert_eq!(answer(&mut reach).sure, open.or(&tcp(80)));
}

#[test]
fn ten_thousand_overlapping_blocks() {
    let blocks = (0..MANY).map(|i| {
        let cidr = format!("10.{}.{}.0/{}", i % 7, i % 251, 8 + i % 20);
        json!({"ipBlock": {"cidr": cidr, "except": ["10.0.0.0/24", "::/0"]}})
    });
    let blocks: Vec<Value> = blocks.collect();
    let mut reach = cluster();
    put(
        &mut reach,
        Kind::NetworkPolicy,
        &ingress("b", &json!([{"from": blocks}])),
    );
    assert_eq!(
        answer(&mut reach),
        Bounds::NONE,
        "every block leaves the pod's range out"
    );
    let outside = Addresses::parse(["10.6.0.1"]).unwrap();
    let from_outside = reach.between(Site::Outside(&outside), site(&reach, "b")).unwrap();
    assert_eq!(from_outside, Bounds::ALL);
    let except: Vec<String> = (0..MANY)
        .map(|i| format!("10.{}.{}.0/24", i / 250, i % 250))
        .collect();
    let mut reach = cluster();
    let block = json!([{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": except}}]}]);
    put(&mut reach, Kind::NetworkPolicy, &ingress("b", &block));
    assert_eq!(answer(&mut reach), Bounds::NONE);
}

#[test]
fn addresses_of_one_family_say_nothing_of_the_other() {
    for (block, open) in [
        ("::/0", true),
        ("fd00::/8", true),
        ("0.0.0.0/0", false),
        ("fe80::/10", false),
    ] {
        let mut reach = cluster();
        let spec = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"ipBlock": {"cidr": block}}]}]});
        put(
            &mut reach,
            Kind::NetworkPolicy,
            &json!({"metadata": {"name": "n", "namespace": "a"}, "spec": spec}),
        );
        assert_eq!(
            answer(&mut reach),
            if open { Bounds::ALL } else { Bounds::NONE },
            "{block}"
        );
    }
}

#[test]
fn selectors_that_are_huge_empty_or_contradictory() {
    let values: Vec<String> = (0..MANY).map(|i| format!("v{i}")).collect();
    let huge = json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": values}]});
    let many: Vec<Value> = (0..MANY)
        .map(|i| json!({"key": format!("k{i}"), "operator": "DoesNotExist"}))
        .collect();
    let deep = json!({"matchExpressions": many});
    let contradiction = json!({"matchLabels": {"app": "x"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]});
    for (selector, open) in [
        (&huge, true),
        (&deep, true),
        (&json!({}), true),
        (&contradiction, false),
    ] {
        let mut reach = cluster();
        let peer = json!([{"from": [{"namespaceSelector": {}, "podSelector": selector}]}]);
        put(&mut reach, Kind::NetworkPolicy, &ingress("b", &peer));
        assert_eq!(answer(&mut reach).sure.is_all(), open);
        let mut reach = cluster();
        let policy = json!({"metadata": {"name": "n", "namespace": "b"}, "spec": {"podSelector": selector}});
        put(&mut reach, Kind::NetworkPolicy, &policy);
        assert_eq!(answer(&mut reach).is_none(), open, "what it selects is isolated");
    }
}

#[test]
fn ten_thousand_policies_in_one_namespace() {
    let mut reach = cluster();
    for i in 0..MANY {
        let rule = json!([{"from": [{"namespaceSelector": {"matchLabels": {"n": (["a", "c"][i % 2])}}}], "ports": [{"port": i + 1}]}]);
        let mut policy = ingress("b", &rule);
        policy["metadata"]["name"] = format!("n{i}").into();
        put(&mut reach, Kind::NetworkPolicy, &policy);
    }
    let open = answer(&mut reach).sure;
    assert!(
        open.contains(Protocol::Tcp, 1)
            && !open.contains(Protocol::Tcp, 2)
            && open.contains(Protocol::Tcp, 9_999)
    );
}

#[test]
fn what_the_api_would_not_store_is_unknown_and_no_answer() {
    let bad = [
        (Kind::NetworkPolicy, ingress("b", &json!([{"from": [{}]}]))),
        (
            Kind::NetworkPolicy,
            ingress("b", &json!([{"from": [{"ipBlock": {"cidr": "all"}}]}])),
        ),
        (
            Kind::NetworkPolicy,
            ingress(
                "b",
                &json!([{"from": [{"ipBlock": {"cidr": "::/0", "except": ["x"]}}]}]),
            ),
        ),
        (
            Kind::NetworkPolicy,
            ingress(
                "b",
                &json!([{"from": [{"podSelector": {"matchLabels": {"a b": "c"}}}]}]),
            ),
        ),
        (Kind::NetworkPolicy, ingress("b", &json!([{"from": "everybody"}]))),
        (
            Kind::AdminNetworkPolicy,
            json!({"metadata": {"name": "o"}, "spec": {"priority": 1, "subject": {"namespaces": {}},
                "ingress": (0..MANY).map(|_| json!({"action": "Deny", "from": [{"namespaces": {}}]})).collect::<Vec<_>>()}}),
        ),
        (
            Kind::ClusterNetworkPolicy,
            json!({"metadata": {"name": "o"}, "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}},
                "ingress": [{"action": "Shrug", "from": [{"namespaces": {}}]}]}}),
        ),
    ];
    for (kind, object) in bad {
        let mut reach = cluster();
        put(&mut reach, kind, &object);
        reach.settle();
        let unknown = reach.between(site(&reach, "a"), site(&reach, "b"));
        assert!(unknown.is_err(), "{kind} {unknown:?}");
        reach.remove(&ObjRef::new(
            kind,
            if kind.info().namespaced { "b" } else { "" },
            object["metadata"]["name"].as_str().unwrap(),
        ));
        reach.settle();
        assert_eq!(
            reach.between(site(&reach, "a"), site(&reach, "b")),
            Ok(Bounds::ALL)
        );
    }
}

#[test]
fn forms_that_are_not_known_may_open_and_may_close() {
    let policy = |action: &str, rule: Value| {
        let mut rule = rule;
        rule["action"] = action.into();
        json!({"metadata": {"name": "o"}, "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}, "ingress": [rule]}})
    };
    let unknown_peer = json!({"from": [{"clouds": {}}]});
    let unknown_port = json!({"from": [{"namespaces": {}}], "protocols": [{"icmp": {}}]});
    for rule in [unknown_peer, unknown_port] {
        let mut reach = cluster();
        put(
            &mut reach,
            Kind::ClusterNetworkPolicy,
            &policy("Deny", rule.clone()),
        );
        assert_eq!(
            answer(&mut reach),
            Bounds {
                sure: PortSet::NONE,
                possible: PortSet::ALL
            }
        );
        put(&mut reach, Kind::NetworkPolicy, &ingress("b", &json!([])));
        put(&mut reach, Kind::ClusterNetworkPolicy, &policy("Accept", rule));
        assert_eq!(
            answer(&mut reach),
            Bounds {
                sure: PortSet::NONE,
                possible: PortSet::ALL
            }
        );
    }
}
