//! Markdown, for repositories and tickets. Everything that others wrote is inert in it.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    io::{self, Write},
};

use plimsoll_engine::{finding::Severity, text::escape};

use crate::{
    Given, assemble,
    entry::{ClassWord, Entry, ResultWord},
    html::manifest,
    model::{Counts, Report, SourceKind},
    rows::ranked,
    summary::headline::thousands,
};

/// Most results told whole; the rest is counted. Nobody reads more, and no forge shows more.
const MOST: usize = 500;
/// Most rows of a table of tenants or namespaces.
const ROWS: usize = 100;

/// Writes the report.
pub fn write(given: &Given<'_>, mut out: impl Write) -> io::Result<()> {
    let report = assemble(given);
    out.write_all(summary(&report).as_bytes())?;
    let rows = ranked(given);
    writeln!(out, "\n## Findings\n")?;
    let findings = rows.iter().filter(|row| row.finding.is_some());
    if findings.clone().next().is_none() {
        writeln!(out, "Nothing was found.")?;
    }
    for row in findings.clone().take(MOST) {
        out.write_all(finding(&row.entry(given.places, given.live)).as_bytes())?;
    }
    let more = findings.count().saturating_sub(MOST);
    if more > 0 {
        writeln!(
            out,
            "\n{} more are in the JSON form of this report.",
            thousands(more as u64)
        )?;
    }
    out.write_all(rest(&report).as_bytes())?;
    out.flush()
}

/// Text of others as text: characters that move or hide text become visible, and what Markdown or HTML would read as markup
/// is told apart. What forges turn into links and mentions by themselves is shown as code.
#[derive(Clone, Copy)]
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if ["@", "://", "www."].iter().any(|mark| self.0.contains(mark)) {
            return f.write_str(&code(self.0));
        }
        for c in escape(self.0).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~' | '$'
                | '\\' => {
                    write!(f, "\\{c}")?;
                }
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A name as code: a fence longer than any within, and no cell of a table ends in it.
fn code(text: &str) -> String {
    let text: Cow<'_, str> = escape(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

/// A block of code: a fence longer than any within.
fn block(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}yaml\n{text}\n{fence}\n")
}

fn table<const N: usize>(out: &mut String, head: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    _ = writeln!(out, "| {} |", head.join(" | "));
    _ = writeln!(out, "|{}", " --- |".repeat(N));
    for row in rows {
        _ = writeln!(out, "| {} |", row.join(" | "));
    }
}

fn score(score: Option<f64>) -> String {
    score.map_or_else(|| "–".to_owned(), |score| format!("{}", score.floor()))
}

fn summary(report: &Report) -> String {
    let mut out = String::from("# Compliance report\n\n");
    let names: Vec<String> = report.baselines.iter().map(|b| code(&b.name)).collect();
    let how = match report.source.kind {
        SourceKind::Files => "files",
        SourceKind::Cluster => "cluster",
        SourceKind::Operator => "operator",
    };
    _ = writeln!(
        out,
        "{how} {} · baselines {} · measured {} · Plimsoll {}\n",
        code(&report.source.name),
        names.join(", "),
        report.evaluated_at.as_deref().unwrap_or("not yet"),
        Plain(&report.version)
    );
    _ = writeln!(out, "**Score {} of 100.**", score(report.score));
    for sentence in &report.headline {
        _ = writeln!(out, "{}", Plain(sentence));
    }
    for (title, groups) in [
        ("By area", &report.areas),
        ("By environment", &report.environments),
    ] {
        _ = writeln!(out, "\n## {title}\n");
        counted(
            &mut out,
            groups.iter().map(|g| (g.name.as_deref(), g.score, &g.counts)),
        );
    }
    for framework in &report.frameworks {
        _ = writeln!(out, "\n## {}\n", framework.name);
        let row = |c: &crate::model::Criterion| {
            [
                c.id.clone(),
                c.title.to_owned(),
                c.state.word().to_owned(),
                score(c.score),
                thousands(c.counts.findings.total()),
                c.controls.join(", "),
            ]
        };
        let head = ["Criterion", "About", "Stands", "Score", "Open", "Controls"];
        table(&mut out, head, framework.criteria.iter().map(row));
    }
    controls(&mut out, report);
    if !report.tenants.is_empty() {
        _ = writeln!(out, "\n## Tenants\n");
        let tenants = report.tenants.iter().take(ROWS);
        counted(&mut out, tenants.map(|g| (g.name.as_deref(), g.score, &g.counts)));
    }
    out
}

fn counted<'g>(out: &mut String, groups: impl Iterator<Item = (Option<&'g str>, Option<f64>, &'g Counts)>) {
    let head = [
        "", "Score", "Critical", "High", "Medium", "Low", "Unknown", "Pass",
    ];
    let row = |(name, share, counts): (Option<&str>, Option<f64>, &Counts)| {
        let [critical, high, medium, low] = counts.findings.each().map(|(_, n)| thousands(n));
        [
            name.map_or_else(|| "none".to_owned(), code),
            score(share),
            critical,
            high,
            medium,
            low,
            thousands(counts.unknown),
            thousands(counts.pass),
        ]
    };
    table(out, head, groups.map(row));
}

fn controls(out: &mut String, report: &Report) {
    out.push_str("\n## Controls\n\n");
    let head = [
        "Control", "Baseline", "Severity", "Mode", "Pass", "Fail", "Unknown", "Waived", "Open",
    ];
    let row = |c: &crate::model::ControlSummary| {
        [
            code(c.control),
            code(&c.baseline),
            Severity::ALL[c.severity as usize].word().to_owned(),
            c.mode.clone().unwrap_or_default(),
            thousands(c.counts.pass),
            thousands(c.counts.fail),
            thousands(c.counts.unknown),
            thousands(c.counts.waived),
            thousands(c.counts.findings.total()),
        ]
    };
    table(out, head, report.controls.iter().map(row));
}

fn finding(entry: &Entry<'_>) -> String {
    let mut out = String::new();
    let severity = Severity::ALL[entry.severity as usize].word();
    let state = match entry.result {
        ResultWord::Waived => ", waived",
        ResultWord::Settling => ", settling",
        _ => "",
    };
    let object = match &entry.object {
        None => "the cluster".to_owned(),
        Some(object) => {
            let name = object.name.unwrap_or("*");
            let name = object
                .namespace
                .map_or_else(|| name.to_owned(), |ns| format!("{ns}/{name}"));
            format!("{} {}", object.kind, code(&name))
        }
    };
    _ = writeln!(out, "### {object}: {severity}{state}\n");
    _ = writeln!(
        out,
        "{} ({}, {})\n",
        Plain(entry.message.unwrap_or_default()),
        code(entry.control),
        entry.reason.unwrap_or_default()
    );
    let mut item = |name: &str, text: String| _ = writeln!(out, "- {name}: {text}");
    if let Some(path) = entry.field_path {
        item("where", code(path));
    }
    if let Some(file) = entry.file {
        item("file", code(&format!("{file}:{}", entry.line.unwrap_or(1))));
    }
    for seen in &entry.evidence {
        item("seen", Plain(seen).to_string());
    }
    if let Some(environment) = entry.environment {
        item("environment", code(environment));
    }
    if let Some(tenant) = entry.tenant {
        item("tenant", code(tenant));
    }
    if let Some(first_seen) = &entry.first_seen {
        item("first seen", first_seen.clone());
    }
    if let Some(exception) = entry.exception {
        item("accepted by", code(exception));
    }
    if let Some(fingerprint) = &entry.fingerprint {
        item("fingerprint", code(fingerprint));
    }
    if let Some(fix) = &entry.fix {
        let class = match fix.class {
            ClassWord::Safe => "safe",
            ClassWord::NeedsApproval => "needs approval",
            ClassWord::NeverAutomatic => "by hand only",
        };
        for change in &fix.changes {
            item(&format!("proposed change ({class})"), Plain(change).to_string());
        }
        item("why", Plain(&fix.why).to_string());
        for object in &fix.manifests {
            _ = write!(out, "\n{}", block(&manifest(object)));
        }
    }
    out.push('\n');
    out
}

fn rest(report: &Report) -> String {
    let mut out = String::from("\n## Unknown, and why\n\n");
    if report.unknowns.is_empty() {
        out.push_str("Everything could be judged.\n");
    } else {
        let row = |group: &crate::model::UnknownGroup| {
            let live = if group.live_only { " (only live)" } else { "" };
            [
                format!("{}{live}", group.reason),
                Plain(&group.message).to_string(),
                code(group.control),
                thousands(group.units),
                group
                    .examples
                    .first()
                    .map(|example| code(example))
                    .unwrap_or_default(),
            ]
        };
        table(
            &mut out,
            ["Reason", "Why", "Control", "Checks", "Such as"],
            report.unknowns.iter().map(row),
        );
    }
    out.push_str("\n## Exceptions\n\n");
    if report.exceptions.is_empty() {
        out.push_str("There are none.\n");
    } else {
        let row = |e: &crate::model::ExceptionSummary| {
            [
                code(&e.name),
                e.phase.to_owned(),
                format!("{} {}", code(&e.control), Plain(&e.covers)),
                Plain(&e.reason).to_string(),
                Plain(&e.risk_id).to_string(),
                Plain(&e.approved_by).to_string(),
                e.expires.clone().unwrap_or_else(|| "–".to_owned()),
                thousands(e.findings),
            ]
        };
        let head = [
            "Exception",
            "State",
            "Covers",
            "Reason",
            "Risk",
            "Approved by",
            "Ends",
            "Findings",
        ];
        table(&mut out, head, report.exceptions.iter().map(row));
    }
    measured(&mut out, report);
    out
}

fn measured(out: &mut String, report: &Report) {
    out.push_str("\n## What was measured\n\n");
    for baseline in &report.baselines {
        _ = writeln!(
            out,
            "- baseline {}, generation {}, mode {}",
            code(&baseline.name),
            baseline.generation,
            baseline.mode
        );
        for problem in &baseline.problems {
            _ = writeln!(out, "  - not accepted: {}", Plain(problem));
        }
    }
    for (head, texts) in [("assumed", &report.assumptions), ("problem", &report.problems)] {
        for text in texts {
            _ = writeln!(out, "- {head}: {}", Plain(text));
        }
    }
    if let Some(documents) = &report.documents {
        _ = writeln!(
            out,
            "- documents: {} read, {} with objects that some control reads, {} others, {} unreadable",
            documents.total,
            documents.decoded,
            documents.not_relevant,
            documents.unreadable.len()
        );
        for text in documents.unreadable.iter().take(ROWS) {
            _ = writeln!(out, "  - {}", Plain(text));
        }
    }
    out.push('\n');
    let seen = report.coverage.iter().filter(|kind| kind.coverage != "absent");
    let row = |kind: &crate::model::KindCoverage| {
        let objects = kind
            .objects
            .map_or_else(|| "–".to_owned(), |n| thousands(n as u64));
        [code(&kind.resource), kind.coverage.to_owned(), objects]
    };
    table(out, ["Kind", "Seen", "Objects"], seen.map(row));
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;

    const HOSTILE: [&str; 8] = [
        "<script>alert(1)</script>",
        "[link](javascript:alert(1))",
        "![image](http://evil.example/x.png)",
        "`code` ``more`` ```all",
        "a | b || c",
        "**bold** _it_ ~~no~~ # head",
        "http://evil.example www.evil.example @somebody me@evil.example",
        "two\nlines \u{202e}gpj\u{1b}[31m",
    ];

    /// What a reader sees of it, and that it is nothing but text or code.
    fn seen(markdown: &str) -> String {
        let mut text = String::new();
        for event in Parser::new_ext(markdown, Options::all()) {
            match event {
                Event::Text(part) | Event::Code(part) => text.push_str(&part),
                Event::Start(
                    Tag::Paragraph | Tag::Table(_) | Tag::TableHead | Tag::TableRow | Tag::TableCell,
                )
                | Event::End(_) => {}
                other => panic!("{other:?} in {markdown}"),
            }
        }
        text
    }

    #[test]
    fn hostile_text_is_only_text() {
        for text in HOSTILE {
            assert_eq!(seen(&Plain(text).to_string()), escape(text), "{text}");
        }
    }

    #[test]
    fn hostile_names_are_only_code_also_in_tables() {
        for text in HOSTILE {
            if !text.contains('|') {
                assert_eq!(seen(&code(text)), escape(text), "{text}");
            }
            let mut out = String::new();
            table(&mut out, ["a", "b"], [[code(text), "end".to_owned()]].into_iter());
            assert_eq!(seen(&out), format!("ab{}end", escape(text)), "{out}");
        }
    }
}
