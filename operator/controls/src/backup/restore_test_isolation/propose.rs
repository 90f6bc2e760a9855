//! The repairs: a denial for the namespace, the end of a copy.

use plimsoll_engine::{
    facts::Occupied,
    finding::{Change, Repair, RepairClass},
    kind::Kind,
    name::ObjRef,
    unknown::Unknown,
    view::View,
};
use serde_json::json;

const DENY: &str = "baseline-restore-test-deny";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Pods reach each other and a resolver, and nobody else; who needs the backup store adds a policy for it.
pub(super) fn deny(namespace: &str, view: &View<'_>) -> Result<Repair, Unknown> {
    let occupied = *view.fact(&Occupied {
        namespace: namespace.into(),
    })?;
    let (class, why) = if occupied {
        let why = "a test that runs needs a policy that lets it reach the backup store first";
        (RepairClass::NeedsApproval, why)
    } else {
        let why = "the namespace holds no pod and no workload object: there is no traffic to cut";
        (RepairClass::Safe, why)
    };
    let dns = json!({
        "to": [{
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }],
        "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
    });
    let own = |field: &str| json!({field: [{"podSelector": {}}]});
    let manifest = json!({
        "apiVersion": Kind::NetworkPolicy.api_version(),
        "kind": "NetworkPolicy",
        "metadata": {"name": DENY, "namespace": namespace, "labels": {MANAGED_BY: "plimsoll"}},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [own("from")],
            "egress": [own("to"), dns],
        },
    });
    Ok(Repair {
        class,
        why: why.into(),
        changes: vec![Change::Create {
            target: ObjRef::new(Kind::NetworkPolicy, namespace, DENY),
            manifest: manifest.into(),
        }],
    })
}

pub(super) fn delete(copy: &ObjRef) -> Repair {
    Repair {
        class: RepairClass::NeedsApproval,
        why: "it destroys data, of which it is only a copy".into(),
        changes: vec![Change::Delete { target: copy.clone() }],
    }
}
