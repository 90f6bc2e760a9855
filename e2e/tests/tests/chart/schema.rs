//! The schema of the values: a typo is refused at every level.

use kube_test::Cluster;
use plimsoll_e2e::installed::top;
use serde_json::{Value, json};

use crate::template;

const TYPO: &str = "tpyo";

fn schema() -> Value {
    let text = std::fs::read_to_string(top().join("charts/plimsoll/values.schema.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn resolved<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    schema["$ref"].as_str().map_or(schema, |name| {
        let found = &root["definitions"][name.strip_prefix("#/definitions/").unwrap()];
        assert!(found.is_object(), "{name} is defined");
        found
    })
}

/// Every schema of an object that lets through what it does not know, by its path.
fn open(schema: &Value, path: &str, found: &mut Vec<String>) {
    let is_object = schema["type"] == "object" || schema["properties"].is_object();
    let refuses = schema["additionalProperties"] == false || schema["additionalProperties"].is_object();
    if is_object && !refuses {
        found.push(path.to_owned());
    }
    match schema {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, below)| open(below, &format!("{path}/{key}"), found)),
        Value::Array(items) => items.iter().for_each(|below| open(below, path, found)),
        _ => {}
    }
}

#[test]
fn every_object_refuses_what_it_does_not_know() {
    let mut found = Vec::new();
    open(&schema(), "", &mut found);
    // What a chart around this one says to all of its parts is not ours to judge.
    assert_eq!(found, ["/properties/global"]);
}

/// A value with a typo in each object of it; notes where they are. Nothing where there are no objects.
fn misspelt(schema: &Value, root: &Value, path: &str, places: &mut Vec<String>) -> Option<Value> {
    let schema = resolved(schema, root);
    if let Some(properties) = schema["properties"].as_object() {
        places.push(path.to_owned());
        let mut value = json!({ TYPO: 1 });
        for (name, below) in properties {
            let path = format!("{path}/{}", name.replace('/', "~1"));
            if let Some(below) = misspelt(below, root, &path, places) {
                value[name] = below;
            }
        }
        return Some(value);
    }
    if schema["additionalProperties"].is_object() {
        let below = misspelt(
            &schema["additionalProperties"],
            root,
            &format!("{path}/any"),
            places,
        )?;
        return Some(json!({ "any": below }));
    }
    if !schema["items"].is_object() {
        return None;
    }
    let below = misspelt(&schema["items"], root, &format!("{path}/0"), places)?;
    Some(json!([below]))
}

#[tokio::test]
async fn a_typo_is_refused_at_every_level() {
    let cluster = Cluster::shared().await.unwrap();
    let (schema, mut places) = (schema(), Vec::new());
    let mut values = misspelt(&schema, &schema, "", &mut places).unwrap();
    values["environment"] = json!("production");
    assert!(places.len() > 60, "{places:?}");
    let file = cluster.dir().join("misspelt.yaml");
    std::fs::write(&file, values.to_string()).unwrap();
    let error = template(&cluster, &["-f", file.to_str().unwrap()])
        .await
        .unwrap_err()
        .to_string();
    let silent: Vec<&String> = places
        .iter()
        .filter(|path| {
            !error.contains(&format!(
                "at '{path}': additional properties '{TYPO}' not allowed"
            ))
        })
        .collect();
    assert!(silent.is_empty(), "{silent:#?}\n{error}");
    println!("a typo is refused at {} places", places.len());
}
