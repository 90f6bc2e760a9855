//! A JSON value that is kept and shown, and seldom looked into: as compact text, a fraction of the size of the value.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// A JSON value as its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Box<str>);

impl Json {
    /// The value.
    pub fn value(&self) -> Value {
        // Made from a value, it is one.
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Its text, without white space.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Value>> From<T> for Json {
    fn from(value: T) -> Self {
        Self(value.into().to_string().into())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(s)
    }
}
