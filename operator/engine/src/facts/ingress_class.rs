//! Which controller serves an Ingress, and what its configuration says of TLS.

use std::sync::Arc;

use super::encryption::newest;
use crate::{
    control::project,
    decode::Object,
    fact::Fact,
    inventory::IndexKey,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{ConfigMap, IngressClass, TlsOption},
    unknown::Unknown,
    view::View,
};

const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

/// The class of Ingresses that name none: of several that are marked, the newest (then the first by name) wins.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DefaultIngressClass;

impl Fact for DefaultIngressClass {
    const READS: KindSet = KindSet::of(&[Kind::IngressClass]);
    type Value = Option<Arc<str>>;

    fn compute(&self, view: &View<'_>) -> Result<Option<Arc<str>>, Unknown> {
        let classes = view.all(Kind::IngressClass)?;
        let is_default = |object: &&Object| object.meta.annotations.get(DEFAULT_CLASS) == Some("true");
        Ok(newest(classes.into_iter().filter(is_default)))
    }
}

/// The controller behind an IngressClass.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ControllerOf {
    /// Name of the class.
    pub class: Arc<str>,
}

/// What an IngressClass says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClassController {
    /// `spec.controller`.
    pub controller: Arc<str>,
    /// Kind and name of `spec.parameters`.
    pub parameters: Option<(Arc<str>, Arc<str>)>,
}

impl Fact for ControllerOf {
    const READS: KindSet = KindSet::of(&[Kind::IngressClass]);
    /// `None` where there is no such class.
    type Value = Option<ClassController>;

    fn compute(&self, view: &View<'_>) -> Result<Option<ClassController>, Unknown> {
        let class = view.get::<IngressClass>(&ObjRef::cluster(Kind::IngressClass, &*self.class))?;
        Ok(class.map(|class| ClassController {
            controller: (&*class.spec.controller).into(),
            parameters: class
                .spec
                .parameters
                .as_ref()
                .map(|p| ((&*p.kind).into(), (&*p.name).into())),
        }))
    }
}

/// The ConfigMaps that state a TLS setting of ingress controllers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TlsSettings {
    /// One of [`crate::object::TLS_SETTINGS`].
    pub setting: &'static str,
}

/// One ConfigMap that states the setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsSetting {
    /// The ConfigMap.
    pub source: ObjRef,
    /// Label `app.kubernetes.io/name` (or `app`): whose configuration it is, where it says.
    pub app: Option<Arc<str>>,
    /// The value.
    pub value: Arc<str>,
}

impl Fact for TlsSettings {
    const READS: KindSet = KindSet::of(&[Kind::ConfigMap]);
    type Value = Vec<TlsSetting>;

    fn compute(&self, view: &View<'_>) -> Result<Vec<TlsSetting>, Unknown> {
        let key = IndexKey::States(Kind::ConfigMap, self.setting.into());
        let maps = view.indexed(Kind::ConfigMap, &key)?;
        maps.into_iter()
            .map(|object| {
                let labels = &object.meta.labels;
                let app = labels.get("app.kubernetes.io/name").or_else(|| labels.get("app"));
                Ok(TlsSetting {
                    source: object.name.clone(),
                    app: app.map(Arc::from),
                    value: project::<ConfigMap>(object)?
                        .setting(self.setting)
                        .unwrap_or_default()
                        .into(),
                })
            })
            .collect()
    }
}

/// Traefik's TLSOptions called `default`, over all namespaces: more than one, and Traefik drops them all.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DefaultTlsOptions;

impl Fact for DefaultTlsOptions {
    const READS: KindSet = KindSet::of(&[Kind::TraefikTlsOption]);
    /// Each with its `minVersion`.
    type Value = Vec<(ObjRef, Option<Arc<str>>)>;

    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown> {
        let options = view.all(Kind::TraefikTlsOption)?;
        let named = options
            .into_iter()
            .filter(|object| object.name.name() == "default");
        named
            .map(|object| {
                let option: &TlsOption = project(object)?;
                Ok((object.name.clone(), option.min_version().map(Arc::from)))
            })
            .collect()
    }
}
