//! Random roles and bindings, from a seed.

use plimsoll_engine::{
    decode::{Object, decode_json},
    kind::Kind,
    rights::{Request, ResourceRequest},
};
use serde_json::{Value, json};

pub(crate) const NAMESPACES: [&str; 4] = ["ra", "rb", "rc", "rd"];
pub(crate) const VERBS: [&str; 12] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "bind",
    "escalate",
    "impersonate",
    "use",
];
pub(crate) const GROUPS: [&str; 5] = ["", "apps", "batch", "rbac.authorization.k8s.io", "acme.example"];
pub(crate) const RESOURCES: [&str; 12] = [
    "pods",
    "pods/exec",
    "pods/log",
    "deployments",
    "deployments/scale",
    "widgets/scale",
    "secrets",
    "configmaps",
    "nodes",
    "nodes/proxy",
    "widgets",
    "serviceaccounts/token",
];
pub(crate) const NAMES: [&str; 4] = ["a", "b", "web", "a.b-c"];
pub(crate) const PATHS: [&str; 8] = [
    "/metrics",
    "/healthz",
    "/healthz/ready",
    "/apis",
    "/apis/apps",
    "/logs/",
    "/logs/x/y",
    "/debug",
];
const LISTED_PATHS: [&str; 8] = [
    "/metrics",
    "/healthz",
    "/healthz/*",
    "/apis/*",
    "/logs/*",
    "/de*",
    "/met**",
    "*",
];
const LABELS: [&str; 4] = ["one", "two", "three", "four"];
const ROLES: usize = 40;
const CLUSTER_ROLES: usize = 40;
const AGGREGATED: usize = 12;

/// A small deterministic generator (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % n.max(1) as u64).unwrap()
    }

    pub(crate) fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One to three of them.
    fn some(&mut self, from: &[&'static str]) -> Vec<&'static str> {
        let mut some: Vec<_> = (0..=self.below(3)).map(|_| *self.pick(from)).collect();
        some.sort_unstable();
        some.dedup();
        some
    }
}

/// What was made, as it is written.
pub(crate) struct Generated {
    pub(crate) objects: Vec<(Kind, Value)>,
}

impl Generated {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut objects = Vec::new();
        for i in 0..ROLES {
            let namespace = NAMESPACES[i % NAMESPACES.len()];
            let metadata = json!({"name": format!("role-{i}"), "namespace": namespace});
            objects.push((
                Kind::Role,
                json!({"metadata": metadata, "rules": rules(&mut dice, false)}),
            ));
        }
        for i in 0..CLUSTER_ROLES {
            let mut labels = serde_json::Map::new();
            if dice.chance(2) {
                labels.insert("gen".into(), (*dice.pick(&LABELS)).into());
            }
            if dice.chance(3) {
                labels.insert(
                    "rbac.authorization.k8s.io/aggregate-to-view".into(),
                    "true".into(),
                );
            }
            let metadata = json!({"name": format!("generated-{i}"), "labels": labels});
            objects.push((
                Kind::ClusterRole,
                json!({"metadata": metadata, "rules": rules(&mut dice, true)}),
            ));
        }
        for i in 0..AGGREGATED {
            objects.push((Kind::ClusterRole, aggregated(&mut dice, i)));
        }
        objects.extend(bindings(&mut dice));
        for (kind, object) in &mut objects {
            object["apiVersion"] = kind.api_version().into();
            object["kind"] = kind.info().kind.into();
        }
        Self { objects }
    }

    pub(crate) fn manifests(&self) -> String {
        self.objects
            .iter()
            .map(|(_, object)| object.to_string())
            .collect::<Vec<_>>()
            .join("\n---\n")
    }

    pub(crate) fn objects(&self) -> impl Iterator<Item = Object> {
        self.objects
            .iter()
            .map(|(kind, object)| decode_json(*kind, &object.to_string()).unwrap())
    }

    pub(crate) fn has(&self, kind: Kind, object: &Value) -> bool {
        let named = |value: &Value| {
            (
                value["metadata"]["namespace"].clone(),
                value["metadata"]["name"].clone(),
            )
        };
        self.objects
            .iter()
            .any(|(k, own)| *k == kind && named(own) == named(object))
    }
}

fn rules(dice: &mut Dice, cluster: bool) -> Vec<Value> {
    (0..dice.below(4)).map(|_| rule(dice, cluster)).collect()
}

fn rule(dice: &mut Dice, cluster: bool) -> Value {
    let verbs = if dice.chance(8) {
        vec!["*"]
    } else {
        dice.some(&VERBS)
    };
    if cluster && dice.chance(4) {
        return json!({"verbs": verbs, "nonResourceURLs": dice.some(&LISTED_PATHS)});
    }
    let groups = if dice.chance(8) {
        vec!["*"]
    } else {
        dice.some(&GROUPS)
    };
    let resources = match dice.below(10) {
        0 => vec!["*"],
        1 | 2 => vec!["*/scale", "configmaps"],
        3 => vec!["*/exec", "po*", "pods/*", "*/*"],
        _ => dice.some(&RESOURCES),
    };
    let mut rule = json!({"verbs": verbs, "apiGroups": groups, "resources": resources});
    if dice.chance(4) {
        rule["resourceNames"] = json!(dice.some(&NAMES));
    }
    rule
}

/// By label, by expression, and from each other: roles that gather carry labels too.
fn aggregated(dice: &mut Dice, i: usize) -> Value {
    let selector = match dice.below(3) {
        0 => json!({"matchLabels": {"gen": dice.pick(&LABELS)}}),
        1 => json!({"matchExpressions": [{"key": "gen", "operator": "In", "values": dice.some(&LABELS)}]}),
        _ => {
            json!({"matchExpressions": [{"key": "step", "operator": "In", "values": [format!("s{}", dice.below(AGGREGATED))]}]})
        }
    };
    let labels = json!({"step": format!("s{i}")});
    json!({
        "metadata": {"name": format!("gathers-{i}"), "labels": labels},
        "aggregationRule": {"clusterRoleSelectors": [selector]},
        "rules": [],
    })
}

fn bindings(dice: &mut Dice) -> Vec<(Kind, Value)> {
    let mut bindings = Vec::new();
    for (i, namespace) in NAMESPACES.iter().cycle().take(120).enumerate() {
        let of_namespace = NAMESPACES.iter().position(|n| n == namespace).unwrap();
        let role = match dice.below(8) {
            0..3 => (
                "Role",
                format!(
                    "role-{}",
                    dice.below(ROLES / NAMESPACES.len()) * NAMESPACES.len() + of_namespace
                ),
            ),
            3..5 => ("ClusterRole", format!("generated-{}", dice.below(CLUSTER_ROLES))),
            5 => ("ClusterRole", (*dice.pick(&["view", "edit", "admin"])).into()),
            6 => ("ClusterRole", format!("gathers-{}", dice.below(AGGREGATED))),
            _ => ("Role", "nowhere".into()),
        };
        let metadata = json!({"name": format!("binds-{i}"), "namespace": namespace});
        bindings.push((Kind::RoleBinding, binding(dice, &metadata, &role)));
    }
    for i in 0..24 {
        let role = match dice.below(4) {
            0 | 1 => format!("generated-{}", dice.below(CLUSTER_ROLES)),
            2 => format!("gathers-{}", dice.below(AGGREGATED)),
            _ => "nowhere".into(),
        };
        let metadata = json!({"name": format!("binds-{i}")});
        bindings.push((
            Kind::ClusterRoleBinding,
            binding(dice, &metadata, &("ClusterRole", role)),
        ));
    }
    bindings
}

fn binding(dice: &mut Dice, metadata: &Value, (kind, name): &(&str, String)) -> Value {
    let subjects: Vec<Value> = (0..dice.below(3)).map(|_| subject(dice)).collect();
    json!({
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        "subjects": subjects,
    })
}

fn subject(dice: &mut Dice) -> Value {
    let namespace = *dice.pick(&NAMESPACES);
    let group =
        |name: String| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name});
    let user = |name: String| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name});
    match dice.below(24) {
        0..6 => {
            json!({"kind": "ServiceAccount", "name": format!("sa{}", dice.below(3)), "namespace": namespace})
        }
        6..8 => user(format!("system:serviceaccount:{namespace}:sa{}", dice.below(3))),
        8..14 => user(format!("user{}", dice.below(8))),
        14..19 => group(format!("group{}", dice.below(6))),
        19..22 => group(format!("system:serviceaccounts:{namespace}")),
        22 => group((*dice.pick(&["system:serviceaccounts", "system:authenticated"])).into()),
        _ => group("system:unauthenticated".into()),
    }
}

/// What is created last: once the authorizer knows it, it knows all that came before, kind by kind.
pub(crate) fn last() -> String {
    let rules = json!([{"verbs": ["last"], "apiGroups": [""], "resources": ["last"]}]);
    let subjects = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "last"}]);
    let object = |kind: Kind, namespaced: bool, of: &str| {
        let mut object =
            json!({"apiVersion": kind.api_version(), "kind": kind.info().kind, "metadata": {"name": "last"}});
        if namespaced {
            object["metadata"]["namespace"] = "ra".into();
        }
        if of.is_empty() {
            object["rules"] = rules.clone();
        } else {
            object["roleRef"] = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": of, "name": "last"});
            object["subjects"] = subjects.clone();
        }
        object.to_string()
    };
    [
        object(Kind::Role, true, ""),
        object(Kind::RoleBinding, true, "Role"),
        object(Kind::ClusterRole, false, "")
            .replace("\"verbs\":[\"last\"]", "\"verbs\":[\"last-everywhere\"]"),
        object(Kind::ClusterRoleBinding, false, "ClusterRole"),
    ]
    .join("\n---\n")
}

pub(crate) fn last_requests() -> [Request<'static>; 2] {
    let request = |verb, namespace| {
        Request::Resource(ResourceRequest {
            verb,
            resource: "last",
            namespace,
            ..ResourceRequest::default()
        })
    };
    [request("last", "ra"), request("last-everywhere", "")]
}
