//! Tells unrendered templates (Helm, gomplate …) from broken YAML, so that the advice is right.

use memchr::memmem;

/// Line and column (from 1) of the first `{{` outside of quotes and comments, not after line `until`.
pub(super) fn first_action(text: &str, until: usize) -> Option<(usize, usize)> {
    let mut lines = text.lines().take(until).enumerate();
    lines.find_map(|(index, line)| unquoted_action(line).map(|column| (index + 1, column + 1)))
}

/// Whether an unquoted scalar is the work of a template. A rendered PrometheusRule may well say
/// `summary: pod {{ $labels.pod }} is down` without quotes, so only what chart templates use counts.
pub(super) fn is_action(text: &str) -> bool {
    const CHART: [&str; 8] = [
        ".Values",
        ".Release",
        ".Chart",
        ".Capabilities",
        ".Files",
        "include ",
        "template ",
        "toYaml ",
    ];
    let mut rest = text;
    while let Some(start) = memmem::find(rest.as_bytes(), b"{{") {
        rest = &rest[start + 2..];
        let action = &rest[..memmem::find(rest.as_bytes(), b"}}").unwrap_or(rest.len())];
        if action.starts_with("- ") || CHART.iter().any(|word| action.contains(word)) {
            return true;
        }
    }
    false
}

fn unquoted_action(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut before = ' ';
    for (column, (at, found)) in line.char_indices().enumerate() {
        match (quote, found) {
            (None, '#') if before.is_whitespace() => return None,
            (None, '{') if line[at..].starts_with("{{") => return Some(column),
            (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(found),
            (Some(open), _) if open == found && before != '\\' => quote = None,
            _ => {}
        }
        before = found;
    }
    None
}
