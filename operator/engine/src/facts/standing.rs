//! Where a namespace stands under a baseline: in scope or not, whose tenant, which environment.

use std::sync::Arc;

use crate::{
    baseline::Settings,
    decode::Object,
    fact::Fact,
    kind::{Kind, KindSet},
    name::ObjRef,
    unknown::Unknown,
    view::View,
};

/// The standing of one namespace under one baseline.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Standing {
    /// The baseline's settings.
    pub settings: Arc<Settings>,
    /// The namespace.
    pub namespace: Arc<str>,
}

/// What the environment label says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EnvironmentLabel {
    /// There is none.
    Missing,
    /// Its value is neither allowed nor an alias.
    Invalid(Arc<str>),
    /// Its value, normalised through the aliases.
    Valid(Arc<str>),
    /// `environments.overrides` decides, whatever the label.
    Overridden(Arc<str>),
    /// The namespace object was not given; the scan's assumption stands in.
    Assumed(Arc<str>),
}

/// Where a namespace stands.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "four independent facts about a namespace"
)]
pub struct StandingValue {
    /// Whether the baseline judges what is in it.
    pub in_scope: bool,
    /// Whether it belongs to the platform rather than to a tenant or environment.
    pub platform: bool,
    /// Whether the Namespace object is known (a scan may lack it).
    pub known: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// The environment in force: the first-seen value where the label was changed without an override.
    pub environment: Option<Arc<str>>,
    /// What the label itself says.
    pub label: EnvironmentLabel,
    /// The first-seen environment, where the label now says another.
    pub relabelled_from: Option<Arc<str>>,
    /// The tenant in force; absent when unlabelled.
    pub tenant: Option<Arc<str>>,
    /// The first-seen tenant, where the label now says another.
    pub tenant_relabelled_from: Option<Arc<str>>,
    /// The key under which the tenant was found.
    pub tenant_key: Option<Arc<str>>,
}

impl Fact for Standing {
    const READS: KindSet = KindSet::of(&[Kind::Namespace]);
    type Value = StandingValue;

    fn compute(&self, view: &View<'_>) -> Result<StandingValue, Unknown> {
        let object = view
            .object(&ObjRef::namespace_object(&self.namespace))?
            .filter(|object| !is_implied(object));
        let environment = self.environment(view, object);
        let tenant = self.tenant(view, object);
        Ok(StandingValue {
            in_scope: self.in_scope(object),
            platform: self
                .settings
                .is_platform(&self.namespace, object.map(|o| &o.meta.labels)),
            known: object.is_some(),
            terminating: object.is_some_and(is_terminating),
            environment: environment.in_force,
            label: environment.label,
            relabelled_from: environment.changed_from,
            tenant: tenant.in_force,
            tenant_relabelled_from: tenant.changed_from,
            tenant_key: tenant.key,
        })
    }
}

struct Environment {
    label: EnvironmentLabel,
    in_force: Option<Arc<str>>,
    changed_from: Option<Arc<str>>,
}

#[derive(Default)]
struct Tenant {
    key: Option<Arc<str>>,
    in_force: Option<Arc<str>>,
    changed_from: Option<Arc<str>>,
}

impl Standing {
    fn in_scope(&self, object: Option<&Object>) -> bool {
        self.settings
            .in_scope(&self.namespace, object.map(|o| &o.meta.labels))
    }

    fn environment(&self, view: &View<'_>, object: Option<&Object>) -> Environment {
        let decided = |label: fn(Arc<str>) -> EnvironmentLabel, value: &Arc<str>| Environment {
            label: label(value.clone()),
            in_force: Some(value.clone()),
            changed_from: None,
        };
        if let Some(fixed) = self.settings.environment_override(&self.namespace) {
            return decided(EnvironmentLabel::Overridden, fixed);
        }
        let Some(object) = object else {
            return match self.settings.assumed_environment() {
                Some(assumed) => decided(EnvironmentLabel::Assumed, assumed),
                None => Environment {
                    label: EnvironmentLabel::Missing,
                    in_force: None,
                    changed_from: None,
                },
            };
        };
        let Some(raw) = self.settings.environment_label(&object.meta.labels) else {
            return self.remembered(view, EnvironmentLabel::Missing);
        };
        match self.settings.normalise(raw) {
            None => self.remembered(view, EnvironmentLabel::Invalid(raw.into())),
            Some(value) => {
                let first = view
                    .first_seen(self.settings.environment_key(), &self.namespace)
                    .map(Arc::from);
                let changed_from = first.filter(|first| *first != value);
                let in_force = Some(changed_from.clone().unwrap_or_else(|| value.clone()));
                Environment {
                    label: EnvironmentLabel::Valid(value),
                    in_force,
                    changed_from,
                }
            }
        }
    }

    /// A label that was valid once and is now missing or invalid was changed too: what was first seen stays in force.
    fn remembered(&self, view: &View<'_>, label: EnvironmentLabel) -> Environment {
        let first: Option<Arc<str>> = view
            .first_seen(self.settings.environment_key(), &self.namespace)
            .map(Arc::from);
        Environment {
            label,
            in_force: first.clone(),
            changed_from: first,
        }
    }

    fn tenant(&self, view: &View<'_>, object: Option<&Object>) -> Tenant {
        let Some(object) = object else {
            return Tenant::default();
        };
        let first: Option<Arc<str>> = view
            .first_seen(self.settings.tenant_key(), &self.namespace)
            .map(Arc::from);
        let Some((key, value)) = self.settings.tenant_label(&object.meta.labels) else {
            return Tenant {
                key: None,
                in_force: first.clone(),
                changed_from: first,
            };
        };
        let value: Arc<str> = value.into();
        let changed_from = first.filter(|first| *first != value);
        Tenant {
            key: Some(key.into()),
            in_force: Some(changed_from.clone().unwrap_or(value)),
            changed_from,
        }
    }
}

/// A namespace that only a mention of it proves: it exists, and its labels are not known.
fn is_implied(object: &Object) -> bool {
    crate::control::project::<crate::object::Namespace>(object)
        .is_ok_and(crate::object::Namespace::is_implied)
}

fn is_terminating(object: &Object) -> bool {
    object.meta.is_deleting()
        || crate::control::project::<crate::object::Namespace>(object)
            .is_ok_and(crate::object::Namespace::is_terminating)
}
