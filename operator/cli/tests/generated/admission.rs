//! What the admission policies know of the schemas: which fields there are.
//!
//! The schemas keep unknown fields, also those that a lenient client (a plain POST, `--validate=false`) would lose without a
//! word. So the policy sees them, and refuses them by name.

use plimsoll_api::CustomResourceDefinition;
use plimsoll_engine::control::Registry;
use serde_json::{Map, Value, json};

use crate::yaml;

/// What may stand in every control's entry.
const RESERVED: [&str; 3] = ["mode", "severity", "failAfter"];

pub(crate) fn file(registry: &Registry, crds: &[CustomResourceDefinition]) -> String {
    let spec = |plural: &str| {
        let crd = crds.iter().find(|crd| crd.spec.names.plural == plural).unwrap();
        let crd = serde_json::to_value(crd).unwrap();
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
    };
    let ids: Vec<&str> = registry.metas().map(|meta| meta.id).collect();
    let baseline = spec("securitybaselines");
    let mut rules = vec![unknown_control(&ids), empty_entry(), unknown_parameter()];
    rules.extend(unknown_fields(&baseline, "object.spec", "spec"));
    let mut exception = vec![json!({
        "expression": format!("object.spec.control in {}", list(&ids)),
        "messageExpression": format!(
            "'spec.control: there is no control ' + object.spec.control + '; there is: ' + {}.join(', ')", list(&ids)
        ),
    })];
    exception.extend(unknown_fields(&spec("baselineexceptions"), "object.spec", "spec"));
    yaml(&json!({
        "baseline": { "parameters": parameters(&baseline), "validations": rules },
        "exception": { "validations": exception },
    }))
}

/// A CEL map of the parameters that each control has.
fn parameters(baseline: &Value) -> String {
    let controls = baseline["properties"]["controls"]["properties"]
        .as_object()
        .unwrap();
    let entry = |(id, schema): (&String, &Value)| {
        let mut names: Vec<&str> = properties(schema)
            .filter(|name| !RESERVED.contains(name))
            .collect();
        names.extend(RESERVED);
        format!("'{id}': {}", list(&names))
    };
    format!(
        "{{{}}}",
        controls.iter().map(entry).collect::<Vec<_>>().join(", ")
    )
}

fn unknown_control(ids: &[&str]) -> Value {
    json!({
        "expression": "variables.unknownControls.size() == 0",
        "messageExpression": format!(
            "'spec.controls.' + variables.unknownControls[0] + ': there is no such control; there is: ' + {}.join(', ')",
            list(ids)
        ),
    })
}

fn empty_entry() -> Value {
    json!({
        "expression": "variables.empty.size() == 0",
        "messageExpression":
            "'spec.controls.' + variables.empty[0] + ': write {} for a control with its default parameters'",
    })
}

fn unknown_parameter() -> Value {
    json!({
        "expression": "variables.misspelt.size() == 0",
        "messageExpression": "'spec.controls.' + variables.misspelt[0] + '.' + \
            variables.controls[variables.misspelt[0]].filter(p, !(p in variables.parameters[variables.misspelt[0]]))[0] + \
            ': there is no such parameter; there is: ' + variables.parameters[variables.misspelt[0]].join(', ')",
    })
}

/// A rule per object of the schema, reached by `expression`; those of `controls` entries have rules of their own.
fn unknown_fields(schema: &Value, expression: &str, path: &str) -> Vec<Value> {
    let mut rules = Vec::new();
    let is_entry = path
        .strip_prefix("spec.controls.")
        .is_some_and(|rest| !rest.contains('.'));
    if path != "spec.controls" && !is_entry {
        rules.push(object(schema, expression, path));
    }
    for (name, property) in schema["properties"].as_object().unwrap_or(&Map::new()) {
        let (inner, path) = (format!("{expression}[?'{name}']"), format!("{path}.{name}"));
        let inner = inner.replacen("object.spec[?", "optional.of(dyn(object.spec))[?", 1);
        if property["properties"].is_object() {
            rules.extend(unknown_fields(property, &inner, &path));
        } else if property["items"]["properties"].is_object() {
            rules.push(items(&property["items"], &inner, &path));
        } else if property["additionalProperties"]["properties"].is_object() {
            rules.push(values(&property["additionalProperties"], &inner, &path));
        }
    }
    rules
}

fn object(schema: &Value, expression: &str, path: &str) -> Value {
    let names: Vec<&str> = properties(schema).collect();
    let fields = if expression.contains("[?") {
        format!("{expression}.orValue({{}})")
    } else {
        format!("dyn({expression})")
    };
    json!({
        "expression": format!("{fields}.all(f, f in {})", list(&names)),
        "messageExpression": format!(
            "'{path}.' + {fields}.filter(f, !(f in {}))[0] + ': there is no such field; there is: {}'",
            list(&names),
            names.join(", ")
        ),
    })
}

/// Lists of objects: all of their items are checked by one rule, whatever they hold.
fn items(schema: &Value, expression: &str, path: &str) -> Value {
    let names: Vec<&str> = properties(schema).collect();
    json!({
        "expression": format!("{expression}.orValue([]).all(i, {})", known(schema, "i", 0)),
        "message": format!("{path}[]: an item has an unknown field; there is: {}", names.join(", ")),
    })
}

/// Maps of objects, likewise.
fn values(schema: &Value, expression: &str, path: &str) -> Value {
    let names: Vec<&str> = properties(schema).collect();
    let map = format!("{expression}.orValue({{}})");
    json!({
        "expression": format!("{map}.all(k, {})", known(schema, &format!("{map}[k]"), 0)),
        "message": format!("{path}: an entry has an unknown field; there is: {}", names.join(", ")),
    })
}

/// Whether an object has known fields only, to any depth.
fn known(schema: &Value, var: &str, depth: usize) -> String {
    let names: Vec<&str> = properties(schema).collect();
    let mut all = vec![format!("{var}.all(f, f in {})", list(&names))];
    for (name, property) in schema["properties"].as_object().unwrap_or(&Map::new()) {
        let inner = format!("{var}['{name}']");
        if property["properties"].is_object() {
            all.push(format!(
                "(!('{name}' in {var}) || ({}))",
                known(property, &inner, depth)
            ));
        } else if property["items"]["properties"].is_object() {
            let item = format!("i{depth}");
            let each = known(&property["items"], &item, depth + 1);
            all.push(format!("(!('{name}' in {var}) || {inner}.all({item}, {each}))"));
        }
    }
    all.join(" && ")
}

fn properties(schema: &Value) -> impl Iterator<Item = &str> {
    schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
}

/// A CEL list of strings. None of the names needs quoting.
fn list(names: &[&str]) -> String {
    assert!(names.iter().all(|name| !name.contains(['\'', '\\'])));
    format!(
        "[{}]",
        names
            .iter()
            .map(|n| format!("'{n}'"))
            .collect::<Vec<_>>()
            .join(", ")
    )
}
