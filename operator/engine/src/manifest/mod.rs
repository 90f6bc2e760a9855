//! Reads manifests: bytes into documents, documents into nodes, nodes into any `Deserialize` type, no generic
//! value in between.
//!
//! [`split`] finds the documents of a stream, [`parse`] reads one (call it in parallel), [`Document::root`] gives
//! its [`Node`], which is a [`serde::Deserializer`]. Scalars mean what they mean to kubectl (sigs.k8s.io/yaml: `yes`
//! is true, `0644` is 420), null decodes to the zero value as in the API server's Go types, a number where a string
//! belongs is an error as it is there. Errors never cross documents, and nothing is lost silently: see
//! [`Document::warnings`]. Nothing else of the reader is public, so that it can be replaced.

mod binary;
mod block;
mod builder;
mod de;
mod error;
mod flow;
mod json;
mod node;
mod path;
mod scalar;
mod split;
mod template;
#[cfg(test)]
mod tests;
mod tree;
mod yaml;

pub use de::DecodeError;
pub use error::{ManifestError, Problem, Warning};
pub use node::{Identity, Node, Object, documents, identify};
pub use path::{PathSegment, segments};
pub use scalar::Scalar;
pub use split::{RawDocument, split};

use builder::{Builder, Text};
use memchr::{memchr, memmem};
use tree::{Kind, Tree};

/// Deepest nesting read, aliases followed. The deepest field of a Kubernetes API is at about 20; a CRD's schema
/// may go further.
pub const MAX_DEPTH: usize = 64;

/// Most nodes that the aliases of one document may expand to (64 bytes of text count as another node).
pub const ALIAS_BUDGET: usize = 100_000;

/// One parsed document.
#[derive(Debug)]
pub struct Document<'a> {
    tree: Tree<'a>,
}

impl Document<'_> {
    /// The document's top node.
    pub fn root(&self) -> Node<'_> {
        Node::new(&self.tree, 0)
    }

    /// What was accepted but is likely a mistake.
    pub fn warnings(&self) -> &[Warning] {
        &self.tree.warnings
    }
}

/// Reads one document.
pub fn parse<'a>(raw: &RawDocument<'a>) -> Result<Document<'a>, ManifestError> {
    let text = text(raw)?;
    let tree = match load_json(text, raw.line) {
        Some(Ok(tree)) => tree,
        // `{a: b}` is YAML, and `{{- if` a template: only if it is neither, the JSON error is the one to show.
        Some(Err(error)) => load_yaml(text, raw.line).map_err(|yaml| match yaml.what {
            Problem::Syntax(_) => error,
            _ => yaml,
        })?,
        None => load_yaml(text, raw.line)?,
    };
    let document = Document { tree };
    match templated_identity(&document, text) {
        Some(line) => Err(Problem::Templated.at(line, 1)),
        None => Ok(document),
    }
}

fn text<'a>(raw: &RawDocument<'a>) -> Result<&'a str, ManifestError> {
    let start = |what| Problem::Encoding(what).at(raw.line, 1);
    if raw.bytes.starts_with(b"\xff\xfe") || raw.bytes.starts_with(b"\xfe\xff") {
        return Err(start("UTF-16 text: save it as UTF-8"));
    }
    if u32::try_from(raw.bytes.len()).is_err() {
        return Err(Problem::TooLarge.at(raw.line, 1));
    }
    let bytes = raw.bytes.strip_prefix(split::BOM).unwrap_or(raw.bytes);
    let at = |offset: usize, what| {
        let (line, column) = position(&bytes[..offset], raw.line);
        Problem::Encoding(what).at(line, column)
    };
    if let Some(offset) = memchr(0, bytes) {
        return Err(at(offset, "a NUL byte: not a text file, or UTF-16"));
    }
    std::str::from_utf8(bytes).map_err(|error| at(error.valid_up_to(), "not UTF-8 text"))
}

/// Line and column of the byte after `before`.
fn position(before: &[u8], first_line: usize) -> (usize, usize) {
    let line = first_line + memchr::memchr_iter(b'\n', before).count();
    let tail = &before[memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)..];
    (line, String::from_utf8_lossy(tail).chars().count() + 1)
}

/// None if the document does not look like JSON.
fn load_json(text: &str, first_line: usize) -> Option<Result<Tree<'_>, ManifestError>> {
    let body = text.strip_prefix("---").unwrap_or(text).trim_ascii_start();
    if !body.starts_with(['{', '[']) {
        return None;
    }
    let start = text.len() - body.len();
    let mut builder = Builder::new(text);
    Some(match json::load(text, start, first_line, &mut builder) {
        Ok(()) => Ok(builder.finish()),
        Err(json::NotJson { offset, what }) => {
            let (line, column) = position(&text.as_bytes()[..offset], first_line);
            Err(what.at(line, column))
        }
    })
}

fn load_yaml(text: &str, first_line: usize) -> Result<Tree<'_>, ManifestError> {
    let mut builder = Builder::new(text);
    match block::load(text, first_line, &mut builder) {
        Some(()) => Ok(builder.finish()),
        None => load_any_yaml(text, first_line),
    }
}

fn load_any_yaml(text: &str, first_line: usize) -> Result<Tree<'_>, ManifestError> {
    let mut builder = Builder::new(text);
    yaml::load(text, first_line - 1, &mut builder).map_err(|error| explain(error, text, first_line))?;
    if builder.next_index() == 0 {
        let null = builder.scalar(
            Kind::Plain,
            &Text::Source(0, 0),
            u32::try_from(first_line).unwrap_or(u32::MAX),
        );
        null.map_err(|what| what.at(first_line, 1))?;
    }
    Ok(builder.finish())
}

/// A syntax error at or shortly after an unquoted `{{` is a template's doing.
fn explain(error: ManifestError, text: &str, first_line: usize) -> ManifestError {
    if !matches!(error.what, Problem::Syntax(_)) {
        return error;
    }
    match template::first_action(text, error.line - first_line + 2) {
        Some((line, column)) => Problem::Templated.at(first_line + line - 1, column),
        None => error,
    }
}

/// Line of an identifying field with `{{` in it, quoted or not: no such object can exist.
fn templated_identity(document: &Document<'_>, text: &str) -> Option<usize> {
    memmem::find(text.as_bytes(), b"{{")?;
    let root = document.root();
    let metadata = root.get("metadata");
    let of = |node: Option<Node<'_>>, key| {
        let value = node?.get(key)?;
        value
            .as_str()
            .is_some_and(|text| text.contains("{{"))
            .then_some(value.line())
    };
    [
        (Some(root), "apiVersion"),
        (Some(root), "kind"),
        (metadata, "name"),
        (metadata, "namespace"),
    ]
    .into_iter()
    .find_map(|(node, key)| of(node, key))
}
