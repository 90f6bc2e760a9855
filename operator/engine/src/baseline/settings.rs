//! A baseline's settings with defaults applied: what scope, tenant and environment mean under it.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hash, Hasher},
    sync::Arc,
};

use foldhash::quality::FixedState;

use super::spec::{BaselineSpec, TenancyMode};
use crate::{labels::Labels, selector::LabelSelector};

const SYSTEM: [&str; 3] = ["kube-system", "kube-node-lease", "kube-public"];
const ALIASES: [(&str, &str); 5] = [
    ("dev", "development"),
    ("test", "staging"),
    ("qa", "staging"),
    ("stage", "staging"),
    ("prod", "production"),
];

/// What holds for every control of a baseline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The baseline's name.
    pub baseline: Arc<str>,
    selector: Option<LabelSelector>,
    excluded: Vec<String>,
    tenancy: TenancyMode,
    tenant_keys: Vec<String>,
    environment_keys: Vec<String>,
    allowed: Vec<Arc<str>>,
    aliases: BTreeMap<String, Arc<str>>,
    overrides: BTreeMap<String, Arc<str>>,
    cluster_environment: Option<Arc<str>>,
    platform: Vec<String>,
    platform_selector: Option<LabelSelector>,
    assumed: Option<Arc<str>>,
    /// Of all of the above: hashed with every fact that is looked up.
    digest: u64,
}

impl Hash for Settings {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl Settings {
    /// Applies the defaults. `assumed` is the environment of namespaces that a scan was not given.
    pub fn new(name: &str, spec: &BaselineSpec, assumed: Option<&str>) -> Self {
        let scope = spec.scope.clone().unwrap_or_default();
        let tenancy = spec.tenancy.clone().unwrap_or_default();
        let environments = spec.environments.clone().unwrap_or_default();
        let platform = spec.platform.clone().unwrap_or_default();
        let system = || SYSTEM.map(String::from).to_vec();
        let allowed = environments.allowed.unwrap_or_else(|| {
            ["development", "staging", "production"]
                .map(String::from)
                .to_vec()
        });
        let mut settings = Self {
            baseline: name.into(),
            selector: scope.namespace_selector,
            excluded: scope.exclude_namespaces.unwrap_or_else(system),
            tenancy: tenancy.mode.unwrap_or_default(),
            tenant_keys: keys(
                tenancy.label_key,
                "plimsoll.dev/tenant",
                tenancy.fallback_keys,
                &["capsule.clastix.io/tenant"],
            ),
            environment_keys: keys(
                environments.label_key,
                "plimsoll.dev/environment",
                environments.fallback_keys,
                &["environment", "env"],
            ),
            aliases: aliases(environments.aliases, &allowed),
            allowed: allowed.into_iter().map(Arc::from).collect(),
            overrides: environments
                .overrides
                .into_iter()
                .flatten()
                .map(|o| (o.namespace, o.environment.into()))
                .collect(),
            cluster_environment: environments.cluster_environment.map(Arc::from),
            platform: platform.namespaces.unwrap_or_else(system),
            platform_selector: platform.namespace_selector,
            assumed: assumed.map(Arc::from),
            digest: 0,
        };
        // Facts under other settings must be other facts: one that replaced another's value would run its readers again.
        settings.digest = FixedState::with_seed(0).hash_one(format!("{settings:?}"));
        settings
    }

    /// Whether the baseline judges a namespace. One whose object is not known has no labels to be selected by.
    pub fn in_scope(&self, namespace: &str, labels: Option<&Labels>) -> bool {
        if self.excluded.iter().any(|excluded| excluded == namespace) {
            return false;
        }
        match (&self.selector, labels) {
            (None, _) => true,
            (Some(selector), Some(labels)) => selector.matches(labels),
            (Some(selector), None) => selector.matches(&Labels::default()),
        }
    }

    /// Whether a namespace belongs to the platform.
    pub fn is_platform(&self, namespace: &str, labels: Option<&Labels>) -> bool {
        self.platform.iter().any(|platform| platform == namespace)
            || matches!((&self.platform_selector, labels), (Some(s), Some(l)) if s.matches(l))
    }

    /// Whether namespaces belong to tenants at all.
    pub fn has_tenants(&self) -> bool {
        self.tenancy == TenancyMode::Namespace
    }

    /// The label that names the tenant.
    pub fn tenant_key(&self) -> &str {
        self.tenant_keys.first().map_or("", |key| key)
    }

    /// Every label that may name the tenant, first choice first.
    pub fn tenant_keys(&self) -> &[String] {
        &self.tenant_keys
    }

    /// The label that names the environment.
    pub fn environment_key(&self) -> &str {
        self.environment_keys.first().map_or("", |key| key)
    }

    /// Every label that may name the environment, first choice first.
    pub fn environment_keys(&self) -> &[String] {
        &self.environment_keys
    }

    /// Every label that names a tenant or an environment.
    pub(crate) fn watched_labels(&self) -> impl Iterator<Item = &str> {
        self.tenant_keys
            .iter()
            .chain(&self.environment_keys)
            .map(String::as_str)
    }

    /// The environments that single namespaces are fixed to.
    pub fn overridden(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        self.overrides
            .iter()
            .map(|(namespace, environment)| (&**namespace, environment))
    }

    /// The environments there may be.
    pub fn allowed(&self) -> &[Arc<str>] {
        &self.allowed
    }

    /// The one environment of this cluster, if each has a cluster of its own.
    pub fn cluster_environment(&self) -> Option<&Arc<str>> {
        self.cluster_environment.as_ref()
    }

    /// The environment label's value, as written, from the first key that is present.
    pub fn environment_label<'l>(&self, labels: &'l Labels) -> Option<&'l str> {
        self.environment_keys.iter().find_map(|key| labels.get(key))
    }

    /// The tenant label's key and value, from the first key that is present. An empty value names nobody.
    pub fn tenant_label<'l>(&self, labels: &'l Labels) -> Option<(&str, &'l str)> {
        self.tenant_keys.iter().find_map(|key| {
            labels
                .get(key)
                .filter(|v| !v.is_empty())
                .map(|value| (&**key, value))
        })
    }

    /// The environment a label value means: itself if allowed, or what its alias stands for.
    pub fn normalise(&self, value: &str) -> Option<Arc<str>> {
        self.allowed
            .iter()
            .find(|allowed| ***allowed == *value)
            .or_else(|| self.aliases.get(value))
            .cloned()
    }

    /// The environment fixed for a namespace.
    pub fn environment_override(&self, namespace: &str) -> Option<&Arc<str>> {
        self.overrides.get(namespace)
    }

    /// The environment of namespaces that a scan was not given.
    pub fn assumed_environment(&self) -> Option<&Arc<str>> {
        self.assumed.as_ref()
    }
}

fn keys(first: Option<String>, default: &str, rest: Option<Vec<String>>, defaults: &[&str]) -> Vec<String> {
    let mut keys = vec![first.unwrap_or_else(|| default.into())];
    keys.extend(rest.unwrap_or_else(|| defaults.iter().map(ToString::to_string).collect()));
    keys
}

/// Aliases of environments that are allowed; one that stands for nothing allowed would accept what the list refuses.
fn aliases(given: Option<BTreeMap<String, String>>, allowed: &[String]) -> BTreeMap<String, Arc<str>> {
    let given = given.unwrap_or_else(|| {
        ALIASES
            .iter()
            .map(|(a, b)| (a.to_string(), b.to_string()))
            .collect()
    });
    given
        .into_iter()
        .filter(|(_, target)| allowed.contains(target))
        .map(|(a, t)| (a, t.into()))
        .collect()
}
