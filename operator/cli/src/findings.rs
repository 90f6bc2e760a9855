//! `plimsoll findings`: what an operator finds, in a terminal.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use comfy_table::Table;
use plimsoll_engine::{finding::Severity, text::escape};
use serde::Deserialize;

use crate::{explain, report::live::Operator, report::target::Target};

/// List the findings of the operator that runs in the cluster, worst first
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only in this namespace
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Only of this control
    #[arg(long, value_name = "ID")]
    control: Option<String>,
    /// Only of this baseline
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// Only of this severity
    #[arg(long, value_enum)]
    severity: Option<Word>,
    /// How to print them
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
    /// Most findings shown in the table; 0 shows all
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    operator: Operator,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Table,
    /// For programs (docs/report.md)
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Word {
    Critical,
    High,
    Medium,
    Low,
}

impl Word {
    const fn severity(self) -> Severity {
        match self {
            Self::Critical => Severity::Critical,
            Self::High => Severity::High,
            Self::Medium => Severity::Medium,
            Self::Low => Severity::Low,
        }
    }
}

pub(crate) fn main(args: &Args) -> Result<()> {
    if let Some(id) = &args.control {
        let registry = plimsoll_controls::registry();
        if registry.meta(id).is_none() {
            let known = registry.metas().map(|meta| meta.id);
            bail!("no control is called {id:?}{}", explain::similar(id, known));
        }
    }
    let page = page(args);
    if args.output == Output::Json {
        let mut out = Target::open("-")?;
        args.operator.copy(&page, &mut out)?;
        return out.finish();
    }
    let mut answer = Vec::new();
    args.operator.copy(&page, &mut answer)?;
    let list: List<'_> = serde_json::from_slice(&answer).context("the operator's answer cannot be read")?;
    print(list, args.limit)
}

/// The page to ask for, with what is to be left out.
fn page(args: &Args) -> String {
    let severity = args.severity.map(|word| word.severity().word());
    let wanted = [
        ("namespace", args.namespace.as_deref()),
        ("control", args.control.as_deref()),
        ("baseline", args.baseline.as_deref()),
        ("severity", severity),
        ("unknown", Some("omit").filter(|_| args.output == Output::Table)),
    ];
    let query: Vec<String> = wanted
        .iter()
        .filter_map(|(name, value)| value.map(|value| format!("{name}={}", encoded(value))))
        .collect();
    if query.is_empty() {
        return "/findings".to_owned();
    }
    format!("/findings?{}", query.join("&"))
}

/// A value in a query.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    #[serde(borrow)]
    results: Vec<Found<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    #[serde(borrow)]
    control: Cow<'a, str>,
    #[serde(borrow)]
    result: Cow<'a, str>,
    #[serde(borrow)]
    severity: Cow<'a, str>,
    #[serde(borrow, default)]
    object: Option<Object<'a>>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    first_seen: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
}

impl Found<'_> {
    fn rank(&self) -> (usize, usize) {
        let result = ["fail", "settling", "waived"]
            .iter()
            .position(|word| *word == self.result);
        let severity = Severity::ALL
            .iter()
            .position(|known| known.word() == self.severity);
        (result.unwrap_or(3), severity.unwrap_or(4))
    }

    fn object(&self) -> String {
        match &self.object {
            None => "the cluster".to_owned(),
            Some(Object { kind, name: None, .. }) => format!("every {kind}"),
            Some(Object {
                kind,
                namespace: Some(namespace),
                name: Some(name),
            }) => format!("{kind} {namespace}/{name}"),
            Some(Object {
                kind,
                name: Some(name),
                ..
            }) => format!("{kind} {name}"),
        }
    }

    /// The severity, and where it does not count, why.
    fn severity(&self) -> String {
        match &*self.result {
            "fail" => self.severity.to_string(),
            other => format!("{} ({other})", self.severity),
        }
    }
}

fn print(list: List<'_>, limit: usize) -> Result<()> {
    let mut found = list.results;
    found.sort_by(|a, b| (a.rank(), &a.first_seen, a.object()).cmp(&(b.rank(), &b.first_seen, b.object())));
    let mut out = io::stdout().lock();
    if found.is_empty() {
        writeln!(out, "No findings.")?;
        return Ok(());
    }
    let shown = if limit == 0 {
        found.len()
    } else {
        found.len().min(limit)
    };
    let mut table: Table = explain::plain_table();
    table.set_header(["SEVERITY", "OBJECT", "CONTROL", "SINCE", "WHAT"]);
    for finding in &found[..shown] {
        let since = finding.first_seen.split('T').next().unwrap_or_default();
        table.add_row([
            escape(&finding.severity()),
            escape(&finding.object()),
            escape(&finding.control),
            escape(since),
            escape(&finding.message),
        ]);
    }
    writeln!(out, "{table}")?;
    if found.len() > shown {
        writeln!(out, "\n{} more; --limit 0 shows all", found.len() - shown)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_a_query_cannot_become_another() {
        assert_eq!(encoded("a&control=b c/d"), "a%26control%3Db%20c/d");
    }

    #[test]
    fn what_counts_comes_first_and_worst() {
        let text = r#"{"results":[
            {"control":"a/b","result":"waived","severity":"critical","object":{"kind":"Pod","namespace":"n","name":"p"}},
            {"control":"a/b","result":"fail","severity":"low"},
            {"control":"a/b","result":"fail","severity":"high","object":{"kind":"Node"},"message":"m","firstSeen":"2026-01-01T00:00:00Z"}
        ]}"#;
        let mut list: List<'_> = serde_json::from_str(text).unwrap();
        list.results.sort_by_key(Found::rank);
        let objects: Vec<String> = list.results.iter().map(Found::object).collect();
        assert_eq!(objects, ["every Node", "the cluster", "Pod n/p"]);
        assert_eq!(list.results[2].severity(), "critical (waived)");
    }
}
