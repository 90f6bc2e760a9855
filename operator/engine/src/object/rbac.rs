//! `rbac.authorization.k8s.io/v1`: Role, ClusterRole, RoleBinding, ClusterRoleBinding.

use serde::{Deserialize, Deserializer};

use crate::{
    kind::Kind,
    name::ObjRef,
    rights::{Rules, Subject},
    selector::LabelSelector,
};

/// What is kept of a Role or ClusterRole.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// `rules`.
    #[serde(default)]
    pub rules: Rules,
    #[serde(default)]
    aggregation_rule: Option<Box<AggregationRule>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AggregationRule {
    #[serde(default)]
    cluster_role_selectors: Option<Vec<LabelSelector>>,
}

impl Role {
    /// Whether its rules are gathered from other ClusterRoles.
    pub fn is_aggregated(&self) -> bool {
        self.aggregation_rule.is_some()
    }

    /// The labels of the ClusterRoles it gathers its rules from: any of these.
    pub fn aggregates(&self) -> impl Iterator<Item = &LabelSelector> {
        let selectors = self.aggregation_rule.as_ref();
        selectors
            .into_iter()
            .flat_map(|rule| rule.cluster_role_selectors.iter().flatten())
    }
}

/// What is kept of a RoleBinding or ClusterRoleBinding.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    role_ref: RoleRef,
    /// `subjects`.
    #[serde(default, deserialize_with = "or_none")]
    pub subjects: Box<[Subject]>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct RoleRef {
    kind: RefKind,
    name: Box<str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
enum RefKind {
    Role,
    ClusterRole,
}

fn or_none<'de, D: Deserializer<'de>>(d: D) -> Result<Box<[Subject]>, D::Error> {
    let subjects: Option<Vec<Subject>> = Option::deserialize(d)?;
    Ok(subjects.unwrap_or_default().into())
}

impl Binding {
    /// The role that the binding of this name gives. `None` for a ClusterRoleBinding that names a Role, which the API server
    /// refuses.
    pub fn role(&self, binding: &ObjRef) -> Option<ObjRef> {
        match (self.role_ref.kind, binding.namespace()) {
            (RefKind::ClusterRole, _) => Some(ObjRef::cluster(Kind::ClusterRole, self.role_ref.name.clone())),
            (RefKind::Role, Some(_)) => Some(ObjRef::new(
                Kind::Role,
                binding.namespace_arc().clone(),
                self.role_ref.name.clone(),
            )),
            (RefKind::Role, None) => None,
        }
    }
}
