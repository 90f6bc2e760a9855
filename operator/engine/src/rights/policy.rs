//! All roles and bindings together: who may do what, and by which rule.

use std::collections::HashMap;

use super::{aggregate::gathered, defaults, request::Request, rule::Rule, subject::Identity};
use crate::{
    control::project,
    decode::Object,
    kind::Kind,
    name::ObjRef,
    object::{Binding, Role},
    selector::LabelSelector,
};

/// Everything RBAC gives in a cluster, or in a set of manifests.
///
/// Default ClusterRoles that are not given are as the API server creates them. What does not decode gives nothing; who needs
/// to know asks the objects.
#[derive(Debug, Default)]
pub struct Policy<'a> {
    roles: HashMap<&'a ObjRef, Vec<(&'a ObjRef, &'a Role)>>,
    /// By namespace, empty for ClusterRoleBindings.
    bindings: HashMap<&'a str, Vec<(&'a ObjRef, &'a Binding)>>,
}

/// Why a request is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Because<'a> {
    /// The binding.
    pub binding: &'a ObjRef,
    /// The role it gives.
    pub role: &'a ObjRef,
    /// The ClusterRole that holds the rule, if the role gathered it.
    pub from: Option<&'a ObjRef>,
    /// The rule.
    pub rule: &'a Rule,
}

/// Members of this group may do everything: the API server asks nobody.
const MASTERS: &str = "system:masters";

impl<'a> Policy<'a> {
    /// Reads roles and bindings; other objects are passed over.
    pub fn of(objects: impl IntoIterator<Item = &'a Object>) -> Self {
        let mut given: HashMap<&'a ObjRef, &'a Object> =
            defaults::roles().map(|role| (&role.name, role)).collect();
        let mut policy = Self::default();
        for object in objects {
            match object.name.kind() {
                Kind::Role | Kind::ClusterRole => _ = given.insert(&object.name, object),
                Kind::RoleBinding | Kind::ClusterRoleBinding => policy.bind(object),
                _ => {}
            }
        }
        let cluster: Vec<&'a Object> = given
            .values()
            .copied()
            .filter(|role| role.name.kind() == Kind::ClusterRole)
            .collect();
        let select = |selector: &LabelSelector| {
            cluster
                .iter()
                .copied()
                .filter(|role| selector.matches(&role.meta.labels))
                .collect()
        };
        for (name, object) in given {
            let all = std::iter::once(object).chain(gathered(object, select));
            let read = all.filter_map(|role| Some((&role.name, project::<Role>(role).ok()?)));
            policy.roles.insert(name, read.collect());
        }
        policy
    }

    fn bind(&mut self, object: &'a Object) {
        if let Ok(binding) = project::<Binding>(object) {
            let namespace = object.name.namespace().unwrap_or_default();
            self.bindings
                .entry(namespace)
                .or_default()
                .push((&object.name, binding));
        }
    }

    /// Whether somebody may do something, as the API server's authorizer decides it: no rule forbids, any may allow.
    pub fn allows(&self, who: &Identity, request: &Request<'_>) -> bool {
        who.groups.iter().any(|group| **group == *MASTERS) || self.because(who, request).is_some()
    }

    /// Every rule of a role, those it gathers included; some may be there twice.
    pub fn rules_of(&self, role: &ObjRef) -> impl Iterator<Item = &'a Rule> {
        let sources = self.roles.get(role).map_or(&[][..], Vec::as_slice);
        sources.iter().flat_map(|(_, role)| role.rules.iter())
    }

    /// The first rule that allows a request.
    pub fn because(&self, who: &Identity, request: &Request<'_>) -> Option<Because<'_>> {
        let namespace = Some(request.namespace()).filter(|namespace| !namespace.is_empty());
        [Some(""), namespace].into_iter().flatten().find_map(|namespace| {
            let bindings = self.bindings.get(namespace)?;
            let of_them = bindings
                .iter()
                .filter(|(_, binding)| binding.subjects.iter().any(|subject| subject.is(who, namespace)));
            of_them
                .into_iter()
                .find_map(|(name, binding)| self.given_by(name, binding, request))
        })
    }

    fn given_by(&self, name: &'a ObjRef, binding: &Binding, request: &Request<'_>) -> Option<Because<'_>> {
        let (role, sources) = self.roles.get_key_value(&binding.role(name)?)?;
        sources.iter().find_map(|(source, held)| {
            let found = held.rules.iter().find(|rule| rule.allows(request))?;
            Some(Because {
                binding: name,
                role,
                from: (source != role).then_some(source),
                rule: found,
            })
        })
    }
}
