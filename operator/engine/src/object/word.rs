//! Strings that are reduced to what they mean while they are decoded.

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, de};

/// A string of which only its meaning is kept, so that nothing is allocated.
pub(crate) struct Word<T>(pub(crate) T);

impl<T: for<'s> From<&'s str>> Word<T> {
    /// What an absent string means: the same as an empty one.
    pub(crate) fn empty() -> Self {
        Self(T::from(""))
    }
}

impl<'de, T: for<'s> From<&'s str>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        // The API server takes null for the empty string.
        d.deserialize_option(WordVisitor(PhantomData))
    }
}

struct WordVisitor<T>(PhantomData<T>);

impl<'de, T: for<'s> From<&'s str>> de::Visitor<'de> for WordVisitor<T> {
    type Value = Word<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<Word<T>, E> {
        Ok(Word(T::from(text)))
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Word<T>, D::Error> {
        d.deserialize_str(self)
    }

    fn visit_none<E>(self) -> Result<Word<T>, E> {
        Ok(Word::empty())
    }

    fn visit_unit<E>(self) -> Result<Word<T>, E> {
        Ok(Word::empty())
    }
}
