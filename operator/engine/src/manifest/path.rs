//! Field paths as findings have them: `spec.tls[0]`, `spec.template.spec.containers[app].image`,
//! `metadata.annotations['example.com/a']`.

/// One step of a field path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathSegment<'p> {
    /// A key of a mapping.
    Key(&'p str),
    /// A position in a sequence, from 0.
    Index(usize),
    /// The item of a sequence whose `name` is this.
    Named(&'p str),
}

/// The steps of a field path. In brackets: digits are a position, quotes a key, anything else (with or without
/// `name=`) the name of an item.
pub fn segments(path: &str) -> Vec<PathSegment<'_>> {
    let mut found = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(inner) = rest.strip_prefix('[') {
            let end = bracket_end(inner);
            found.push(bracket(&inner[..end]));
            rest = inner.get(end + 1..).unwrap_or("");
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end > 0 {
                found.push(PathSegment::Key(&rest[..end]));
            }
            rest = &rest[end..];
        }
    }
    found
}

/// Where the closing bracket is; a quoted key may hold one.
fn bracket_end(inner: &str) -> usize {
    let quote = inner.chars().next().filter(|first| matches!(first, '"' | '\''));
    let from = quote
        .and_then(|quote| inner[1..].find(quote))
        .map_or(0, |at| at + 2);
    inner[from..].find(']').map_or(inner.len(), |at| from + at)
}

fn bracket(inner: &str) -> PathSegment<'_> {
    let quoted = |quote| {
        inner
            .strip_prefix(quote)
            .and_then(|text: &str| text.strip_suffix(quote))
    };
    if let Some(key) = quoted('\'').or_else(|| quoted('"')) {
        return PathSegment::Key(key);
    }
    match inner.parse() {
        Ok(index) => PathSegment::Index(index),
        Err(_) => PathSegment::Named(inner.strip_prefix("name=").unwrap_or(inner)),
    }
}
