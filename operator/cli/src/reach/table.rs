//! The answers for people: what is open, and why.

use std::io::{self, BufWriter, Write};

use anyhow::{Result, bail};
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use plimsoll_engine::{reach::Bounds, text::escape};

use super::question::{Answer, Question};
use crate::say;

/// Most rows anybody reads.
const MOST: usize = 2_000;

/// Prints what is open, or everything where both ends were named.
pub(super) fn print(question: &Question<'_>) -> Result<()> {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if !say::styled(&io::stdout()) {
        table.force_no_tty();
    }
    if let Some(width) = Table::new().width() {
        table.set_width(width);
    }
    table.set_header(["FROM", "TO", "PORTS", "BECAUSE"]);
    let (mut pairs, mut open, mut unknown, mut rows) = (0usize, 0usize, 0usize, 0usize);
    for answer in question.answers() {
        pairs += 1;
        let is_open = answer.open.as_ref().map_or(true, |bounds| !bounds.is_none());
        open += usize::from(is_open && answer.open.is_ok());
        unknown += usize::from(answer.open.is_err());
        if !is_open && !question.is_narrow {
            continue;
        }
        rows += 1;
        if rows > MOST {
            bail!("more than {MOST} open connections: give --from, --to or --port, or take -o json");
        }
        table.add_row(row(&answer));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    if rows > 0 {
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out)?;
    }
    let closed = pairs - open - unknown;
    writeln!(
        out,
        "{pairs} pairs: {open} open, {closed} closed, {unknown} unknown"
    )?;
    if closed > 0 && !question.is_narrow {
        writeln!(out, "What keeps a pair closed is told with --from and --to.")?;
    }
    out.flush()?;
    Ok(())
}

fn row(answer: &Answer<'_>) -> [String; 4] {
    // Escaped one by one: a name may hold a line break.
    let because: Vec<String> = match &answer.open {
        Ok(_) => answer
            .because
            .iter()
            .map(|because| escape(&because.to_string()).into_owned())
            .collect(),
        Err(why) => vec![escape(why).into_owned()],
    };
    let ports = answer.open.as_ref().map_or_else(|_| "unknown".to_owned(), ports);
    [
        escape(&answer.from.shown()).into_owned(),
        escape(&answer.to.shown()).into_owned(),
        ports,
        because.join("\n"),
    ]
}

fn ports(open: &Bounds) -> String {
    let more = open.possible.without(&open.sure);
    match (open.sure.is_none(), more.is_none()) {
        (true, true) => "none".into(),
        (false, true) => open.sure.to_string(),
        (true, false) => format!("perhaps {more}"),
        (false, false) => format!("{}, perhaps {more}", open.sure),
    }
}
