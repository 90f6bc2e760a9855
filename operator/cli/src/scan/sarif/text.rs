//! Texts and addresses as SARIF wants them.

use std::fmt::Write as _;

use serde::Serialize;

/// A message in plain text (§3.11).
#[derive(Serialize)]
pub(super) struct Message {
    text: String,
}

impl Message {
    pub(super) fn plain(text: &str) -> Self {
        Self { text: literal(text) }
    }
}

/// A message of a first line and more of them.
pub(super) fn message(headline: &str, details: &[String]) -> Message {
    let lines: Vec<&str> = std::iter::once(headline)
        .chain(details.iter().map(String::as_str))
        .collect();
    Message::plain(&lines.join("\n"))
}

/// Text that means nothing but itself: braces stand for arguments (§3.11.5), and brackets before a parenthesis make a link
/// (§3.11.6), which nobody is to write into our messages by the name of an object.
fn literal(text: &str) -> String {
    let has_link = text.contains("](");
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '{' | '}' => literal.push(c),
            '[' | ']' | '\\' if has_link => literal.push('\\'),
            _ => {}
        }
        literal.push(c);
    }
    literal
}

/// A file name as a URI (RFC 3986), and whether it is relative.
pub(super) fn uri(file: &str) -> (String, bool) {
    let is_absolute = file.starts_with('/');
    let mut path = file;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    let mut uri = String::from(if is_absolute { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            _ = write!(uri, "%{byte:02X}"); // writing to a String cannot fail
        }
    }
    (uri, !is_absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_mean_nothing_but_themselves() {
        assert_eq!(
            literal("spec.containers[web].image"),
            "spec.containers[web].image"
        );
        assert_eq!(literal("{0} and {}"), "{{0}} and {{}}");
        assert_eq!(
            literal(r"[here](https://evil.example) \[x](1)"),
            r"\[here\](https://evil.example) \\\[x\](1)"
        );
    }

    #[test]
    fn file_names_become_addresses() {
        for (file, expected) in [
            ("./shop/web.yaml", "shop/web.yaml"),
            ("a b/ä:#?%.yaml", "a%20b/%C3%A4%3A%23%3F%25.yaml"),
            ("../x.yaml", "../x.yaml"),
            ("/tmp/x.yaml", "file:///tmp/x.yaml"),
            ("<stdin>", "%3Cstdin%3E"),
            ("a\n\u{202e}.yaml", "a%0A%E2%80%AE.yaml"),
        ] {
            assert_eq!(uri(file), (expected.to_owned(), !file.starts_with('/')));
        }
    }
}
