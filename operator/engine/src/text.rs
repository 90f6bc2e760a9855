//! Text of others on its way to people: names and messages come from manifests and annotations that anyone may write.

use std::borrow::Cow;

/// Makes a text safe to show on a terminal or in a log line: control characters (ANSI sequences begin with one), line breaks,
/// bidirectional overrides and invisible characters become visible escapes such as `\u{202e}`. Other text stays as it is.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hostile(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Whether a character changes how the text around it is shown, or is not shown itself.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}' // zero width, left-to-right and right-to-left marks
            | '\u{2028}'..='\u{202e}' // line and paragraph separators, bidirectional embeddings and overrides
            | '\u{2060}'..='\u{206f}' // joiners, isolates, deprecated format characters
            | '\u{fff9}'..='\u{fffb}' // interlinear annotations
            | '\u{e0000}'..='\u{e007f}') // tags
}

/// Cuts a text to so many bytes at a character boundary, with an ellipsis where something is missing; there is room for that at
/// least.
pub fn cut(text: &str, most: usize) -> String {
    cut_by(text, most, char::len_utf8)
}

/// The same in bytes as JSON writes them.
pub fn cut_json(text: &str, most: usize) -> String {
    let written = |c: char| match c {
        '"' | '\\' => 2,
        c if c.is_control() => 6,
        c => c.len_utf8(),
    };
    cut_by(text, most, written)
}

fn cut_by(text: &str, most: usize, bytes: impl Fn(char) -> usize) -> String {
    const ELLIPSIS: char = '…';
    let (mut used, mut end) = (0, 0);
    for (at, c) in text.char_indices() {
        if used + ELLIPSIS.len_utf8() <= most {
            end = at;
        }
        used += bytes(c);
        if used > most {
            return format!("{}{ELLIPSIS}", &text[..end]);
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("shop/web-1", "shop/web-1")]
    #[case("größe", "größe")]
    #[case("a\u{1b}[31mred", "a\\u{1b}[31mred")]
    #[case("two\nlines\r\t", "two\\nlines\\r\\t")]
    #[case("evil\u{202e}gpj", "evil\\u{202e}gpj")]
    #[case("\u{9b}2J\u{7f}\u{0}", "\\u{9b}2J\\u{7f}\\u{0}")]
    #[case(
        "zero\u{200b}width\u{2066}\u{feff}\u{e0041}",
        "zero\\u{200b}width\\u{2066}\\u{feff}\\u{e0041}"
    )]
    fn nothing_that_moves_or_hides_text_passes(#[case] given: &str, #[case] shown: &str) {
        assert_eq!(escape(given), shown);
    }

    #[test]
    fn cut_texts_fit_are_as_long_as_they_can_be_and_stay_text() {
        for most in 3..20 {
            let text = "aé€𝄞".repeat(5);
            let cut = cut(&text, most);
            assert!(cut.len() <= most && cut.len() + 4 > most, "{most}: {cut}");
            assert!(text.starts_with(cut.strip_suffix('…').unwrap()), "{cut}");
        }
        assert_eq!(cut("short", 5), "short");
    }

    #[test]
    fn cut_texts_fit_as_json_writes_them() {
        for most in 3..80 {
            let text = "a\"é\\\u{1}\n".repeat(5);
            let written = serde_json::to_string(&cut_json(&text, most)).unwrap();
            assert!(written.len() <= most + 2, "{most}: {written}");
        }
    }

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(escape("plain"), Cow::Borrowed(_)));
    }
}
