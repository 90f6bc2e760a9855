//! Exceptions: from files given for the purpose, from among what is scanned, or from the cluster.

use anyhow::{Result, bail};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use plimsoll_api::BaselineException;
use plimsoll_engine::exception::Exception;
use plimsoll_report::Waiver;
use serde_json::Value;

use crate::own::{self, Complaint, File};

/// The kind, as written in manifests.
pub(crate) const KIND: &str = "BaselineException";

/// An exception as it was given, and as the engine applies it if it can be accepted.
pub(crate) struct Given {
    pub(crate) waiver: Waiver,
    pub(crate) exception: Option<Exception>,
}

/// Every exception of the files. All that is wrong with them is told at once.
pub(crate) fn load(files: &[String], now: Timestamp) -> Result<Vec<Given>> {
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
                Ok(exception) => exceptions.push(Given {
                    waiver: Waiver::read(&object.value, None),
                    exception: Some(exception),
                }),
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

/// One exception, or, beside it, what is wrong with it.
pub(crate) fn read(object: &Value, now: Timestamp) -> (Given, Vec<Complaint>) {
    let (accepted, wrong) = match exception(object, now) {
        Ok(exception) => (Some(exception), Vec::new()),
        Err(wrong) => (None, wrong),
    };
    let why: Vec<String> = wrong
        .iter()
        .map(|c| format!("{}: {}", c.field, c.message))
        .collect();
    let given = Given {
        waiver: Waiver::read(object, (!why.is_empty()).then(|| why.join("; "))),
        exception: accepted,
    };
    (given, wrong)
}

/// One exception as the engine applies it, or what is wrong with it.
fn exception(object: &Value, now: Timestamp) -> Result<Exception, Vec<Complaint>> {
    let mut decoded: BaselineException = own::decode(object)?;
    // A file has no creation time: it was written now at the latest, and may reach a year from there.
    let created = &mut decoded.metadata.creation_timestamp;
    created.get_or_insert(Time(now));
    decoded.exception().map_err(|wrong| {
        vec![Complaint {
            field: wrong.field.into(),
            message: wrong.expected,
        }]
    })
}
