//! Tests of the manifest reader.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod corpora;
mod decode;
mod properties;
mod scalars;
mod streams;

use serde_json::Value;

use super::{Document, Problem, RawDocument, parse, split};

fn raw(text: &str) -> RawDocument<'_> {
    RawDocument {
        bytes: text.as_bytes(),
        line: 1,
    }
}

fn read(text: &str) -> Document<'_> {
    parse(&raw(text)).unwrap_or_else(|error| panic!("{error} in {text:?}"))
}

fn json(text: &str) -> Value {
    read(text).root().to_json()
}

fn problem(text: &str) -> Problem {
    match parse(&raw(text)) {
        Ok(document) => panic!("{text:?} is {:?}", document.root()),
        Err(error) => error.what,
    }
}

fn starts(text: &str) -> Vec<(usize, &str)> {
    split(text.as_bytes())
        .map(|raw| (raw.line, std::str::from_utf8(raw.bytes).unwrap()))
        .collect()
}
