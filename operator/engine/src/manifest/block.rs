//! The fast way for what nearly every manifest consists of: block mappings and sequences indented by spaces,
//! scalars and flow collections on one line, literal blocks. Everything else (anchors, tags, folded and multi-line
//! scalars, tabs, CRLF, errors of any kind) is declined, and the general loader reads the document instead; so
//! whatever is accepted here must come out exactly as there, which the tests compare.

use super::builder::{Builder, Text};
use super::flow::Line;
use super::tree::Kind;

/// Loads the document, or declines and leaves the builder half filled.
pub(super) fn load(source: &str, first_line: usize, builder: &mut Builder<'_>) -> Option<()> {
    if memchr::memchr(b'\r', source.as_bytes()).is_some() {
        return None; // a break to YAML, alone too
    }
    let mut reader = Reader {
        source,
        at: 0,
        number: u32::try_from(first_line).ok()?,
        builder,
        levels: Vec::new(),
        pending: None,
        started: false,
        templated: memchr::memmem::find(source.as_bytes(), b"{{").is_some(),
        scratch: String::new(),
    };
    reader.document()
}

#[derive(Clone, Copy)]
struct Level {
    indent: usize,
    map: bool,
}

struct Reader<'s, 'b, 'a> {
    source: &'s str,
    /// Start of the next line.
    at: usize,
    /// Number of the present line.
    number: u32,
    builder: &'b mut Builder<'a>,
    levels: Vec<Level>,
    /// A `key:` or `-` without a value so far, with its line.
    pending: Option<u32>,
    started: bool,
    templated: bool,
    scratch: String,
}

impl<'s> Reader<'s, '_, '_> {
    fn document(&mut self) -> Option<()> {
        while self.at < self.source.len() {
            let (start, end) = self.next_line();
            let bytes = &self.source.as_bytes()[start..end];
            let indent = bytes.iter().take_while(|&&byte| byte == b' ').count();
            match bytes.get(indent) {
                None | Some(b'#') => {}
                Some(b'\t') => return None,
                Some(b'-') if indent == 0 && !self.started && bytes.starts_with(b"---") => {
                    self.marker(&bytes[3..])?;
                }
                Some(_) => self.content(start, indent, end)?,
            }
            self.number += 1;
        }
        self.fill_pending()?;
        while self.levels.pop().is_some() {
            self.builder.close().ok()?;
        }
        (self.builder.next_index() > 0).then_some(())
    }

    /// Start and end (without the break) of the next line.
    fn next_line(&mut self) -> (usize, usize) {
        let start = self.at;
        let end = memchr::memchr(b'\n', &self.source.as_bytes()[start..])
            .map_or(self.source.len(), |at| start + at);
        self.at = end + 1;
        (start, end)
    }

    fn marker(&mut self, rest: &[u8]) -> Option<()> {
        self.started = true;
        let blanks = rest.iter().take_while(|&&byte| byte == b' ').count();
        let comment = blanks > 0 && rest.get(blanks) == Some(&b'#');
        (comment || blanks == rest.len()).then_some(())
    }

    /// A line with something on it: finds the level it belongs to, then reads its entries.
    fn content(&mut self, start: usize, indent: usize, end: usize) -> Option<()> {
        self.started = true;
        let mut line = Line::new(self.source, start + indent, end, self.templated);
        let dash = line.at_dash();
        let top = self.levels.last().copied();
        let nested = match (top, self.pending) {
            (None, _) => self.builder.next_index() == 0 && indent == 0,
            (Some(top), Some(_)) => indent > top.indent || (indent == top.indent && top.map && dash),
            (Some(_), None) => false,
        };
        if nested {
            self.pending = None;
            self.open(!dash, indent)?;
        } else {
            self.fill_pending()?;
            self.return_to(indent, dash)?;
        }
        while line.at_dash() {
            line.skip_dash();
            let column = line.at - start;
            if line.at_end()? {
                self.pending = Some(self.number);
                return Some(());
            }
            if line.at_dash() {
                self.open(false, column)?;
            } else if line.at_entry()? {
                self.open(true, column)?;
            } else {
                return self.value(&mut line);
            }
        }
        self.entry(&mut line)
    }

    /// Closes the levels that a line at `indent` ends. Deeper than the present level would be a continued scalar.
    fn return_to(&mut self, indent: usize, dash: bool) -> Option<()> {
        while let Some(&top) = self.levels.last() {
            let ends_indentless = top.indent == indent && !top.map && !dash;
            if top.indent <= indent && !ends_indentless {
                return (top.indent == indent && top.map != dash).then_some(());
            }
            self.levels.pop();
            self.builder.close().ok()?;
        }
        None
    }

    fn open(&mut self, map: bool, indent: usize) -> Option<()> {
        self.levels.push(Level { indent, map });
        self.builder.open(map, self.number).ok()
    }

    fn fill_pending(&mut self) -> Option<()> {
        match self.pending.take() {
            Some(line) => self.builder.scalar(Kind::Plain, &Text::Source(0, 0), line).ok(),
            None => Some(()),
        }
    }

    /// `key: value`
    fn entry(&mut self, line: &mut Line<'s>) -> Option<()> {
        line.key(self.builder, self.number)?;
        if line.at_end()? {
            self.pending = Some(self.number);
            return Some(());
        }
        self.value(line)
    }

    fn value(&mut self, line: &mut Line<'s>) -> Option<()> {
        if line.peek() == Some(b'|') {
            return self.literal(line);
        }
        line.value(self.builder, self.number)?;
        line.at_end()?.then_some(())
    }

    /// A literal block without an explicit indentation.
    fn literal(&mut self, line: &mut Line<'s>) -> Option<()> {
        let chomping = line.literal_header()?;
        let parent = self.levels.last()?.indent;
        let text_line = self.number + 1; // where the general loader places it too
        let mut indent = None;
        let mut blanks = 0;
        self.scratch.clear();
        while self.at < self.source.len() {
            let before = self.at;
            let (start, end) = self.next_line();
            let text = &self.source[start..end];
            let spaces = text.bytes().take_while(|&byte| byte == b' ').count();
            let blank = spaces == text.len();
            if blank && indent.is_none_or(|indent| spaces <= indent) {
                if indent.is_none() && spaces > 0 {
                    return None; // leading blanks may not be longer than the text's indentation
                }
                blanks += 1;
                self.number += 1;
                continue;
            }
            if !blank && spaces <= parent {
                self.at = before;
                break;
            }
            let indent = *indent.get_or_insert(spaces);
            if spaces < indent || end == self.source.len() {
                return None;
            }
            self.number += 1;
            self.scratch
                .extend(std::iter::repeat_n('\n', std::mem::take(&mut blanks)));
            self.scratch.push_str(&text[indent..]);
            self.scratch.push('\n');
        }
        indent?;
        match chomping {
            b'-' => drop(self.scratch.pop()),
            b'+' => self.scratch.extend(std::iter::repeat_n('\n', blanks)),
            _ => {}
        }
        self.builder
            .scalar(Kind::Text, &Text::Owned(&self.scratch), text_line)
            .ok()
    }
}
