//! What stands on one line: keys, scalars, flow collections. None means: not in the simple subset (see `block`).

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::builder::{Builder, Text};
use super::tree::Kind;

/// The longest simple key of YAML.
const LONGEST_KEY: usize = 1024;

/// The rest of a line.
pub(super) struct Line<'s> {
    source: &'s str,
    pub at: usize,
    end: usize,
    templated: bool,
}

impl<'s> Line<'s> {
    pub(super) fn new(source: &'s str, at: usize, end: usize, templated: bool) -> Self {
        Self {
            source,
            at,
            end,
            templated,
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// At the `-` of a sequence item.
    pub(super) fn at_dash(&self) -> bool {
        matches!(self.rest(), [b'-'] | [b'-', b' ', ..])
    }

    pub(super) fn skip_dash(&mut self) {
        self.at += 1;
        self.skip_spaces();
    }

    /// Whether nothing but blanks and a comment is left; None if what is left begins like a comment but is none.
    pub(super) fn at_end(&mut self) -> Option<bool> {
        let before = self.at;
        self.skip_spaces();
        match self.peek() {
            None => Some(true),
            Some(b'#') => {
                let separated = self.at > before || self.source.as_bytes()[self.at - 1] == b' ';
                separated.then_some(true)
            }
            Some(b'\t') => None,
            Some(_) => Some(false),
        }
    }

    /// Whether `key: …` begins here.
    pub(super) fn at_entry(&self) -> Option<bool> {
        match self.peek()? {
            b'"' | b'\'' => {
                let mut ahead = Self { ..*self };
                ahead.quoted()?;
                ahead.skip_spaces();
                Some(ahead.peek() == Some(b':'))
            }
            b'{' | b'[' | b'|' => Some(false),
            _ => Some(plain_end(self.rest(), false)?.1),
        }
    }

    /// A block key and its colon.
    pub(super) fn key(&mut self, builder: &mut Builder<'_>, line: u32) -> Option<()> {
        let from = self.at;
        self.scalar(builder, line, false)?;
        self.skip_spaces();
        (self.at - from <= LONGEST_KEY).then_some(())?;
        match self.rest() {
            [b':'] | [b':', b' ', ..] => {
                self.at += 1;
                self.skip_spaces();
                Some(())
            }
            _ => None,
        }
    }

    /// A block value: flow collection, or scalar that is no key.
    pub(super) fn value(&mut self, builder: &mut Builder<'_>, line: u32) -> Option<()> {
        if matches!(self.peek()?, b'{' | b'[') {
            return self.collection(builder, line);
        }
        self.scalar(builder, line, false)
    }

    /// The chomping indicator of a literal block: `-`, `+`, or a blank for none.
    pub(super) fn literal_header(&mut self) -> Option<u8> {
        self.at += 1;
        let chomping = self.peek().filter(|byte| matches!(byte, b'-' | b'+'));
        self.at += usize::from(chomping.is_some());
        self.at_end()?.then_some(chomping.unwrap_or(b' '))
    }

    fn collection(&mut self, builder: &mut Builder<'_>, line: u32) -> Option<()> {
        let map = self.peek()? == b'{';
        let closing = if map { b'}' } else { b']' };
        builder.open(map, line).ok()?;
        self.at += 1;
        self.skip_spaces();
        while self.peek()? != closing {
            if map {
                self.flow_key(builder, line)?;
            }
            match self.peek()? {
                b'{' | b'[' => self.collection(builder, line)?,
                _ => self.scalar(builder, line, true)?,
            }
            self.skip_spaces();
            match self.peek()? {
                b',' => {
                    self.at += 1;
                    self.skip_spaces();
                    (self.peek()? != closing).then_some(())?;
                }
                found if found == closing => {}
                _ => return None,
            }
        }
        self.at += 1;
        builder.close().ok().map(drop)
    }

    fn flow_key(&mut self, builder: &mut Builder<'_>, line: u32) -> Option<()> {
        let from = self.at;
        self.scalar(builder, line, true)?;
        (self.at - from <= LONGEST_KEY && self.rest().starts_with(b": ")).then_some(())?;
        self.at += 1;
        self.skip_spaces();
        Some(())
    }

    fn scalar(&mut self, builder: &mut Builder<'_>, line: u32, flow: bool) -> Option<()> {
        if matches!(self.peek()?, b'"' | b'\'') {
            let from = self.at + 1;
            return match self.quoted()? {
                Cow::Borrowed(text) => {
                    builder.scalar(Kind::Text, &Text::Source(from, from + text.len()), line)
                }
                Cow::Owned(text) => builder.scalar(Kind::Text, &Text::Owned(&text), line),
            }
            .ok();
        }
        let (length, key) = plain_end(self.rest(), flow)?;
        if key != builder.at_key() {
            return None;
        }
        let (from, to) = (self.at, self.at + length);
        if self.templated && self.source[from..to].contains("{{") {
            return None;
        }
        self.at = to;
        builder.scalar(Kind::Plain, &Text::Source(from, to), line).ok()
    }

    /// A quoted scalar that ends on this line.
    fn quoted(&mut self) -> Option<Cow<'s, str>> {
        let inner = &self.source[self.at + 1..self.end];
        let (length, text) = if self.peek()? == b'"' {
            double_quoted(inner)?
        } else {
            single_quoted(inner)?
        };
        self.at += length + 2;
        Some(text)
    }

    fn rest(&self) -> &'s [u8] {
        &self.source.as_bytes()[self.at..self.end]
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().iter().take_while(|&&byte| byte == b' ').count();
    }
}

/// Length of the quoted text up to its closing quote, and what it stands for.
fn double_quoted(inner: &str) -> Option<(usize, Cow<'_, str>)> {
    let bytes = inner.as_bytes();
    let mut at = memchr2(b'"', b'\\', bytes)?;
    if bytes[at] == b'"' {
        return Some((at, Cow::Borrowed(&inner[..at])));
    }
    let (mut text, mut from) = (String::new(), 0);
    while bytes[at] != b'"' {
        text.push_str(&inner[from..at]);
        text.push(match bytes.get(at + 1)? {
            b'n' => '\n',
            b't' => '\t',
            &plain @ (b'"' | b'\\' | b'/') => char::from(plain),
            _ => return None,
        });
        from = at + 2;
        at = from + memchr2(b'"', b'\\', &bytes[from..])?;
    }
    text.push_str(&inner[from..at]);
    Some((at, Cow::Owned(text)))
}

fn single_quoted(inner: &str) -> Option<(usize, Cow<'_, str>)> {
    let mut at = memchr(b'\'', inner.as_bytes())?;
    while inner.as_bytes().get(at + 1) == Some(&b'\'') {
        at += 2 + memchr(b'\'', &inner.as_bytes()[at + 2..])?;
    }
    let text = &inner[..at];
    Some((
        at,
        if text.contains('\'') {
            Cow::Owned(text.replace("''", "'"))
        } else {
            Cow::Borrowed(text)
        },
    ))
}

/// Length of the plain scalar that `rest` begins with, and whether a `: ` follows, which makes it a key.
fn plain_end(rest: &[u8], flow: bool) -> Option<(usize, bool)> {
    let first = *rest.first()?;
    let fine = match first {
        b'-' => rest
            .get(1)
            .is_some_and(|&next| next.is_ascii_alphanumeric() || (!flow && next == b'-')),
        _ => !b" \t,[]{}#&*!|>'\"%@`?:".contains(&first) && first >= b' ',
    };
    if !fine {
        return None;
    }
    let mut end = 0; // after the last byte that is not blank
    for (at, &byte) in rest.iter().enumerate() {
        match byte {
            b' ' => continue,
            b'#' if rest[at - 1] == b' ' => return (!flow).then_some((end, false)),
            b':' if matches!(rest.get(at + 1), None | Some(b' ')) => return Some((end, true)),
            b',' | b']' | b'}' if flow => return Some((end, false)),
            b':' | b'[' | b'{' if flow => return None,
            0..=0x1f | 0x7f => return None,
            _ => {}
        }
        end = at + 1;
    }
    Some((end, false))
}
