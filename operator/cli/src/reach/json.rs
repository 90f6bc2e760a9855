//! `-o json`: written as it is worked out.

use std::io::{self, BufWriter, Write};

use anyhow::Result;
use plimsoll_engine::reach::PortSet;
use plimsoll_report::Harmless;
use serde::{Serialize, Serializer};
use serde_json::ser::PrettyFormatter;

use super::{
    end::End,
    question::{Answer, Question},
};

/// Raised when a field is removed or changes its meaning.
const API_VERSION: &str = "reach.plimsoll.dev/v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    api_version: &'static str,
    /// Documents that could not be read, and where.
    unreadable: &'a [String],
    connections: Connections<'a>,
}

/// Every pair, answered while it is written.
struct Connections<'a>(&'a Question<'a>);

#[derive(Serialize)]
struct Connection<'a> {
    from: Place<'a>,
    to: Place<'a>,
    /// The ports that are open however what is not known turns out.
    allowed: Vec<Ports>,
    /// Ports that are open in some case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    possible: Vec<Ports>,
    /// Why nothing can be told; then that nothing is allowed means nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    because: Vec<String>,
}

#[derive(Serialize)]
struct Place<'a> {
    namespace: Option<&'a str>,
    kind: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ports {
    protocol: &'static str,
    port: u16,
    end_port: u16,
}

/// Prints all answers on standard output.
pub(super) fn print(question: &Question<'_>, unreadable: &[String]) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let report = Report {
        api_version: API_VERSION,
        unreadable,
        connections: Connections(question),
    };
    let formatter = Harmless(PrettyFormatter::new());
    report.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

impl Serialize for Connections<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.answers().map(connection))
    }
}

fn connection(answer: Answer<'_>) -> Connection<'_> {
    let (allowed, possible, unknown) = match answer.open {
        Ok(open) => {
            let more = open.possible.without(&open.sure);
            (ports(&open.sure), ports(&more), None)
        }
        Err(why) => (Vec::new(), Vec::new(), Some(why)),
    };
    Connection {
        from: Place::of(answer.from),
        to: Place::of(answer.to),
        allowed,
        possible,
        unknown,
        because: answer.because.iter().map(ToString::to_string).collect(),
    }
}

fn ports(set: &PortSet) -> Vec<Ports> {
    let ranges = set.ranges().map(|range| Ports {
        protocol: range.protocol.word(),
        port: range.first,
        end_port: range.last,
    });
    ranges.collect()
}

impl<'a> Place<'a> {
    fn of(end: End<'a>) -> Self {
        let (namespace, kind, name) = end.name();
        Self {
            namespace,
            kind,
            name,
        }
    }
}
