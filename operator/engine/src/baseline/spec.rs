//! What a baseline says, as written. No field has a schema default: the API server would write it into the object, where
//! it would override what `extends` and `spec.mode` say. Defaults are applied after merging, and stated in the comments.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::selector::LabelSelector;

/// A label's key, with or without prefix (`IsQualifiedName` of the API server).
const LABEL_KEY: &str = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";
/// A label's value that is not empty.
const LABEL_VALUE: &str = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";

/// The schema of `environments.aliases`: bounded, so that the API server can afford to check it.
fn aliases(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": { "type": "string", "minLength": 1, "maxLength": 63, "pattern": LABEL_VALUE }
    })
}

/// `environments/labelled:` without `{}` is a null in YAML, and means the control with its defaults; it must not make the
/// whole baseline unreadable where no admission policy refused it.
fn entries<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, Map<String, Value>>, D::Error> {
    let entries: BTreeMap<String, Option<Map<String, Value>>> = Deserialize::deserialize(d)?;
    Ok(entries
        .into_iter()
        .map(|(id, entry)| (id, entry.unwrap_or_default()))
        .collect())
}

/// How far the operator may go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// The control is not evaluated.
    Disabled,
    /// Measure and report; change nothing.
    #[default]
    Observe,
    /// Every repair, also a safe one, is proposed for approval.
    Propose,
    /// Safe repairs are made; the others are proposed.
    Enforce,
}

/// The specification of a `SecurityBaseline`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaselineSpec {
    /// Presets to build on, such as `essentials`. Later ones win over earlier ones, this baseline over all; lists replace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 8),
        inner(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub extends: Vec<String>,
    /// How far the operator may go, unless a control says otherwise. `Disabled` evaluates nothing; `Observe` measures and
    /// reports; `Propose` proposes every repair; `Enforce` makes the safe ones and proposes the others. Default: `Observe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Which namespaces are judged. Default: all but kube-system, kube-node-lease and kube-public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// How tenants are told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenancy: Option<Tenancy>,
    /// How environments are told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Environments>,
    /// Namespaces that belong to the platform: shared by all tenants and environments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Limits on repairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<Remediation>,
    /// The controls to evaluate, by id, with their parameters. `mode`, `severity` and `failAfter` may stand in every entry.
    #[serde(
        default,
        deserialize_with = "entries",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub controls: BTreeMap<String, Map<String, Value>>,
}

/// Which namespaces are judged.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Namespaces by their labels. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// Namespaces left out by exact name. Default: kube-system, kube-node-lease, kube-public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub exclude_namespaces: Option<Vec<String>>,
}

/// Whether namespaces belong to tenants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum TenancyMode {
    /// Each namespace belongs to one tenant.
    #[default]
    Namespace,
    /// There is one tenant: tenant controls do not apply.
    None,
}

/// How tenants are told apart.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.mode) || self.mode != 'None' || !(has(self.labelKey) || has(self.fallbackKeys))",
    "message": "mode None says that there are no tenants, labelKey and fallbackKeys say how to tell them apart: keep one of the two"
}]))]
pub struct Tenancy {
    /// `Namespace`: each namespace belongs to one tenant. `None`: there is one tenant, tenant controls do not apply.
    /// Default: `Namespace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<TenancyMode>,
    /// Namespace label that names the tenant. Default: `plimsoll.dev/tenant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 317), regex(pattern = LABEL_KEY))]
    pub label_key: Option<String>,
    /// Labels that name the tenant where the first is missing. Default: `capsule.clastix.io/tenant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 8),
        inner(length(min = 1, max = 317), regex(pattern = LABEL_KEY)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub fallback_keys: Option<Vec<String>>,
}

/// How environments are told apart.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "!has(self.allowed) || !has(self.clusterEnvironment) || self.clusterEnvironment in self.allowed",
        "message": "clusterEnvironment must be one of allowed",
        "fieldPath": ".clusterEnvironment"
    },
    {
        "rule": "!has(self.allowed) || !has(self.overrides) || self.overrides.all(o, o.environment in self.allowed)",
        "message": "overrides: each environment must be one of allowed",
        "fieldPath": ".overrides"
    },
    {
        "rule": "!has(self.allowed) || !has(self.aliases) || self.aliases.all(a, self.aliases[a] in self.allowed)",
        "message": "aliases: each must stand for one of allowed",
        "fieldPath": ".aliases"
    }
]))]
pub struct Environments {
    /// Namespace label that names the environment. Default: `plimsoll.dev/environment`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 317), regex(pattern = LABEL_KEY))]
    pub label_key: Option<String>,
    /// Labels that name the environment where the first is missing. Default: `environment`, `env`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 8),
        inner(length(min = 1, max = 317), regex(pattern = LABEL_KEY)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub fallback_keys: Option<Vec<String>>,
    /// The environments there may be. Default: development, staging, production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 32),
        inner(length(min = 1, max = 63), regex(pattern = LABEL_VALUE)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub allowed: Option<Vec<String>>,
    /// Other spellings and the environment each means. Default: dev, test, qa, stage and prod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "aliases")]
    pub aliases: Option<BTreeMap<String, String>>,
    /// Fixes the environment of single namespaces, whatever their label: accepts a relabelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 256),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["namespace"])
    )]
    pub overrides: Option<Vec<EnvironmentOverride>>,
    /// The one environment of this cluster, where each environment has a cluster of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = LABEL_VALUE))]
    pub cluster_environment: Option<String>,
}

/// Fixes the environment of one namespace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentOverride {
    /// The namespace, by exact name.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub namespace: String,
    /// Its environment.
    #[schemars(length(min = 1, max = 63), regex(pattern = LABEL_VALUE))]
    pub environment: String,
}

/// Namespaces that belong to the platform.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    /// By exact name. Default: kube-system, kube-node-lease, kube-public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub namespaces: Option<Vec<String>>,
    /// By label. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
}

/// Limits on repairs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Remediation {
    /// Most changes to one object in one hour. Default: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60))]
    pub max_changes_per_object_per_hour: Option<u32>,
}
