//! `-o github`: annotations of a GitHub workflow, the worst first: GitHub shows ten errors, ten warnings and ten notices of a
//! step (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>).

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{self, BufWriter, Write},
};

use anyhow::Result;
use plimsoll_engine::{finding::Severity, text::escape};

use super::{
    assess::Scan,
    items::{Item, Items, questions},
    result::ResultWord,
};

/// Prints commands for the runner, then a summary for people. At most `limit` findings of a control; 0 is all.
pub(crate) fn print(scan: &Scan, limit: usize) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let items = Items::of(scan);
    unreadable(&mut out, scan)?;
    let left_out = findings(&mut out, &items, if limit == 0 { usize::MAX } else { limit })?;
    for question in questions(scan, &items, true) {
        let item = &question.first;
        let text = lines(&question.text(), &item.details());
        writeln!(out, "{}", of_item("warning", item, "unknown", &text))?;
    }
    if left_out > 0 {
        writeln!(
            out,
            "{left_out} more findings are not shown here (--limit 0 or -o json shows all)"
        )?;
    }
    summary(&mut out, scan)?;
    out.flush()?;
    Ok(())
}

fn unreadable(out: &mut impl Write, scan: &Scan) -> io::Result<()> {
    for document in scan.documents.iter().flat_map(|documents| &documents.unreadable) {
        let file = scan.files.get(document.file).map_or("", |file| &file.name);
        let properties = [
            ("file", file.to_owned()),
            ("line", document.line.to_string()),
            ("title", "unreadable document".to_owned()),
        ];
        writeln!(out, "{}", command("error", &properties, &escape(&document.why)))?;
    }
    for complaint in &scan.complaints {
        writeln!(out, "{}", command("error", &[], &escape(complaint)))?;
    }
    Ok(())
}

/// What fails, the worst first; tells how many were left out.
fn findings(out: &mut impl Write, items: &Items<'_>, limit: usize) -> io::Result<usize> {
    let failing = |item: &Item<'_>| item.reported.is_some() && item.entry.result == ResultWord::Fail;
    let mut failing: Vec<Item<'_>> = items.iter().filter(failing).collect();
    failing.sort_by_key(Item::severity);
    let mut shown: HashMap<(&str, &str), usize> = HashMap::new();
    let mut left_out = 0;
    for item in &failing {
        let of_control = shown
            .entry((item.entry.baseline, item.entry.control))
            .or_default();
        if *of_control >= limit {
            left_out += 1;
            continue;
        }
        *of_control += 1;
        let word = match item.severity() {
            Severity::Critical | Severity::High => "error",
            Severity::Medium => "warning",
            Severity::Low => "notice",
        };
        let text = lines(&item.headline(), &item.details());
        writeln!(out, "{}", of_item(word, item, item.severity().word(), &text))?;
    }
    Ok(left_out)
}

fn lines(headline: &str, details: &[String]) -> String {
    let mut text = headline.to_owned();
    for line in details {
        text.push('\n');
        text.push_str(line);
    }
    text
}

fn of_item(word: &str, item: &Item<'_>, what: &str, text: &str) -> String {
    let entry = &item.entry;
    let mut properties = Vec::new();
    if let Some(file) = entry.file {
        properties.push(("file", file.to_owned()));
    }
    if let Some(line) = entry.line {
        properties.push(("line", line.to_string()));
    }
    if let Some(span) = item.span {
        properties.push(("col", span.column.to_string()));
        properties.push(("endColumn", span.end.to_string()));
    }
    let reason = entry.reason.unwrap_or_default();
    properties.push((
        "title",
        format!("{what} {} {reason}", entry.control).trim_end().to_owned(),
    ));
    command(word, &properties, text)
}

/// A command of the runner. In it a line break ends everything, and in properties colon and comma end the value; all else means
/// itself (actions/toolkit, `packages/core/src/command.ts`).
fn command(word: &str, properties: &[(&str, String)], message: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let mut line = format!("::{word}");
    for (i, (name, value)) in properties.iter().enumerate() {
        let value = data(value).replace(':', "%3A").replace(',', "%2C");
        let value = escape(&value);
        _ = write!(line, "{}{name}={value}", if i == 0 { ' ' } else { ',' }); // writing to a String cannot fail
    }
    line.push_str("::");
    line.push_str(&data(message));
    line
}

fn summary(out: &mut impl Write, scan: &Scan) -> io::Result<()> {
    for (name, baseline) in &scan.report.baselines {
        let total = baseline.total();
        // The runner would take these for a command of the old form, wherever they stand.
        let name = escape(name).replace("##[", "## [");
        writeln!(
            out,
            "baseline {name}: {} fail, {} unknown, {} pass, {} waived, {} not applicable",
            total.fail, total.unknown, total.pass, total.waived, total.not_applicable
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_escaped_as_the_runner_reads_them() {
        let properties = [
            ("file", "a,b:c%\r\n.yaml".to_owned()),
            ("title", "x\u{202e}y".to_owned()),
        ];
        assert_eq!(
            command("error", &properties, "100%: a, b\r\n::warning::c"),
            "::error file=a%2Cb%3Ac%25%0D%0A.yaml,title=x\\u{202e}y::100%25: a, b%0D%0A::warning::c"
        );
        assert_eq!(command("notice", &[], "x"), "::notice::x");
    }
}
