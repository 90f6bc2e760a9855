//! The CustomResourceDefinitions, with the parameters of every registered control in the schema.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use plimsoll_engine::{
    control::{Meta, Registry},
    duration::Duration,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    baseline::SecurityBaseline,
    evidence::EvidenceRecord,
    exception::BaselineException,
    schema::{clean, generator, preserve_unknown, structural},
};

/// Every CustomResourceDefinition of the group, in the order of their names.
///
/// The schema of a `SecurityBaseline` knows each control of the registry by its id, with its parameters; that is what
/// `kubectl explain` shows and the API server checks. Unknown fields are kept, so that the admission policy of the chart can
/// refuse them by name: pruned ones would vanish without a word.
pub fn crds(registry: &Registry) -> serde_json::Result<Vec<CustomResourceDefinition>> {
    let baseline = finished(SecurityBaseline::crd(), |schema| {
        let Some(spec) = schema.pointer_mut("/properties/spec") else {
            return;
        };
        if let Some(slot) = spec.pointer_mut("/properties/controls") {
            *slot = controls(registry, slot);
        }
        preserve_unknown(spec);
    })?;
    let exception = finished(BaselineException::crd(), |schema| {
        if let Some(spec) = schema.pointer_mut("/properties/spec") {
            preserve_unknown(spec);
        }
    })?;
    let evidence = finished(EvidenceRecord::crd(), |_| {})?;
    Ok(vec![exception, evidence, baseline])
}

/// Cleans the schema of each version, and completes it.
fn finished(
    crd: CustomResourceDefinition,
    complete: impl Fn(&mut Value),
) -> serde_json::Result<CustomResourceDefinition> {
    let mut crd = serde_json::to_value(crd)?;
    let versions = crd.pointer_mut("/spec/versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        if let Some(schema) = version.pointer_mut("/schema/openAPIV3Schema") {
            clean(schema);
            complete(schema);
        }
    }
    CustomResourceDefinition::deserialize(crd)
}

/// The schema of `spec.controls`: one property per control.
fn controls(registry: &Registry, generic: &Value) -> Value {
    let entries: serde_json::Map<String, Value> = registry
        .metas()
        .map(|meta| (meta.id.to_string(), entry(registry, meta)))
        .collect();
    json!({
        "type": "object",
        "description": generic.get("description").cloned().unwrap_or_default(),
        "minProperties": 1,
        "maxProperties": 256,
        "properties": entries,
    })
}

/// The schema of one control's entry: its parameters, and what every entry may have.
fn entry(registry: &Registry, meta: &Meta) -> Value {
    let mut generator = generator();
    let parameters = registry.schema(meta.id, &mut generator).unwrap_or_default();
    let mut schema = structural(parameters, &mut generator);
    if !schema.is_object() {
        schema = json!({});
    }
    clean(&mut schema);
    schema["type"] = json!("object");
    schema["description"] = json!(describe(meta));
    if schema["properties"].is_null() {
        schema["properties"] = json!({});
    }
    for (name, property) in reserved(meta) {
        schema["properties"][name] = property;
    }
    if let Some(keywords) = schema.as_object_mut() {
        keywords.remove("additionalProperties");
    }
    // `environments/labelled:` without `{}` is a null. The API server would drop one that may not be null, and with it the
    // control; the admission policy refuses it.
    schema["nullable"] = json!(true);
    schema
}

fn describe(meta: &Meta) -> String {
    format!("{}. More: `plimsoll explain {}`.", meta.title, meta.id)
}

/// What may stand in every entry, with this control's defaults.
fn reserved(meta: &Meta) -> [(&'static str, Value); 3] {
    let mut generator = generator();
    let mut fail_after = structural(Duration::json_schema(&mut generator), &mut generator);
    fail_after["description"] = json!(format!(
        "How long a new failure must persist before it counts. Default: `{}`.",
        meta.fail_after
    ));
    [
        (
            "mode",
            json!({
                "type": "string",
                "enum": ["Disabled", "Observe", "Propose", "Enforce"],
                "description": "How far the operator may go for this control; `Disabled` switches it off. Default: `spec.mode`."
            }),
        ),
        (
            "severity",
            json!({
                "type": "string",
                "enum": ["Critical", "High", "Medium", "Low"],
                "description": format!("How much a failure matters. Default: `{:?}`.", meta.severity)
            }),
        ),
        ("failAfter", fail_after),
    ]
}
