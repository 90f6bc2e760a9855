//! Objects of our own kinds in files: decoded strictly, with every complaint naming file, line and field.

use plimsoll_engine::intake::{Intake, OwnObject, Source};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The version of the kinds this binary knows.
const API_VERSION: &str = "plimsoll.dev/v1alpha1";

/// A file that holds objects of ours.
pub(crate) struct File {
    /// As the user called it.
    pub(crate) name: String,
    bytes: Vec<u8>,
    intake: Intake,
}

impl File {
    /// Reads a file; documents that cannot be read are complaints.
    pub(crate) fn open(name: &str) -> anyhow::Result<Self> {
        let bytes = std::fs::read(name).map_err(|e| anyhow::anyhow!("{name}: {e}"))?;
        let intake = Intake::read(&[&bytes], "default");
        Ok(Self {
            name: name.into(),
            bytes,
            intake,
        })
    }

    /// The objects of a kind, and what is wrong with the file as a whole.
    pub(crate) fn of_kind(&self, kind: &str) -> (Vec<&OwnObject>, Vec<String>) {
        let complaints = self.intake.documents.unreadable.iter();
        let complaints = complaints
            .map(|doc| format!("{}:{}: {}", self.name, doc.line, doc.why))
            .collect();
        (
            self.intake.own.iter().filter(|own| own.kind == kind).collect(),
            complaints,
        )
    }

    /// A complaint about a field of an object in this file.
    pub(crate) fn complain(&self, source: Source, field: &str, message: &str) -> String {
        let line = source.line_of(&self.bytes, field);
        format!("{}:{line}: {field}: {message}", self.name)
    }
}

/// What is wrong with an object, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) field: String,
    pub(crate) message: String,
}

/// Decodes an object, refusing other versions and fields that nobody knows: a misspelt one would vanish without a word.
pub(crate) fn decode<T: DeserializeOwned + serde::Serialize>(object: &Value) -> Result<T, Vec<Complaint>> {
    let complaint = |field: &str, message: String| Complaint {
        field: field.trim_start_matches('.').into(),
        message,
    };
    if object["apiVersion"] != API_VERSION {
        return Err(vec![complaint(
            "apiVersion",
            format!("found {}, expected {API_VERSION}", object["apiVersion"]),
        )]);
    }
    let decoded: T = serde_path_to_error::deserialize(object)
        .map_err(|e| vec![complaint(&e.path().to_string(), e.inner().to_string())])?;
    let again = serde_json::to_value(&decoded).unwrap_or_default();
    if object["metadata"]["name"].as_str().is_none_or(str::is_empty) {
        return Err(vec![complaint("metadata.name", "expected a name".into())]);
    }
    let mut unknown = Vec::new();
    unknown_fields(&object["spec"], &again["spec"], "spec", &mut unknown);
    if unknown.is_empty() {
        return Ok(decoded);
    }
    Err(unknown
        .into_iter()
        .map(|field| complaint(&field, "unknown field".into()))
        .collect())
}

/// The fields of `given` that did not survive decoding. Empty values may be left out when written again.
fn unknown_fields(given: &Value, kept: &Value, path: &str, found: &mut Vec<String>) {
    match (given, kept) {
        (Value::Object(given), kept) => {
            for (key, value) in given {
                let path = format!("{path}.{key}");
                match kept.get(key) {
                    Some(kept) => unknown_fields(value, kept, &path, found),
                    None if is_empty(value) => {}
                    None => found.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(kept)) => {
            for (i, (given, kept)) in given.iter().zip(kept).enumerate() {
                unknown_fields(given, kept, &format!("{path}[{i}]"), found);
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    }
}
