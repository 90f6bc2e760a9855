//! The page: one HTML file that loads nothing, sends nothing and is complete without its script.

mod data;
mod guide;
mod inert;
mod page;
mod svg;

use std::{
    io::{self, Write},
    sync::LazyLock,
};

use askama::Template;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::{Given, assemble, rows::ranked};
pub(crate) use data::manifest;
pub(crate) use inert::Inert;
use page::Page;

const CSS: &str = include_str!("../../templates/report.css");
const JS: &str = include_str!("../../templates/report.js");

/// The policy of the page, in the page and for the header it is served with: its own style and script, known by their
/// hashes, and nothing else from anywhere.
pub fn content_security_policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
        format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
             require-trusted-types-for 'script'",
            hash(JS),
            hash(CSS)
        )
    });
    &POLICY
}

/// Writes the page, as it is made.
pub fn write(given: &Given<'_>, mut out: impl Write) -> io::Result<()> {
    let report = assemble(given);
    let rows = ranked(given);
    let page = Page::new(given, &report, &rows);
    page.write_into(&mut out)?;
    out.flush()
}
