//! A Deployment in place of a bare pod: a text to start from, never applied.

use plimsoll_engine::{
    control::Unit,
    finding::{Change, Repair, RepairClass},
    kind::Kind,
    name::ObjRef,
    object::Pod,
    unknown::Unknown,
};
use serde_json::{Map, Value, json};

pub(super) fn deployment(unit: &Unit<'_>) -> Result<Repair, Unknown> {
    let pod = unit.get::<Pod>()?;
    let (namespace, name) = (unit.namespace(), unit.name().name());
    let mut labels: Map<String, Value> = unit
        .object()?
        .meta
        .labels
        .iter()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    if labels.is_empty() {
        labels.insert("app.kubernetes.io/name".into(), name.into());
    }
    let containers = pod.spec().into_iter().flat_map(|spec| spec.containers.iter().flatten());
    let containers: Vec<Value> = containers
        .map(|container| json!({"name": container.name, "image": container.image}))
        .collect();
    let manifest = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    });
    Ok(Repair {
        class: RepairClass::NeverAutomatic,
        why: "whether the pod may run twice, or anew, is for its author to say; the rest of its specification belongs \
              into the template"
            .into(),
        changes: vec![Change::Create {
            target: ObjRef::new(Kind::Deployment, namespace, name),
            manifest: manifest.into(),
        }],
    })
}
