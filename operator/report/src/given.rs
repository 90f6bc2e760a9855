//! What a report is made of.

use std::collections::BTreeMap;

use jiff::Timestamp;
use plimsoll_engine::{
    baseline::Compiled, control::Registry, coverage::Coverage, kind::Kind, memory::Fingerprint, name::ObjRef,
    report::Report,
};
use serde_json::Value;

use crate::{Previous, entry::Place, model::Source, scan::DocumentCounts};

/// Everything a report is made of. Nothing in it is copied that is not small.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "holds a whole cluster's verdicts")]
pub struct Given<'a> {
    /// The verdicts.
    pub verdicts: &'a Report,
    /// The controls there are: titles, pages, mappings.
    pub controls: &'a Registry,
    /// The baselines measured against.
    pub baselines: &'a [Compiled],
    /// Exceptions, also those that cover nothing.
    pub waivers: &'a [Waiver],
    /// How much of each kind was seen, and how many objects, where that is known.
    pub coverage: &'a BTreeMap<Kind, (Coverage, Option<usize>)>,
    /// Where objects were read from.
    pub places: &'a dyn Places,
    /// What was looked at.
    pub source: &'a Source,
    /// Version of the program.
    pub version: &'a str,
    /// When the report is made.
    pub now: Timestamp,
    /// Whether somebody watched: only then is the age of a finding known.
    pub live: bool,
    /// What the verdicts rest on that nobody said.
    pub assumptions: &'a [String],
    /// What is wrong beyond single documents.
    pub problems: &'a [String],
    /// What became of the documents, where files were read.
    pub documents: Option<&'a DocumentCounts<'a>>,
    /// An earlier report to compare with.
    pub previous: Option<&'a Previous>,
}

/// Where objects and findings are in files.
pub trait Places: Sync {
    /// Where an object was read from.
    fn of_object(&self, object: &ObjRef) -> Option<Place<'_>>;
    /// Where what a finding is about stands.
    fn of_finding(&self, fingerprint: Fingerprint, object: &ObjRef) -> Option<Place<'_>>;
}

/// Nothing was read from files.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

impl Places for Nowhere {
    fn of_object(&self, _: &ObjRef) -> Option<Place<'_>> {
        None
    }

    fn of_finding(&self, _: Fingerprint, _: &ObjRef) -> Option<Place<'_>> {
        None
    }
}

/// A BaselineException as a register of exceptions has it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Waiver {
    /// Its name.
    pub name: String,
    /// The control it concerns.
    pub control: String,
    /// The baselines it concerns; empty means all.
    pub baselines: Vec<String>,
    /// What it covers, in words.
    pub covers: String,
    /// Why this is acceptable.
    pub reason: String,
    /// Its number in the risk register.
    pub risk_id: String,
    /// Who accepted it.
    pub approved_by: String,
    /// When it was made, where that is known.
    pub created: Option<Timestamp>,
    /// When it ends; nothing where it does not say so in a way we understand.
    pub expires: Option<Timestamp>,
    /// Why it cannot be accepted.
    pub invalid: Option<String>,
}

impl Waiver {
    /// Reads one as it stands, whatever it looks like: one that cannot be accepted belongs into the register too.
    pub fn read(object: &Value, invalid: Option<String>) -> Self {
        let spec = &object["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let time = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        Self {
            name: text(&object["metadata"]["name"]),
            control: text(&spec["control"]),
            baselines: texts(&spec["baselines"]),
            covers: covers(&spec["selector"]),
            reason: text(&spec["reason"]),
            risk_id: text(&spec["riskId"]),
            approved_by: text(&spec["approvedBy"]),
            created: time(&object["metadata"]["creationTimestamp"]),
            expires: time(&spec["expires"]),
            invalid,
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// A selector in words: every criterion given must hold.
fn covers(selector: &Value) -> String {
    let mut parts = Vec::new();
    let objects: Vec<String> = selector["objects"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(|object| {
            let kind = object["kind"].as_str().unwrap_or_default();
            match object["name"].as_str() {
                Some(name) => format!("{kind} {name}"),
                None => format!("every {kind}"),
            }
        })
        .collect();
    if !objects.is_empty() {
        parts.push(objects.join(", "));
    }
    let namespaces = texts(&selector["namespaces"]);
    if !namespaces.is_empty() {
        parts.push(format!("in {}", namespaces.join(", ")));
    }
    if let Some(by_label) = selector.get("namespaceSelector").filter(|s| !s.is_null()) {
        parts.push(format!("in namespaces that match {by_label}"));
    }
    let reasons = texts(&selector["reasons"]);
    if !reasons.is_empty() {
        parts.push(format!("for {}", reasons.join(", ")));
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_exception_is_read_as_it_stands() {
        let object = json!({
            "metadata": {"name": "reports"},
            "spec": {
                "control": "availability/replica-redundancy", "reason": "runs once by design", "riskId": "R-7",
                "approvedBy": "head of operations", "expires": "2027-01-01T00:00:00Z",
                "selector": {
                    "objects": [{"kind": "Deployment", "name": "reports"}, {"kind": "Job"}],
                    "namespaces": ["bank"], "reasons": ["TooFewReplicas"],
                },
            },
        });
        let waiver = Waiver::read(&object, None);
        assert_eq!(
            waiver.covers,
            "Deployment reports, every Job in bank for TooFewReplicas"
        );
        assert_eq!(waiver.risk_id, "R-7");
        assert_eq!(waiver.expires, Some("2027-01-01T00:00:00Z".parse().unwrap()));
        let broken = Waiver::read(
            &json!({"spec": {"expires": 7}}),
            Some("spec.expires: expected a time".into()),
        );
        assert_eq!(broken.expires, None);
    }
}
