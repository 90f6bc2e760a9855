//! `-o sarif`: SARIF 2.1.0, an OASIS standard, as code scanning reads it
//! (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html>; § are its sections).
//!
//! Findings are results of kind `fail`, waived ones with a suppression; what the input could have told and did not is a result of
//! kind `review`; what only a live cluster can tell, and what could not be read, are notifications. Passes are not listed: some
//! readers, GitHub among them, look at no `kind` and would raise alarm over them.

mod log;
mod rules;
mod text;

use std::{
    collections::HashMap,
    io::{self, BufWriter, Write},
};

use anyhow::Result;
use plimsoll_engine::{memory::Fingerprint, text::escape};
use plimsoll_report::Harmless;
use serde::{Serialize, Serializer};
use serde_json::ser::PrettyFormatter;

use self::{
    log::{
        ArtifactLocation, AutomationDetails, Fingerprints, Invocation, Location, LogicalLocation,
        Notification, PhysicalLocation, Properties, Reference, Region, ResultObject, Run, SarifLog,
        Suppression,
    },
    text::{message, uri},
};
use super::{
    assess::Scan,
    items::{Item, Items, questions},
    result::ResultWord,
};
use crate::Ending;

/// What file names are relative to: the folder the scan was started in, for GitHub the checkout.
const ROOT: &str = "%SRCROOT%";

/// Prints the whole log on standard output.
pub(crate) fn print(scan: &Scan) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let formatter = Harmless(PrettyFormatter::new());
    log_of(scan).serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

fn log_of(scan: &Scan) -> SarifLog<Results<'_>> {
    let (rules, indices) = rules::of(scan);
    let items = Items::of(scan);
    let invocations = [invocation(scan, &items, &indices)];
    let names: Vec<&str> = scan.report.baselines.keys().map(|name| &**name).collect();
    let run = Run {
        tool: log::tool(rules),
        // What GitHub calls the category: uploads of other baselines stand beside this one.
        automation_details: AutomationDetails {
            id: format!("plimsoll/{}/", names.join("+")),
        },
        invocations,
        column_kind: "unicodeCodePoints",
        results: Results { scan, items, indices },
    };
    SarifLog {
        schema: log::SCHEMA,
        version: "2.1.0",
        runs: [run],
    }
}

/// Every result, made while it is written.
struct Results<'s> {
    scan: &'s Scan,
    items: Items<'s>,
    indices: HashMap<&'static str, usize>,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let results = self.items.iter().filter_map(|item| self.result(&item));
        serializer.collect_seq(results)
    }
}

impl Results<'_> {
    fn result(&self, item: &Item<'_>) -> Option<ResultObject> {
        let (kind, level) = match item.entry.result {
            ResultWord::Fail | ResultWord::Waived if item.reported.is_some() => {
                ("fail", rules::level(item.severity()))
            }
            ResultWord::Unknown if item.is_open_question(self.scan) => ("review", "none"),
            _ => return None,
        };
        let entry = &item.entry;
        Some(ResultObject {
            rule_id: entry.control,
            rule_index: self.indices.get(entry.control).copied(),
            kind,
            level,
            message: message(&item.headline(), &item.details()),
            locations: vec![location(item)],
            partial_fingerprints: fingerprints(item),
            suppressions: entry.exception.map(suppression).into_iter().collect(),
            properties: Properties {
                baseline: entry.baseline.into(),
                reason: entry.reason.map(str::to_owned),
                severity: item.severity().word(),
                field_path: entry.field_path.map(str::to_owned),
                environment: entry.environment.map(str::to_owned),
            },
        })
    }
}

/// The same for the same finding, whatever moves around it: control, object, reason and detail, never a line.
fn fingerprints(item: &Item<'_>) -> Fingerprints {
    let own = item.entry.fingerprint.clone().unwrap_or_else(|| {
        let (reason, who) = (item.entry.reason.unwrap_or_default(), item.who());
        Fingerprint::of(&["unit", item.entry.control, reason, &who]).to_string()
    });
    Fingerprints {
        // The one key that GitHub looks at, in the form `hash:occurrence` that it makes itself where there is none.
        primary_location_line_hash: format!("{own}:1"),
        finding: own,
    }
}

fn suppression(exception: &str) -> Suppression {
    Suppression {
        kind: "external",
        status: "accepted",
        justification: format!("BaselineException {}", escape(exception)),
    }
}

fn location(item: &Item<'_>) -> Location {
    let name = item.who();
    Location {
        physical_location: item.entry.file.map(|file| PhysicalLocation {
            artifact_location: artifact(file),
            region: match (item.span, item.entry.line) {
                (Some(span), _) => Some(Region {
                    start_line: span.line,
                    start_column: Some(span.column),
                    end_column: Some(span.end),
                }),
                (None, line) => line.map(Region::line),
            },
        }),
        logical_locations: vec![LogicalLocation {
            fully_qualified_name: match item.entry.field_path {
                Some(path) => format!("{name} {}", escape(path)),
                None => name,
            },
            kind: "resource",
        }],
    }
}

fn artifact(file: &str) -> ArtifactLocation {
    let (uri, is_relative) = uri(file);
    ArtifactLocation {
        uri,
        uri_base_id: is_relative.then_some(ROOT),
    }
}

/// How the scan went, and all that was met on the way.
fn invocation(scan: &Scan, items: &Items<'_>, indices: &HashMap<&'static str, usize>) -> Invocation {
    let unreadable = scan.documents.iter().flat_map(|documents| &documents.unreadable);
    let mut met: Vec<Notification> = unreadable
        .map(|document| {
            let file = scan.files.get(document.file).map_or("", |file| &file.name);
            let place = Location::of_line(artifact(file), document.line);
            let text = format!("{}:{}: {}", escape(file), document.line, escape(&document.why));
            Notification::new("UnreadableDocument", "error", &text).at(place)
        })
        .collect();
    for complaint in &scan.complaints {
        met.push(Notification::new("Problem", "error", &escape(complaint)));
    }
    let could_read_all = met.is_empty();
    for question in questions(scan, items, false) {
        let control = question.first.entry.control;
        let rule = Reference {
            id: control,
            index: indices.get(control).copied(),
        };
        let text = format!("{control}: {}", question.text());
        met.push(Notification::new("LiveOnly", "note", &text).about(rule));
    }
    for assumption in &scan.assumptions {
        met.push(Notification::new("Assumption", "note", &escape(assumption)));
    }
    Invocation {
        execution_successful: could_read_all,
        exit_code: match scan.ending() {
            Ending::Good => 0,
            Ending::Failing => 1,
            Ending::Unclear => 2,
        },
        end_time_utc: scan.evaluated_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        tool_execution_notifications: met,
    }
}
