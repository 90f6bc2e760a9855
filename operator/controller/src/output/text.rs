//! Text that comes from other people's objects, made fit to be shown.

use plimsoll_engine::text::is_hostile;

/// Without line breaks, terminal sequences, and characters that change the order in which text is read.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| if is_hostile(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Cuts a text to so many bytes at a character boundary, with an ellipsis where something is missing.
pub(crate) fn cut(text: &mut String, most: usize) {
    const ELLIPSIS: char = '…';
    if text.len() <= most {
        return;
    }
    let mut end = most.saturating_sub(ELLIPSIS.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push(ELLIPSIS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_texts_fit_and_stay_text() {
        for most in 3..20 {
            let mut text = "aé€𝄞".repeat(5);
            cut(&mut text, most);
            assert!(text.len() <= most && text.ends_with('…'), "{most}: {text}");
        }
        let mut short = String::from("short");
        cut(&mut short, 5);
        assert_eq!(short, "short");
    }
}
