//! In which environments a subject may change things.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{RolePowers, Standing};
use crate::{
    baseline::Settings,
    control::project,
    fact::Fact,
    inventory::IndexKey,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::Binding,
    rights::{Power, Subject},
    unknown::Unknown,
    view::View,
};

/// The environments in whose namespaces RoleBindings let a subject change things, by way of namespaces other than its own.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WritesIn {
    /// The baseline's settings, which say what an environment is.
    pub settings: Arc<Settings>,
    /// A group, or a ServiceAccount from another namespace.
    pub subject: Subject,
}

/// Where a subject may change things.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WritesInValue {
    /// By environment, the first RoleBinding by name.
    pub environments: BTreeMap<Arc<str>, ObjRef>,
    /// Why there may be more.
    pub incomplete: Option<Unknown>,
}

impl Fact for WritesIn {
    const READS: KindSet = KindSet::of(&[Kind::RoleBinding, Kind::Role, Kind::ClusterRole, Kind::Namespace]);
    type Value = WritesInValue;

    fn compute(&self, view: &View<'_>) -> Result<WritesInValue, Unknown> {
        let key = IndexKey::Binds(Kind::RoleBinding, self.subject.to_string().into());
        let (bindings, mut complete) = view.indexed_so_far(Kind::RoleBinding, &key);
        let mut environments = BTreeMap::new();
        // Thousands of bindings give a handful of roles.
        let mut roles: HashMap<ObjRef, Result<bool, Unknown>> = HashMap::new();
        for object in bindings {
            let Some(role) = project::<Binding>(object)?.role(&object.name) else {
                continue;
            };
            let writes = roles.entry(role).or_insert_with_key(|role| writes(view, role));
            match writes
                .clone()
                .and_then(|writes| self.environment(view, &object.name, writes))
            {
                Ok(Some(environment)) => {
                    _ = environments
                        .entry(environment)
                        .or_insert_with(|| object.name.clone());
                }
                Ok(None) => {}
                Err(unknown) => complete = complete.and(Err(unknown)),
            }
        }
        Ok(WritesInValue {
            environments,
            incomplete: complete.err(),
        })
    }
}

impl WritesIn {
    /// The environment of a binding that lets something be changed, unless it is out of the baseline's scope.
    fn environment(
        &self,
        view: &View<'_>,
        binding: &ObjRef,
        writes: bool,
    ) -> Result<Option<Arc<str>>, Unknown> {
        if !writes {
            return Ok(None);
        }
        let standing = view.fact(&Standing {
            settings: self.settings.clone(),
            namespace: binding.namespace_arc().clone(),
        })?;
        Ok(standing
            .environment
            .clone()
            .filter(|_| standing.in_scope && !standing.platform))
    }
}

fn writes(view: &View<'_>, role: &ObjRef) -> Result<bool, Unknown> {
    let value = view.fact(&RolePowers { role: role.clone() })?;
    match &*value {
        Some(value) => value.gives(&[Power::WritesNamespaced]),
        None => Ok(false),
    }
}
