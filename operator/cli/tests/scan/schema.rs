//! Checks a result against `docs/*.schema.json`: as much of JSON Schema as the file uses, and a word of it that is not
//! known here is an error.

use std::path::Path;

use serde_json::{Map, Value};

/// Panics with the path of the first value that is not as the schema says. No property may be unknown to it.
pub(crate) fn check(report: &Value) {
    check_as("scan", report);
}

/// The same, against the schema of another name.
pub(crate) fn check_as(name: &str, report: &Value) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let file = docs.join(format!("{name}.schema.json"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    value(&schema, &schema, report, "$");
}

fn value(root: &Value, schema: &Value, found: &Value, path: &str) {
    if *schema == Value::Bool(true) {
        return; // anything
    }
    let Value::Object(schema) = schema else {
        panic!("{path}: a schema that is no object: {schema}");
    };
    for (keyword, wanted) in schema {
        match keyword.as_str() {
            "$ref" => {
                let pointer = wanted.as_str().unwrap().trim_start_matches('#');
                value(root, root.pointer(pointer).unwrap(), found, path);
            }
            "type" => assert!(is(wanted, found), "{path}: {found} is not {wanted}"),
            "enum" => assert!(
                wanted.as_array().unwrap().contains(found),
                "{path}: {found} is none of {wanted}"
            ),
            "const" => assert_eq!(found, wanted, "{path}"),
            "minimum" => assert!(
                found.as_f64().is_none_or(|n| n >= wanted.as_f64().unwrap()),
                "{path}: {found} < {wanted}"
            ),
            "items" => found
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
                .for_each(|(i, item)| {
                    value(root, wanted, item, &format!("{path}[{i}]"));
                }),
            "required" => required(wanted, found, path),
            "properties" => properties(root, wanted, found, path),
            "anyOf" | "oneOf" => any(root, wanted, found, path),
            "$schema" | "$defs" | "title" | "description" | "format" | "default" => {}
            other => panic!("{path}: the test does not know the keyword {other}"),
        }
    }
}

fn is(wanted: &Value, found: &Value) -> bool {
    let one = |word: &Value| match word.as_str().unwrap() {
        "object" => found.is_object(),
        "array" => found.is_array(),
        "string" => found.is_string(),
        "boolean" => found.is_boolean(),
        "number" => found.is_number(),
        "integer" => found.is_i64() || found.is_u64(),
        "null" => found.is_null(),
        other => panic!("unknown type {other}"),
    };
    wanted
        .as_array()
        .map_or_else(|| one(wanted), |words| words.iter().any(one))
}

fn required(wanted: &Value, found: &Value, path: &str) {
    for name in wanted.as_array().unwrap() {
        assert!(
            found.get(name.as_str().unwrap()).is_some(),
            "{path}: {name} is missing"
        );
    }
}

fn properties(root: &Value, wanted: &Value, found: &Value, path: &str) {
    let empty = Map::new();
    for (name, property) in found.as_object().unwrap_or(&empty) {
        let schema = wanted
            .get(name)
            .unwrap_or_else(|| panic!("{path}.{name} is not in the schema"));
        value(root, schema, property, &format!("{path}.{name}"));
    }
}

/// Enums with documented values and optional fields come as alternatives.
fn any(root: &Value, wanted: &Value, found: &Value, path: &str) {
    let fits = |schema: &Value| {
        let simple = schema.get("const").is_none_or(|c| c == found)
            && schema
                .get("enum")
                .is_none_or(|e| e.as_array().unwrap().contains(found))
            && schema.get("type").is_none_or(|t| is(t, found));
        simple && (schema.get("$ref").is_none() || !found.is_null())
    };
    let alternatives = wanted.as_array().unwrap();
    let fitting = alternatives.iter().find(|schema| fits(schema));
    value(
        root,
        fitting.unwrap_or_else(|| panic!("{path}: {found} is none of {wanted}")),
        found,
        path,
    );
}
