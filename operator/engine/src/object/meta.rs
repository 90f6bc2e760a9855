//! `metadata`, the part every object has.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use std::{
    collections::BTreeMap,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
};
use triomphe::Arc;

use crate::{
    labels::Labels,
    pieces::Pieces,
    restore::{LONGEST_RESULT, RESTORE_RESULT},
    texts::{Collector, Marks, Scalar},
};

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
    "snapshot.storage.kubernetes.io/is-default-class",
];

/// What is kept of `metadata`: what the object has in common with others, to whose fields it derefs, and its own times.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(from = "Wire")]
pub struct Meta {
    common: Arc<Common>,
    times: Times,
}

/// What is kept of `metadata` that all pods of a ReplicaSet have in common, and share.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Common {
    /// `metadata.labels`, whole.
    pub labels: Labels,
    /// Those of `metadata.annotations` that some control reads.
    pub annotations: Annotations,
    /// The owner with `controller: true`, if any.
    pub controller: Option<OwnerRef>,
}

impl Hash for Common {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Few objects have annotations that are kept, and those need not be told apart quickly.
        (&self.labels, &self.controller).hash(state);
    }
}

/// When the object was created, and in the lowest bit whether it is being deleted: every object has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Times(i64);

impl Times {
    fn new(created: Option<Timestamp>, deleting: bool) -> Self {
        // A calendar of ten thousand years leaves many bits unused; without one no year that it holds.
        let seconds = created.map_or(i64::MIN >> 1, Timestamp::as_second);
        Self(seconds << 1 | i64::from(deleting))
    }
}

impl Default for Times {
    fn default() -> Self {
        Self::new(None, false)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    annotations: Annotations,
    #[serde(default, rename = "ownerReferences", deserialize_with = "controller")]
    controller: Option<OwnerRef>,
    #[serde(default, rename = "creationTimestamp")]
    created: Option<Timestamp>,
    #[serde(default, rename = "deletionTimestamp", deserialize_with = "is_set")]
    deleting: bool,
}

impl From<Wire> for Meta {
    fn from(wire: Wire) -> Self {
        let common = Common {
            labels: wire.labels,
            annotations: wire.annotations,
            controller: wire.controller,
        };
        Self {
            common: Arc::new(common),
            times: Times::new(wire.created, wire.deleting),
        }
    }
}

impl Deref for Meta {
    type Target = Common;

    fn deref(&self) -> &Common {
        &self.common
    }
}

impl Meta {
    /// `metadata.creationTimestamp`.
    pub fn creation_timestamp(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.times.0 >> 1).ok()
    }

    /// Whether the object is being deleted: `metadata.deletionTimestamp` is set.
    pub fn is_deleting(&self) -> bool {
        self.times.0 & 1 == 1
    }

    /// What others may have in common with it.
    pub(crate) fn common_mut(&mut self) -> &mut Arc<Common> {
        &mut self.common
    }

    /// Lets go of what its annotations showed.
    pub(crate) fn forget_marks(&mut self) {
        if !self.annotations.marks().is_empty() {
            Arc::make_mut(&mut self.common).annotations.forget_marks();
        }
    }
}

fn is_set<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    Ok(Option::<Timestamp>::deserialize(d)?.is_some())
}

/// One of `metadata.ownerReferences`, shared between objects of one owner.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OwnerRef(Pieces);

impl OwnerRef {
    fn piece(&self, number: usize) -> &str {
        self.0.iter().nth(number).unwrap_or_default()
    }

    /// `apiVersion` of the owner.
    pub fn api_version(&self) -> &str {
        self.piece(0)
    }

    /// `kind` of the owner.
    pub fn kind(&self) -> &str {
        self.piece(1)
    }

    /// `name` of the owner, in the same namespace.
    pub fn name(&self) -> &str {
        self.piece(2)
    }
}

impl fmt::Debug for OwnerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.api_version(), self.kind(), self.name())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    api_version: Box<str>,
    kind: Box<str>,
    name: Box<str>,
    /// Whether it is the managing controller.
    #[serde(default)]
    controller: Option<bool>,
}

fn controller<'de, D: Deserializer<'de>>(d: D) -> Result<Option<OwnerRef>, D::Error> {
    let owners: Option<Vec<Owner>> = Option::deserialize(d)?;
    Ok(owners
        .into_iter()
        .flatten()
        .find(|o| o.controller == Some(true))
        .map(|o| OwnerRef(Pieces::of([&*o.api_version, &o.kind, &o.name]))))
}

/// The annotations that are kept, sorted by key, and what all of them showed. Usually none: then nothing is allocated.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Annotations(Option<Box<Kept>>);

#[derive(Clone, PartialEq, Eq, Default)]
struct Kept {
    values: BTreeMap<Box<str>, Box<str>>,
    marks: Marks,
}

impl Annotations {
    /// The value of an annotation.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.as_ref()?.values.get(key).map(|v| &**v)
    }

    /// All kept annotations, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|kept| kept.values.iter().map(|(k, v)| (&**k, &**v)))
    }

    /// What the annotations showed, those that are not kept included.
    pub(crate) fn marks(&self) -> &Marks {
        static NONE: Marks = Marks::NONE;
        self.0.as_ref().map_or(&NONE, |kept| &kept.marks)
    }

    /// Lets go of what they showed.
    fn forget_marks(&mut self) {
        if let Some(kept) = &mut self.0 {
            kept.marks = Marks::NONE;
        }
        self.0 = self.0.take().filter(|kept| !kept.values.is_empty());
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
        let mut values = BTreeMap::new();
        let mut collector = Collector::new();
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let is_read = READ.iter().any(|prefix| key.starts_with(prefix));
            match &mut collector {
                Some(collector) => {
                    let value = map.next_value::<Scalar<'de>>()?.0;
                    collector.annotation(&key, &value);
                    if is_read {
                        values.insert(
                            key.clone().into_owned().into_boxed_str(),
                            bounded(&key, value.into()),
                        );
                    }
                }
                None if is_read => {
                    let value: Option<Box<str>> = map.next_value()?;
                    let value = bounded(&key, value.unwrap_or_default());
                    values.insert(key.into_owned().into_boxed_str(), value);
                }
                None => _ = map.next_value::<serde::de::IgnoredAny>()?,
            }
        }
        let marks = collector.map(Collector::finish).unwrap_or_default();
        let kept = Kept { values, marks };
        Ok(Annotations((kept != Kept::default()).then(|| Box::new(kept))))
    }
}

/// A result of a restore test that is longer than any that is read tells no more than an empty one.
fn bounded(key: &str, value: Box<str>) -> Box<str> {
    if key == RESTORE_RESULT && value.len() > LONGEST_RESULT {
        return Box::default();
    }
    value
}
