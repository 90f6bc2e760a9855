//! The values of the chart: a table of them in its README, from values.yaml and its schema; and in the schema what may stand in a
//! baseline and an exception, from their definitions.

use std::{fmt::Write as _, fs};

use plimsoll_api::CustomResourceDefinition;
use serde_json::{Map, Value, json};

use crate::{Files, between, top};

const VALUES: &str = "charts/plimsoll/values.yaml";
const SCHEMA: &str = "charts/plimsoll/values.schema.json";
const README: &str = "charts/plimsoll/README.md";

pub(crate) fn files(crds: &[CustomResourceDefinition]) -> Files {
    let text = |path: &str| fs::read_to_string(top().join(path)).unwrap();
    let schema = with_specs(&text(SCHEMA), crds);
    let parsed: Value = serde_json::from_str(&schema).unwrap();
    let table = table(&entries(&text(VALUES)), &parsed);
    Files::from([
        (README.into(), between(&text(README), "values", &table)),
        (SCHEMA.into(), schema),
    ])
}

/// The schema, with the two lines on our own objects made anew.
fn with_specs(schema: &str, crds: &[CustomResourceDefinition]) -> String {
    let of = |name: &str, plural: &str, end: &str| {
        let crd = crds.iter().find(|crd| crd.spec.names.plural == plural).unwrap();
        let crd = serde_json::to_value(crd).unwrap();
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        let mut spec = strict(spec);
        // What a chart's values say is merged over what the chart has: nothing is required of a part.
        let complete = name == "exceptionSpec";
        if !complete {
            spec.as_object_mut().unwrap().remove("required");
        }
        format!("    \"{name}\": {spec}{end}")
    };
    let mut lines: Vec<String> = schema.lines().map(str::to_owned).collect();
    for (name, plural, end) in [
        ("baselineSpec", "securitybaselines", ","),
        ("exceptionSpec", "baselineexceptions", ""),
    ] {
        let start = format!("    \"{name}\": ");
        let line = lines.iter_mut().find(|line| line.starts_with(&start));
        *line.unwrap_or_else(|| panic!("{SCHEMA}: no definition {name}")) = of(name, plural, end);
    }
    lines.join("\n") + "\n"
}

/// A schema of the API server's as JSON Schema has it, in which every object refuses what it does not know. Descriptions are left
/// out: Helm keeps the schema in each of its releases.
fn strict(schema: &Value) -> Value {
    let Some(fields) = schema.as_object() else {
        return schema.clone();
    };
    let kept = |key: &str| {
        !key.starts_with("x-kubernetes-") && !["description", "nullable", "format"].contains(&key)
    };
    let mut strict: Map<String, Value> = fields
        .iter()
        .filter(|(key, _)| kept(key))
        .map(|(key, value)| (key.clone(), inner(key, value)))
        .collect();
    if schema["properties"].is_object() {
        strict.insert("additionalProperties".into(), json!(false));
    }
    Value::Object(strict)
}

fn inner(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("properties", Value::Object(all)) => Value::Object(
            all.iter()
                .map(|(name, schema)| (name.clone(), strict(schema)))
                .collect(),
        ),
        ("items" | "additionalProperties", schema) => strict(schema),
        _ => value.clone(),
    }
}

/// One value of values.yaml that has no values below it.
struct Entry {
    path: Vec<String>,
    default: String,
    about: String,
}

/// Reads values.yaml as people do: a comment is about the key below it, and what a key has on its own line is its default.
fn entries(text: &str) -> Vec<Entry> {
    let (mut entries, mut path, mut comment) = (Vec::new(), Vec::<String>::new(), String::new());
    for line in text.lines() {
        let depth = (line.len() - line.trim_start().len()) / 2;
        let line = line.trim();
        if let Some(more) = line.strip_prefix('#') {
            remember(&mut comment, more);
        } else if let Some((key, default)) = line.split_once(':') {
            path.truncate(depth);
            assert_eq!(path.len(), depth, "{VALUES}: {line}: two spaces a level");
            path.push(key.to_owned());
            if !default.is_empty() {
                let (path, about) = (path.clone(), std::mem::take(&mut comment));
                entries.push(Entry {
                    path,
                    default: default.trim().to_owned(),
                    about,
                });
            }
            comment.clear();
        } else {
            assert!(
                line.is_empty(),
                "{VALUES}: {line}: write lists and maps on one line"
            );
            comment.clear();
        }
    }
    entries
}

/// Joins the lines of a comment; one that is indented is an example.
fn remember(comment: &mut String, line: &str) {
    let gap = if comment.is_empty() { "" } else { " " };
    match line.strip_prefix("   ") {
        Some(example) => _ = write!(comment, "{gap}`{}`", example.trim()),
        None => _ = write!(comment, "{gap}{}", line.trim().replace('<', "&lt;")),
    }
}

fn table(entries: &[Entry], schema: &Value) -> String {
    let mut table =
        String::from("| Value | Default | What it may be | What it does |\n| --- | --- | --- | --- |\n");
    for Entry { path, default, about } in entries {
        let path = path.join(".");
        assert!(!about.is_empty(), "{VALUES}: {path} has no comment");
        let kind = kind(at(schema, &path), schema);
        let cell = |text: &str| text.replace('|', "\\|");
        _ = writeln!(
            table,
            "| `{path}` | `{}` | {} | {} |",
            cell(default),
            cell(&kind),
            cell(about)
        );
    }
    table
}

/// The part of the schema on one value.
fn at<'s>(schema: &'s Value, path: &str) -> &'s Value {
    path.split('.').fold(schema, |schema, key| {
        let below = &resolved(schema, schema)["properties"][key];
        assert!(below.is_object(), "{SCHEMA} does not know {path}");
        below
    })
}

fn resolved<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    schema["$ref"].as_str().map_or(schema, |name| {
        let name = name.strip_prefix("#/definitions/").unwrap();
        &root["definitions"][name]
    })
}

/// What a value may be, in words.
fn kind(schema: &Value, root: &Value) -> String {
    match schema["$ref"].as_str() {
        Some("#/definitions/baselineSpec") => return "spec of a SecurityBaseline".into(),
        Some("#/definitions/exceptionSpec") => return "spec of a BaselineException".into(),
        _ => {}
    }
    let schema = resolved(schema, root);
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().map(|word| match word.as_str() {
            Some("") => "empty".to_owned(),
            Some(word) => format!("`{word}`"),
            None => format!("`{word}`"),
        });
        return words.collect::<Vec<_>>().join(", ");
    }
    if let Some(several) = schema["anyOf"].as_array() {
        return several
            .iter()
            .map(|one| kind(one, root))
            .collect::<Vec<_>>()
            .join(" or ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", plural(&kind(&schema["items"], root))),
        Some("object") if schema["additionalProperties"].is_object() => {
            let of = kind(&schema["additionalProperties"], root);
            if of == "string" {
                "map of strings".into()
            } else {
                format!("map, each a {of}")
            }
        }
        Some("integer") => match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("{least} or more"),
            _ => "integer".into(),
        },
        Some("object") => "object".into(),
        Some(other) => other.into(),
        None => panic!("{schema}: what is it?"),
    }
}

fn plural(kind: &str) -> String {
    match kind {
        "string" => "strings".into(),
        "object" => "objects".into(),
        other => other.into(),
    }
}
