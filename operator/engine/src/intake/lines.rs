//! Lines of findings: documents are read again, each once, and only those that findings point into.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{Extent, Source};
use crate::manifest::{RawDocument, documents, parse, segments};

impl Source {
    /// The line of a field path within the object, or of its nearest ancestor that is there.
    pub fn line_of(&self, file: &[u8], field_path: &str) -> usize {
        lines_of(file, &[(*self, field_path)])
            .first()
            .copied()
            .unwrap_or(self.line)
    }
}

/// The lines of field paths in one file, in the order given. Each document concerned is parsed once, in parallel: a list of
/// ten thousand objects costs one parse, not ten thousand.
pub fn lines_of(file: &[u8], wanted: &[(Source, &str)]) -> Vec<usize> {
    let mut by_document: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, (source, _)) in wanted.iter().enumerate() {
        by_document.entry(source.document.offset).or_default().push(i);
    }
    let groups: Vec<Vec<usize>> = by_document.into_values().collect();
    let found: Vec<Vec<(usize, usize)>> = groups
        .par_iter()
        .map(|group| lines_in_document(file, wanted, group))
        .collect();
    let mut lines: Vec<usize> = wanted.iter().map(|(source, _)| source.line).collect();
    for (i, line) in found.into_iter().flatten() {
        lines[i] = line;
    }
    lines
}

/// What is found of one document; nothing where the file has changed since it was read.
fn lines_in_document(file: &[u8], wanted: &[(Source, &str)], group: &[usize]) -> Vec<(usize, usize)> {
    let Some(raw) = group.first().and_then(|i| raw(file, wanted[*i].0.document)) else {
        return Vec::new();
    };
    let Ok(document) = parse(&raw) else {
        return Vec::new();
    };
    let objects = documents(document.root());
    let line = |i: &usize| {
        let (source, path) = &wanted[*i];
        let object = objects.get(source.item?)?;
        Some((*i, object.node.nearest_line(&segments(path))))
    };
    group.iter().filter_map(line).collect()
}

fn raw(file: &[u8], extent: Extent) -> Option<RawDocument<'_>> {
    Some(RawDocument {
        bytes: file.get(extent.offset..extent.offset.checked_add(extent.length)?)?,
        line: extent.line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::Intake;

    #[test]
    fn lines_are_found_in_any_document_and_list_item() {
        let file = "# head\nkind: List\napiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a, namespace: x}\n  spec:\n    \
                    hostNetwork: true\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: b, namespace: x}\n---\napiVersion: v1\nkind: Pod\n\
                    metadata:\n  name: c\n  namespace: x\n";
        let intake = Intake::read(&[file], "default");
        let wanted: Vec<(Source, &str)> = intake
            .objects
            .iter()
            .rev()
            .map(|(_, source)| *source)
            .zip(["metadata.namespace", "spec.hostNetwork", "spec.hostNetwork"])
            .collect();
        assert_eq!(lines_of(file.as_bytes(), &wanted), [18, 10, 9]);
        assert_eq!(intake.documents.total, 2);
        // A file that was cut short since falls back to the object's own line.
        assert_eq!(lines_of(b"", &wanted), [14, 10, 5]);
    }

    #[test]
    fn json_streams_are_not_scanned_again_for_each_line() {
        let one = |name: &str| {
            format!("{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\n\"metadata\":{{\"name\":\"{name}\"}}}}\n")
        };
        let file = one("a") + &one("b");
        let intake = Intake::read(&[&file], "default");
        let lines: Vec<usize> = intake
            .objects
            .iter()
            .map(|(_, source)| source.line_of(file.as_bytes(), "metadata.name"))
            .collect();
        assert_eq!(lines, [2, 4]);
    }
}
