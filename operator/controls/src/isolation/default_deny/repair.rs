//! The repair: a denial with its companions, so that what a namespace usually needs goes on working.

use plimsoll_engine::{
    facts::Occupied,
    finding::{Change, Finding, Repair, RepairClass},
    kind::Kind,
    name::ObjRef,
    object::Direction,
    unknown::Unknown,
    view::View,
};
use serde_json::{Value, json};

use super::{MISSING, Params, Policies, directions, is_denied, policies};

const DENY: &str = "baseline-default-deny";
const DNS: &str = "baseline-allow-dns";
const SAME_NAMESPACE: &str = "baseline-allow-same-namespace";
const FROM_INGRESS: &str = "baseline-allow-from-ingress";
const COMPANIONS: [&str; 3] = [DNS, SAME_NAMESPACE, FROM_INGRESS];
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// What would repair one finding. Both of a namespace's missing directions are repaired by the same changes, and carry them
/// both: whoever applies them applies equal changes once.
pub(super) fn repair(
    namespace: &str,
    view: &View<'_>,
    params: &Params,
    finding: &Finding,
) -> Result<Option<Repair>, Unknown> {
    let policies = policies(namespace, view)?;
    if !MISSING.iter().any(|(reason, _)| *reason == finding.reason) {
        return Ok(tighten(finding));
    }
    let missing: Vec<Direction> = directions(params).filter(|d| !is_denied(*d, &policies)).collect();
    let (class, why) = class(namespace, view, &policies);
    let changes = wanted(view, params, &missing)
        .into_iter()
        .filter(|(name, _)| *name == DENY || !exists(name, &policies))
        .map(|(name, spec)| create(namespace, name, &spec))
        .collect();
    Ok(Some(Repair {
        class,
        why: why.into(),
        changes,
    }))
}

fn exists(name: &str, policies: &Policies<'_>) -> bool {
    policies.iter().any(|(object, _)| object.name.name() == name)
}

/// Whether somebody else made a policy of that name: it may do something else than ours.
fn exists_unmanaged(name: &str, policies: &Policies<'_>) -> bool {
    policies.iter().any(|(object, _)| {
        object.name.name() == name && object.meta.labels.get(MANAGED_BY) != Some("plimsoll")
    })
}

/// Only where nothing runs and nothing may come to run can nothing be cut off.
fn class(namespace: &str, view: &View<'_>, policies: &Policies<'_>) -> (RepairClass, String) {
    if exists(DENY, policies) {
        let why = format!("a policy called {DENY} exists and does something else");
        return (RepairClass::NeverAutomatic, why);
    }
    let occupied = view.fact(&Occupied {
        namespace: namespace.into(),
    });
    let why = match occupied.as_deref() {
        Ok(true) => "the namespace holds pods or workloads, whose traffic the policies may cut".into(),
        Err(unknown) => format!("whether the namespace is empty cannot be told: {}", unknown.message()),
        Ok(false) if COMPANIONS.iter().any(|name| exists_unmanaged(name, policies)) => {
            "a policy of one of the names to create exists and may do something else".into()
        }
        Ok(false) => {
            let why = "the namespace holds no pod and no workload object: there is no traffic to cut";
            return (RepairClass::Safe, why.into());
        }
    };
    (RepairClass::NeedsApproval, why)
}

/// The policies to create, the denial last: what is needed is allowed before the rest is denied.
fn wanted(view: &View<'_>, params: &Params, missing: &[Direction]) -> Vec<(&'static str, Value)> {
    let mut wanted = Vec::new();
    if params.allow_dns && missing.contains(&Direction::Egress) {
        wanted.push((DNS, allow_dns(view)));
    }
    if params.allow_same_namespace {
        wanted.push((SAME_NAMESPACE, allow_same_namespace(missing)));
    }
    if !params.allow_from_namespaces.is_empty() && missing.contains(&Direction::Ingress) {
        wanted.push((
            FROM_INGRESS,
            allow_from(&params.allow_from_namespaces),
        ));
    }
    wanted.push((DENY, json!({"podSelector": {}, "policyTypes": words(missing)})));
    wanted
}

fn words(directions: &[Direction]) -> Vec<&'static str> {
    directions.iter().map(|direction| direction.word()).collect()
}

fn allow_dns(view: &View<'_>) -> Value {
    let mut to = vec![json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    })];
    // Where it cannot be told whether a cache runs on each node, its link-local address is allowed: it opens nothing else.
    let cache = ObjRef::new(Kind::DaemonSet, "kube-system", "node-local-dns");
    if !matches!(view.object(&cache), Ok(None)) {
        to.push(json!({"ipBlock": {"cidr": "169.254.20.10/32"}}));
    }
    let ports = json!([{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]);
    json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": to, "ports": ports}]})
}

fn allow_same_namespace(missing: &[Direction]) -> Value {
    let mut spec = json!({"podSelector": {}, "policyTypes": words(missing)});
    for direction in missing {
        spec[direction.field()] = json!([{direction.peers_field(): [{"podSelector": {}}]}]);
    }
    spec
}

fn allow_from(namespaces: &[String]) -> Value {
    let from: Vec<Value> = namespaces
        .iter()
        .map(|name| json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}))
        .collect();
    json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": from}]})
}

fn create(namespace: &str, name: &str, spec: &Value) -> Change {
    Change::Create {
        target: ObjRef::new(Kind::NetworkPolicy, namespace, name),
        manifest: json!({
            "apiVersion": Kind::NetworkPolicy.api_version(),
            "kind": "NetworkPolicy",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {MANAGED_BY: "plimsoll"},
            },
            "spec": spec,
        })
        .into(),
    }
}

/// Who may reach whom is for the policy's author to say; the proposal is the narrowest peer there is.
fn tighten(finding: &Finding) -> Option<Repair> {
    let direction = match finding.reason {
        "IngressOpen" => Direction::Ingress,
        "EgressOpen" => Direction::Egress,
        _ => return None,
    };
    let rule = finding.field_path.as_deref()?.trim_end_matches(']').rsplit_once('[')?.1;
    Some(Repair {
        class: RepairClass::NeverAutomatic,
        why: "whom the rule is meant for is for its author to say".into(),
        changes: vec![Change::Set {
            target: finding.object.clone(),
            pointer: format!("/spec/{}/{rule}/{}", direction.field(), direction.peers_field()).into(),
            from: None,
            to: json!([{"podSelector": {}}]).into(),
        }],
    })
}
