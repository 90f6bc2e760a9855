//! The places that findings point at, looked up only for findings that are shown.

use std::collections::HashMap;

use plimsoll_engine::{
    intake::{Source, lines_of},
    memory::Fingerprint,
    report::Reported,
};
use rayon::prelude::*;

use super::assess::Scan;

/// The field a finding points at that names none: the object's own name.
const OBJECT: &str = "metadata.name";

/// A place in a file: a field, or what stands for it on its line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    /// Line, from 1.
    pub(crate) line: usize,
    /// First character (a Unicode scalar value), from 1.
    pub(crate) column: usize,
    /// The character after the last, from 1.
    pub(crate) end: usize,
}

/// The place of each finding whose object was read from a file.
pub(crate) fn locate<'s>(
    scan: &'s Scan,
    findings: impl Iterator<Item = &'s Reported>,
) -> HashMap<Fingerprint, Span> {
    let mut by_file: HashMap<usize, Vec<(Fingerprint, Source, &str)>> = HashMap::new();
    for reported in findings {
        if let Some(source) = scan.sources.get(&reported.finding.object) {
            let path = reported.finding.field_path.as_deref().unwrap_or(OBJECT);
            by_file
                .entry(source.file)
                .or_default()
                .push((reported.fingerprint, *source, path));
        }
    }
    by_file
        .into_par_iter()
        .flat_map_iter(|(file, wanted)| {
            let places: Vec<(Source, &str)> =
                wanted.iter().map(|(_, source, path)| (*source, *path)).collect();
            // A file that is gone by now leaves the lines of its objects.
            let bytes = scan
                .files
                .get(file)
                .and_then(|file| file.bytes().ok())
                .unwrap_or_default();
            let lines = lines_of(&bytes, &places);
            let starts = line_starts(&bytes);
            wanted
                .into_iter()
                .zip(lines)
                .map(|((fingerprint, _, path), line)| (fingerprint, span(&bytes, &starts, line, path)))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Where each line begins.
fn line_starts(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
}

/// The field on its line: from its key to the end of the line, or all that is written there where another field stands for it.
fn span(bytes: &[u8], starts: &[usize], line: usize, path: &str) -> Span {
    let at = |line: usize| starts.get(line).copied().unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[at(line.saturating_sub(1))..at(line)]);
    let text = text.trim_end();
    let indent = text.len() - text.trim_start_matches([' ', '\t', '-']).len();
    let from = key_in(&text[indent..], last_key(path)).map_or(indent, |found| indent + found);
    let column = |byte: usize| text[..byte].chars().count() + 1;
    Span {
        line,
        column: column(from),
        end: column(text.len()).max(column(from) + 1),
    }
}

/// The last name of a path that is a field's own; items of a list are not written with theirs.
fn last_key(path: &str) -> &str {
    let end = path.find('[').unwrap_or(path.len());
    let (head, tail) = path.split_at(end);
    match tail.rsplit_once("].") {
        Some((_, last)) => last.rsplit('.').next().unwrap_or(last),
        None => head.rsplit('.').next().unwrap_or(head),
    }
}

/// Where `key:` or `"key":` is written within a line.
fn key_in(line: &str, key: &str) -> Option<usize> {
    let is_name = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    line.match_indices(key).find_map(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + key.len()..]);
        let (quoted, after) = match after.strip_prefix(['"', '\'']) {
            Some(rest) if before.ends_with(['"', '\'']) => (1, rest),
            _ => (0, after),
        };
        let stands_alone = !key.is_empty() && !before[..at - quoted].ends_with(is_name);
        (stands_alone && after.trim_start().starts_with(':')).then_some(at - quoted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_where_its_key_is() {
        for (line, path, expected) in [
            ("  replicas: 1  # why", "spec.replicas", (3, 21)),
            ("- name: größe", "spec.containers[0].name", (3, 14)),
            (
                "metadata: {name: a, namespace: b}",
                "metadata.namespace",
                (21, 34),
            ),
            ("{\"kind\":\"Pod\",\"spec\":{}}", "spec", (15, 25)),
            ("spec:", "spec.template.spec.hostNetwork", (1, 6)),
            ("  containers:", "spec.containers[web]", (3, 14)),
            ("", "spec", (1, 2)),
        ] {
            let bytes = format!("kind: X\n{line}\n").into_bytes();
            let found = span(&bytes, &line_starts(&bytes), 2, path);
            assert_eq!((found.column, found.end), expected, "{path} in {line}");
            assert_eq!(found.line, 2);
        }
        // A file that was cut short since.
        assert_eq!(span(b"", &[0], 7, "spec").line, 7);
    }
}
