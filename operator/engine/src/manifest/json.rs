//! Loads one JSON document. serde_json has no positions, so the brackets are read here; strings with escapes go
//! to serde_json.

use super::builder::{Builder, Text};
use super::error::Problem;
use super::split::json_string;
use super::tree::Kind;

/// Where (byte offset) and why a document is not JSON.
pub(super) struct NotJson {
    pub offset: usize,
    pub what: Problem,
}

/// Reads the JSON that `source` holds from byte `start` on; `first_line` is the line of its first byte.
pub(super) fn load(
    source: &str,
    start: usize,
    first_line: usize,
    builder: &mut Builder<'_>,
) -> Result<(), NotJson> {
    let line = first_line + source[..start].matches('\n').count();
    let Ok(line) = u32::try_from(line) else {
        return Err(NotJson {
            offset: start,
            what: Problem::TooLarge,
        });
    };
    let mut reader = Reader {
        source,
        at: start,
        line,
        builder,
    };
    reader.document().map_err(|what| NotJson {
        offset: reader.at,
        what,
    })
}

struct Reader<'s, 'b, 'a> {
    source: &'s str,
    at: usize,
    line: u32,
    builder: &'b mut Builder<'a>,
}

impl Reader<'_, '_, '_> {
    fn document(&mut self) -> Result<(), Problem> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.value_or_open(&mut open)?;
            self.after_value(&mut open)?;
            if open.is_empty() {
                return if self.peek().is_none() {
                    Ok(())
                } else {
                    Err(unexpected())
                };
            }
        }
    }

    /// A scalar, or opening brackets up to the first value inside.
    fn value_or_open(&mut self, open: &mut Vec<u8>) -> Result<(), Problem> {
        loop {
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    self.builder.open(bracket == b'{', self.line)?;
                    self.at += 1;
                    open.push(bracket + 2); // ASCII: both closing brackets come two after
                    if self.peek() == Some(bracket + 2) {
                        return Ok(());
                    }
                    if bracket == b'{' {
                        self.key()?;
                    }
                }
                Some(b'"') => return self.string(),
                Some(_) => return self.word(),
                None => return Err(Problem::syntax("unexpected end of JSON")),
            }
        }
    }

    /// Closing brackets, then the comma and key that lead to the next value.
    fn after_value(&mut self, open: &mut Vec<u8>) -> Result<(), Problem> {
        while let Some(&closing) = open.last() {
            match self.peek() {
                Some(found) if found == closing => {
                    self.at += 1;
                    open.pop();
                    self.builder.close()?;
                }
                Some(b',') => {
                    self.at += 1;
                    return if closing == b'}' { self.key() } else { Ok(()) };
                }
                _ => return Err(unexpected()),
            }
        }
        Ok(())
    }

    fn key(&mut self) -> Result<(), Problem> {
        if self.peek() != Some(b'"') {
            return Err(Problem::syntax("expected a key in double quotes"));
        }
        self.string()?;
        if self.peek() != Some(b':') {
            return Err(Problem::syntax("expected ':' after the key"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), Problem> {
        let rest = &self.source[self.at..];
        let length = json_string(rest.as_bytes()).ok_or_else(|| Problem::syntax("unterminated string"))?;
        let inner = rest.get(1..length - 1).ok_or_else(unexpected)?;
        if inner.bytes().any(|byte| byte == b'\\' || byte < 0x20) {
            let text = serde_json::from_str::<String>(&rest[..length])
                .map_err(|e| Problem::syntax(e.to_string()))?;
            self.builder.scalar(Kind::Text, &Text::Owned(&text), self.line)?;
        } else {
            self.builder.scalar(
                Kind::Text,
                &Text::Source(self.at + 1, self.at + length - 1),
                self.line,
            )?;
        }
        self.at += length;
        Ok(())
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Result<(), Problem> {
        let rest = &self.source[self.at..];
        let length = rest
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            .count();
        let word = &rest[..length];
        if !matches!(word, "true" | "false" | "null")
            && serde_json::from_str::<serde_json::Number>(word).is_err()
        {
            return Err(unexpected());
        }
        self.builder
            .scalar(Kind::Json, &Text::Source(self.at, self.at + length), self.line)?;
        self.at += length;
        Ok(())
    }

    /// The next byte that is not blank.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.source.as_bytes().get(self.at)? {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                &byte => return Some(byte),
            }
            self.at += 1;
        }
    }
}

fn unexpected() -> Problem {
    Problem::syntax("unexpected character in JSON")
}
