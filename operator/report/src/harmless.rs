//! JSON for people's terminals and other people's programs at once.

use std::io;

use plimsoll_engine::text::is_hostile;
use serde_json::ser::Formatter;

/// JSON that is safe to look at in a terminal: characters that move or hide text are written as `\uXXXX`, which means the
/// same to every program.
#[derive(Debug)]
pub struct Harmless<F>(pub F);

impl<F: Formatter> Formatter for Harmless<F> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        // Nearly all text is plain, which is seen at a glance.
        if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return out.write_all(text.as_bytes());
        }
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_hostile(*c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::ser::PrettyFormatter;

    use super::*;

    #[test]
    fn hostile_characters_are_escaped_and_mean_the_same() {
        let text = "a\u{202e}b\u{9b}c\u{7f}\u{e0041}ä\u{1b}";
        let mut out = Vec::new();
        text.serialize(&mut serde_json::Serializer::with_formatter(
            &mut out,
            Harmless(PrettyFormatter::new()),
        ))
        .unwrap();
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written, "\"a\\u202eb\\u009bc\\u007f\\udb40\\udc41ä\\u001b\"");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
