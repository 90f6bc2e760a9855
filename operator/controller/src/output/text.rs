//! Text that comes from other people's objects, made fit to be shown.

/// Without line breaks, terminal sequences, and characters that change the order in which text is read.
pub(super) fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| if is_tricky(c) { '\u{fffd}' } else { c })
        .collect()
}

fn is_tricky(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Cuts a text to so many bytes at a character boundary, with an ellipsis where something is missing.
pub(super) fn cut(text: &mut String, most: usize) {
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
