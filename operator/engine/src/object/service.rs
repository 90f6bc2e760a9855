//! `v1` Service.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What is kept of a Service.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Service {
    /// `spec`.
    #[serde(default)]
    pub spec: ServiceSpec,
}

/// `spec` of a Service.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    /// `ClusterIP` (default), `NodePort`, `LoadBalancer` or `ExternalName`.
    #[serde(default)]
    pub r#type: Option<Box<str>>,
    /// The host a Service of type `ExternalName` stands for.
    #[serde(default)]
    pub external_name: Option<Box<str>>,
    /// Labels of its pods; absent where something else keeps its endpoints.
    #[serde(default)]
    pub selector: Option<BTreeMap<Box<str>, Box<str>>>,
}

impl Service {
    /// The host it stands for, in place of pods of its own.
    pub fn stands_for(&self) -> Option<&str> {
        let external = self.spec.r#type.as_deref() == Some("ExternalName");
        self.spec.external_name.as_deref().filter(|_| external)
    }
}
