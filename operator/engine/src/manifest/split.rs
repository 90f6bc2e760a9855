//! A stream of bytes into documents, without parsing them: a `---` or `...` in column 0 always ends a document,
//! inside a block scalar too, so the search for markers may be blind to structure.

use memchr::{memchr, memchr2, memmem};

/// One document of a stream, not yet parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawDocument<'a> {
    /// The document's bytes, its `---` line and directives included.
    pub bytes: &'a [u8],
    /// Line of the first byte within the stream, from 1.
    pub line: usize,
}

/// The documents of a YAML stream, a JSON file, or concatenated JSON values (NDJSON). Documents that hold nothing
/// but blanks and comments are left out.
pub fn split(bytes: &[u8]) -> impl Iterator<Item = RawDocument<'_>> {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let json = json_stream(bytes);
    let yaml = Yaml {
        rest: if json.is_some() { &[] } else { bytes },
        line: 1,
    };
    json.into_iter().flatten().chain(yaml)
}

pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

struct Yaml<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Iterator for Yaml<'a> {
    type Item = RawDocument<'a>;

    fn next(&mut self) -> Option<RawDocument<'a>> {
        while !self.rest.is_empty() {
            let mut end = next_marker(self.rest);
            let mut content = content(&self.rest[..end]);
            if content == Content::Directives {
                end += next_marker(&self.rest[end..]);
                content = Content::Some;
            }
            let (bytes, rest) = self.rest.split_at(end);
            let line = self.line;
            self.line += lines(bytes);
            self.rest = rest;
            if content == Content::Some {
                return Some(RawDocument { bytes, line });
            }
        }
        None
    }
}

/// Where the next document begins (a `---` line) or the present one is closed (after a `...` line).
fn next_marker(bytes: &[u8]) -> usize {
    let start = search(bytes, b"\n---", bytes.len());
    let stop = search(bytes, b"\n...", start);
    if stop == start {
        start
    } else {
        line_end(bytes, stop)
    }
}

fn search(bytes: &[u8], marker: &[u8], limit: usize) -> usize {
    let ends_marker = |at: usize| matches!(bytes.get(at), None | Some(b' ' | b'\t' | b'\r' | b'\n'));
    memmem::find_iter(&bytes[..limit], marker)
        .find(|at| ends_marker(at + 4))
        .map_or(limit, |at| at + 1)
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |at| from + at + 1)
}

fn lines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

#[derive(PartialEq, Eq)]
enum Content {
    None,
    /// `%YAML`, `%TAG`: they belong to the document that follows.
    Directives,
    Some,
}

fn content(bytes: &[u8]) -> Content {
    let mut found = Content::None;
    let mut started = false;
    for line in bytes.split(|&byte| byte == b'\n') {
        let line = if started {
            line
        } else {
            line.strip_prefix(BOM).unwrap_or(line)
        };
        let marker = line.starts_with(b"---") && matches!(line.get(3), None | Some(b' ' | b'\t' | b'\r'));
        let text = if marker && !started { &line[3..] } else { line }.trim_ascii();
        started |= marker;
        match text.first() {
            None | Some(b'#') => {}
            Some(b'%') if !started && line.first() == Some(&b'%') => found = Content::Directives,
            Some(b'.') if text == b"..." || text.starts_with(b"... ") => {}
            Some(_) => return Content::Some,
        }
    }
    found
}

/// The values of a stream that is JSON throughout; None as soon as it is not.
fn json_stream(bytes: &[u8]) -> Option<Vec<RawDocument<'_>>> {
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    loop {
        let space = bytes[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        line += lines(&bytes[at..at + space]);
        at += space;
        if at == bytes.len() {
            return (!found.is_empty()).then_some(found);
        }
        let length = json_value(&bytes[at..])?;
        let value = &bytes[at..at + length];
        found.push(RawDocument { bytes: value, line });
        line += lines(value);
        at += length;
    }
}

/// Length of the JSON object or array that `bytes` begins with, judged by its brackets and strings alone.
fn json_value(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b'"' => at += json_string(&bytes[at..])? - 1,
            _ if depth == 0 => return None,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Length of the JSON string that `bytes` begins with, quotes included.
pub(super) fn json_string(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}
