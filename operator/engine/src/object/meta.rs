//! `metadata`, the part every object has.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::labels::Labels;

/// Annotations that some control reads. Others (last-applied configurations, tool state) can be large or confidential and
/// never enter the inventory.
const READ: &[&str] = &[
    "plimsoll.dev/",
    "meta.helm.sh/",
    "argocd.argoproj.io/tracking-id",
    "argocd.argoproj.io/instance",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "kubernetes.io/config.",
    crate::podsecurity::APP_ARMOR,
    "service.beta.kubernetes.io/",
    "cloud.google.com/load-balancer-type",
    "load-balancer.hetzner.cloud/",
    "loadbalancer.openstack.org/",
    "gateway.envoyproxy.io/",
    "kubernetes.io/ingress.",
    "ingress.kubernetes.io/",
    "nginx.ingress.kubernetes.io/",
    "traefik.ingress.kubernetes.io/router.tls",
    "projectcontour.io/tls-minimum-protocol-version",
    "alb.ingress.kubernetes.io/",
    "cert-manager.io/cluster-issuer",
    "cert-manager.io/issuer",
    "networking.gke.io/",
    "ingress.gcp.kubernetes.io/pre-shared-cert",
    "haproxy-ingress.github.io/ssl-options",
    "appgw.ingress.kubernetes.io/",
    "ingressclass.kubernetes.io/is-default-class",
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
    "volume.beta.kubernetes.io/storage-class",
    "pv.kubernetes.io/provisioned-by",
    "px/secure",
    "autoscaling.keda.sh/paused",
    "backup.velero.io/backup-volumes",
];

/// What is kept of `metadata`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// `metadata.uid`.
    #[serde(default)]
    pub uid: Option<Box<str>>,
    /// `metadata.labels`, whole.
    #[serde(default)]
    pub labels: Labels,
    /// Those of `metadata.annotations` that some control reads.
    #[serde(default)]
    pub annotations: Annotations,
    /// The owner with `controller: true`, if any.
    #[serde(default, rename = "ownerReferences", deserialize_with = "controller")]
    pub controller: Option<Arc<OwnerRef>>,
    /// `metadata.creationTimestamp`.
    #[serde(default)]
    pub creation_timestamp: Option<Timestamp>,
    /// `metadata.deletionTimestamp`: set while the object is being deleted.
    #[serde(default)]
    pub deletion_timestamp: Option<Timestamp>,
}

/// One of `metadata.ownerReferences`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerRef {
    /// `apiVersion` of the owner.
    pub api_version: Box<str>,
    /// `kind` of the owner.
    pub kind: Box<str>,
    /// `name` of the owner, in the same namespace.
    pub name: Box<str>,
    /// Whether the owner is the managing controller.
    #[serde(default)]
    controller: Option<bool>,
}

fn controller<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Arc<OwnerRef>>, D::Error> {
    let owners: Option<Vec<OwnerRef>> = Option::deserialize(d)?;
    Ok(owners
        .into_iter()
        .flatten()
        .find(|o| o.controller == Some(true))
        .map(Arc::new))
}

/// The annotations that are kept, sorted by key. Usually none: then nothing is allocated.
#[derive(Clone, PartialEq, Eq, Default)]
#[allow(
    clippy::box_collection,
    reason = "8 bytes instead of 24 in every object that has none, which is most"
)]
pub struct Annotations(Option<Box<BTreeMap<Box<str>, Box<str>>>>);

impl Annotations {
    /// The value of an annotation.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.as_ref()?.get(key).map(|v| &**v)
    }

    /// All kept annotations, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|map| map.iter().map(|(k, v)| (&**k, &**v)))
    }
}

impl fmt::Debug for Annotations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_option(AnnotationsVisitor)
    }
}

struct AnnotationsVisitor;

impl<'de> serde::de::Visitor<'de> for AnnotationsVisitor {
    type Value = Annotations;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_none<E>(self) -> Result<Annotations, E> {
        Ok(Annotations::default())
    }

    fn visit_unit<E>(self) -> Result<Annotations, E> {
        Ok(Annotations::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Annotations, D::Error> {
        d.deserialize_map(self)
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
        let mut kept = BTreeMap::new();
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if READ.iter().any(|prefix| key.starts_with(prefix)) {
                let value: Option<Box<str>> = map.next_value()?;
                kept.insert(key.into_owned().into_boxed_str(), value.unwrap_or_default());
            } else {
                map.next_value::<serde::de::IgnoredAny>()?;
            }
        }
        Ok(Annotations((!kept.is_empty()).then(|| Box::new(kept))))
    }
}
