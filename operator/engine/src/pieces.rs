//! A few short texts in one allocation, behind one word.

use triomphe::Arc;

/// Short texts, one after another. Clones share them.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pieces(Arc<Box<str>>);

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
        Self(Arc::new(text.into()))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator(END)
    }

    /// How many share them.
    pub(crate) fn shared_by(&self) -> usize {
        Arc::strong_count(&self.0)
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
