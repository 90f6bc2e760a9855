//! Schemas as the API server wants them: structural, inlined, without defaults.

use kube::core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings, json_schema, transform::AddNullable};
use serde_json::{Map, Value, json};

/// A moment, RFC 3339.
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

/// Any JSON value.
pub(crate) fn any(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

/// `metav1.Condition`, keyed by type.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "description": "One aspect of the current state.",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": { "type": "string", "description": "Which aspect, in CamelCase.", "maxLength": 316 },
                "status": { "type": "string", "description": "True, False or Unknown.", "enum": ["True", "False", "Unknown"] },
                "reason": {
                    "type": "string", "description": "Why, as one CamelCase word.", "minLength": 1, "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
                },
                "message": { "type": "string", "description": "Why, for people.", "maxLength": 32768 },
                "lastTransitionTime": { "type": "string", "format": "date-time", "description": "When the status last changed." },
                "observedGeneration": {
                    "type": "integer", "format": "int64", "minimum": 0,
                    "description": "`metadata.generation` that the condition is about."
                }
            }
        }
    })
}

/// The generator that kube's derive uses, for schemas that come from elsewhere.
pub(crate) fn generator() -> SchemaGenerator {
    SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .with_transform(AddNullable::default())
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .into_generator()
}

/// What kube's derive makes of a schema.
pub(crate) fn structural(mut schema: Schema, generator: &mut SchemaGenerator) -> Value {
    for transform in generator.transforms_mut() {
        transform.transform(&mut schema);
    }
    schema.to_value()
}

/// Makes a schema say no more than the API server may act on.
///
/// - no `default`: the API server would write it into the object, where it overrides what `extends` says
/// - no `nullable`: an explicit null is refused by name instead of meaning something nobody wrote down
/// - no formats and keywords that the API server does not know
pub(crate) fn clean(schema: &mut Value) {
    let Value::Object(keywords) = schema else { return };
    for unknown in ["default", "nullable", "$schema", "title", "additionalItems"] {
        keywords.remove(unknown);
    }
    numbers(keywords);
    if keywords.contains_key("properties") {
        // Structural schemas have either; misspelt names are refused by the admission policy, which sees them.
        keywords.remove("additionalProperties");
    }
    for_each_part(keywords, &mut clean);
}

/// Formats of Rust's integers are not the API server's.
fn numbers(keywords: &mut Map<String, Value>) {
    let format = keywords.get("format").and_then(Value::as_str).unwrap_or_default();
    match format {
        "uint8" | "uint16" | "int8" | "int16" => keywords.insert("format".into(), json!("int32")),
        "uint32" | "uint64" | "uint" | "int" => keywords.insert("format".into(), json!("int64")),
        _ => None,
    };
    for limit in ["minimum", "maximum"] {
        let whole = keywords
            .get(limit)
            .and_then(Value::as_f64)
            .filter(|n| n.fract() == 0.0);
        if let Some(n) = whole {
            #[allow(clippy::cast_possible_truncation, reason = "limits are small")]
            keywords.insert(limit.into(), json!(n as i64));
        }
    }
}

/// Lets unknown fields stay in every object of the schema, so that whoever wrote them is told instead of ignored.
pub(crate) fn preserve_unknown(schema: &mut Value) {
    let Value::Object(keywords) = schema else { return };
    let is_object = keywords.get("type").and_then(Value::as_str) == Some("object");
    if is_object && !keywords.contains_key("additionalProperties") {
        keywords.insert("x-kubernetes-preserve-unknown-fields".into(), json!(true));
    }
    for_each_part(keywords, &mut preserve_unknown);
}

/// Visits the schemas of properties, items and map values.
fn for_each_part(keywords: &mut Map<String, Value>, visit: &mut dyn FnMut(&mut Value)) {
    if let Some(Value::Object(properties)) = keywords.get_mut("properties") {
        properties.values_mut().for_each(&mut *visit);
    }
    for part in ["items", "additionalProperties"] {
        if let Some(part) = keywords.get_mut(part) {
            visit(part);
        }
    }
}
