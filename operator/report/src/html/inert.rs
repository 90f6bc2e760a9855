//! What every value passes through on its way into the page.

use std::fmt::{self, Write};

use plimsoll_engine::text;

/// Escapes for HTML, and makes characters visible that move or hide the text around them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inert;

impl askama::filters::Escaper for Inert {
    fn write_escaped_str<W: Write>(&self, dest: W, string: &str) -> fmt::Result {
        askama::filters::Html.write_escaped_str(dest, &text::escape(string))
    }

    fn write_escaped_char<W: Write>(&self, dest: W, c: char) -> fmt::Result {
        self.write_escaped_str(dest, c.encode_utf8(&mut [0; 4]))
    }
}
