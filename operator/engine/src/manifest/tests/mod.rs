//! Tests of the manifest reader.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod corpora;
mod decode;
mod properties;
mod scalars;
mod streams;

use serde_json::Value;

use super::builder::Builder;
use super::tree::Kind;
use super::{Document, Node, Problem, RawDocument, block, load_any_yaml, parse, split};

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

/// Whether the fast loader takes the text; if so it must give what the general one gives, lines included.
fn fast_equals_general(text: &str) -> bool {
    let mut builder = Builder::new(text);
    if block::load(text, 1, &mut builder).is_none() {
        return false;
    }
    let fast = Document {
        tree: builder.finish(),
    };
    match load_any_yaml(text, 1) {
        Ok(tree) => {
            let general = Document { tree };
            assert_eq!(outline(fast.root()), outline(general.root()), "{text}");
            assert_eq!(fast.warnings(), general.warnings(), "{text}");
        }
        Err(error) => panic!("{error}, but the fast loader read {text:?} as {:?}", fast.root()),
    }
    true
}

/// Every node with its line. Absent values have none worth comparing.
fn outline(node: Node<'_>) -> Vec<(usize, String)> {
    let own = match node.slot().kind {
        Kind::Map | Kind::Seq => (node.line(), format!("{:?}", node.slot().kind)),
        Kind::Plain if node.to_json().is_null() => (0, "null".to_owned()),
        kind => (
            node.line(),
            format!("{kind:?} {:?}", node.tree().text(node.slot())),
        ),
    };
    let mut found = vec![own];
    for entry in node.entries() {
        found.push((entry.line, entry.key.to_owned()));
        found.extend(outline(entry.value));
    }
    found.extend(node.items().flat_map(outline));
    found
}
