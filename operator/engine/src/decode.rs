//! The one decoder: key first, body second. A body that does not decode is a value, not a skip.

mod plan;
mod redact;

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::{
    kind::Kind,
    name::ObjRef,
    object::{Body, Meta},
    texts::matching,
    workload::{WORKLOADS, is_run_by},
};

pub use plan::{DecodePlan, Wanted};
use redact::redact;

/// An object as the inventory holds it.
#[derive(Clone, PartialEq, Debug)]
pub struct Object {
    /// Its name.
    pub name: ObjRef,
    /// What is kept of its metadata.
    pub meta: Meta,
    /// What is kept of the rest.
    pub body: Result<Body, Box<Unparsed>>,
}

impl Object {
    /// Whether it is a workload at its top: of a workload kind, and not run by another.
    pub(crate) fn is_workload(&self) -> bool {
        WORKLOADS.contains(&self.name.kind()) && !self.is_run_by(WORKLOADS)
    }

    /// Whether it is run by one of these kinds, or a Pod by anything.
    pub(crate) fn is_run_by(&self, by: &[Kind]) -> bool {
        is_run_by(self.name.kind(), &self.meta, by)
    }
}

/// Why an object's body could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unparsed {
    /// Field path and what was expected, such as `spec.replicas: invalid type: string, expected i32`. Never a value: what is
    /// there instead may be confidential.
    pub why: Box<str>,
}

/// An object whose very name could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// `metadata.name` is missing, null, empty or not a string.
    #[error("metadata.name: {0}")]
    Name(String),
    /// A namespaced object without a namespace, where the source gives none.
    #[error("metadata.namespace: expected a namespace for a {0}")]
    Namespace(Kind),
}

#[derive(Deserialize)]
struct Named {
    metadata: NameAndNamespace,
}

#[derive(Deserialize)]
struct NameAndNamespace {
    name: Box<str>,
    #[serde(default)]
    namespace: Option<Box<str>>,
}

#[derive(Deserialize)]
struct WithMeta {
    metadata: Meta,
}

/// Decodes one object of `kind` from a source that can be read more than once (JSON text, a YAML node).
///
/// `namespace` is used for a namespaced object that names none (a manifest without `metadata.namespace`). Confidential texts
/// are matched under `plan`.
pub fn decode<'de, D, F>(
    kind: Kind,
    namespace: Option<&str>,
    plan: &Arc<DecodePlan>,
    source: F,
) -> Result<Object, NameError>
where
    D: Deserializer<'de>,
    F: Fn() -> D,
{
    let named = Named::deserialize(source())
        .map_err(|e| NameError::Name(redact(&e.to_string())))?
        .metadata;
    // Null is the zero value of a field, and the API server takes no object without a name.
    if named.name.is_empty() {
        return Err(NameError::Name("expected a name".to_owned()));
    }
    let plan = Some(plan).filter(|plan| plan.concerns(kind));
    let own = named.namespace.as_deref().filter(|own| !own.is_empty());
    let name = match (kind.info().namespaced, own.or(namespace)) {
        (false, _) => ObjRef::cluster(kind, named.name),
        (true, Some(namespace)) => ObjRef::new(kind, namespace, named.name),
        (true, None) => return Err(NameError::Namespace(kind)),
    };
    Ok(match read(kind, plan, &source) {
        Ok((meta, body)) => Object {
            name,
            meta,
            body: Ok(body),
        },
        Err(why) => {
            let meta = matching(plan, || WithMeta::deserialize(source()))
                .map(|w| w.metadata)
                .unwrap_or_default();
            Object {
                name,
                meta,
                body: Err(Box::new(Unparsed { why: why.into() })),
            }
        }
    })
}

fn read<'de, D, F>(kind: Kind, plan: Option<&Arc<DecodePlan>>, source: &F) -> Result<(Meta, Body), String>
where
    D: Deserializer<'de>,
    F: Fn() -> D,
{
    let Ok(WithMeta { metadata: mut meta }) = matching(plan, || WithMeta::deserialize(source())) else {
        // Only a failure pays for the path.
        let again = matching(plan, || serde_path_to_error::deserialize::<_, WithMeta>(source()));
        return Err(explain(again.map(drop)));
    };
    // What another workload runs is judged there: a thousand pods repeat the texts of one template.
    let is_run = is_run_by(kind, &meta, WORKLOADS);
    let plan = plan.filter(|_| !is_run);
    if plan.is_none() {
        meta.forget_marks();
    }
    matching(plan, || {
        if let Ok(mut body) = Body::decode(kind, source()) {
            if is_run && kind == Kind::ReplicaSet {
                body.forget_workload();
            }
            return Ok((meta, body));
        }
        let mut track = serde_path_to_error::Track::new();
        let body = Body::decode(kind, serde_path_to_error::Deserializer::new(source(), &mut track));
        Err(body.map_or_else(
            |e| format!("{}: {}", track.path(), redact(&e.to_string())),
            |_| "does not decode".into(),
        ))
    })
}

fn explain<E: std::fmt::Display>(result: Result<(), serde_path_to_error::Error<E>>) -> String {
    result.map_or_else(
        |e| format!("{}: {}", e.path(), redact(&e.inner().to_string())),
        |()| "does not decode".into(),
    )
}

/// Decodes one object of `kind` from JSON text, as the API server sends it, looking for nothing in confidential texts.
pub fn decode_json(kind: Kind, json: &str) -> Result<Object, NameError> {
    decode_json_under(&Arc::default(), kind, json)
}

/// Decodes one object of `kind` from JSON text, matching confidential texts under a plan.
pub fn decode_json_under(plan: &Arc<DecodePlan>, kind: Kind, json: &str) -> Result<Object, NameError> {
    // serde_json reads from a deserializer by mutable reference; a small owner lets it be read again.
    let value = || serde_json::Deserializer::from_str(json);
    decode(kind, None, plan, || Owned(value()))
}

/// A deserializer by value around serde_json's by reference.
struct Owned<'de>(serde_json::Deserializer<serde_json::de::StrRead<'de>>);

impl<'de> Deserializer<'de> for Owned<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }

    fn deserialize_option<V: serde::de::Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_option(visitor)
    }

    fn deserialize_newtype_struct<V: serde::de::Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_newtype_struct(name, visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{documents, parse, split};

    #[test]
    fn an_object_without_a_name_is_none_wherever_it_comes_from() {
        for name in ["null", r#""""#, "3", "true", "{}", "[]"] {
            let json = format!(r#"{{"metadata": {{"name": {name}, "namespace": "shop"}}}}"#);
            let watched = decode_json(Kind::Pod, &json);
            assert!(matches!(watched, Err(NameError::Name(_))), "{name}: {watched:?}");
            let yaml = format!("kind: Pod\nmetadata:\n  name: {name}\n");
            let document = parse(&split(yaml.as_bytes()).next().unwrap()).unwrap();
            let node = documents(document.root()).swap_remove(0).node;
            let scanned = decode(Kind::Pod, Some("shop"), &Arc::default(), || node);
            assert!(matches!(scanned, Err(NameError::Name(_))), "{name}: {scanned:?}");
        }
    }

    #[test]
    fn an_empty_namespace_is_the_one_that_is_given() {
        let yaml = b"metadata: {name: web, namespace: ''}";
        let document = parse(&split(yaml).next().unwrap()).unwrap();
        let node = documents(document.root()).swap_remove(0).node;
        let scanned = decode(Kind::Pod, Some("shop"), &Arc::default(), || node).unwrap();
        assert_eq!(scanned.name, ObjRef::new(Kind::Pod, "shop", "web"));
    }
}
