//! Every YAML file of the reference corpora reads as serde_yaml reads it, but for kubectl's scalars.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::super::{Problem, RawDocument, Scalar, parse, split};
use super::fast_equals_general;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path
            .extension()
            .is_some_and(|ext| ext == "yaml" || ext == "yml" || ext == "json")
        {
            found.push(path);
        }
    }
}

/// serde_yaml's value with the differences that kubectl's reading makes.
fn as_kubectl(value: &serde_yaml::Value) -> Value {
    match value {
        serde_yaml::Value::String(text) => Value::String(text.clone()),
        serde_yaml::Value::Sequence(items) => items.iter().map(as_kubectl).collect(),
        serde_yaml::Value::Mapping(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (key_text(key), as_kubectl(value)))
                .collect(),
        ),
        serde_yaml::Value::Number(number) => number_value(number),
        serde_yaml::Value::Tagged(tagged) => as_kubectl(&tagged.value),
        serde_yaml::Value::Bool(value) => Value::Bool(*value),
        serde_yaml::Value::Null => Value::Null,
    }
}

fn key_text(key: &serde_yaml::Value) -> String {
    match as_kubectl(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn number_value(number: &serde_yaml::Number) -> Value {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 =>
        {
            #[allow(clippy::cast_possible_truncation)]
            Value::from(float as i64)
        }
        _ => serde_json::to_value(number).unwrap(),
    }
}

/// Equal, or a plain scalar that kubectl reads as something else than a YAML 1.2 string.
fn same(ours: &Value, theirs: &Value, differences: &mut usize) -> bool {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| same(value, other, differences)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(value, other)| same(value, other, differences))
        }
        (ours, Value::String(text)) if !ours.is_string() => {
            *differences += 1;
            matches!(
                super::super::scalar::resolve(text),
                Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_)
            )
        }
        (a, b) => a == b,
    }
}

#[test]
fn corpora_read_as_serde_yaml_reads_them() {
    let Some(folder) = std::env::var_os("PLIMSOLL_CORPORA") else {
        eprintln!("SKIPPED: PLIMSOLL_CORPORA is not set");
        return;
    };
    let mut paths = Vec::new();
    files(Path::new(&folder), &mut paths);
    let (mut read, mut refused, mut differences, mut fast) = (0, 0, 0, 0);
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        for raw in split(&bytes) {
            fast += usize::from(std::str::from_utf8(raw.bytes).is_ok_and(fast_equals_general));
            match compare(&raw, &mut differences) {
                Outcome::Same => read += 1,
                Outcome::Refused => refused += 1,
                Outcome::Differs(why) => panic!("{}:{}: {why}", path.display(), raw.line),
            }
        }
    }
    eprintln!(
        "{} files, {read} documents equal, {refused} refused, {differences} kubectl scalars, {fast} read fast",
        paths.len()
    );
    assert!(read > 0);
}

enum Outcome {
    Same,
    Refused,
    Differs(String),
}

fn compare(raw: &RawDocument<'_>, differences: &mut usize) -> Outcome {
    let theirs = serde_yaml::Value::deserialize(serde_yaml::Deserializer::from_slice(raw.bytes)).and_then(
        |mut value| {
            value.apply_merge()?;
            Ok(as_kubectl(&value))
        },
    );
    match (parse(raw), theirs) {
        (Ok(document), Ok(theirs)) => {
            let ours = document.root().to_json();
            if same(&ours, &theirs, differences) {
                Outcome::Same
            } else {
                Outcome::Differs(format!("{ours}\n{theirs}"))
            }
        }
        (Err(error), Ok(_)) if error.what != Problem::Templated => Outcome::Differs(error.to_string()),
        (Ok(document), Err(error)) if document.warnings().is_empty() => Outcome::Differs(error.to_string()),
        _ => Outcome::Refused,
    }
}
