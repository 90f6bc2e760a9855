//! An object of any kind as the API server sent it: its name decoded, its text kept for the kind's own decoder.

use std::{borrow::Cow, sync::Arc};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Resource,
    core::{ApiResource, DynamicResourceScope},
};
use plimsoll_engine::{
    decode::{DecodePlan, NameError, Object, decode_json_under},
    kind::Kind,
};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// An object whose body is still JSON text. Never fails on a body: only a missing name is an error.
#[derive(Clone, Debug)]
pub struct Raw {
    meta: ObjectMeta,
    text: Box<RawValue>,
}

impl Raw {
    /// Decodes the text as an object of `kind`, matching confidential texts under a plan.
    pub fn decode(&self, kind: Kind, plan: &Arc<DecodePlan>) -> Result<Object, NameError> {
        decode_json_under(plan, kind, self.text.get())
    }

    /// The whole object.
    pub(crate) fn value(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::from_str(self.text.get())
    }
}

#[derive(Deserialize)]
struct Head {
    metadata: HeadMeta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeadMeta {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    resource_version: Option<String>,
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(d)?;
        let Head { metadata } = serde_json::from_str(text.get()).map_err(de::Error::custom)?;
        let meta = ObjectMeta {
            name: metadata.name,
            namespace: metadata.namespace,
            resource_version: metadata.resource_version,
            ..ObjectMeta::default()
        };
        Ok(Self { meta, text })
    }
}

impl Resource for Raw {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(dt: &ApiResource) -> Cow<'_, str> {
        dt.kind.as_str().into()
    }

    fn group(dt: &ApiResource) -> Cow<'_, str> {
        dt.group.as_str().into()
    }

    fn version(dt: &ApiResource) -> Cow<'_, str> {
        dt.version.as_str().into()
    }

    fn api_version(dt: &ApiResource) -> Cow<'_, str> {
        dt.api_version.as_str().into()
    }

    fn plural(dt: &ApiResource) -> Cow<'_, str> {
        dt.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

/// A kind's coordinates for the client.
pub(crate) fn api_resource(kind: Kind, version: &str) -> ApiResource {
    let info = kind.info();
    let api_version = if info.group.is_empty() {
        version.to_owned()
    } else {
        format!("{}/{version}", info.group)
    };
    ApiResource {
        group: info.group.into(),
        version: version.into(),
        api_version,
        kind: info.kind.into(),
        plural: info.plural.into(),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::WatchEvent;

    use super::*;

    #[test]
    fn a_watch_event_keeps_the_text_of_its_object() {
        let line = r#"{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"a","namespace":"b","resourceVersion":"7"},"spec":{"containers":3}}}"#;
        let Ok(WatchEvent::Added(raw)) = serde_json::from_str::<WatchEvent<Raw>>(line) else {
            panic!("an addition")
        };
        assert_eq!(raw.meta.resource_version.as_deref(), Some("7"));
        let object = raw.decode(Kind::Pod, &Arc::default()).unwrap();
        assert!(object.body.is_err(), "a body that does not decode is a value");
    }
}
