//! Objects as nobody writes them, before every control at once: right answers or Unknown, in bounded time, never a panic.
//! (Policies by themselves: the engine's tests of `reach`; roles: its tests of `rights`.)
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, compile},
    finding::Verdict,
    intake::Intake,
    probe::Probe,
};
use serde_json::{Map, Value, json};

const MANY: usize = 10_000;
/// Seconds where it takes milliseconds when built for speed; what grows with the square of [`MANY`] takes many minutes.
const BOUND: Duration = Duration::from_mins(2);

/// Two namespaces of two tenants and environments, with a workload each.
const SCENE: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {plimsoll.dev/environment: production, plimsoll.dev/tenant: shop}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: lab, labels: {plimsoll.dev/environment: staging, plimsoll.dev/tenant: lab}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {template: {metadata: {labels: {app: x}}, spec: {containers: [{name: c}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: job, namespace: lab}, spec: {template: {metadata: {labels: {app: x}}, spec: {containers: [{name: c}]}}}}
";

/// Every control's verdict on every object: `Fail Reason, …`, `Unknown Reason`, `Pass`.
struct Seen(BTreeMap<(String, String), String>);

impl Seen {
    /// Of the scene and these objects.
    fn of(objects: &[Value]) -> Self {
        let begun = Instant::now();
        let mut text = SCENE.to_owned();
        for object in objects {
            _ = write!(text, "\n---\n{object}");
        }
        let intake = Intake::read(&[text], "shop");
        let documents = &intake.documents;
        assert_eq!(documents.total, 4 + objects.len(), "{documents:?}");
        let mut engine = engine();
        for (object, _) in intake.objects {
            engine.upsert(object);
        }
        engine.turn("2026-06-01T12:00:00Z".parse().unwrap());
        let report = engine.report();
        let units = report.baselines["hostile"].units.values();
        let seen = units.map(|unit| {
            let words: Vec<&str> = match &unit.verdict {
                Verdict::Unknown(unknown) => vec![unknown.reason()],
                _ => unit.failing().map(|failing| failing.finding.reason).collect(),
            };
            assert!(!words.contains(&"Panicked"), "{:?}", unit.key);
            let verdict = format!("{} {}", unit.verdict.word(), words.join(", "));
            let key = (unit.key.control.to_owned(), unit.key.subject.to_string());
            (key, verdict.trim().to_owned())
        });
        let seen = Self(seen.collect());
        for request in engine.asides().requests() {
            let aimed = aimed_at(&request.probe);
            assert!(aimed.iter().all(|text| is_name_or_address(text)), "{aimed:?}");
        }
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        seen
    }

    fn verdict(&self, control: &str, object: &str) -> &str {
        let key = (control.to_owned(), object.to_owned());
        self.0.get(&key).map_or("nothing", String::as_str)
    }
}

fn engine() -> Engine {
    let registry = plimsoll_controls::registry();
    let probing = ["encryption/tls-handshake", "availability/uptime-slo"];
    let entry = |id: &str| {
        let mut entry = Map::new();
        if probing.contains(&id) {
            entry.insert("probe".into(), true.into());
        }
        (id.to_owned(), entry)
    };
    let spec = BaselineSpec {
        controls: registry.metas().map(|meta| entry(meta.id)).collect(),
        ..BaselineSpec::default()
    };
    let baseline = compile("hostile", 1, &spec, &[], &registry, None);
    assert!(baseline.problems.is_empty(), "{:?}", baseline.problems);
    let mut engine = Engine::scan();
    engine.set_baselines(vec![baseline]);
    engine.see_everything();
    engine
}

/// The host that a probe names, and the addresses it is aimed at.
fn aimed_at(probe: &Probe) -> Vec<&str> {
    match probe {
        Probe::Handshake { endpoint, .. } => vec![&endpoint.host, &endpoint.address],
        Probe::Availability { check, at, .. } => {
            let at = at.iter().map(|(address, _)| &**address);
            at.chain([&*check.host]).collect()
        }
    }
}

fn is_name_or_address(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c))
}

fn policy(spec: &Value) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "policy", "namespace": "shop"}, "spec": spec,
    })
}

const DENY: &str = "isolation/default-deny";
const TENANTS: &str = "isolation/cross-tenant-traffic";
const ENVIRONMENTS: &str = "environments/network-segregation";
const SHOP: &str = "Namespace shop";

/// What the three controls about traffic say of the namespace with the policy.
fn about_traffic(spec: &Value) -> [String; 3] {
    let seen = Seen::of(&[policy(spec)]);
    [DENY, TENANTS, ENVIRONMENTS].map(|control| seen.verdict(control, SHOP).to_owned())
}

#[test]
fn ten_thousand_ports_open_what_they_open() {
    let ports: Vec<Value> = (0..MANY).map(|i| json!({"port": 2 * i + 1})).collect();
    let rules: Vec<Value> = ports.iter().map(|port| json!({"ports": [port]})).collect();
    for ingress in [json!([{"ports": ports}]), rules.into()] {
        assert_eq!(
            about_traffic(&json!({"podSelector": {}, "ingress": ingress})),
            ["fail IngressOpen, EgressNotDenied", "fail LetIn", "fail LetIn"]
        );
    }
}

#[test]
fn ten_thousand_blocks_that_overlap_are_one_range() {
    let blocks = |except: &Value| -> Vec<Value> {
        let block = |i| {
            let cidr = format!("10.{}.{}.0/{}", i % 7, i % 251, 8 + i % 20);
            json!({"ipBlock": {"cidr": cidr, "except": except}})
        };
        (0..MANY).map(block).collect()
    };
    // Addresses of pods are not known, so that one of the blocks may hold them.
    let open = json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{"from": blocks(&json!([]))}]});
    assert_eq!(
        about_traffic(&open),
        ["pass", "fail MayBeLetIn", "fail MayBeLetIn"]
    );
    let closed = json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{"from": blocks(&json!(["10.0.0.0/8"]))}]});
    assert_eq!(about_traffic(&closed), ["pass", "pass", "pass"]);
}

#[test]
fn each_family_of_addresses_is_its_own() {
    for (cidr, deny) in [
        ("::/0", "fail IngressOpen"),
        ("0.0.0.0/0", "fail IngressOpen"),
        ("fd00::/8", "pass"),
        ("::ffff:0:0/96", "pass"),
    ] {
        let from = json!([{"from": [{"ipBlock": {"cidr": cidr}}]}]);
        let spec = json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": from});
        assert_eq!(about_traffic(&spec)[0], deny, "{cidr}");
    }
}

#[test]
fn selectors_that_are_huge_empty_or_contradictory_select_what_they_select() {
    let values: Vec<String> = (0..MANY).map(|i| format!("v{i}")).collect();
    let keys: Vec<Value> = (0..MANY)
        .map(|i| json!({"key": format!("k{i}"), "operator": "DoesNotExist"}))
        .collect();
    let contradiction = json!({"matchLabels": {"app": "x"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]});
    for (selector, traffic) in [
        (
            json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": values}]}),
            "pass",
        ),
        (json!({"matchExpressions": keys}), "pass"),
        (json!({}), "pass"),
        (contradiction, "fail NotIsolated"),
    ] {
        let [deny, tenants, environments] = about_traffic(&json!({"podSelector": selector}));
        let all = selector == json!({});
        assert_eq!(
            deny,
            if all {
                "fail EgressNotDenied"
            } else {
                "fail IngressNotDenied, EgressNotDenied"
            }
        );
        assert_eq!([&*tenants, &*environments], [traffic, traffic]);
    }
}

#[test]
fn a_policy_that_cannot_be_read_is_unknown() {
    for (spec, deny) in [
        (
            json!({"podSelector": {"matchExpressions": [{"key": "app", "operator": "Near"}]}}),
            "unknown Unparsed",
        ),
        (
            json!({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "everything"}}]}]}),
            "fail EgressNotDenied",
        ),
        (json!({"podSelector": "all"}), "unknown Unparsed"),
    ] {
        let [said, tenants, environments] = about_traffic(&spec);
        assert_eq!(said, deny, "{spec}");
        for verdict in [tenants, environments] {
            assert!(verdict.starts_with("unknown"), "{spec}: {verdict}");
        }
    }
}

#[test]
fn roles_of_ten_thousand_rules_give_what_any_of_them_gives() {
    let reads = |i: usize| json!({"apiGroups": [""], "resources": [format!("r{i}")], "verbs": ["get"]});
    let role = |name: &str, last: Value| {
        let rules: Vec<Value> = (0..MANY).map(reads).chain([last]).collect();
        let metadata = json!({"name": name});
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules})
    };
    let bound = |role: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": role, "namespace": "shop"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": "runner", "namespace": "lab"}],
        })
    };
    let seen = Seen::of(&[
        role("plain", reads(0)),
        role(
            "exec",
            json!({"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}),
        ),
        bound("plain"),
        bound("exec"),
    ]);
    let least = |role: &str| seen.verdict("access/least-privilege", role).to_owned();
    assert_eq!(
        [least("ClusterRole plain"), least("ClusterRole exec")],
        ["pass", "fail EntersPods"]
    );
    for role in ["plain", "exec"] {
        let binding = format!("RoleBinding shop/{role}");
        assert_eq!(
            seen.verdict("isolation/tenant-rbac", &binding),
            "fail ForeignSubject"
        );
        assert_eq!(
            seen.verdict("environments/rbac-segregation", &binding),
            "fail ForeignServiceAccount"
        );
    }
}

#[test]
fn hosts_that_are_no_names_are_never_tried_and_never_pass() {
    let hosts = [
        "a\u{1b}[2Jb.example.com",
        "b\n.example.com",
        "\u{202e}moc.elpmaxe",
        "c d.example.com",
        "e\0f",
        "*.*",
        "-\u{7f}",
    ];
    let ingress = |(i, host): (usize, &&str)| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": format!("i{i}"), "namespace": "shop"},
            "spec": {"rules": [{"host": host}], "tls": [{"hosts": [host], "secretName": "s"}]},
            "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}, {"hostname": host}]}},
        })
    };
    let objects: Vec<Value> = hosts.iter().enumerate().map(ingress).collect();
    let seen = Seen::of(&objects);
    for (i, host) in hosts.iter().enumerate() {
        let object = format!("Ingress shop/i{i}");
        for control in ["encryption/tls-handshake", "availability/uptime-slo"] {
            assert!(
                seen.verdict(control, &object).starts_with("unknown"),
                "{control} {host:?}: {}",
                seen.verdict(control, &object)
            );
        }
    }
}

/// A name as nobody may give it, from a manifest that nobody checked.
#[test]
fn names_with_control_characters_are_names() {
    let name = "a\u{1b}[31m\n\u{202e}b";
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": name, "image": name}]}}},
    });
    let seen = Seen::of(&[object]);
    let redundancy = seen.0.iter().filter(|((control, object), _)| {
        control == "availability/replica-redundancy" && object.contains('\u{202e}')
    });
    let verdicts: Vec<&String> = redundancy.map(|(_, verdict)| verdict).collect();
    assert_eq!(verdicts, ["fail TooFewReplicas"]);
}
