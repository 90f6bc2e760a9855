//! Exceptions: from files given for the purpose, from among what is scanned, or from the cluster.

use anyhow::{Result, bail};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use plimsoll_engine::exception::{Exception, ExceptionObject, ExceptionSelector};
use plimsoll_engine::selector::LabelSelector;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::own::{self, Complaint, File};

/// The kind, as written in manifests.
pub(crate) const KIND: &str = "BaselineException";

/// Every exception of the files. All that is wrong with them is told at once.
pub(crate) fn load(files: &[String], now: Timestamp) -> Result<Vec<Exception>> {
    let mut exceptions = Vec::new();
    let mut complaints = Vec::new();
    for name in files {
        let file = File::open(name)?;
        let (objects, wrong) = file.of_kind(KIND);
        complaints.extend(wrong);
        if objects.is_empty() {
            complaints.push(format!(
                "{name}: expected a {KIND} of plimsoll.dev/v1alpha1, found none"
            ));
        }
        for object in objects {
            match exception(&object.value, now) {
                Ok(exception) => exceptions.push(exception),
                Err(wrong) => complaints.extend(
                    wrong
                        .iter()
                        .map(|c| file.complain(object.source, &c.field, &c.message)),
                ),
            }
        }
    }
    if complaints.is_empty() {
        return Ok(exceptions);
    }
    bail!("the exceptions cannot be accepted\n{}", complaints.join("\n"))
}

#[derive(Deserialize, Serialize)]
struct BaselineException {
    metadata: Named,
    spec: Spec,
}

#[derive(Deserialize, Serialize)]
struct Named {
    name: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    control: String,
    #[serde(default)]
    baselines: Vec<String>,
    selector: Selector,
    reason: String,
    risk_id: String,
    approved_by: String,
    expires: Timestamp,
}

#[derive(Deserialize, Serialize, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
struct Selector {
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    namespace_selector: Option<LabelSelector>,
    #[serde(default)]
    objects: Vec<Object>,
    #[serde(default)]
    reasons: Vec<String>,
}

#[derive(Deserialize, Serialize, PartialEq)]
struct Object {
    kind: String,
    #[serde(default)]
    name: Option<String>,
}

/// One exception as the engine applies it, or what is wrong with it.
pub(crate) fn exception(object: &Value, now: Timestamp) -> Result<Exception, Vec<Complaint>> {
    let decoded: BaselineException = own::decode(object)?;
    let spec = decoded.spec;
    let complaints = complaints(&spec, now);
    if !complaints.is_empty() {
        return Err(complaints);
    }
    Ok(Exception {
        name: decoded.metadata.name.into(),
        control: spec.control,
        baselines: spec.baselines,
        selector: ExceptionSelector {
            namespaces: spec.selector.namespaces,
            namespace_selector: spec.selector.namespace_selector,
            objects: spec
                .selector
                .objects
                .into_iter()
                .map(|o| ExceptionObject {
                    kind: o.kind,
                    name: o.name,
                })
                .collect(),
            reasons: spec.selector.reasons,
        },
        expires: spec.expires,
    })
}

fn complaints(spec: &Spec, now: Timestamp) -> Vec<Complaint> {
    let mut found = Vec::new();
    let mut complain = |field: &str, message: String| {
        found.push(Complaint {
            field: field.into(),
            message,
        });
    };
    let texts = [
        ("spec.control", &spec.control),
        ("spec.reason", &spec.reason),
        ("spec.riskId", &spec.risk_id),
        ("spec.approvedBy", &spec.approved_by),
    ];
    for (field, _) in texts.into_iter().filter(|(_, text)| text.trim().is_empty()) {
        complain(field, "expected a text, found none".into());
    }
    if spec.selector == Selector::default() {
        let expected = "expected at least one of namespaces, namespaceSelector, objects, reasons";
        complain("spec.selector", expected.into());
    }
    if let Some(Err(e)) = spec
        .selector
        .namespace_selector
        .as_ref()
        .map(LabelSelector::validate)
    {
        complain("spec.selector.namespaceSelector", e.to_string());
    }
    // A file has no creation time: it was written today at the latest.
    let latest = now
        .to_zoned(TimeZone::UTC)
        .checked_add(1.year())
        .map(|end| end.timestamp());
    if latest.is_ok_and(|latest| spec.expires > latest) {
        complain(
            "spec.expires",
            format!(
                "{} is more than a year ahead, expected at most a year",
                spec.expires
            ),
        );
    }
    found
}
