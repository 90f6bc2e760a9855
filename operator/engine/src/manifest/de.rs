//! Decodes a node into any `Deserialize` type, borrowing text.
//!
//! As in the API server: null is the zero value of a field, and a type that does not fit is an error (`value: 1`
//! for an environment variable). A value that nobody reads costs one addition.

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::node::Node;
use super::scalar::Scalar;
use super::tree::{Entries, Kind};

/// Why a node does not decode. `serde_path_to_error` adds the path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
struct Inner {
    /// 0 until a node adds it.
    line: usize,
    message: String,
}

impl DecodeError {
    /// Line of the node that does not fit, from 1.
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// What does not fit, without the line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    fn at(mut self, node: &Node<'_>) -> Self {
        if self.0.line == 0 {
            self.0.line = node.line();
        }
        self
    }
}

impl de::Error for DecodeError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(Box::new(Inner {
            line: 0,
            message: message.to_string(),
        }))
    }
}

impl<'d> Node<'d> {
    fn visit_scalar<V: Visitor<'d>>(scalar: Scalar<'d>, visitor: V) -> Result<V::Value, DecodeError> {
        match scalar {
            Scalar::Null => visitor.visit_unit(),
            Scalar::Bool(value) => visitor.visit_bool(value),
            Scalar::Int(value) => visitor.visit_i64(value),
            Scalar::UInt(value) => visitor.visit_u64(value),
            Scalar::Float(value) => visitor.visit_f64(value),
            Scalar::Str(text) => visitor.visit_borrowed_str(text),
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.slot().kind, Kind::Plain | Kind::Json) && self.scalar() == Some(Scalar::Null)
    }
}

/// Null gives the zero value; everything else is what it is.
macro_rules! or_zero {
    ($($method:ident: $visit:ident($zero:expr),)*) => {$(
        fn $method<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            if self.is_null() {
                return visitor.$visit($zero).map_err(|error: DecodeError| error.at(&self));
            }
            self.deserialize_any(visitor)
        }
    )*};
}

impl<'d> Deserializer<'d> for Node<'d> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let result = match self.slot().kind {
            Kind::Map => visitor.visit_map(EntryAccess::new(&self)),
            Kind::Seq => visitor.visit_seq(ItemAccess { items: self.items() }),
            _ => Self::visit_scalar(self.tree().scalar(self.slot()), visitor),
        };
        result.map_err(|error| error.at(&self))
    }

    or_zero! {
        deserialize_bool: visit_bool(false),
        deserialize_i8: visit_i8(0),
        deserialize_i16: visit_i16(0),
        deserialize_i32: visit_i32(0),
        deserialize_i64: visit_i64(0),
        deserialize_u8: visit_u8(0),
        deserialize_u16: visit_u16(0),
        deserialize_u32: visit_u32(0),
        deserialize_u64: visit_u64(0),
        deserialize_f32: visit_f32(0.0),
        deserialize_f64: visit_f64(0.0),
        deserialize_str: visit_borrowed_str(""),
        deserialize_string: visit_borrowed_str(""),
        deserialize_seq: visit_seq(Nothing),
        deserialize_map: visit_map(Nothing),
    }

    fn deserialize_struct<V: Visitor<'d>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if self.is_seq() {
            // Derived types would take a sequence as their fields in order; the API server does not.
            let error: DecodeError = de::Error::invalid_type(de::Unexpected::Seq, &visitor);
            return Err(error.at(&self));
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_option<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'d>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    /// A string is a unit variant, a mapping an externally tagged one.
    fn deserialize_enum<V: Visitor<'d>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let result = match self.as_str() {
            Some(text) => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
            None if self.is_map() => visitor.visit_enum(MapAccessDeserializer::new(EntryAccess::new(&self))),
            None => Err(de::Error::custom("expected a string or a mapping")),
        };
        result.map_err(|error| error.at(&self))
    }

    fn deserialize_ignored_any<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { <V: Visitor<'d>> i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier }
}

impl<'d> IntoDeserializer<'d, DecodeError> for Node<'d> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct EntryAccess<'d> {
    of: Node<'d>,
    entries: Entries<'d>,
    value: usize,
}

impl<'d> EntryAccess<'d> {
    fn new(of: &Node<'d>) -> Self {
        Self {
            of: *of,
            entries: of.raw_entries(),
            value: 0,
        }
    }
}

impl<'d> MapAccess<'d> for EntryAccess<'d> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'d>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = value;
        seed.deserialize(Node::new(self.of.tree(), key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'d>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let value = Node::new(self.of.tree(), self.value);
        seed.deserialize(value).map_err(|error| error.at(&value))
    }
}

struct ItemAccess<I> {
    items: I,
}

impl<'d, I: Iterator<Item = Node<'d>>> SeqAccess<'d> for ItemAccess<I> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'d>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(item).map(Some).map_err(|error| error.at(&item))
    }
}

/// A collection that is null.
struct Nothing;

impl<'d> MapAccess<'d> for Nothing {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'d>>(&mut self, _: K) -> Result<Option<K::Value>, DecodeError> {
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'d>>(&mut self, _: V) -> Result<V::Value, DecodeError> {
        Err(de::Error::custom("no value"))
    }
}

impl<'d> SeqAccess<'d> for Nothing {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'d>>(&mut self, _: T) -> Result<Option<T::Value>, DecodeError> {
        Ok(None)
    }
}
