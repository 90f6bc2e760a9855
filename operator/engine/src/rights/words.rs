//! Lists of short words, as rules are made of: verbs, groups, resources.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, de};

/// A list of words in one allocation, each ended by NUL: a list of one costs its text, an empty one nothing. A role may have
/// ten thousand rules of five lists each.
///
/// A word with a NUL in it is left out: it can match nothing that anybody can ask for.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Words(Box<str>);

/// Stands for every word.
pub(super) const ANY: &str = "*";

impl Words {
    /// The words, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator('\0')
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a word is listed, letter for letter.
    pub fn contains(&self, word: &str) -> bool {
        self.iter().any(|w| w == word)
    }

    /// Whether the word is listed or all are.
    pub fn covers(&self, word: &str) -> bool {
        self.iter().any(|w| w == word || w == ANY)
    }

    /// Whether all words are listed by `*`.
    pub fn is_any(&self) -> bool {
        self.contains(ANY)
    }

    fn push(text: &mut String, word: &str) {
        if !word.contains('\0') {
            text.push_str(word);
            text.push('\0');
        }
    }
}

impl<S: AsRef<str>> FromIterator<S> for Words {
    fn from_iter<I: IntoIterator<Item = S>>(words: I) -> Self {
        let mut text = String::new();
        for word in words {
            Self::push(&mut text, word.as_ref());
        }
        Self(text.into())
    }
}

/// `[get, list]`, the first few of a long list.
impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        let total = self.iter().count();
        f.write_str("[")?;
        for (i, word) in self.iter().take(SHOWN).enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            f.write_str(if word.is_empty() { "\"\"" } else { word })?;
        }
        if total > SHOWN {
            write!(f, " and {} more", total - SHOWN)?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_option(Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_none<E>(self) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_unit<E>(self) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Words, D::Error> {
        d.deserialize_seq(self)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut words: A) -> Result<Words, A::Error> {
        let mut text = String::new();
        // Go reads `null` in a list of strings as the empty string.
        while let Some(word) = words.next_element::<Option<Cow<'de, str>>>()? {
            Words::push(&mut text, word.as_deref().unwrap_or_default());
        }
        Ok(Words(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_group_is_not_the_empty_list() {
        let core: Words = serde_json::from_str(r#"[""]"#).unwrap();
        assert!(!core.is_empty() && core.covers("") && !core.covers("apps"));
        for none in ["[]", "null"] {
            let none: Words = serde_json::from_str(none).unwrap();
            assert!(none.is_empty() && !none.covers(""));
        }
    }

    #[test]
    fn a_word_with_a_nul_matches_nothing_and_hides_nothing() {
        let words: Words = serde_json::from_str(r#"["get\u0000list", "watch", null]"#).unwrap();
        assert_eq!(words.iter().collect::<Vec<_>>(), ["watch", ""]);
        assert!(serde_json::from_str::<Words>(r#""get""#).is_err());
    }

    #[test]
    fn a_long_list_is_shown_in_part() {
        let words: Words = (0..9).map(|i| format!("v{i}")).collect();
        assert_eq!(words.to_string(), "[v0, v1, v2, v3, v4, v5 and 3 more]");
        assert_eq!(Words::from_iter(["", "apps"]).to_string(), "[\"\", apps]");
    }
}
