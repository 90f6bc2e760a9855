//! A few short texts in one allocation, behind one word.

use triomphe::ThinArc;

/// Short texts, one after another. Clones share them.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pieces(ThinArc<(), u8>);

/// Ends every piece. Nothing that Kubernetes names or labels holds one.
const END: char = '\0';
/// Stands for it where a text holds one all the same.
const REPLACED: &str = "\u{fffd}";

impl Pieces {
    pub(crate) fn of<'p>(pieces: impl IntoIterator<Item = &'p str>) -> Self {
        let mut text = String::new();
        for piece in pieces {
            if piece.contains(END) {
                text.push_str(&piece.replace(END, REPLACED));
            } else {
                text.push_str(piece);
            }
            text.push(END);
        }
        Self(ThinArc::from_header_and_slice((), text.as_bytes()))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        // They were texts when they came in.
        let text = std::str::from_utf8(&self.0.slice).unwrap_or_default();
        text.split_terminator(END)
    }

    /// How many share them.
    pub(crate) fn shared_by(&self) -> usize {
        ThinArc::strong_count(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_out_as_they_went_in() {
        for pieces in [&["a", "", "ü"][..], &[""], &["", ""], &[]] {
            let held = Pieces::of(pieces.iter().copied());
            assert_eq!(held.iter().collect::<Vec<_>>(), pieces);
        }
        let hostile = Pieces::of(["a\0b", "c"]);
        assert_eq!(hostile.iter().collect::<Vec<_>>(), ["a\u{fffd}b", "c"]);
    }
}
