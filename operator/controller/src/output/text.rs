//! Text that comes from other people's objects, made fit to be shown.

use plimsoll_engine::text::is_hostile;

/// Without line breaks, terminal sequences, and characters that change the order in which text is read.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| if is_hostile(c) { '\u{fffd}' } else { c })
        .collect()
}
